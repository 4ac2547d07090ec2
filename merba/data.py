"""From caches and a list of clips to arrays a model can take; mirroring of training clips.

Only the caches that are given are opened: a training job from which the test subject's cache is withheld
cannot see it.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from contracts.cache import CHANNELS, read_caches
from contracts.errors import InputError
from contracts.files import read_csv
from merba.recipe import check_coding

CLIP_LIMIT = 3.0
_PERCENTILE = 99.0
_MIDDLE = 127.5
# Below any motion that optical flow can measure; keeps a motionless training part from dividing by zero.
_SMALLEST_SCALE = 1e-6


def read_list(path: str | Path, columns: Sequence[str]) -> dict[str, list[str]]:
    """Columns of a list CSV as text, at least one row, every clip once.

    Raises:
        InputError: no such file, a column is missing, no rows, or a clip occurs twice.
    """
    cure = "run the protocol rule again; it writes the lists"
    try:
        table = read_csv(path)
    except FileNotFoundError as error:
        raise InputError("no such list", file=path, cure=cure) from error
    for name in columns:
        if name not in table:
            raise InputError(f"column {name!r} is missing", file=path, cure=cure)
    if table.empty:
        raise InputError("the list has no clips", file=path, cure=cure)
    if table.clip_id.duplicated().any():
        raise InputError(
            "listed twice", file=path, clip=table.clip_id[table.clip_id.duplicated()].iloc[0], cure=cure
        )
    return {name: table[name].tolist() for name in columns}


def load_flow(
    clip_ids: Sequence[str], caches: Sequence[str | Path], listed_in: str | Path
) -> tuple[np.ndarray, str]:
    """Flow of the listed clips in their order, float32 (n, 3, size, size), and its coding in the caches.

    Raises:
        InputError: a cache is missing or unreadable, or a listed clip is in none of them.
    """
    for path in caches:
        if not Path(path).is_file():
            raise InputError("no such cache", file=path, cure="give the caches that the flow rule wrote")
    cached, flow, coding = read_caches(caches)
    row = {clip: k for k, clip in enumerate(cached)}
    for clip in clip_ids:
        if clip not in row:
            raise InputError(
                f"not in any of the {len(caches)} caches given",
                file=listed_in,
                clip=clip,
                cure="add its subject's cache to --caches, or take the clip off the list",
            )
    return flow[[row[clip] for clip in clip_ids]], coding


@dataclass(frozen=True)
class Normaliser:
    """Codes flow for a network; fitted on the training part of a fold only.

    * `fixed_scale`: each channel is divided by one constant and clipped to +-3. The constant is the 99th
      percentile of the absolute values in the training part, u and v together (their directions stay), strain
      by itself. It needs physical flow.
    * `minmax`: each channel of each clip spans 0..255, as in the flow pictures that go round with STSTNet;
      sign and size of motion are lost. Flow that is cached so keeps its values; physical flow is stretched,
      and a constant channel becomes 127.5, which is its own mirror image.
    * `signed`: the same, centred: (value - 127.5) / 127.5, in [-1, 1].

    Attributes:
        coding: one of `merba.recipe.CODINGS`.
        channels: which of u, v, strain come out, in this order.
        scales: one divisor a channel; 1 where nothing is fitted.
        cached: coding of the caches it was fitted on, the only ones it can code; see `contracts.cache`.
    """

    coding: str
    channels: tuple[str, ...]
    scales: tuple[float, ...]
    cached: str

    @classmethod
    def fit(cls, flow: np.ndarray, coding: str, channels: Sequence[str], cached: str) -> "Normaliser":
        """Fit on training flow (n, 3, size, size) from caches of coding `cached`.

        Raises:
            InputError: this coding cannot be had from these caches.
        """
        check_coding(coding, cached)
        if coding != "fixed_scale":
            return cls(coding, tuple(channels), (1.0,) * len(channels), cached)
        magnitude = np.abs(flow)
        motion = max(float(np.percentile(magnitude[:, :2], _PERCENTILE)), _SMALLEST_SCALE)
        strain = max(float(np.percentile(magnitude[:, 2], _PERCENTILE)), _SMALLEST_SCALE)
        scales = tuple(strain if name == "strain" else motion for name in channels)
        return cls(coding, tuple(channels), scales, cached)

    def __call__(self, flow: np.ndarray) -> np.ndarray:
        """(n, 3, size, size) -> coded float32 (n, channels, size, size)."""
        flow = flow[:, [CHANNELS.index(name) for name in self.channels]]
        if self.coding == "fixed_scale":
            scales = np.asarray(self.scales, np.float32)[:, None, None]
            return np.clip(flow / scales, -CLIP_LIMIT, CLIP_LIMIT).astype(np.float32)
        picture = flow if self.cached == "minmax" else _stretched(flow)
        return (picture if self.coding == "minmax" else (picture - _MIDDLE) / _MIDDLE).astype(np.float32)

    def mirror(self, coded, negate_u: bool = True):
        """Coded clips (array or tensor, (..., channels, size, size)) as their faces' mirror images.

        A mirror turns motion to the right into motion to the left, so u changes sign besides being flipped;
        in `minmax` coding the opposite of a value is 255 minus it. `negate_u=False` flips only.
        """
        mirrored = coded[..., ::-1].copy() if isinstance(coded, np.ndarray) else coded.flip(-1)
        if negate_u and "u" in self.channels:
            u = self.channels.index("u")
            mirrored[..., u, :, :] = (255 if self.coding == "minmax" else 0) - mirrored[..., u, :, :]
        return mirrored

    def to_dict(self) -> dict:
        """Plain values, for a checkpoint."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict) -> "Normaliser":
        """Inverse of `to_dict`."""
        return cls(**{key: tuple(one) if isinstance(one, list) else one for key, one in values.items()})


def _stretched(flow: np.ndarray) -> np.ndarray:
    """Each channel of each clip stretched to 0..255."""
    low, high = flow.min((2, 3), keepdims=True), flow.max((2, 3), keepdims=True)
    span = np.where(high > low, high - low, 1)
    return np.where(high > low, (flow - low) / span * 255, _MIDDLE)
