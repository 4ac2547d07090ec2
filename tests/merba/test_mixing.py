"""Every back-end mixes as the composition in float64 does, in values and in all gradients.

Without a GPU the kernels of `triton` run in Triton's interpreter, in a process of their own, because it
replaces parts of Triton when that is imported. It is slow, so that only small sizes are tried there.
"""

import importlib.util
import os
import subprocess
import sys

import pytest
import torch

from contracts.errors import InputError
from merba import native as cpp
from merba.mixing import Weights, mix
from merba.orders import ORDER_SETS, inverse, scan_order
from merba.scan import VARIABLE, choose_backend, list_backends
from merba.scan.backends import native, triton

# Of the largest number of a tensor: float32 has 6e-8, and sums over hundreds of tokens lose some of it.
SHARE = {torch.float64: 1e-12, torch.float32: 2e-5, torch.bfloat16: 4e-2}
INTERPRETED = os.environ.get("TRITON_INTERPRET") == "1"


@pytest.fixture(autouse=True)
def _no_choice(monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)


def inputs(sequences=5, side=3, half=5, states=3, rank=2, orders=ORDER_SETS["merba"], scale=1.0):
    """xz, weights, orders and inverses in float64, at a general point of the parameters."""

    def normal(*shape, std=0.5):
        return (torch.randn(*shape, dtype=torch.float64) * std).float().double()

    weights = Weights(
        normal(2 * half, 3),
        normal(rank + 2 * states, half),
        normal(half, rank),
        normal(half) - 1,
        normal(half, states),
        normal(half) + 1,
    )
    permutations = torch.stack([scan_order(name, side, side) for name in orders])
    xz = normal(sequences, side * side, 2 * half, std=scale)
    return xz, weights, permutations, torch.stack([inverse(one) for one in permutations])


def with_gradients(xz, weights, orders, inverses, backend, dtype=torch.float64, device="cpu"):
    """Result and gradients of xz and of all weights, under one weighing of the result."""
    wide = dtype if dtype == torch.float64 else torch.float32
    xz = xz.detach().to(device, dtype).requires_grad_()
    weights = Weights(*(one.detach().to(device, wide).requires_grad_() for one in weights))
    with torch.autocast(torch.device(device).type, torch.bfloat16, enabled=dtype == torch.bfloat16):
        y = mix(xz, weights, orders.to(device), inverses.to(device), backend)
    assert y.dtype == dtype
    weighing = torch.cos(torch.arange(y.numel(), dtype=torch.float64)).view(y.shape)
    gradients = torch.autograd.grad((y * weighing.to(y)).sum(), [xz, *weights])
    return [one.double().cpu() for one in (y.detach(), *gradients)]


def assert_alike(mine, true, share):
    for name, one, other in zip(("y", "xz", *Weights._fields), mine, true, strict=True):
        difference, largest = (one - other).abs().max(), other.abs().max()
        assert difference <= share * largest, f"{name}: {difference / largest:.1e} of the largest"


def where_it_runs(name):
    """Device and the widest dtype a back-end has here, a GPU before the CPU; skips without any."""
    cuda = [("cuda", torch.float64), ("cuda", torch.float32)] * torch.cuda.is_available()
    places = [*cuda, ("cpu", torch.float64), ("cpu", torch.float32)]
    for device, dtype in places:
        try:
            choose_backend(torch.empty(0, dtype=dtype, device=device), name)
        except InputError as error:
            why = error.problem
        else:
            return device, dtype
    return pytest.skip(why)


SMALL = [
    {"side": 2, "sequences": 2, "orders": ["v", "hz"]},
    {"side": 1, "sequences": 1, "half": 1, "states": 1, "rank": 1},
    {"sequences": 1, "orders": ["h_r", "v_m", "w2", "hz_r", "vz_m"], "half": 2},
    {"sequences": 1, "side": 2, "orders": ["h"], "half": 9, "rank": 4, "states": 2},
    # MERba's tokens and states.
    {"sequences": 1, "side": 7, "orders": ["v_m"], "half": 2, "rank": 1, "states": 8},
]
FEW_ORDERS = ["h", "v_m"] if INTERPRETED else ORDER_SETS["merba"]
LARGE = [
    {},
    {"scale": 30.0},
    {"sequences": 37, "side": 7, "half": 8, "states": 2, "rank": 1},
    {"orders": ["h", "h"], "side": 7, "half": 33, "rank": 5, "states": 8},
    {"sequences": 3, "side": 14, "states": 8},
    {"sequences": 2, "side": 28, "half": 3, "orders": ORDER_SETS["vmamba"]},
]


@pytest.mark.parametrize("sizes", SMALL if INTERPRETED else SMALL + LARGE, ids=str)
@pytest.mark.parametrize("name", list_backends())
def test_values_and_gradients_are_those_of_the_composition(name, sizes):
    device, dtype = where_it_runs(name)
    args = inputs(**sizes)
    true = with_gradients(*args, "torch")
    for one in {dtype, torch.float32}:
        assert_alike(with_gradients(*args, name, one, device), true, SHARE[one])


@pytest.mark.parametrize("name", list_backends())
def test_half_precision_loses_only_its_own_digits(name):
    device, _ = where_it_runs(name)
    xz, *rest = inputs(**SMALL[0])
    xz = xz.bfloat16().double()
    mine = with_gradients(xz, *rest, name, torch.bfloat16, device)
    assert_alike(mine, with_gradients(xz, *rest, "torch"), SHARE[torch.bfloat16])


