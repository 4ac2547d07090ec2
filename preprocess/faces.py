"""Find the face and its 68 landmarks, once per clip, on the onset frame.

Detector of record: MTCNN (Zhang et al. 2016, IEEE SPL 23(10); facenet-pytorch). Fall-back: dlib's HOG
detector. Landmarks: dlib's 68-point regression trees (Kazemi & Sullivan 2014, CVPR). All model files come
from installed packages, so nothing is downloaded.

Landmarks are taken on one frame only because their jitter (0.4 to 1 px) is as large as a micro-expression:
aligning every frame by its own landmarks would add more motion than there is to find.
"""

import functools
import importlib.util
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from contracts.errors import InputError
from contracts.files import read_csv

LANDMARKS = 68

# A dlib box from MTCNN's five points, in eye distances (dlib's predictor expects its own detector's framing):
# measured on the two public-domain portraits, where both detectors agree to a few pixels.
_BOX_SIDE = 2.4
_BOX_DROP = 0.6  # of the way from the eyes to the mouth


@dataclass(frozen=True)
class Face:
    """One detected face.

    Attributes:
        detector: `mtcnn`, `hog` or `hog-upsampled`: which detector found it.
        score: that detector's own confidence.
        candidates: how many faces it saw; the largest was taken.
        landmarks: (68, 2) float64, x right and y down, pixels of the raw frame.
    """

    detector: str
    score: float
    candidates: int
    landmarks: np.ndarray


def find_face(image: np.ndarray) -> Face | None:
    """Find the largest face in an RGB image (H, W, 3) uint8, or None.

    MTCNN first, then dlib's HOG at the image's own scale, then at twice the scale (small faces).
    """
    for detect in (_mtcnn, functools.partial(_hog, upsample=0), functools.partial(_hog, upsample=1)):
        found = detect(image)
        if found is not None:
            detector, score, candidates, box = found
            shape = _predictor()(image, box)
            points = np.array([(point.x, point.y) for point in shape.parts()], dtype=np.float64)
            return Face(detector, score, candidates, points)
    return None


def read_landmarks(path: str | Path) -> dict[str, np.ndarray]:
    """Landmarks by clip from a faces table: {clip_id: (68, 2)}."""
    table = read_csv(path).set_index("clip_id")
    columns = [f"{axis}{k}" for k in range(LANDMARKS) for axis in "xy"]
    return {
        clip_id: row.to_numpy(dtype=np.float64).reshape(LANDMARKS, 2)
        for clip_id, row in table[columns].iterrows()
    }


def _mtcnn(image: np.ndarray):
    import dlib

    boxes, scores, points = _mtcnn_model().detect(image, landmarks=True)
    if boxes is None:
        return None
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    largest = int(np.argmax(areas))
    left_eye, right_eye, _, left_mouth, right_mouth = points[largest]
    eyes, mouth = (left_eye + right_eye) / 2, (left_mouth + right_mouth) / 2
    half = _BOX_SIDE * float(np.linalg.norm(right_eye - left_eye)) / 2
    x, y = eyes + _BOX_DROP * (mouth - eyes)
    box = dlib.rectangle(round(x - half), round(y - half), round(x + half), round(y + half))
    return "mtcnn", float(scores[largest]), len(boxes), box


def _hog(image: np.ndarray, upsample: int):
    boxes, scores, _ = _hog_model().run(image, upsample, 0.0)
    if not boxes:
        return None
    largest = max(range(len(boxes)), key=lambda k: boxes[k].area())
    return "hog-upsampled" if upsample else "hog", float(scores[largest]), len(boxes), boxes[largest]


@functools.cache
def _mtcnn_model():
    import torch
    from facenet_pytorch import MTCNN

    # One thread: two spinning OpenMP teams on shared cores are thirteen times slower than one each.
    torch.set_num_threads(1)
    return MTCNN(keep_all=True, device="cpu", min_face_size=60, post_process=False)


@functools.cache
def _hog_model():
    import dlib

    return dlib.get_frontal_face_detector()


@functools.cache
def _predictor():
    import dlib

    return dlib.shape_predictor(str(landmark_model()))


def landmark_model() -> Path:
    """Path of the 68-point model inside the installed `face_recognition_models` package.

    The package is located, never imported: its `__init__` needs a part of setuptools that no longer exists.

    Raises:
        InputError: the package is not installed.
    """
    spec = importlib.util.find_spec("face_recognition_models")
    if spec is None:
        raise InputError(
            "the 68-point landmark model is missing: package face_recognition_models is not installed",
            cure="run 'make setup' (it installs requirements.lock)",
        )
    return Path(spec.submodule_search_locations[0]) / "models" / "shape_predictor_68_face_landmarks.dat"
