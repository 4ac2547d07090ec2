"""Real detectors on the two public-domain portraits, and what is decided where they disagree."""

import json
from pathlib import Path

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


def eye_distance(landmarks):
    return np.linalg.norm(landmarks[45] - landmarks[36])


@pytest.mark.parametrize("detector", faces.DETECTORS)
def test_the_detector_of_choice_finds_the_face_and_the_landmarks_are_a_face(image, detector):
    face = faces.find_face(image, detector)
    assert (face.detector, face.scale, face.border) == (detector, 1, 0)
    points = face.landmarks
    assert points.shape == (68, 2)
    eyes, nose, mouth, chin = points[36:48].mean(0), points[30], points[48:68].mean(0), points[8]
    assert eyes[1] < nose[1] < mouth[1] < chin[1]
    assert points[36:42].mean(0)[0] < points[42:48].mean(0)[0]


def test_both_detectors_lead_to_the_same_landmarks(image):
    first, second = (faces.find_face(image, detector).landmarks for detector in faces.DETECTORS)
    assert np.abs(first - second).mean() < 0.05 * eye_distance(first)


@pytest.mark.parametrize("detector", faces.DETECTORS)
def test_the_other_detector_is_the_fall_back_and_says_so(detector, monkeypatch):
    monkeypatch.setitem(faces.DETECTORS, detector, lambda image, scale: [])
    face = faces.find_face(portrait("astronaut"), detector)
    assert {face.detector, detector} == set(faces.DETECTORS)
    assert f"not seen by {detector}" in face.decision


def test_each_detector_looks_at_both_scales_before_the_other(monkeypatch):
    asked = []
    for name in faces.DETECTORS:
        monkeypatch.setitem(
            faces.DETECTORS, name, lambda image, scale, name=name: asked.append((name, scale)) or []
        )
    assert faces.find_face(np.zeros((80, 80, 3), np.uint8), "hog") is None
    assert asked == [("hog", 1), ("hog", 2), ("mtcnn", 1), ("mtcnn", 2)]


@pytest.mark.parametrize(("detector", "between_eyes"), [("mtcnn", 15), ("hog", 22)])
def test_a_small_face_is_found_at_twice_the_size_in_the_pixels_of_the_frame(
    detector, between_eyes, monkeypatch
):
    for other in set(faces.DETECTORS) - {detector}:
        monkeypatch.setitem(faces.DETECTORS, other, lambda image, scale: [])
    image = portrait("astronaut")
    large = faces.find_face(image, detector).landmarks
    factor = between_eyes / eye_distance(large)
    small = faces.find_face(
        cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA), detector
    )
    assert small.scale == 2
    assert "twice the size" in small.decision
    assert np.abs(small.landmarks - factor * large).mean() < 0.15 * between_eyes


def test_the_largest_of_several_faces_is_taken():
    image = portrait("astronaut")
    small = cv2.resize(image, None, fx=0.7, fy=0.7)
    small = cv2.copyMakeBorder(small, 0, image.shape[0] - small.shape[0], 0, 0, cv2.BORDER_CONSTANT)
    face = faces.find_face(np.hstack([small, image]))
    assert face.candidates == 2
    assert "the largest of 2 faces" in face.decision
    assert face.landmarks[:, 0].mean() > small.shape[1]


def test_a_face_at_the_border_is_kept_and_said_to_be_there():
    image = portrait("astronaut")
    whole = faces.find_face(image).landmarks
    cut = round(whole[8, 1] - 0.15 * eye_distance(whole))  # through the chin
    face = faces.find_face(np.ascontiguousarray(image[:cut]))
    assert face.border == pytest.approx(np.mean(face.landmarks[:, 1] > cut - 1))
    assert face.border > 0
    assert "landmarks beyond the border" in face.decision
    assert np.abs(face.landmarks[36:48] - whole[36:48]).mean() < 0.1 * eye_distance(whole)


@pytest.mark.parametrize(
    "image",
    [
        np.random.default_rng(0).integers(0, 255, (240, 320, 3), dtype=np.uint8),
        np.zeros((240, 320, 3), np.uint8),
        np.zeros((20, 20, 3), np.uint8),  # smaller than any face that is looked for
    ],
    ids=["noise", "black", "tiny"],
)
def test_no_face_is_none(image):
    assert faces.find_face(image) is None


def test_the_configuration_offers_every_detector():
    schema = Path(__file__).resolve().parents[2] / "workflow" / "schemas" / "config.schema.json"
    offered = json.loads(schema.read_text())["properties"]["faces"]["properties"]["detector"]["enum"]
    assert offered == list(faces.DETECTORS)


def test_an_unknown_detector_names_the_known_ones():
    with pytest.raises(InputError, match=r"faces\.detector.*mtcnn, hog"):
        faces.find_face(np.zeros((80, 80, 3), np.uint8), "haar")


@pytest.mark.parametrize(
    ("load", "package"),
    [
        (faces.landmark_model, "face_recognition_models"),
        (faces._mtcnn_model.__wrapped__, "facenet-pytorch"),
        (faces._hog_model.__wrapped__, "dlib-bin"),
        (faces._predictor.__wrapped__, "dlib-bin"),
    ],
    ids=["landmarks", "mtcnn", "hog", "dlib"],
)
def test_a_missing_package_is_named(monkeypatch, load, package):
    monkeypatch.setattr(faces.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(InputError, match=rf"{package} is not installed.*make setup"):
        load()


@pytest.mark.parametrize(
    ("load", "missing"),
    [
        (faces.landmark_model, r"shape_predictor_68_face_landmarks\.dat.*face_recognition_models"),
        (faces._mtcnn_model.__wrapped__, r"pnet\.pt.*facenet-pytorch"),
    ],
    ids=["landmarks", "mtcnn"],
)
def test_a_missing_model_file_is_named_with_its_package(monkeypatch, tmp_path, load, missing):
    monkeypatch.setattr(faces, "_located", lambda module, package: tmp_path)
    with pytest.raises(InputError, match=missing):
        load()
