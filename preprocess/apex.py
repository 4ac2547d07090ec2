"""Which frame is the apex: annotated, spotted, or the middle.

The spotter follows the ME-PLAN group (Zhao et al. 2022; the numbers are those of their public program for
the curves): Farnebaeck flow and strain from the onset to every frame, averaged over seven facial regions,
head motion removed at the nose; of the curves that peak inside the clip, the one that best obeys their
Unimodal Pattern Constraint (rise to one maximum, then fall) has the apex. It departs from them in four
things:

* Pictures are the clip's aligned crops, not the detector's box with a margin: the box varies with the person,
  the crop does not. Their margins in pixels hold, as a face of theirs is about as large as it is in the crop.
* The region of the whole face starts from the box around the landmarks, for the same reason.
* Their program for the constraint is not public. Here it is the least-squares unimodal fit by two isotonic
  regressions over every split, and the apex is the centre of the fit's plateau, which holds the split.
* Smoothing over a twentieth of a second is cut to a sixth of the clip: at 500 frames per second and 25 frames
  it would leave nothing to fit.
"""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from contracts.errors import InputError
from preprocess.flow import optical_flow, strain

POLICIES = ("annotated", "spotted", "midpoint")

# Corners of each region: landmark (iBUG 300-W; right and left are the subject's), shift in crop pixels.
_BROWS_AND_MOUTH = {
    "right brow": ((17, -6, 0), (19, 0, -6), (21, 6, 0), (37, 0, -10)),
    "left brow": ((22, -6, 0), (24, 0, -6), (26, 6, 0), (44, 0, -10)),
    "right mouth corner": ((48, -12, 0), (49, 0, -12), (59, 0, 12)),
    "left mouth corner": ((53, 0, -12), (54, 12, 0), (55, 0, 12)),
}
_EYES = {
    "right eye": ((36, -10, 0), (37, 0, -10), (38, 0, -10), (39, 10, 0), (40, 0, 10), (41, 0, 10)),
    "left eye": ((42, -10, 0), (43, 0, -10), (44, 0, -10), (45, 10, 0), (46, 0, 10), (47, 0, 10)),
}
_REST = "rest of face"
_NOSE, _NOSE_PATCH = 28, 8
_STILL = 1e-3  # pixels (or strain) between a curve's ends: below it is rounding, not motion
_CLEAR = 0.6  # share of a curve's variance that a unimodal fit must explain to be believed
_SMOOTHED = (1 / 20, 1 / 6)  # of a second, and at most of the clip


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


def spot(frames: np.ndarray, numbers: list[int], landmarks: np.ndarray | None, fps: float) -> Apex:
    """Spot the apex in the aligned crops of one clip.

    Args:
        frames: (T, H, W) uint8, T >= 3, the first one the onset.
        numbers: the T original frame numbers.
        landmarks: (68, 2) in crop pixels; None or not finite where none were found.
        fps: frames per second (sets the smoothing).

    Falls back from brows and mouth to eyes, to the rest of the face, and to the middle frame, which is also
    taken where there are no landmarks to say what lies where.
    """
    if landmarks is None or not np.isfinite(landmarks).all():
        return midpoint(numbers)
    curves = motion_curves(frames, landmarks)
    window = smoothing(len(numbers), fps)
    for regions in (_BROWS_AND_MOUTH, _EYES, (_REST,)):
        fits = {key: unimodal(_smooth(curve, window)) for key, curve in curves.items() if key[0] in regions}
        # A curve that only rises or only falls is fitted best of all, and has its peak at the clip's end.
        peaks = {key: fit for key, fit in fits.items() if fit[1] >= _CLEAR and 0 < fit[0] < len(numbers) - 1}
        if peaks:
            key = max(peaks, key=lambda key: peaks[key][1])
            return Apex(numbers[peaks[key][0]], f"spotted ({' '.join(key)})")
    return midpoint(numbers)


def smoothing(length: int, fps: float) -> int:
    """Frames to average a curve over, an odd number, in a clip of `length` frames."""
    seconds, share = _SMOOTHED
    return max(1, min(round(fps * seconds), int(length * share))) | 1


def motion_curves(frames: np.ndarray, landmarks: np.ndarray) -> dict[tuple[str, str], np.ndarray]:
    """Mean flow magnitude and strain per region and frame, relative to the onset: {(region, kind): (T,)}.

    Brightness is shifted to the onset's mean first; the mean flow (and strain) of a patch on the nose bridge
    is subtracted, because the nose moves with the head and hardly with the expression. A region that lies
    outside the picture has no curve.
    """
    regions = _masks(landmarks, frames.shape[1:])
    x, y = np.rint(landmarks[_NOSE]).astype(int)
    half = _NOSE_PATCH // 2
    nose = np.s_[max(0, y - half) : max(0, y + half), max(0, x - half) : max(0, x + half)]
    has_nose = frames[0][nose].size > 0
    curves = {(name, kind): np.zeros(len(frames)) for name in regions for kind in ("flow", "strain")}
    for t in range(1, len(frames)):
        flow = optical_flow(frames[0], _shift_brightness(frames[t], frames[0]), "farneback")
        stretch = strain(flow, forward=True)
        if has_nose:
            flow = flow - flow[:, nose[0], nose[1]].mean(axis=(1, 2), keepdims=True)
            stretch = stretch - stretch[nose].mean()
        magnitude = np.hypot(*flow)
        for name, mask in regions.items():
            curves[name, "flow"][t] = magnitude[mask].mean()
            curves[name, "strain"][t] = stretch[mask].mean()
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


def _shift_brightness(image: np.ndarray, reference: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(image + (reference.mean() - image.mean())), 0, 255).astype(np.uint8)


def _masks(landmarks: np.ndarray, shape: tuple[int, int]) -> dict[str, np.ndarray]:
    """Pixels of each region, (H, W) bool; the rest of the face is its box without the others."""
    low, high = np.rint(landmarks.min(axis=0)), np.rint(landmarks.max(axis=0))
    box = np.array([low, (high[0], low[1]), high, (low[0], high[1])])
    masks = {}
    rest = _filled(box, shape)
    for name, corners in (_BROWS_AND_MOUTH | _EYES).items():
        masks[name] = _filled(np.array([landmarks[k] + (dx, dy) for k, dx, dy in corners]), shape)
        rest &= ~masks[name]
    masks[_REST] = rest
    return {name: mask for name, mask in masks.items() if mask.any()}


def _filled(corners: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    mask = np.zeros(shape, np.uint8)
    cv2.fillPoly(mask, [np.rint(corners).astype(np.int32)], 1)
    return mask.astype(bool)
