"""Contract 4, the sequence file: aligned frames of one subject's clips over time, and their flow, in HDF5.

`data/<run>/sequences/<flow>/<steps>/<size>/<corpus>/<subject>.h5`, written by `preprocess`, read by `merba`;
made only when something asks for it. `<flow>` is the method of the flow, see `preprocess.flow`; `<steps>` the
number of frames a clip is brought to, or `all`.

* `clip_id` (n,): UTF-8 text, in ascending order;
* one group per clip, named by its clip id, with t steps (`steps`, or as many as the clip has frames):
    * `frames` (t, size, size) uint8: aligned grey crops, the first one the onset;
    * `flow` (t, 3, size, size) float32: u (to the right), v (downwards), both in pixels of the aligned crop
      at its full size, and optical strain, from the onset to each step; the first is zero;
    * `position` (t,) float64: where each step lies, in the clip's frame numbers; fractional between frames;
    * `apex` float64: the apex in the same numbers, onset to offset; in general on none of the steps;
* attributes: `format_version`, `complete`, `size`, `steps` (0: all), and in `made_with` what shaped the
  numbers, as JSON.

One writer a file; written clip by clip beside its final name and renamed. `complete` is set last, and a
reader refuses a file without it. Chunks hold whole frames, up to a mebibyte of them.
"""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import h5py
import numpy as np

from contracts.cache import CHANNELS
from contracts.errors import InputError
from contracts.files import whole
from contracts.hdf5 import finish, opened

FORMAT_VERSION = 2
_CHUNK_BYTES = 2**20


class Sequence(NamedTuple):
    """One clip over time: frames (t, size, size), flow (t, 3, size, size), position (t,), apex, as stored."""

    frames: np.ndarray
    flow: np.ndarray
    position: np.ndarray
    apex: float


class Contents(NamedTuple):
    """What a sequence file holds; `steps` is None where every clip has all its frames."""

    clip_ids: list[str]
    size: int
    steps: int | None
    made_with: dict


def write_sequences(
    path: str | Path,
    clips: Iterable[tuple[str, Sequence]],
    size: int,
    steps: int | None,
    made_with: dict,
) -> None:
    """Write one subject's sequences whole, each as it comes: one clip is in memory at a time.

    Args:
        clips: (clip id, sequence), ids distinct.
        size: side of every frame.
        steps: length of every sequence; None: each its own.
        made_with: JSON-serialisable parameters that shaped the numbers.

    Raises:
        ValueError: an id repeats or a sequence is not as the contract says (faults of the caller).
        InputError: the disk is full.
    """
    written = []
    # Timestamps would make two runs differ in bytes; h5py leaves them out unless asked.
    with whole(path) as partial, h5py.File(partial, "w") as file:
        for clip_id, sequence in clips:
            if clip_id in written:
                raise ValueError(f"{clip_id} comes twice")
            if fault := _fault(sequence, size, steps):
                raise ValueError(f"{clip_id}: {fault}")
            group = file.create_group(clip_id)
            for name in ("frames", "flow"):
                values = getattr(sequence, name)
                together = min(len(values), max(1, _CHUNK_BYTES // values[0].nbytes))
                group.create_dataset(
                    name,
                    data=values,
                    chunks=(together, *values.shape[1:]),
                    compression="gzip",
                    compression_opts=4,
                    shuffle=True,
                )
            group.create_dataset("position", data=sequence.position)
            group.create_dataset("apex", data=float(sequence.apex))
            written.append(clip_id)
        file.create_dataset("clip_id", data=sorted(written), dtype=h5py.string_dtype())
        file.attrs["size"] = size
        file.attrs["steps"] = steps or 0
        file.attrs["made_with"] = json.dumps(made_with, sort_keys=True)
        finish(file, FORMAT_VERSION)


def read_contents(path: str | Path) -> Contents:
    """What is in one sequence file, without its pixels.

    Raises:
        InputError: not HDF5, another format version, or not complete.
    """
    with opened(path, "sequence file", FORMAT_VERSION) as file:
        return Contents(
            clip_ids=[name.decode() for name in file["clip_id"][:]],
            size=int(file.attrs["size"]),
            steps=int(file.attrs["steps"]) or None,
            made_with=json.loads(file.attrs["made_with"]),
        )


def read_sequence(path: str | Path, clip_id: str) -> Sequence:
    """One clip of a sequence file; nothing else of it is decompressed.

    Raises:
        InputError: as `read_contents`, or the clip is not in the file.
    """
    with opened(path, "sequence file", FORMAT_VERSION) as file:
        if clip_id not in file:
            raise InputError(
                "the clip is not in this file", file=path, clip=clip_id, cure="give its subject's"
            )
        group = file[clip_id]
        return Sequence(*(group[name][()] for name in Sequence._fields))


def _fault(sequence: Sequence, size: int, steps: int | None) -> str:
    """What is wrong with one sequence; empty if nothing is."""
    frames, flow, position, apex = sequence
    length = len(position)
    if not length or (steps and length != steps):
        return f"{length} steps, not {steps or 'one or more'}"
    if frames.shape != (length, size, size) or frames.dtype != np.uint8:
        return f"frames are {frames.dtype} {frames.shape}, not uint8 {(length, size, size)}"
    if flow.shape != (length, len(CHANNELS), size, size) or flow.dtype != np.float32:
        return f"flow is {flow.dtype} {flow.shape}, not float32 {(length, len(CHANNELS), size, size)}"
    if not np.isfinite(flow).all():
        return "flow is not finite"
    if flow[0].any():
        return "flow of the onset against itself is not zero"
    if (np.diff(position) <= 0).any():
        return "positions do not ascend"
    if not position[0] <= apex <= position[-1]:
        return f"the apex {apex} is not within {position[0]} to {position[-1]}"
    return ""
