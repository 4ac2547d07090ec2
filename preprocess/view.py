"""What the stages have found out about one clip, gathered from their files to be looked at.

A stage may not have had anything to find: published flow has no frames, and a face that its owner cropped may
be without landmarks. A `View` holds what there is.
"""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pandas as pd

from contracts.cache import read_cache
from contracts.errors import InputError
from contracts.files import read_csv
from preprocess.align import MATRIX_COLUMNS, crop, map_points
from preprocess.faces import LANDMARK_COLUMNS, LANDMARKS
from preprocess.flow import strain
from preprocess.frames import list_frames, read_gray

_MOVING = 0.25  # of the strongest planted motion: below it there is little to recover


@dataclass(frozen=True)
class Pictures:
    """Onset and apex, (H, W) uint8 as recorded and (S, S) uint8 aligned; the onset's landmarks in both.

    `landmarks` are (68, 2) x, y in pixels of the raw frame and `crop_landmarks` in those of the crop; None
    where none were found.
    """

    onset: np.ndarray
    apex: np.ndarray
    onset_crop: np.ndarray
    apex_crop: np.ndarray
    landmarks: np.ndarray | None
    crop_landmarks: np.ndarray | None


@dataclass(frozen=True)
class Planted:
    """What was planted in a synthetic clip.

    `landmarks` (68, 2) in pixels of the raw onset frame; `field` (3, S, S) as a cache has it, NaN where the
    generator moved nothing; `apex` a frame number.
    """

    apex: int
    landmarks: np.ndarray
    field: np.ndarray


@dataclass(frozen=True)
class View:
    """One clip: its id, facts for a person to read, and what there is to be drawn.

    `fields` are (3, s, s) u, v and strain in `coding`, the largest first.
    """

    clip_id: str
    facts: list[str]
    fields: list[np.ndarray]
    coding: str
    pictures: Pictures | None = None
    planted: Planted | None = None


def read_view(
    clip,
    cache: Path,
    *,
    root: Path | None = None,
    faces: Path | None = None,
    align: Path | None = None,
    apex: Path | None = None,
    flow: Path | None = None,
    truth: Path | None = None,
) -> View:
    """Gather one clip.

    Args:
        clip: its row of the clip table, with columns as attributes.
        cache: its subject's cache, at the size that networks take.
        root: the corpus's folder; with `faces`, `align`, `apex` and `flow`, its subject's files. All of them
            or none (published flow).
        truth: its subject's planted truth, if the clip is synthetic.

    Raises:
        InputError: a file does not have this clip, or cannot be read.
    """
    small, made_with, coding = _field(cache, clip.clip_id)
    said = [_title(clip)]
    if flow is None:
        return View(clip.clip_id, [*said, *_wrapped("flow", made_with["flow"])], [small], coding)
    large, made_with, coding = _field(flow, clip.clip_id)
    face, alignment, peak = (_row(path, clip.clip_id) for path in (faces, align, apex))
    matrix = _matrix(alignment)
    onset, apex = _frames(clip, Path(root), int(peak.apex))
    pictures = pictures_of(onset, apex, matrix, _landmarks(face), large.shape[-1])
    said += facts_of(clip, face, alignment, peak, made_with["flow"], large)
    planted = None
    if truth is not None:
        planted = _planted(Path(truth), clip.clip_id, matrix, large.shape[-1])
        said += _compared(planted, large, int(peak.apex))
    return View(clip.clip_id, said, [large, small], coding, pictures, planted)


def facts_of(clip, face, alignment, peak, method: str, flow: np.ndarray) -> list[str]:
    """What the stages say of a recorded clip, as lines for a person to read.

    Args:
        clip, face, alignment, peak: its rows of the clip, faces, alignment and apex tables.
        method: of its flow.
        flow: (3, S, S), physical.
    """
    return [
        f"onset {clip.onset}, apex {peak.apex}, offset {clip.offset}",
        *([f"{clip.fps:g} frames a second"] if clip.fps else []),
        f"apex: {peak.apex_source}",
        f"range: {clip.range_source}",
        f"pictures: {clip.pictures}",
        *_about_face(face),
        *_about_alignment(alignment),
        f"flow: {method}, {_size_of(flow)}",
    ]


def pictures_of(
    onset: np.ndarray, apex: np.ndarray, matrix: np.ndarray, landmarks: np.ndarray | None, size: int
) -> Pictures:
    """Raw frames (H, W) uint8 and the onset's landmarks (68, 2) or None, with the crops of `size` px."""
    return Pictures(
        onset,
        apex,
        crop(onset, matrix, size),
        crop(apex, matrix, size),
        landmarks,
        None if landmarks is None else map_points(landmarks, matrix),
    )


