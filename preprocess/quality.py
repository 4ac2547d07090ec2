"""What preprocessing did to every clip of a corpus, in numbers, and which clips are unlike the others.

An outlier is no error: it is a clip to be looked at first (`merba-look`). The corpus itself is the measure:

* a number is unlike the others when its robust z, the distance from the median in units of 1.4826 x the
  median absolute deviation, is beyond `THRESHOLD` (Iglewicz & Hoaglin 1993), on a logarithmic axis where the
  measure is one of size; asked of at least `FEWEST` clips;
* a category is, when at most `RARE` of the clips share it;
* several candidates for the face, and landmarks outside of the frame, always are.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from contracts.cache import read_cache
from contracts.files import read_csv
from preprocess.align import MATRIX_COLUMNS
from preprocess.view import similarity

THRESHOLD = 3.5
FEWEST = 8
RARE = 0.05
_TINY = 1e-6  # what counts as nothing on a logarithmic axis


@dataclass(frozen=True)
class Measure:
    """A column of the table: its name for people, its unit, and what is remarkable about it.

    `sizes`: compared by ratio. `low`: whether small values are remarkable as well as large ones.
    """

    title: str
    unit: str = ""
    sizes: bool = False
    low: bool = True


MEASURES = {
    "residual": Measure("landmarks off the template", "px", sizes=True, low=False),
    "scale": Measure("scale, raw to crop", sizes=True),
    "rotation": Measure("rotation", "°"),
    "apex_position": Measure("apex, 0 onset to 1 offset"),
    "flow_mean": Measure("mean |flow|", "px", sizes=True),
    "flow_p99": Measure("99th percentile of |flow|", "px", sizes=True),
    "strain_mean": Measure("mean strain", sizes=True),
}
CATEGORIES = {
    "detector": "detector",
    "candidates": "faces seen",
    "rule": "crop by",
    "apex_source": "apex",
    "range_source": "range",
}
COLUMNS = [
    *("clip_id", "detector", "candidates", "decision", "border", "rule", "residual", "scale", "rotation"),
    *("apex_position", "apex_source", "range_source", "flow_mean", "flow_p99", "strain_mean", "outlier"),
]


@dataclass(frozen=True)
class Range:
    """The median of a measure and the values at which it becomes an outlier; infinite where there is none."""

    low: float
    median: float
    high: float


def measure(
    clips: pd.DataFrame,
    faces: Iterable[Path],
    align: Iterable[Path],
    apex: Iterable[Path],
    flow: Iterable[Path],
) -> pd.DataFrame:
    """One row a clip with the columns `COLUMNS`, by clip id; clips that were excluded are not in it.

    Args:
        clips: the corpus's clip table.
        faces, align, apex, flow: the subjects' files. What a table does not say is empty or NaN. Flow is read
            one subject at a time.
    """
    table = pd.concat([_motion(path) for path in flow])
    parts = [_together(paths).reindex(table.index) for paths in (faces, align, apex)]
    found, alignment, peaks = parts
    clips = clips.set_index("clip_id").reindex(table.index)
    for name in ("detector", "candidates", "decision"):
        table[name] = _texts(found, name)
    table["border"] = _numbers(found, "border")
    table["rule"] = _texts(alignment, "rule")
    table["residual"] = _numbers(alignment, "residual")
    matrices = np.stack([_numbers(alignment, name) for name in MATRIX_COLUMNS], axis=1).reshape(-1, 2, 3)
    table[["scale", "rotation"]] = np.array([similarity(matrix) for matrix in matrices]).reshape(-1, 2)
    table["apex_position"] = (_numbers(peaks, "apex") - clips.onset) / (clips.offset - clips.onset)
    table["apex_source"] = _texts(peaks, "apex_source")
    table["range_source"] = clips.range_source
    table = table.sort_index().rename_axis("clip_id").reset_index()
    table["outlier"] = outliers(table)
    return table[COLUMNS].round(6)


def outliers(table: pd.DataFrame) -> list[str]:
    """Why each clip of the table is unlike the others, empty where it is not."""
    reasons: list[list[str]] = [[] for _ in range(len(table))]
    for name, what in MEASURES.items():
        values = table[name].to_numpy(dtype=float)
        usual = usual_range(name, values)
        for k in np.flatnonzero((values < usual.low) | (values > usual.high)):
            sign, limit = ("<", usual.low) if values[k] < usual.low else (">", usual.high)
            shown = f"{what.title} {values[k]:.3g}{what.unit and ' ' + what.unit}"
            reasons[k].append(f"{shown} {sign} {limit:.3g} (median {usual.median:.3g})")
    for name, title in CATEGORIES.items():
        kinds = category(table, name)
        shares = kinds.map(kinds.value_counts(normalize=True))
        for k, (kind, share) in enumerate(zip(kinds, shares, strict=True)):
            several = name == "candidates" and kind.isdigit() and int(kind) > 1
            if several or share <= RARE:
                reasons[k].append(f"{title}: {kind or 'nothing'}")
    for k in np.flatnonzero(table.border.to_numpy(dtype=float) > 0):
        reasons[k].append(f"landmarks outside of the frame: {table.border[k]:.0%}")
    return ["; ".join(some) for some in reasons]


def usual_range(name: str, values: np.ndarray) -> Range:
    """Where a measure's values are not outliers; NaN among them is ignored."""
    what = MEASURES[name]
    values = values[np.isfinite(values)]
    if not len(values):
        return Range(-np.inf, np.nan, np.inf)
    axis = np.log(np.maximum(values, _TINY)) if what.sizes else values
    middle = float(np.median(axis))
    away = np.abs(axis - middle)
    # Where half of the values are one and the same, the mean deviation stands in (Iglewicz & Hoaglin).
    spread = 1.4826 * float(np.median(away)) or 1.2533 * float(away.mean())
    if len(values) < FEWEST or not spread:
        low, high = -np.inf, np.inf
    else:
        low, high = middle - THRESHOLD * spread, middle + THRESHOLD * spread
    low = low if what.low else -np.inf
    if what.sizes:
        low = float(np.exp(low)) if np.isfinite(low) else low
        return Range(low, float(np.exp(middle)), float(np.exp(high)))
    return Range(low, middle, high)


def category(table: pd.DataFrame, name: str) -> pd.Series:
    """A column of `CATEGORIES` without details: `spotted (left brow flow)` counts as `spotted`."""
    return table[name].str.partition(" (")[0]


def _motion(path: Path) -> pd.DataFrame:
    """Magnitudes of each clip's flow and strain at crop size, by clip id."""
    cache = read_cache(path)
    rows = {}
    for clip_id, (u, v, strain) in zip(cache.clip_ids, cache.flow, strict=True):
        magnitude = np.hypot(u, v)
        rows[clip_id] = [magnitude.mean(), np.quantile(magnitude, 0.99), strain.mean()]
    columns = ["flow_mean", "flow_p99", "strain_mean"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns, dtype=float)


def _together(paths: Iterable[Path]) -> pd.DataFrame:
    return pd.concat([read_csv(path) for path in paths]).set_index("clip_id")


def _texts(table: pd.DataFrame, name: str) -> pd.Series:
    return table[name].fillna("") if name in table else pd.Series("", index=table.index)


def _numbers(table: pd.DataFrame, name: str) -> pd.Series:
    values = table[name] if name in table else pd.Series(np.nan, index=table.index)
    return pd.to_numeric(values, errors="coerce")
