"""Which frame is the apex: annotated, spotted, or the middle.

The spotter follows the ME-PLAN group (Zhao et al. 2022): flow and strain from the onset to every frame,
averaged over facial regions, head motion removed at the nose; the apex is the maximum of the curve that best
obeys their Unimodal Pattern Constraint (rise to one maximum, then fall). The group's code for the constraint
is not public; here it is the least-squares unimodal fit by two isotonic regressions over every split.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from contracts.errors import InputError
from preprocess.flow import match_brightness, optical_flow, strain

POLICIES = ("annotated", "spotted", "midpoint")

# Regions by 68-point landmarks (iBUG 300-W) and margin in crop pixels: (left, top, right, bottom).
_BROWS_AND_MOUTH = {
    "right brow": ((17, 18, 19, 20, 21), (4, 12, 4, 4)),
    "left brow": ((22, 23, 24, 25, 26), (4, 12, 4, 4)),
    "right mouth corner": ((48, 49, 59), (12, 12, 12, 12)),
    "left mouth corner": ((53, 54, 55), (12, 12, 12, 12)),
}
_EYES = {
    "right eye": ((36, 37, 38, 39, 40, 41), (10, 10, 10, 10)),
    "left eye": ((42, 43, 44, 45, 46, 47), (10, 10, 10, 10)),
}
_NOSE, _NOSE_PATCH = 28, 8
_STILL = 1e-3  # pixels (or strain) between a curve's ends: below it is rounding, not motion
_CLEAR = 0.6  # share of a curve's variance that a unimodal fit must explain to be believed


@dataclass(frozen=True)
class Apex:
    """Where the apex is and why.

    Attributes:
        frame: original frame number.
        source: `annotated`, `nearest-on-disk`, `midpoint`, or `spotted (<region> <flow|strain>)`.
    """

    frame: int
    source: str


def locate(policy: str, *, annotated: Apex | None, numbers: list[int], spotter: Callable[[], Apex]) -> Apex:
    """The apex by policy.

    Args:
        policy: `annotated` (the midpoint where the corpus gives no usable apex), `spotted`, or `midpoint`.
        annotated: the corpus's own apex with its source, if it is usable.
        numbers: frame numbers from onset to offset as found on disk.
        spotter: called only if needed, because it decodes the whole clip.

    Raises:
        InputError: unknown policy.
    """
    if policy not in POLICIES:
        raise InputError(
            f"unknown apex policy {policy!r}", clip="apex", cure=f"use one of {', '.join(POLICIES)}"
        )
    if policy == "spotted" and len(numbers) >= 3:
        return spotter()
    if policy == "annotated" and annotated is not None:
        return annotated
    return midpoint(numbers)


def midpoint(numbers: list[int]) -> Apex:
    """The middle of the clip's frame list (not of the number range: recordings have gaps)."""
    return Apex(numbers[len(numbers) // 2], "midpoint")


def spot(frames: np.ndarray, numbers: list[int], landmarks: np.ndarray, fps: float) -> Apex:
    """Spot the apex in the aligned crops of one clip.

    Args:
        frames: (T, H, W) uint8, T >= 3, the first one the onset.
        numbers: the T original frame numbers.
        landmarks: (68, 2) in crop pixels.
        fps: frames per second (sets the smoothing, a twentieth of a second).

    Falls back from brows and mouth to eyes, to the whole face, and to the middle frame.
    """
    curves = motion_curves(frames, landmarks)
    window = max(1, round(fps / 20)) | 1
    for regions in (_BROWS_AND_MOUTH, _EYES, {"whole face": None}):
        fits = {key: unimodal(_smooth(curve, window)) for key, curve in curves.items() if key[0] in regions}
        key = max(fits, key=lambda key: fits[key][1])
        peak, explained = fits[key]
        if explained >= _CLEAR and 0 < peak < len(numbers) - 1:
            return Apex(numbers[peak], f"spotted ({' '.join(key)})")
    return midpoint(numbers)


def motion_curves(frames: np.ndarray, landmarks: np.ndarray) -> dict[tuple[str, str], np.ndarray]:
    """Mean flow magnitude and strain per region and frame, relative to the onset: {(region, kind): (T,)}.

    Brightness is matched to the onset's first; the mean flow (and strain) of a patch on the nose bridge
    is subtracted, because the nose moves with the head and hardly with the expression.
    """
    height, width = frames.shape[1:]
    boxes = {
        name: _box(landmarks, *region, width, height) for name, region in (_BROWS_AND_MOUTH | _EYES).items()
    }
    boxes["whole face"] = _box(landmarks, range(68), (0, 0, 0, 0), width, height)
    nose = _box(landmarks, [_NOSE], (_NOSE_PATCH // 2,) * 4, width, height)
    curves = {(name, kind): np.zeros(len(frames)) for name in boxes for kind in ("flow", "strain")}
    for t in range(1, len(frames)):
        flow = optical_flow(frames[0], match_brightness(frames[t], frames[0]), "farneback")
        flow -= flow[:, nose[0], nose[1]].mean(axis=(1, 2), keepdims=True)
        magnitude, stretch = np.hypot(*flow), strain(flow)
        stretch = stretch - stretch[nose].mean()
        for name, box in boxes.items():
            curves[name, "flow"][t] = magnitude[box].mean()
            curves[name, "strain"][t] = stretch[box].mean()
    return curves


def unimodal(curve: np.ndarray) -> tuple[int, float]:
    """Best non-decreasing-then-non-increasing least-squares fit of a curve (T,).

    Returns:
        The index of the fit's maximum (the centre of its plateau) and the share of the curve's variance that
        the fit explains, 0 for a flat curve.
    """
    from sklearn.isotonic import (
        isotonic_regression,
    )  # a second to import, and most corpora annotate their apex

    spread = float(np.sum((curve - curve.mean()) ** 2))
    if np.ptp(curve) < _STILL:
        return len(curve) // 2, 0.0
    best, best_error = curve, np.inf
    for split in range(1, len(curve)):
        fit = np.concatenate(
            [isotonic_regression(curve[:split]), isotonic_regression(curve[split:], increasing=False)]
        )
        error = float(np.sum((curve - fit) ** 2))
        if error < best_error:
            best, best_error = fit, error
    plateau = np.flatnonzero(best >= best.max() - 1e-9)
    return int(plateau[len(plateau) // 2]), 1 - best_error / spread


def _smooth(curve: np.ndarray, window: int) -> np.ndarray:
    padded = np.pad(curve, window // 2, mode="edge")
    return np.convolve(padded, np.full(window, 1 / window), mode="valid")


def _box(landmarks, indices, margin, width, height) -> tuple[slice, slice]:
    x, y = landmarks[list(indices)].T
    left, top, right, bottom = margin
    columns = slice(max(0, round(float(x.min()) - left)), min(width, round(float(x.max()) + right) + 1))
    rows = slice(max(0, round(float(y.min()) - top)), min(height, round(float(y.max()) + bottom) + 1))
    return rows, columns
