"""The apex policies, and the spotter against curves and clips with a known apex."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.errors import InputError
from preprocess.apex import Apex, locate, midpoint, spot, unimodal


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
