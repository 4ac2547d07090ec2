"""The fused attention against torch's in double precision."""

import pytest
import torch
import torch.nn.functional as F

from merba import native
from merba.kernels import attention

compiled = pytest.mark.skipif(native.compiled(attention.__file__) is None, reason="no C++ compiler")


def torchs(qkv, heads):
    q, k, v = qkv.unflatten(2, (3, heads, -1)).permute(2, 0, 3, 1, 4)
    return F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)


def tokens(n, length, heads, width, scale=1.0):
    generator = torch.Generator().manual_seed(length * width)
    qkv = torch.randn(n, length, 3 * heads * width, generator=generator) * scale
    return qkv, torch.randn(n, length, heads * width, generator=generator)


def both(function, qkv, gradient, heads):
    """What it returns, and the gradient of qkv."""
    qkv = qkv.clone().requires_grad_()
    out = function(qkv, heads)
    out.backward(gradient)
    return out.detach(), qkv.grad


def assert_near(ours, exact, tolerance=5e-6):
    """To a share of the largest: rounding errors of a sum are as large as its largest terms make them."""
    assert ours.shape == exact.shape
    assert (ours - exact).abs().max() <= tolerance * exact.abs().max().clamp(min=1e-3)


@compiled
@pytest.mark.parametrize("length", [1, 5, 16, 33, 49, 196])
@pytest.mark.parametrize(
    "heads,width", [(2, 16), (4, 16), (1, 1), (3, 4), (2, 20), (1, 30), (2, 32), (1, 64)]
)
def test_it_is_that_of_double_precision(length, heads, width):
    qkv, gradient = tokens(3, length, heads, width)
    exact = both(torchs, qkv.double(), gradient.double(), heads)
    for ours, theirs in zip(both(attention.attend, qkv, gradient, heads), exact, strict=True):
        assert_near(ours, theirs)


@compiled
@pytest.mark.parametrize("scale", [0.0, 1e-3, 5.0, 20.0])
@pytest.mark.parametrize("length", [5, 49])
def test_scores_of_any_size(scale, length):
    """Up to some 1600: e^score is far beyond float32, and rounding of the scores is what remains."""
    qkv, gradient = tokens(2, length, 2, 16, scale)
    exact = both(torchs, qkv.double(), gradient.double(), 2)
    for ours, theirs in zip(both(attention.attend, qkv, gradient, 2), exact, strict=True):
        assert_near(ours, theirs, 5e-6 * max(1.0, scale**2))


@compiled
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_keys_beyond_the_last_have_no_weight(sign):
    """All scores far above or far below the zero that padding would have."""
    qkv = torch.ones(1, 5, 3 * 16)
    qkv[..., :16], qkv[..., 16:32] = 10.0, sign * 10.0
    ours = both(attention.attend, qkv, torch.ones(1, 5, 16), 1)
    torch.testing.assert_close(ours[0], torch.ones(1, 5, 16))
    torch.testing.assert_close(ours[1][..., 32:], torch.ones(1, 5, 16))


@compiled
@pytest.mark.parametrize("part", ["query", "key", "value"])
@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_what_is_no_number_is_not_hidden(part, value):
    qkv, gradient = tokens(2, 49, 2, 16)
    qkv[1, 48, ["query", "key", "value"].index(part) * 32 + 16 + 3] = value
    ours, theirs = both(attention.attend, qkv, gradient, 2), both(torchs, qkv, gradient, 2)
    for own, other in zip(ours, theirs, strict=True):
        assert not own[~other.isfinite()].isfinite().any()
        assert own[0].isfinite().all()
    # The other head of the same clip has nothing to do with it.
    assert ours[0][1, :, :16].isfinite().all()


@compiled
def test_a_payload_does_not_make_a_number_of_nan():
    qkv, gradient = tokens(1, 5, 1, 16)
    qkv.view(torch.int32)[0, 0, 0] = 0x7FC00001
    assert both(attention.attend, qkv, gradient, 1)[0][0, 0].isnan().all()


@compiled
def test_the_same_bits_every_time():
    qkv, gradient = tokens(8, 196, 2, 16)
    first, second = both(attention.attend, qkv, gradient, 2), both(attention.attend, qkv, gradient, 2)
    assert all(map(torch.equal, first, second))


@compiled
def test_tokens_may_lie_in_memory_as_they_like():
    qkv, gradient = tokens(3, 49, 2, 16)
    plain = both(attention.attend, qkv, gradient, 2)
    turned = qkv.transpose(0, 1).contiguous().transpose(0, 1).requires_grad_()
    out = attention.attend(turned, 2)
    out.backward(gradient[:1, :1].expand_as(gradient))
    assert torch.equal(out, plain[0])
    assert torch.equal(turned.grad, both(attention.attend, qkv, gradient[:1, :1].repeat(3, 49, 1), 2)[1])


@compiled
def test_no_second_derivative():
    qkv = tokens(1, 5, 1, 16)[0].requires_grad_()
    (slope,) = torch.autograd.grad(attention.attend(qkv, 1).square().sum(), qkv, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        slope.sum().backward()


@compiled
def test_what_the_kernel_cannot_do_is_left_to_torch():
    qkv = tokens(2, 5, 2, 16)[0]
    assert attention.serves(qkv, 2)
    assert not attention.serves(qkv.double(), 2)
    assert not attention.serves(qkv.bfloat16(), 2)
    assert not attention.serves(qkv.to("meta"), 2)
    assert attention.serves(torch.rand(2, 5, 3 * 64), 1)
    assert not attention.serves(torch.rand(2, 5, 3 * 68), 1)
    with torch.no_grad():
        assert not attention.serves(qkv, 2)
    seen = []
    torch.vmap(lambda one: seen.append(attention.serves(one, 2)) or one)(qkv[None])
    torch.func.grad(lambda one: seen.append(attention.serves(one, 2)) or one.sum())(qkv)
    assert seen == [False, False]


def test_kernels_can_be_left_out(monkeypatch):
    monkeypatch.setenv(native.VARIABLE, "0")
    native.compiled.cache_clear()
    assert not attention.serves(torch.rand(2, 5, 96), 2)
    native.compiled.cache_clear()
