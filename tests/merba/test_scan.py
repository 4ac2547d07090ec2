"""Every back-end that scans is the plain loop, in value and gradient; the choice; operations along tokens."""

import subprocess
import sys
from types import ModuleType, SimpleNamespace

import pytest
import torch

from contracts.errors import InputError
from contracts.provenance import code_digest
from merba import tokens
from merba.scan import VARIABLE, choose_backend, list_backends, selective_scan
from merba.scan.backends import mamba_ssm, native, reference, triton
from merba.scan.backends import torch as tiled


@pytest.fixture(autouse=True)
def _no_choice(monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)


def inputs(channels=3, length=5, sequences=4, states=2, dtype=torch.float64, device="cpu"):
    x, D = torch.randn(channels, length, sequences, dtype=dtype), torch.randn(channels, dtype=dtype)
    dt, A = torch.rand(channels, length, sequences, dtype=dtype), -torch.rand(channels, states, dtype=dtype)
    B, C = torch.randn(2, states, length, sequences, dtype=dtype)
    return [tensor.to(device, copy=True).requires_grad_() for tensor in (x, dt, A, B, C, D)]


def assert_same(one, other, args, **tolerance):
    """Equal values, and equal gradients of an arbitrary weighing of them."""
    torch.testing.assert_close(one, other, **tolerance)
    weight = torch.randn_like(other)
    mine = torch.autograd.grad((one * weight).sum(), args)
    true = torch.autograd.grad((other * weight).sum(), args)
    for a, b in zip(mine, true, strict=True):
        torch.testing.assert_close(a, b, **tolerance)


def where_it_runs(name):
    """Device, dtype and tolerance of the most exact arithmetic a back-end has here; skips without any."""
    cuda = [("cuda", torch.float64, 1e-12), ("cuda", torch.float32, 1e-4)] * torch.cuda.is_available()
    places = [*cuda, ("cpu", torch.float64, 1e-12)]
    for device, dtype, tolerance in places:
        try:
            choose_backend(torch.empty(1, dtype=dtype, device=device), name, "scan")
        except InputError as error:
            why = error.problem
        else:
            return device, dtype, {"rtol": tolerance, "atol": tolerance}
    return pytest.skip(why)


@pytest.mark.parametrize(
    "sizes",
    [
        {},
        {"length": 1},
        {"length": 49, "sequences": 7, "states": 8},
        {"channels": 1, "sequences": 1, "states": 1},
        {"channels": 2, "length": 784, "sequences": 2, "states": 8},
    ],
    ids=str,
)
@pytest.mark.parametrize("name", list_backends("scan"))
def test_values_and_gradients_are_the_reference_loops(name, sizes):
    device, dtype, tolerance = where_it_runs(name)
    args = inputs(**sizes, dtype=dtype, device=device)
    assert_same(selective_scan(*args, backend=name), reference.scan(*args), args, **tolerance)


@pytest.mark.parametrize("name", list_backends("scan"))
def test_state_is_float32_for_half_precision_inputs(name):
    device, _, _ = where_it_runs(name)
    args = [tensor.detach().bfloat16() for tensor in inputs(length=49, device=device)]
    y = selective_scan(*args, backend=name)
    exact = reference.scan(*(tensor.double() for tensor in args))
    assert y.dtype == torch.bfloat16
    # The one rounding is that of y itself: half a unit in the last place of eight bits.
    torch.testing.assert_close(y.double(), exact, rtol=2**-8, atol=1e-5)


@pytest.mark.parametrize("name", list_backends("scan"))
def test_the_scan_is_causal_and_keeps_sequences_apart(name):
    device, dtype, _ = where_it_runs(name)
    x, *rest = inputs(dtype=dtype, device=device)
    changed = x.detach().clone()
    changed[:, 3, 1] += 1
    differs = (selective_scan(x, *rest, backend=name) != selective_scan(changed, *rest, backend=name)).any(0)
    expected = torch.zeros(5, 4, dtype=torch.bool, device=device)
    expected[3:, 1] = True
    assert differs.equal(expected)


def test_a_hand_worked_scan():
    one = torch.ones(1, 1, 1, dtype=torch.float64)
    x, dt = one * torch.tensor([2.0, 3.0]).reshape(1, 2, 1), one.expand(1, 2, 1) * 0.5
    A, D = -torch.ones(1, 1, dtype=torch.float64), torch.tensor([10.0], dtype=torch.float64)
    B, C = torch.ones(1, 2, 1, dtype=torch.float64), torch.ones(1, 2, 1, dtype=torch.float64)
    y = reference.scan(x, dt, A, B, C, D).flatten()
    first = 0.5 * 2
    second = torch.tensor(-0.5).double().exp() * first + 0.5 * 3
    torch.testing.assert_close(y, torch.stack([torch.tensor(first + 20.0).double(), second + 30]))