@pytest.mark.parametrize("name", list_backends())
def test_sequences_are_kept_apart_and_a_nan_is_not_hidden(name):
    device, dtype = where_it_runs(name)
    sequences = 2 if INTERPRETED else 20
    xz, weights, orders, inverses = inputs(sequences, side=2, orders=FEW_ORDERS)
    spoilt = xz.clone()
    spoilt[1, 2, :] = float("nan")
    whole, mine = (
        with_gradients(one, weights, orders, inverses, name, dtype, device) for one in (xz, spoilt)
    )
    others = torch.arange(sequences) != 1
    for one, other in zip(whole[:2], mine[:2], strict=True):
        assert one[others].equal(other[others])
        assert other[1, 2].isnan().all()
    assert all(gradient.isnan().any() for gradient in mine[2:])


@pytest.mark.parametrize("name", list_backends())
def test_steps_of_any_size_are_finite(name):
    device, dtype = where_it_runs(name)
    xz, weights, orders, inverses = inputs(sequences=2, side=2, half=4, orders=FEW_ORDERS)
    weights = weights._replace(dt_bias=torch.tensor([-200.0, -30.0, 30.0, 200.0], dtype=torch.float64))
    true = with_gradients(xz, weights, orders, inverses, "torch")
    mine = with_gradients(xz, weights, orders, inverses, name, dtype, device)
    assert_alike(mine, true, SHARE[dtype])


# The native back-end


@pytest.fixture
def threads():
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


def test_threads_share_sequences_out_and_change_no_more_than_the_order_of_sums(threads):
    where_it_runs("native")
    args = inputs(sequences=100)
    results = []
    for number in (1, 2, 2, 7):
        threads(number)
        results.append(with_gradients(*args, "native", torch.float32))
    alone, two, again, seven = results
    assert all(one.equal(other) for one, other in zip(two, again, strict=True))
    for mine in (two, seven):
        assert all(one.equal(other) for one, other in zip(mine[:2], alone[:2], strict=True))
        assert_alike(mine, alone, SHARE[torch.float32])


def test_every_number_of_sequences_finds_lanes():
    """A full block, and after it as many as need each narrower width, the last of them full and not."""
    where_it_runs("native")
    lanes = cpp.compiled(native.__file__).mix_lanes()
    args = xz, *rest = inputs(sequences=2 * lanes, side=2)
    whole = with_gradients(*args, "torch")
    for number in range(1, 2 * lanes + 1):
        mine = with_gradients(xz[:number], *rest, "native", torch.float32)
        for one, other in zip(mine[:2], whole[:2], strict=True):
            assert (one - other[:number]).abs().max() <= SHARE[torch.float32] * other.abs().max()
        if number in (1, lanes // 2, lanes + 1, 2 * lanes - 1):
            assert_alike(mine, with_gradients(xz[:number], *rest, "torch"), SHARE[torch.float32])


@pytest.mark.parametrize("states", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("side", [1, 2, 3, 4, 5])
def test_no_size_leaves_a_remainder_out(side, states):
    """Tokens, states and chosen numbers are worked on several at once; sizes of every remainder."""
    where_it_runs("native")
    args = inputs(sequences=2, side=side, half=3, states=states, rank=1 + side % 3, orders=["h", "vz"])
    assert_alike(
        with_gradients(*args, "native", torch.float32), with_gradients(*args, "torch"), SHARE[torch.float32]
    )


def test_without_a_compiler_it_is_refused_by_name_and_passed_over_otherwise(monkeypatch):
    monkeypatch.setenv(cpp.VARIABLE, "0")
    cpp.compiled.cache_clear()
    try:
        assert choose_backend(torch.ones(1)).__name__.endswith(".torch")
        with pytest.raises(InputError, match=r"no C\+\+ compiler, or MERBA_NATIVE is 0\. Use one of torch"):
            choose_backend(torch.ones(1), "native")
    finally:
        cpp.compiled.cache_clear()


def test_what_it_cannot_hold_falls_to_torch():
    for x in (torch.ones(1, dtype=torch.float64), torch.ones(1, device="meta")):
        assert native.obstacle(x)
        assert choose_backend(x).__name__.endswith(".torch")


# The triton back-end


def test_tiles_change_nothing(monkeypatch):
    device, dtype = where_it_runs("triton")
    monkeypatch.setattr(triton, "_TILE", 32)
    args = inputs(sequences=1, side=2, half=5)
    assert_alike(with_gradients(*args, "triton", dtype, device), with_gradients(*args, "torch"), SHARE[dtype])


@pytest.mark.skipif(INTERPRETED or torch.cuda.is_available(), reason="the tests above run it")
@pytest.mark.skipif(importlib.util.find_spec("triton") is None, reason="Triton is not installed")
def test_tritons_interpreter_finds_its_kernels_right():
    tests = [sys.executable, "-m", "pytest", "-o", "addopts=", "-q", "-k", "[triton or tiles", __file__]
    done = subprocess.run(
        tests, env={**os.environ, "TRITON_INTERPRET": "1"}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
    assert "skipped" not in done.stdout
