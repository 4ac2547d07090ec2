"""Find the face and its 68 landmarks, once per clip, on the onset frame.

Detector of record: MTCNN (Zhang et al. 2016, IEEE SPL 23(10); facenet-pytorch). Alternative and fall-back:
dlib's HOG detector. Landmarks: dlib's 68-point regression trees (Kazemi & Sullivan 2014, CVPR). All model
files come from installed packages, so nothing is downloaded.

Landmarks are taken on one frame only because they jitter by as much as a micro-expression moves (2.4 px
in the crop, `benchmarks/planted_truth.py`): aligning every frame by its own would add as much as there is.

Where more than one face is seen, or none at first, or a face at the border, something is decided; a face
carries the decision in words, and the faces table keeps it.
"""

import importlib.util
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from contracts.errors import InputError
from contracts.files import read_csv

LANDMARKS = 68
LANDMARK_COLUMNS = [f"{axis}{k}" for k in range(LANDMARKS) for axis in "xy"]

# A dlib box from MTCNN's five points, in eye distances (dlib's predictor expects its own detector's framing):
# measured on the two public-domain portraits, where both detectors agree to a few pixels.
_BOX_SIDE = 2.4
_BOX_DROP = 0.6  # of the way from the eyes to the mouth

_SMALLEST = 60  # side of the smallest face that MTCNN looks for, pixels at the scale it is given


@dataclass(frozen=True)
class Face:
    """One detected face.

    Attributes:
        detector: `mtcnn` or `hog`: which one found it.
        scale: 1, or 2 where it was found only after doubling the picture.
        score: that detector's own confidence.
        candidates: how many faces it saw; the largest was taken.
        border: share of the landmarks outside the frame, 0 to 1.
        decision: what had to be decided, in words; empty for one face at first sight, inside the frame.
        landmarks: (68, 2) float64, x right and y down, pixels of the raw frame.
    """

    detector: str
    scale: int
    score: float
    candidates: int
    border: float
    decision: str
    landmarks: np.ndarray


class _Seen(NamedTuple):
    """As a detector sees it: `area` ranks it, `box` (left, top, right, bottom) frames its landmarks."""

    score: float
    area: float
    box: tuple[int, int, int, int]


def find_face(image: np.ndarray, detector: str = "mtcnn") -> Face | None:
    """Find the largest face in a picture.

    The detector of choice looks first, then again at twice the scale (small faces); then the other one in the
    same way. A face that reaches beyond the border is kept; its landmarks are extrapolated there.

    Args:
        image: (H, W, 3) uint8 RGB.
        detector: a key of `DETECTORS`, the one that looks first.

    Returns:
        None where neither sees a face.

    Raises:
        InputError: unknown detector, or a model's package is not installed.
    """
    if detector not in DETECTORS:
        raise InputError(
            f"unknown face detector {detector!r}",
            clip="faces.detector",
            cure=f"use one of {', '.join(DETECTORS)}",
        )
    for name in sorted(DETECTORS, key=lambda one: one != detector):
        for scale in (1, 2):
            if seen := DETECTORS[name](image, scale):
                largest = max(seen, key=lambda one: one.area)
                points = _landmarks(image, largest.box)
                outside = _outside(points, image)
                decision = [
                    f"not seen by {detector}" if name != detector else "",
                    "seen at twice the size only" if scale > 1 else "",
                    f"the largest of {len(seen)} faces" if len(seen) > 1 else "",
                    _at_border(int(outside.sum()), largest.box, image),
                ]
                return Face(
                    detector=name,
                    scale=scale,
                    score=largest.score,
                    candidates=len(seen),
                    border=float(outside.mean()),
                    decision="; ".join(filter(None, decision)),
                    landmarks=points,
                )
    return None


def read_landmarks(path: str | Path) -> dict[str, np.ndarray]:
    """Landmarks by clip from a faces table: {clip_id: (68, 2)}, without clips in which no face was found."""
    table = read_csv(path).set_index("clip_id")
    return {
        clip_id: row.to_numpy(dtype=np.float64).reshape(LANDMARKS, 2)
        for clip_id, row in table.loc[table[LANDMARK_COLUMNS[0]] != "", LANDMARK_COLUMNS].iterrows()
    }


