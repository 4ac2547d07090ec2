"""The fast scan is the plain loop, in value and in gradient, however it is cut into tiles."""

import pytest
import torch

from merba import scan, tokens
from merba.scan import selective_scan, selective_scan_reference


def inputs(channels=3, length=5, sequences=4, states=2, dtype=torch.float64):
    x, D = torch.randn(channels, length, sequences, dtype=dtype), torch.randn(channels, dtype=dtype)
    dt, A = torch.rand(channels, length, sequences, dtype=dtype), -torch.rand(channels, states, dtype=dtype)
    B, C = torch.randn(2, states, length, sequences, dtype=dtype)
    return [tensor.clone().requires_grad_() for tensor in (x, dt, A, B, C, D)]


@pytest.mark.parametrize("budget", [1, 60, 10**6])
def test_values_and_gradients_are_the_reference_loops(monkeypatch, budget):
    monkeypatch.setitem(scan._TILE_ELEMENTS, "cpu", budget)
    monkeypatch.setattr(scan, "_ROW", 3)
    args = inputs()
    weight = torch.randn(3, 5, 4, dtype=torch.float64)
    fast, slow = selective_scan(*args), selective_scan_reference(*args)
    torch.testing.assert_close(fast, slow, rtol=0, atol=1e-12)
    for mine, true in zip(
        torch.autograd.grad((fast * weight).sum(), args),
        torch.autograd.grad((slow * weight).sum(), args),
        strict=True,
    ):
        torch.testing.assert_close(mine, true, rtol=0, atol=1e-12)


def test_gradcheck():
    assert torch.autograd.gradcheck(selective_scan, inputs())


@pytest.mark.parametrize("length", [1, 49])
def test_window_lengths(length):
    args = inputs(channels=2, length=length, sequences=7, states=8)
    torch.testing.assert_close(selective_scan(*args), selective_scan_reference(*args), rtol=0, atol=1e-12)


def test_state_is_float32_for_half_precision_inputs():
    args = [tensor.detach().bfloat16() for tensor in inputs(length=49, dtype=torch.float32)]
    y = selective_scan(*args)
    exact = selective_scan_reference(*(tensor.double() for tensor in args))
    assert y.dtype == torch.bfloat16
    torch.testing.assert_close(y.double(), exact, rtol=2**-7, atol=2e-2)


def test_the_scan_is_causal():
    x, *rest = inputs()
    later = x.detach().clone()
    later[:, 3] += 1
    before, after = selective_scan(x, *rest), selective_scan(later, *rest)
    assert torch.equal(before[:, :3], after[:, :3])
    assert not torch.allclose(before[:, 3:], after[:, 3:])


def test_a_hand_worked_scan():
    one = torch.ones(1, 1, 1, dtype=torch.float64)
    x, dt = one * torch.tensor([2.0, 3.0]).reshape(1, 2, 1), one.expand(1, 2, 1) * 0.5
    A, D = -torch.ones(1, 1, dtype=torch.float64), torch.tensor([10.0], dtype=torch.float64)
    B, C = torch.ones(1, 2, 1, dtype=torch.float64), torch.ones(1, 2, 1, dtype=torch.float64)
    y = selective_scan(x, dt, A, B, C, D).flatten()
    first = 0.5 * 2
    second = torch.tensor(-0.5).double().exp() * first + 0.5 * 3
    torch.testing.assert_close(y, torch.stack([torch.tensor(first + 20.0).double(), second + 30]))


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
