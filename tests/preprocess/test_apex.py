"""The apex policies, and the spotter against curves and clips with a known apex."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.errors import InputError
from preprocess import apex as module
from preprocess.apex import Apex, locate, midpoint, motion_curves, smoothing, spot, unimodal
from preprocess.corpora.synthetic.landmarks import MIRRORED


def test_policies():
    numbers = [10, 11, 13, 14, 15]
    spotter = lambda: Apex(14, "spotted (here)")  # noqa: E731
    for near in (Apex(11, "annotated"), Apex(12, "nearest-on-disk")):
        assert locate("annotated", annotated=near, numbers=numbers, spotter=spotter) == near
    assert locate("annotated", annotated=None, numbers=numbers, spotter=spotter).source == "midpoint"
    assert locate("spotted", annotated=Apex(11, "annotated"), numbers=numbers, spotter=spotter).frame == 14
    assert locate("spotted", annotated=None, numbers=[1, 2], spotter=spotter).source == "midpoint"
    with pytest.raises(InputError, match="annotated, spotted, midpoint"):
        locate("guessed", annotated=None, numbers=numbers, spotter=spotter)


def test_the_midpoint_is_a_frame_that_exists_despite_gaps():
    assert midpoint([1, 2, 50, 51, 52]).frame == 50


@given(st.integers(3, 40), st.data())
@settings(max_examples=50, deadline=None)
def test_a_unimodal_curve_is_fitted_exactly_and_its_peak_found(length, data):
    peak = data.draw(st.integers(0, length - 1))
    steps = st.floats(0.01, 1)
    rise = np.cumsum(data.draw(st.lists(steps, min_size=peak, max_size=peak)))
    fall = np.cumsum(data.draw(st.lists(steps, min_size=length - 1 - peak, max_size=length - 1 - peak)))
    top = max(rise.max(initial=0), fall.max(initial=0)) + 1
    curve = np.concatenate([rise, [top], top - 1e-3 - fall])
    found, explained = unimodal(curve)
    assert found == peak
    assert explained == pytest.approx(1)


def test_a_flat_curve_explains_nothing():
    assert unimodal(np.full(9, 3.0))[1] == 0


def clip_with_apex(apex, length=30, amplitude=3.0, noise=2.0, seed=0):
    """A textured square whose mouth region rises to its apex and falls; returns frames and landmarks."""
    rng = np.random.default_rng(seed)
    image = np.clip(
        128 + 400 * cv2.GaussianBlur(rng.normal(size=(224, 224)).astype(np.float32), (0, 0), 2), 0, 255
    )
    landmarks = np.full((68, 2), 112.0)
    landmarks[17:22] = [[40 + 8 * k, 60] for k in range(5)]
    landmarks[22:27] = [[150 + 8 * k, 60] for k in range(5)]
    landmarks[36:42], landmarks[42:48] = [60, 80], [160, 80]
    landmarks[[48, 49, 59]], landmarks[[53, 54, 55]] = [80, 170], [145, 170]
    landmarks[28] = [112, 100]
    y, x = np.mgrid[0:224, 0:224].astype(np.float32)
    bump = np.exp(-((x - 80) ** 2 + (y - 170) ** 2) / (2 * 15**2)).astype(np.float32)
    frames = []
    for t in range(length):
        level = t / apex if t <= apex else (length - 1 - t) / (length - 1 - apex)
        moved = cv2.remap(
            image.astype(np.float32), x, y + np.float32(amplitude * level) * bump, cv2.INTER_CUBIC
        )
        frames.append(np.clip(moved + rng.normal(scale=noise, size=moved.shape), 0, 255).astype(np.uint8))
    return np.stack(frames), landmarks


@pytest.mark.parametrize("apex", [8, 15, 22])
def test_the_spotter_finds_a_planted_apex(apex):
    frames, landmarks = clip_with_apex(apex)
    numbers = list(range(101, 131))
    found = spot(frames, numbers, landmarks, fps=100)
    assert found.source.startswith("spotted (right mouth corner")
    assert abs(found.frame - numbers[apex]) <= 2


def test_without_motion_the_spotter_says_midpoint():
    frames, landmarks = clip_with_apex(15, amplitude=0.0, noise=0.0)
    assert spot(frames, list(range(30)), landmarks, fps=100) == midpoint(list(range(30)))


def test_the_mirrored_clip_has_its_apex_on_the_same_frame_and_the_other_side():
    frames, landmarks = clip_with_apex(12)
    landmarks = (landmarks * (-1, 1) + (223, 0))[list(MIRRORED)]
    found = spot(frames[:, :, ::-1].copy(), list(range(30)), landmarks, fps=100)
    assert found.source.startswith("spotted (left mouth corner")
    assert abs(found.frame - 12) <= 2


def test_light_that_comes_and_goes_moves_no_apex():
    frames, landmarks = clip_with_apex(12)
    light = np.random.default_rng(1).normal(scale=4, size=(30, 1, 1))
    flickering = np.clip(np.rint(frames + light), 0, 255).astype(np.uint8)
    assert abs(spot(flickering, list(range(30)), landmarks, fps=100).frame - 12) <= 2


def test_a_head_that_moves_as_a_whole_leaves_no_flow():
    frames, landmarks = clip_with_apex(15, amplitude=0.0, noise=0.0, length=6)
    moved = np.stack([np.roll(frame, t, axis=1) for t, frame in enumerate(frames)])
    for (region, kind), curve in motion_curves(moved, landmarks).items():
        assert curve.max() < (0.25 if kind == "flow" else 0.05), region


@pytest.mark.parametrize("landmarks", [None, np.full((68, 2), np.nan)], ids=["none", "nan"])
def test_without_landmarks_the_spotter_says_midpoint(landmarks):
    numbers = list(range(5, 14))
    assert spot(clip_with_apex(4, length=9)[0], numbers, landmarks, fps=200) == midpoint(numbers)


@pytest.mark.parametrize("shift", [(-150, 0), (0, 200), (500, 500)], ids=["left", "below", "away"])
def test_a_face_that_leaves_the_picture_is_no_fault(shift):
    frames, landmarks = clip_with_apex(5, length=11)
    curves = motion_curves(frames, landmarks + shift)
    assert all(np.isfinite(curve).all() for curve in curves.values())
    assert spot(frames, list(range(11)), landmarks + shift, fps=200).frame in range(11)


RISE_AND_FALL = np.concatenate([np.arange(9.0), np.arange(6.0)[::-1]])
JAGGED = np.arange(15.0) % 2


@pytest.mark.parametrize(
    ("clear", "source"),
    [
        ({"left brow", "right eye", "rest of face"}, "spotted (left brow flow)"),
        ({"right eye", "rest of face"}, "spotted (right eye flow)"),
        ({"rest of face"}, "spotted (rest of face flow)"),
        (set(), "midpoint"),
    ],
)
def test_brows_and_mouth_come_before_eyes_before_the_rest_before_the_middle(monkeypatch, clear, source):
    regions = (*module._BROWS_AND_MOUTH, *module._EYES, module._REST)
    curves = {
        (name, kind): RISE_AND_FALL if name in clear and kind == "flow" else JAGGED
        for name in regions
        for kind in ("flow", "strain")
    }
    assert len(regions) == 7
    monkeypatch.setattr(module, "motion_curves", lambda *_: curves)
    found = spot(np.zeros((15, 8, 8), np.uint8), list(range(15)), np.zeros((68, 2)), fps=20)
    assert found.source == source
    assert found.frame == (8 if clear else 7)


UNSTEADY = RISE_AND_FALL + 0.6 * np.resize([1, -1], 15)


@pytest.mark.parametrize("whole", [np.arange(15.0), np.arange(15.0)[::-1]], ids=["rises", "falls"])
@pytest.mark.parametrize(
    ("region", "kind"), [("left brow", "strain"), ("right mouth corner", "flow"), ("left eye", "flow")]
)
def test_a_curve_that_only_rises_or_falls_hides_no_peak_of_its_group_nor_of_the_next(
    monkeypatch, whole, region, kind
):
    regions = (*module._BROWS_AND_MOUTH, *module._EYES, module._REST)
    curves = {(name, kind): JAGGED for name in regions for kind in ("flow", "strain")}
    curves |= {("left brow", "flow"): whole, (region, kind): UNSTEADY}
    assert unimodal(whole)[1] > unimodal(UNSTEADY)[1], "fitted best, and no peak"
    monkeypatch.setattr(module, "motion_curves", lambda *_: curves)
    found = spot(np.zeros((15, 8, 8), np.uint8), list(range(15)), np.zeros((68, 2)), fps=20)
    assert found == Apex(8, f"spotted ({region} {kind})")


@pytest.mark.parametrize(
    ("length", "fps", "frames"),
    [(33, 100, 5), (67, 200, 11), (74, 200, 11), (150, 500, 25), (30, 500, 5), (3, 500, 1)],
)
def test_curves_are_smoothed_over_a_twentieth_of_a_second_but_a_sixth_of_the_clip(length, fps, frames):
    assert smoothing(length, fps) == frames
