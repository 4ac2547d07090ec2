"""Real detectors on the two public-domain portraits."""

import cv2
import matplotlib.cbook
import numpy as np
import pytest
import skimage.data
from PIL import Image

from contracts.errors import InputError
from preprocess import faces


def portrait(name):
    if name == "astronaut":
        image = skimage.data.astronaut()
    else:
        path = matplotlib.cbook.get_sample_data("grace_hopper.jpg", asfileobj=False)
        image = np.asarray(Image.open(path).convert("RGB"))
    return cv2.copyMakeBorder(image, 40, 40, 40, 40, cv2.BORDER_REPLICATE)


@pytest.fixture(params=["astronaut", "hopper"])
def image(request):
    return portrait(request.param)


def test_mtcnn_finds_the_face_and_the_landmarks_are_a_face(image):
    face = faces.find_face(image)
    assert face.detector == "mtcnn"
    points = face.landmarks
    assert points.shape == (68, 2)
    eyes, nose, mouth, chin = points[36:48].mean(0), points[30], points[48:68].mean(0), points[8]
    assert eyes[1] < nose[1] < mouth[1] < chin[1]
    assert points[36:42].mean(0)[0] < points[42:48].mean(0)[0]


def test_both_detectors_lead_to_the_same_landmarks(image, monkeypatch):
    first = faces.find_face(image)
    monkeypatch.setattr(faces, "_mtcnn", lambda _: None)
    second = faces.find_face(image)
    assert second.detector == "hog"
    eye_distance = np.linalg.norm(first.landmarks[45] - first.landmarks[36])
    assert np.abs(first.landmarks - second.landmarks).mean() < 0.05 * eye_distance


def test_the_largest_of_several_faces_is_taken():
    image = portrait("astronaut")
    small = cv2.resize(image, None, fx=0.7, fy=0.7)
    small = cv2.copyMakeBorder(small, 0, image.shape[0] - small.shape[0], 0, 0, cv2.BORDER_CONSTANT)
    face = faces.find_face(np.hstack([small, image]))
    assert face.candidates == 2
    assert face.landmarks[:, 0].mean() > small.shape[1]


def test_no_face_is_none():
    noise = np.random.default_rng(0).integers(0, 255, (240, 320, 3), dtype=np.uint8)
    assert faces.find_face(noise) is None


def test_a_missing_landmark_model_names_the_package(monkeypatch):
    monkeypatch.setattr(faces.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(InputError, match=r"face_recognition_models.*make setup"):
        faces.landmark_model()
