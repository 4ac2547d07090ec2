"""Clips over time: instants, interpolation across gaps, and flow of every step against the onset."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.errors import InputError
from contracts.sequences import read_contents, read_sequence, write_sequences
from preprocess.flow import flow_and_strain, shrink
from preprocess.sequences import instants, make_sequence, resample

RANDOM = np.random.default_rng(0)
NUMBERS = st.lists(st.integers(1, 300), min_size=2, max_size=40, unique=True).map(sorted)


def ramp(numbers):
    """Pictures whose brightness is their time: any wrong weight shows."""
    for number in numbers:
        yield np.full((4, 4), number % 256, np.uint8)


class Folder:
    """Frames that count how often each was decoded."""

    def __init__(self, pictures):
        self.pictures, self.decoded = pictures, []

    def __call__(self, numbers):
        for number in numbers:
            self.decoded.append(number)
            yield self.pictures[number]


def blob(shift, size=64):
    """A textured picture moved to the right by `shift` pixels."""
    x, y = np.meshgrid(np.arange(size) - shift, np.arange(size))
    return (128 + 60 * np.sin(x / 3.1) * np.cos(y / 4.3) + 40 * np.sin((x + y) / 5.7)).astype(np.uint8)


@given(NUMBERS, st.integers(2, 40))
def test_instants_are_equidistant_in_time_from_onset_to_offset(numbers, steps):
    positions = instants(numbers, steps)
    assert (len(positions), positions[0], positions[-1]) == (steps, numbers[0], numbers[-1])
    np.testing.assert_allclose(np.diff(positions), (numbers[-1] - numbers[0]) / (steps - 1), atol=2e-6)


@given(NUMBERS)
def test_all_is_every_frame_as_it_is(numbers):
    assert instants(numbers, None).tolist() == numbers
    pictures = {number: RANDOM.integers(0, 256, (3, 3), dtype=np.uint8) for number in numbers}
    for number, picture in zip(numbers, resample(numbers, Folder(pictures), numbers), strict=True):
        np.testing.assert_array_equal(picture, pictures[number])


@given(st.lists(st.integers(1, 255), min_size=2, max_size=40, unique=True).map(sorted), st.integers(2, 25))
def test_what_changes_linearly_in_time_is_met_exactly_even_across_gaps(numbers, steps):
    positions = instants(numbers, steps)
    for position, picture in zip(positions, resample(numbers, ramp, positions), strict=True):
        assert abs(float(picture[0, 0]) - position) <= 0.5 + 1e-3


def test_a_gap_is_weighted_by_numbers_and_not_by_ranks():
    """Frames 10 and 20 are there, 11 to 19 are lost; 13 is three tenths of the way."""
    pictures = {10: np.full((2, 2), 100, np.uint8), 20: np.full((2, 2), 200, np.uint8)}
    (picture,) = resample([10, 20], Folder(pictures), [13.0])
    assert (picture == 130).all()


@given(NUMBERS, st.integers(2, 60))
def test_no_frame_is_decoded_twice_and_none_in_vain(numbers, steps):
    folder = Folder({number: np.zeros((2, 2), np.uint8) for number in numbers})
    positions = instants(numbers, steps)
    list(resample(numbers, folder, positions))
    assert folder.decoded == sorted(set(folder.decoded))
    for number in folder.decoded:
        assert np.abs(positions - number).min() < np.diff(numbers).max()


def test_flow_of_each_step_is_the_caches_flow_from_the_onset():
    pictures = {number: blob(0.1 * k) for k, number in enumerate([7, 8, 9, 12])}
    found = make_sequence(list(pictures), Folder(pictures), 9, 16, None)
    assert (found.frames.shape, found.flow.shape) == ((4, 16, 16), (4, 3, 16, 16))
    assert not found.flow[0].any()
    for k, picture in enumerate(pictures.values()):
        np.testing.assert_array_equal(found.frames[k], shrink(picture[None], 16)[0])
        if k:
            expected = shrink(flow_and_strain(pictures[7], picture), 16)
            np.testing.assert_array_equal(found.flow[k], expected)


def test_a_steady_motion_grows_in_proportion_to_time_whatever_frames_are_lost():
    speed = 0.15
    pictures = {number: blob(speed * (number - 1)) for number in range(1, 14) if number not in (4, 5, 9)}
    found = make_sequence(list(pictures), Folder(pictures), 7, 64, 5)
    assert found.position.tolist() == [1, 4, 7, 10, 13]
    inside = found.flow[:, 0, 8:-8, 8:-8].mean(axis=(1, 2))
    np.testing.assert_allclose(inside, speed * (found.position - 1), atol=0.1)


@pytest.mark.parametrize(
    ("size", "steps", "said"),
    [(128, 3, "128 px from crops of 64 px"), (28, 1, "1 steps")],
    ids=["enlarge", "steps"],
)
def test_what_cannot_be_had_is_refused(size, steps, said):
    pictures = {1: blob(0), 2: blob(1)}
    with pytest.raises(InputError, match=said):
        make_sequence([1, 2], Folder(pictures), 2, size, steps)


@pytest.mark.parametrize("steps", [3, None])
@pytest.mark.parametrize("size", [28, 64])
def test_what_is_made_is_what_the_contract_takes(tmp_path, size, steps):
    pictures = {number: blob(0.2 * number) for number in (3, 4, 6, 7)}
    made = make_sequence(list(pictures), Folder(pictures), 6, size, steps, "dis")
    write_sequences(tmp_path / "s.h5", [("c/s/1", made)], size, steps, {})
    assert read_contents(tmp_path / "s.h5").clip_ids == ["c/s/1"]
    read = read_sequence(tmp_path / "s.h5", "c/s/1")
    np.testing.assert_array_equal(read.flow, made.flow)
    assert read.apex == 6
