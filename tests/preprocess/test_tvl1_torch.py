"""TV-L1 in PyTorch: OpenCV's flow, of each pair by itself, and on the way to the cache."""

import itertools
import json
import platform
import subprocess
import sys

import cv2
import numpy as np
import pytest
import torch

import benchmarks.tvl1_backends as benchmark
from contracts.errors import InputError
from preprocess.flow import flow_and_strain, optical_flow, strain
from preprocess.tvl1 import TVL1
from preprocess.tvl1_torch import _exchanges, _median, _resize, _warp, batch_size, tvl1

SAME_ARITHMETIC = platform.machine() in ("x86_64", "AMD64") and cv2.ipp.useIPP()
DEVICES = [
    "cpu",
    pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")),
]


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def pairs():
    """Onset and apex of a dozen synthetic clips, (12, 64, 64) each."""
    return benchmark.crops(list(itertools.islice(benchmark.recordings(seed=5), 12)), 64)


@pytest.fixture(scope="module")
def record(pairs):
    return optical_flow(*pairs, "tvl1")


@pytest.fixture(scope="module")
def together(pairs):
    return tvl1(*pairs, "cpu")


def texture(height, width, seed=0):
    noise = np.random.default_rng(seed).normal(size=(height, width)).astype(np.float32)
    return np.clip(128 + 400 * cv2.GaussianBlur(noise, (0, 0), 2), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("device", DEVICES)
def test_flow_and_strain_are_those_of_opencv(pairs, record, device):
    found = benchmark.difference(tvl1(*pairs, device), record)
    assert found["largest_flow"] > 1, "there is motion to find"
    assert not benchmark.missed({64: {"PyTorch": found}})
    assert found["strain"]["0.99"] < 0.05
    if SAME_ARITHMETIC:
        # Not all: the limit of the change can lie between two ways to add it up.
        assert found["same_bits"] >= 11


@pytest.mark.skipif(not SAME_ARITHMETIC, reason="OpenCV rounds otherwise on this machine")
@pytest.mark.parametrize("size", [(16, 16), (19, 64), (28, 28), (40, 33), (65, 97)])
def test_sizes_that_allow_one_level_to_five_have_the_same_bits(size):
    first = texture(*size)
    second = np.roll(first, 1, axis=1)
    np.testing.assert_array_equal(
        optical_flow(first, second, "tvl1_torch"), optical_flow(first, second, "tvl1")
    )


@pytest.mark.parametrize("device", DEVICES)
def test_a_pair_has_the_same_bits_in_any_company(pairs, device):
    every = tvl1(*pairs, device)
    for company in ([3], [8], [11, 0, 3, 5, 8]):
        np.testing.assert_array_equal(tvl1(*(one[company] for one in pairs), device), every[company])


def test_more_pairs_than_a_batch_holds(monkeypatch, pairs, together):
    monkeypatch.setattr("preprocess.tvl1_torch._AT_ONCE", {"cpu": 5 * 64 * 64})
    assert batch_size(64, 64, "cpu") == 5
    np.testing.assert_array_equal(tvl1(*pairs, "cpu"), together)


def test_a_still_pair_converges_beside_one_that_moves(pairs, together):
    onset, apex = (one[:2].copy() for one in pairs)
    apex[0] = onset[0]
    still, moving = tvl1(onset, apex, "cpu")
    assert np.abs(still).max() == 0
    np.testing.assert_array_equal(moving, together[1])


def test_pictures_without_any_texture_do_not_move():
    plain = np.full((2, 32, 32), 100, np.uint8)
    assert np.abs(tvl1(plain, plain + 30, "cpu")).max() == 0


@pytest.mark.parametrize("method", ["tvl1", "tvl1_torch"])
def test_stacks_of_any_shape_are_pairs_one_by_one(pairs, method):
    onset, apex = (one[:4].reshape(2, 2, 64, 64) for one in pairs)
    together = flow_and_strain(onset, apex, method)
    assert together.shape == (2, 2, 3, 64, 64)
    np.testing.assert_array_equal(together[1, 0], flow_and_strain(onset[1, 0], apex[1, 0], method))
    np.testing.assert_array_equal(together[1, 0, 2], strain(together[1, 0, :2]))
    assert flow_and_strain(onset[:0], apex[:0], method).shape == (0, 2, 3, 64, 64)


def test_the_median_is_that_of_five_by_five_pixels_with_the_border_repeated():
    flow = torch.from_numpy(np.random.default_rng(0).normal(size=(2, 2, 23, 18)).astype(np.float32))
    expected = [[cv2.medianBlur(channel.numpy(), TVL1["median"]) for channel in one] for one in flow]
    np.testing.assert_array_equal(_median(flow), expected)


@pytest.mark.parametrize("count", range(2, 9))
def test_the_network_sorts_whatever_is_wanted(count):
    """A network that sorts all sequences of zeros and ones sorts everything (Knuth 5.3.4, theorem Z)."""
    for rank in range(count):
        for values in itertools.product((0, 1), repeat=count):
            planes = list(values)
            for low, high, smaller, larger in _exchanges(count, (rank,)):
                one, other = sorted((planes[low], planes[high]))
                planes[low], planes[high] = one if smaller else None, other if larger else None
            assert planes[rank] == sorted(values)[rank]


@pytest.mark.parametrize(("old", "new"), [(64, 51), (28, 22), (179, 224), (22, 28)])
def test_resizing_samples_where_opencv_does(old, new):
    image = np.random.default_rng(0).uniform(0, 255, (old, old)).astype(np.float32)
    found = _resize(torch.from_numpy(image)[None, None], (new, new), 1.25 if new < old else None)[
        0, 0
    ].numpy()
    # The pyramid goes down by a factor and up to a size.
    theirs = cv2.resize(image, None, fx=0.8, fy=0.8) if new < old else cv2.resize(image, (new, new))
    # Without IPP the share of a pixel is rounded to float32.
    np.testing.assert_allclose(found, theirs, rtol=0, atol=0 if SAME_ARITHMETIC else 0.01)


def test_warping_sees_what_opencv_sees_inside_across_and_beyond_the_border():
    random = np.random.default_rng(0)
    image = random.uniform(0, 255, (40, 50)).astype(np.float32)
    flow = random.normal(size=(2, 40, 50)).astype(np.float32) * np.float32([[[20]], [[2]]])
    flow[:, 0, 0] = 1e6
    y, x = np.mgrid[:40, :50].astype(np.float32)
    theirs = cv2.remap(image, x + flow[0], y + flow[1], cv2.INTER_CUBIC)
    found = _warp(torch.from_numpy(image)[None, None], torch.from_numpy(flow)[None])[0, 0].numpy()
    np.testing.assert_allclose(found, theirs, rtol=0, atol=0 if SAME_ARITHMETIC else 1e-3)


def test_a_small_picture_does_not_spoil_what_comes_after_it():
    """One OpenCV object that saw a picture too small for five scales leaves them out ever after."""
    first, second = texture(96, 96), np.roll(texture(96, 96), 4, axis=1)
    before = optical_flow(first, second)
    optical_flow(first[:28, :28].copy(), second[:28, :28].copy())
    np.testing.assert_array_equal(optical_flow(first, second), before)


def test_an_unknown_method_is_refused_with_the_known_ones():
    with pytest.raises(InputError, match="tvl1_torch"):
        optical_flow(texture(32, 32), texture(32, 32), "tvl2")


def test_torch_is_imported_for_its_own_method_alone():
    code = (
        "import sys, numpy; from preprocess.flow import optical_flow; a = numpy.zeros((2, 32, 32), 'uint8')\n"
        "for method in ('tvl1', 'tvl1_torch'): optical_flow(a, a, method); print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True"]


def test_the_benchmark_notices_flow_that_is_off(record):
    found = benchmark.difference(record + np.float32(0.05), record)
    assert found["same_bits"] == 0
    assert found["strain"]["1"] < 1e-4, "a shift is no strain"
    assert len(benchmark.missed({64: {"PyTorch": found}})) == 2, "too far at two of three quantiles"


def test_the_benchmark_runs(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(benchmark, "QUICK", ({32: 2}, 1, (28,)))
    monkeypatch.setattr("preprocess.tvl1_torch._AT_ONCE", {"cpu": 2 * 28 * 28})
    assert benchmark.main(["--quick", "--device", "cpu", "--json", str(tmp_path / "found.json")]) == 0
    assert "| PyTorch, cpu | 28 | 2 |" in capsys.readouterr().out
    found = json.loads((tmp_path / "found.json").read_text())
    assert {what for what, _, _ in found["headline"]} == {
        "TV-L1 at 28 px, OpenCV",
        "TV-L1 at 28 px, PyTorch, cpu",
        "TV-L1 at 28 px, PyTorch, cpu: times OpenCV",
    }