def planted_in_crop(truth, matrix: np.ndarray, size: int, *, drift: bool = True) -> np.ndarray:
    """Planted displacement as the aligned crop shows it: (3, size, size) u, v and strain.

    Args:
        truth: a `synthetic.truth.Truth`.
        matrix: (2, 3), raw to crop pixels.
        drift: whether the head's drift is part of it.

    Positions go through the whole similarity, displacements through its linear part. NaN outside of the patch
    that the generator moved.
    """
    x, y = truth.origin
    from_patch = matrix @ np.array([[1, 0, x], [0, 1, y], [0, 0, 1]], np.float64)
    raw = truth.flow if drift else truth.flow_action_units
    # Strain is the same before and after a similarity; after it, interpolation would roughen it.
    field = np.dstack([raw @ matrix[:, :2].T, strain(raw.transpose(2, 0, 1))]).astype(np.float32)
    warped = cv2.warpAffine(
        field, from_patch, (size, size), flags=cv2.INTER_LINEAR, borderValue=(np.nan,) * 3
    )
    return np.ascontiguousarray(warped.transpose(2, 0, 1))


def similarity(matrix: np.ndarray) -> tuple[float, float]:
    """Scale and rotation in degrees (clockwise as seen, y points down) of a (2, 3) similarity matrix."""
    return float(np.hypot(matrix[0, 0], matrix[1, 0])), float(
        np.degrees(np.arctan2(matrix[1, 0], matrix[0, 0]))
    )


def _field(path: Path, clip_id: str) -> tuple[np.ndarray, dict, str]:
    cache = read_cache(path)
    if clip_id not in cache.clip_ids:
        raise _not_there(path, clip_id)
    return cache.flow[cache.clip_ids.index(clip_id)], cache.made_with, cache.coding


def _row(path: Path, clip_id: str) -> pd.Series:
    table = read_csv(path).set_index("clip_id")
    if clip_id not in table.index:
        raise _not_there(path, clip_id)
    return table.loc[clip_id]


def _not_there(path: Path, clip_id: str) -> InputError:
    return InputError(
        "this file does not have the clip", file=path, clip=clip_id, cure="run snakemake for it again"
    )


def _landmarks(face: pd.Series) -> np.ndarray | None:
    """(68, 2), or None where the row has none."""
    points = pd.to_numeric(face.reindex(LANDMARK_COLUMNS), errors="coerce").to_numpy(dtype=np.float64)
    return points.reshape(LANDMARKS, 2) if np.isfinite(points).all() else None


def _matrix(alignment: pd.Series) -> np.ndarray:
    return alignment[MATRIX_COLUMNS].to_numpy(dtype=np.float64).reshape(2, 3)


def _frames(clip, root: Path, apex: int) -> tuple[np.ndarray, np.ndarray]:
    """Onset and apex as recorded, (H, W) uint8."""
    frames = list_frames(root / clip.frames_dir)
    for number in (clip.onset, apex):
        if number not in frames:
            raise InputError(
                f"frame {number} is not on disk", file=root / clip.frames_dir, cure="unpack the clip again"
            )
    return read_gray(frames[clip.onset]), read_gray(frames[apex])


def _planted(path: Path, clip_id: str, matrix: np.ndarray, size: int) -> Planted:
    # The generator is only needed for its own clips.
    from preprocess.corpora.synthetic.truth import read_truth

    truth = read_truth(path, clip_id)
    return Planted(truth.apex, truth.landmarks, planted_in_crop(truth, matrix, size))


def _title(clip) -> str:
    return ", ".join(filter(None, [clip.emotion, clip.action_units and f"AU {clip.action_units}"]))


def _about_face(face: pd.Series) -> list[str]:
    if not face.detector:
        return _wrapped("face", face.get("decision") or "none found")
    score = f", score {float(face.score):.2f}" if face.score else ""
    said = _wrapped("face", f"{face.detector}{score}, candidates: {face.candidates}")
    if float(face.get("border") or 0):
        said.append(f"landmarks outside of the frame: {float(face.border):.0%}")
    return said + (_wrapped("decided", face.decision) if face.get("decision") else [])


def _about_alignment(alignment: pd.Series) -> list[str]:
    scale, rotation = similarity(_matrix(alignment))
    said = [f"crop: scale {scale:.2f}, rotation {rotation:+.1f}°"]
    if alignment.get("rule"):
        said[0] += f", by {alignment['rule']}"
    if alignment.get("residual"):
        said.append(f"landmarks off the template: {float(alignment.residual):.1f} px")
    return said


def _size_of(field: np.ndarray) -> str:
    magnitude = np.hypot(*field[:2])
    return f"mean {magnitude.mean():.2f} px, 99 % below {np.quantile(magnitude, 0.99):.2f} px"


def _compared(planted: Planted, measured: np.ndarray, apex: int) -> list[str]:
    late = apex - planted.apex
    where = f"taken {abs(late)} {'later' if late > 0 else 'earlier'}" if late else "the one taken"
    said = [f"planted apex: {planted.apex}, {where}"]
    wanted = planted.field[:2]
    strength = np.hypot(*wanted)
    moving = strength > _MOVING * np.nanmax(strength)
    if moving.any():
        found, wanted = measured[:2, moving], wanted[:, moving]
        error = np.hypot(*(found - wanted)).mean()
        gain = float((found * wanted).sum() / (wanted**2).sum())
        said.append(f"against planted: error {error:.2f} px, gain {gain:.2f}")
    return said


def _wrapped(what: str, text: str, width: int = 40) -> list[str]:
    """Lines short enough for the sheet."""
    lines = [f"{what}:"]
    for word in text.split():
        if len(lines[-1]) + len(word) >= width:
            lines.append("   ")
        lines[-1] += f" {word}"
    return lines