# The torch back-end


@pytest.mark.parametrize("budget", [1, 60, 10**6])
def test_tiles_change_nothing(monkeypatch, budget):
    monkeypatch.setitem(tiled._TILE_ELEMENTS, "cpu", budget)
    monkeypatch.setattr(tiled, "_STEP_ELEMENTS", 1)
    monkeypatch.setattr(tiled, "_ROW", 3)
    args = inputs()
    assert_same(tiled.scan(*args), reference.scan(*args), args, rtol=0, atol=1e-12)


def test_the_handwritten_gradient_is_that_of_finite_differences():
    assert torch.autograd.gradcheck(tiled.scan, inputs())


@pytest.mark.parametrize("length", [49, 784])
def test_a_tile_stays_small_however_long_the_sequences(length):
    x, A = torch.empty(128, length, 512, device="meta"), torch.empty(128, 8, device="meta")
    sizes = [(d.stop - d.start) * (s.stop - s.start) * length * 8 for d, s in tiled._tiles(x, A)]
    assert max(sizes) * 4 < 8e6


# The mamba_ssm back-end


def in_that_packages_layout(u, delta, A, B, C, D):
    """u, delta (B, D, L), A (D, N), B and C (B, N, L), D (D,): one scalar after another."""
    batch, dim, length = u.shape
    states = A.shape[1]
    assert delta.shape == u.shape
    assert A.shape[0] == D.shape[0] == dim
    assert B.shape == C.shape == (batch, states, length)
    rows = []
    for b in range(batch):
        for d in range(dim):
            state = [u.new_zeros(())] * states
            for t in range(length):
                out = D[d] * u[b, d, t]
                for n in range(states):
                    step = delta[b, d, t]
                    state[n] = torch.exp(step * A[d, n]) * state[n] + step * B[b, n, t] * u[b, d, t]
                    out = out + C[b, n, t] * state[n]
                rows.append(out)
    return torch.stack(rows).reshape(batch, dim, length)


@pytest.fixture
def stand_in(monkeypatch):
    """A module in the place of the package's own, and whatever its kernel is set to."""
    module = ModuleType("mamba_ssm.ops.selective_scan_interface")
    module.selective_scan_fn = in_that_packages_layout
    monkeypatch.setitem(sys.modules, module.__name__, module)
    mamba_ssm._kernel.cache_clear()
    yield module
    mamba_ssm._kernel.cache_clear()


def test_the_adapter_to_mamba_ssm_transposes_there_and_back(stand_in):
    """Tests the adapter alone; the package's kernel takes part in the tests above where it is installed."""
    args = inputs(channels=3, length=4, sequences=2, states=5)
    assert_same(mamba_ssm.scan(*args), reference.scan(*args), args, rtol=0, atol=1e-12)


def test_the_adapter_hands_over_contiguous_tensors(stand_in):
    seen = []
    stand_in.selective_scan_fn = lambda *args: seen.extend(args) or args[0]
    y = mamba_ssm.scan(*inputs())
    assert all(tensor.is_contiguous() for tensor in (*seen, y))


def test_a_package_that_does_not_load_is_reported_with_a_cure(monkeypatch):
    monkeypatch.setitem(sys.modules, "mamba_ssm.ops.selective_scan_interface", None)
    mamba_ssm._kernel.cache_clear()
    with pytest.raises(InputError, match=r"docs/gpu\.md"):
        mamba_ssm.scan(*inputs())


# The choice


def on_cuda(dtype=torch.float32):
    return SimpleNamespace(device=torch.device("cuda"), dtype=dtype)


def names(backend):
    return backend.__name__.rpartition(".")[2]


@pytest.fixture
def installed(monkeypatch):
    """Whether packages that may be missing are there."""

    def set_installed(**packages):
        monkeypatch.setattr(mamba_ssm, "_is_installed", lambda: packages["mamba_ssm"])
        monkeypatch.setattr(triton, "_is_installed", lambda: packages["triton"])
        monkeypatch.setattr(native, "compiled", lambda _: packages["native"])

    return set_installed


def test_all_back_ends_mix_and_some_scan_alone():
    assert list_backends() == ["native", "mamba_ssm", "torch", "triton", "reference"]
    assert list_backends("scan") == ["mamba_ssm", "torch", "reference"]


@pytest.mark.parametrize(
    ("there", "on_cpu", "in_double", "on_gpu"),
    [
        ({"native", "triton", "mamba_ssm"}, "native", "torch", "mamba_ssm"),
        ({"triton"}, "torch", "torch", "torch"),
        ({"mamba_ssm"}, "torch", "torch", "mamba_ssm"),
        (set(), "torch", "torch", "torch"),
    ],
    ids=["all", "triton", "mamba_ssm", "none"],
)
def test_the_best_that_can_run_is_chosen(installed, there, on_cpu, in_double, on_gpu):
    installed(**{name: name in there for name in ("native", "triton", "mamba_ssm")})
    assert names(choose_backend(torch.ones(1))) == on_cpu
    assert names(choose_backend(torch.ones(1).double())) == in_double
    assert names(choose_backend(on_cuda())) == on_gpu
    assert names(choose_backend(on_cuda(torch.float64))) == "torch"
    assert names(choose_backend(torch.ones(1), task="scan")) == "torch"


