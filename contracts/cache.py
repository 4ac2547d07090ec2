"""Contract 2, the flow cache: the optical flow of one subject's clips in one HDF5 file.

`data/<run>/cache/<size>/<corpus>/<subject>.h5`, written by `preprocess`, read by `merba`:

* `clip_id` (n,): UTF-8 text, in ascending order;
* `flow` (n, 3, size, size) float32: u (to the right), v (downwards) and optical strain;
* attributes: `format_version`, `complete`, `coding`, and in `made_with` what shaped the numbers, as JSON.

`coding` says what the numbers are:

* `physical`: u and v in pixels of the aligned crop per onset->apex interval, strain dimensionless;
* `minmax`: each channel of each clip was stretched to 0..255 by somebody else. The size of the motion and the
  value that stands for "no motion" are lost, so such flow can never be made physical again.

One writer a file; written beside and renamed. `complete` is set last, and a reader refuses a file without it.
"""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import h5py
import numpy as np

from contracts.errors import InputError
from contracts.files import whole
from contracts.hdf5 import CURE, finish, opened

FORMAT_VERSION = 2
CHANNELS = ("u", "v", "strain")
CODINGS = ("physical", "minmax")


class Cache(NamedTuple):
    """One cache as read: clip ids, flow (n, 3, size, size) float32 in `coding`, and what shaped it."""

    clip_ids: list[str]
    flow: np.ndarray
    coding: str
    made_with: dict


def write_cache(
    path: str | Path, clip_ids: Sequence[str], flow: np.ndarray, made_with: dict, coding: str = "physical"
) -> None:
    """Write one subject's cache whole.

    Args:
        clip_ids: n distinct clip ids; rows are stored in ascending id order.
        flow: (n, 3, size, size), finite, converted to float32.
        made_with: JSON-serialisable parameters that shaped the numbers.
        coding: what the numbers are, one of `CODINGS`.

    Raises:
        ValueError: shapes disagree, an id repeats, the coding is unknown, or a value is not finite or not of
            this coding (faults of the caller).
        InputError: the disk is full.
    """
    flow = np.asarray(flow, dtype=np.float32)
    if flow.ndim != 4 or flow.shape[1] != len(CHANNELS) or flow.shape[2] != flow.shape[3]:
        raise ValueError(f"flow must be (n, 3, size, size), not {flow.shape}")
    if len(clip_ids) != len(flow) or len(set(clip_ids)) != len(clip_ids):
        raise ValueError(f"{len(clip_ids)} clip ids ({len(set(clip_ids))} distinct) for {len(flow)} flows")
    if not np.isfinite(flow).all():
        bad = [clip for clip, one in zip(clip_ids, flow, strict=True) if not np.isfinite(one).all()]
        raise ValueError(f"flow of {bad[0]} is not finite")
    if coding not in CODINGS:
        raise ValueError(f"coding {coding!r} is none of {', '.join(CODINGS)}")
    if coding == "minmax" and flow.size and (flow.min() < 0 or flow.max() > 255):
        raise ValueError(f"minmax flow spans {flow.min():g} to {flow.max():g}, not 0 to 255")
    order = np.argsort(np.asarray(clip_ids, dtype=object)) if len(clip_ids) else []
    # Timestamps would make two runs differ in bytes; h5py leaves them out unless asked.
    with whole(path) as partial, h5py.File(partial, "w") as file:
        file.create_dataset("clip_id", data=[clip_ids[i] for i in order], dtype=h5py.string_dtype())
        file.create_dataset(
            "flow",
            data=flow[order],
            chunks=(1, *flow.shape[1:]) if len(flow) else None,
            **({"compression": "gzip", "compression_opts": 4, "shuffle": True} if len(flow) else {}),
        )
        file.attrs["coding"] = coding
        file.attrs["made_with"] = json.dumps(made_with, sort_keys=True)
        finish(file, FORMAT_VERSION)


def read_cache(path: str | Path) -> Cache:
    """Read one cache.

    Raises:
        InputError: not HDF5, another format version, or not complete.
    """
    with opened(path, "flow cache", FORMAT_VERSION) as file:
        return Cache(
            clip_ids=[name.decode() for name in file["clip_id"][:]],
            flow=file["flow"][:],
            coding=str(file.attrs["coding"]),
            made_with=json.loads(file.attrs["made_with"]),
        )


def read_caches(paths: Iterable[str | Path]) -> tuple[list[str], np.ndarray, str]:
    """Read several caches of one size and coding: clip ids, flow, coding; empty caches are skipped.

    Raises:
        InputError: sizes or codings differ, or a clip occurs twice.
    """
    clip_ids, flows, first = [], [], None
    for path in paths:
        one = read_cache(path)
        if not one.clip_ids:
            continue
        first = first or one
        if one.flow.shape[1:] != first.flow.shape[1:]:
            raise InputError(
                f"flow is {one.flow.shape[1:]}, the others are {first.flow.shape[1:]}", file=path, cure=CURE
            )
        if one.coding != first.coding:
            raise InputError(
                f"flow is {one.coding}, the others are {first.coding}; their numbers cannot be compared",
                file=path,
                cure="train and test on caches of one coding: corpora from recordings, or published flow",
            )
        if repeated := set(one.clip_ids) & set(clip_ids):
            raise InputError(
                "clip is in two caches", file=path, clip=min(repeated), cure="give each subject's cache once"
            )
        clip_ids += one.clip_ids
        flows.append(one.flow)
    if first is None:
        raise InputError("no clip in any of the caches", cure="check which subjects were asked for")
    return clip_ids, np.concatenate(flows), first.coding