def landmark_model() -> Path:
    """Path of the 68-point model inside the installed `face_recognition_models` package.

    The package is located, never imported: its `__init__` needs a part of setuptools that no longer exists.

    Raises:
        InputError: the package is not installed, or lacks the file.
    """
    return _shipped("face_recognition_models", "models/shape_predictor_68_face_landmarks.dat")


def _mtcnn(image: np.ndarray, scale: int) -> list[_Seen]:
    import cv2

    model = _mtcnn_model()
    if scale * min(image.shape[:2]) < _SMALLEST:
        return []
    if scale > 1:
        image = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_LINEAR)
    boxes, scores, points = model.detect(image, landmarks=True)
    if boxes is None:
        return []
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    return [
        _Seen(float(score), float(area) / scale**2, _dlib_box(five / scale))
        for score, area, five in zip(scores, areas, points, strict=True)
    ]


def _dlib_box(five: np.ndarray) -> tuple[int, int, int, int]:
    left_eye, right_eye, _, left_mouth, right_mouth = five
    eyes, mouth = (left_eye + right_eye) / 2, (left_mouth + right_mouth) / 2
    half = _BOX_SIDE * float(np.linalg.norm(right_eye - left_eye)) / 2
    x, y = eyes + _BOX_DROP * (mouth - eyes)
    return round(x - half), round(y - half), round(x + half), round(y + half)


def _hog(image: np.ndarray, scale: int) -> list[_Seen]:
    boxes, scores, _ = _hog_model().run(image, scale - 1, 0.0)
    return [
        _Seen(float(score), float(box.area()), (box.left(), box.top(), box.right(), box.bottom()))
        for box, score in zip(boxes, scores, strict=True)
    ]


DETECTORS = {"mtcnn": _mtcnn, "hog": _hog}


def _landmarks(image: np.ndarray, box: tuple[int, int, int, int]) -> np.ndarray:
    import dlib

    shape = _predictor()(image, dlib.rectangle(*box))
    return np.array([(point.x, point.y) for point in shape.parts()], dtype=np.float64)


def _outside(points: np.ndarray, image: np.ndarray) -> np.ndarray:
    """Which of (n, 2) points lie outside the frame: (n,) bool."""
    height, width = image.shape[:2]
    return ((points < 0) | (points > (width - 1, height - 1))).any(axis=1)


def _at_border(outside: int, box: tuple[int, int, int, int], image: np.ndarray) -> str:
    height, width = image.shape[:2]
    left, top, right, bottom = box
    if outside:
        return f"{outside} of {LANDMARKS} landmarks beyond the border"
    return (
        "its box reaches beyond the border"
        if min(left, top) < 0 or right >= width or bottom >= height
        else ""
    )


@cache
def _mtcnn_model():
    for net in ("pnet", "rnet", "onet"):
        _shipped("facenet_pytorch", f"data/{net}.pt", "facenet-pytorch")

    import torch
    from facenet_pytorch import MTCNN

    # One thread: two spinning OpenMP teams on shared cores are thirteen times slower than one each.
    torch.set_num_threads(1)
    return MTCNN(keep_all=True, device="cpu", min_face_size=_SMALLEST, post_process=False)


@cache
def _hog_model():
    _located("dlib", "dlib-bin")

    import dlib

    return dlib.get_frontal_face_detector()


@cache
def _predictor():
    _located("dlib", "dlib-bin")

    import dlib

    return dlib.shape_predictor(str(landmark_model()))


def _located(module: str, package: str) -> Path:
    """Where a module lies, without importing it; names the package that would bring it."""
    spec = importlib.util.find_spec(module)
    if spec is None:
        raise InputError(
            f"faces cannot be found: package {package} is not installed",
            cure="run 'make setup' (it installs requirements.lock)",
        )
    return Path((spec.submodule_search_locations or [spec.origin])[0])


def _shipped(module: str, name: str, package: str | None = None) -> Path:
    """A model file that comes with a package, which has the module's name unless told."""
    path = _located(module, package or module) / name
    if not path.is_file():
        raise InputError(
            f"a model file of package {package or module} is missing",
            file=path,
            cure="remove .venv and run 'make setup' (it installs requirements.lock)",
        )
    return path
