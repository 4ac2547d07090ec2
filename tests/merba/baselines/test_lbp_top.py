"""LBP-TOP: codes worked by hand, and what they do not see."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from toy_clips import planted_clips
from toy_flow import CLASSES

from contracts.sequences import Sequence
from merba import create_model
from merba.baselines.lbp_top import BLOCKS, codes, histograms

XY, XT, YT = range(3)
SEE = create_model("lbp_top").see


def clip(frames):
    length, size, _ = frames.shape
    return Sequence(frames, np.zeros((length, 3, size, size), np.float32), np.arange(length) + 1.0, 2.0)


def grey(seed, shape=(10, 22, 22)):
    return np.random.default_rng(seed).integers(0, 200, shape, dtype=np.uint8)


def test_codes_of_one_point_by_hand():
    """One point has all its neighbours in a volume of 9 x 3 x 3; brighter and equal ones set their bits."""
    volume = np.full((9, 3, 3), 50, np.uint8)
    volume[4, 1, 2] = 60  # x + 1
    volume[4, 1, 0] = 40  # x - 1
    volume[4, 0, 1] = 49  # y - 1
    volume[0, 1, 1] = 51  # t - 4
    volume[8, 1, 1] = 10  # t + 4; y + 1 is equal
    assert codes(volume).shape == (3, 1, 1, 1)
    assert codes(volume).ravel().tolist() == [1 + 2, 1 + 8, 1 + 8]


def test_time_reaches_four_frames_and_space_one_pixel():
    volume = np.full((11, 5, 5), 50, np.uint8)
    for away in [(1, 0, 0), (3, 0, 0), (0, 2, 0), (0, 0, 2), (4, 1, 0), (0, 1, 1)]:
        darker = volume.copy()
        darker[tuple(np.add((5, 2, 2), away))] = 0
        assert (codes(darker)[:, 1, 1, 1] == 15).all(), away


def test_turning_time_or_space_permutes_the_bits():
    """Backwards in time the bits of t + 4 and t - 4 change places; on XY nothing happens."""
    volume = grey(0)
    backwards, own = codes(volume[::-1])[:, ::-1], codes(volume)
    swapped = (own & 0b0101) | (own & 0b0010) << 2 | (own & 0b1000) >> 2
    np.testing.assert_array_equal(backwards[XY], own[XY])
    np.testing.assert_array_equal(backwards[XT:], swapped[XT:])
    np.testing.assert_array_equal(codes(volume.transpose(0, 2, 1))[XT], own[YT].transpose(0, 2, 1))


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**31), st.lists(st.integers(0, 255), min_size=40, max_size=40, unique=True))
def test_any_increasing_change_of_grey_values_leaves_the_features(seed, greys):
    frames = grey(seed) % 40
    changed = np.sort(np.array(greys, np.uint8))[frames]
    np.testing.assert_array_equal(SEE(clip(frames)), SEE(clip(changed)))


def test_a_still_clip_has_both_bits_of_time_everywhere():
    still = np.repeat(grey(1, (1, 22, 22)), 10, axis=0)
    patterns = codes(still)
    assert (patterns[XT:] & 0b1010 == 0b1010).all()
    feature = SEE(clip(still)).reshape(BLOCKS**2, 3, 16)
    without = [code for code in range(16) if code & 0b1010 != 0b1010]
    assert (feature[:, XT:, without] == 0).all()
    assert (feature[:, XY, without] > 0).any()


@pytest.mark.parametrize("size", [28, 112])
def test_every_histogram_sums_to_one_and_sees_its_block_alone(size):
    frames = grey(2, (10, size, size))
    feature = SEE(clip(frames)).reshape(BLOCKS, BLOCKS, 3, 16)
    assert feature.size == 1200
    np.testing.assert_allclose(feature.sum(-1), 1, rtol=1e-5)
    changed = frames.copy()
    changed[:, : size // 5 - 2] = 7  # within the first row of blocks
    other = SEE(clip(changed)).reshape(feature.shape)
    np.testing.assert_array_equal(other[1:], feature[1:])
    assert (other[0] != feature[0]).any()


def test_histograms_count_what_a_loop_counts():
    patterns = codes(grey(3, (10, 12, 12)))
    expected = np.zeros((BLOCKS, BLOCKS, 3, 16))
    for (plane, _, row, column), code in np.ndenumerate(patterns):
        expected[row // 2, column // 2, plane, code] += 1
    expected /= expected.sum(-1, keepdims=True)
    np.testing.assert_allclose(histograms(patterns).reshape(expected.shape), expected, rtol=1e-6)


def test_planted_movements_are_told_apart_on_another_person():
    clips, labels = planted_clips(24, 10, 112)
    x = torch.from_numpy(np.stack([SEE(one) for one in clips]))
    y = torch.tensor([CLASSES.index(label) for label in labels])
    fitted, model = create_model("lbp_top"), create_model("lbp_top")
    fitted.fit(x[:18], y[:18])
    model.load_state_dict(fitted.state_dict())
    assert (model.predict(x[:18])[0] == y[:18]).all()
    assert (model.predict(x[18:])[0] == y[18:]).float().mean() >= 0.5