def test_the_environment_names_one_and_an_argument_overrules_it(monkeypatch, installed):
    installed(native=True, triton=False, mamba_ssm=False)
    monkeypatch.setenv(VARIABLE, "reference")
    assert choose_backend(torch.ones(1)) is reference
    assert choose_backend(torch.ones(1), "torch") is tiled
    monkeypatch.setenv(VARIABLE, "")
    assert choose_backend(torch.ones(1)) is native


def test_what_is_not_installed_is_refused_with_a_cure(monkeypatch, installed):
    installed(native=True, triton=False, mamba_ssm=False)
    monkeypatch.setenv(VARIABLE, "triton")
    with pytest.raises(
        InputError, match=rf"{VARIABLE}: 'triton' cannot run here: Triton is not installed\. Use one of torch"
    ):
        choose_backend(on_cuda())
    assert names(choose_backend(on_cuda(), "torch")) == "torch"


def test_what_cannot_run_is_refused_with_a_cure(monkeypatch):
    with pytest.raises(InputError, match="Did you mean 'torch'"):
        choose_backend(torch.ones(1), "torhc")
    with pytest.raises(InputError, match=r"CUDA, not on cpu\. Use one of .*torch, reference"):
        choose_backend(torch.ones(1), "mamba_ssm")
    with pytest.raises(
        InputError, match=r"'native' cannot run here: it has no float64\. Use one of torch, reference"
    ):
        choose_backend(torch.ones(1).double(), "native")
    monkeypatch.setenv(VARIABLE, "tritn")
    with pytest.raises(InputError, match=f"{VARIABLE}: unknown back-end.*Did you mean 'triton'"):
        choose_backend(torch.ones(1))
    monkeypatch.setenv(VARIABLE, "native")
    with pytest.raises(InputError, match="'native' does not scan alone"):
        selective_scan(*inputs())


def test_nothing_is_imported_that_is_not_chosen():
    """In a process of its own: another test of this one may have chosen them."""
    code = """
import sys, torch
from merba.scan import selective_scan
x, dt, B, C = torch.rand(3, 5, 4), torch.rand(3, 5, 4), torch.rand(2, 5, 4), torch.rand(2, 5, 4)
selective_scan(x, dt, -torch.rand(3, 2), B, C, torch.rand(3))
print(*{"mamba_ssm", "merba.scan.triton_kernels"} & set(sys.modules))
"""
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.split() == []


@pytest.mark.parametrize("name", list_backends("mix"))
def test_a_changed_back_end_changes_the_digest_of_jobs(name):
    """A job's code is digested by following imports, which registries hide."""
    assert code_digest("merba.network") == code_digest("merba.network", f"merba.scan.backends.{name}")


# Along the tokens


def test_token_operations_against_plain_indexing():
    x = torch.randn(3, 4, 2, dtype=torch.float64, requires_grad=True)
    orders = torch.stack([torch.randperm(4) for _ in range(3)])
    inverses = orders.argsort(1)
    read = tokens.read_in_orders(x, orders, inverses)
    torch.testing.assert_close(read, torch.cat([x[:, order] for order in orders], 2))
    torch.testing.assert_close(tokens.put_back_and_sum(read, orders, inverses), 3 * x)
    assert torch.autograd.gradcheck(lambda x: tokens.read_in_orders(x, orders, inverses), x)
    assert torch.autograd.gradcheck(lambda y: tokens.put_back_and_sum(y, orders, inverses), read)


def test_depthwise_is_a_padded_convolution():
    x = torch.randn(3, 5, 2, dtype=torch.float64, requires_grad=True)
    kernel = torch.randn(3, 3, dtype=torch.float64, requires_grad=True)
    expected = torch.nn.functional.conv1d(x.permute(2, 0, 1), kernel[:, None], padding=1, groups=3)
    torch.testing.assert_close(tokens.depthwise(x, kernel), expected.permute(1, 2, 0))
    assert torch.autograd.gradcheck(tokens.depthwise, (x, kernel))


def test_depthwise_in_half_precision_stays_so_and_the_kernel_learns():
    x = torch.randn(3, 5, 2, dtype=torch.bfloat16, requires_grad=True)
    kernel = torch.randn(3, 3, requires_grad=True)
    y = tokens.depthwise(x, kernel)
    y.float().square().sum().backward()
    assert y.dtype == x.grad.dtype == torch.bfloat16
    assert kernel.grad.dtype == torch.float32
