"""Operations along the tokens, their gradients written by hand: autograd's own cost more than the scan.

Layout as in `merba.scan`: (channels, length, sequences).
"""

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable


def read_in_orders(x: Tensor, orders: Tensor, inverses: Tensor) -> Tensor:
    """Read tokens in several orders, one after another: (channels, length, s) -> (channels, length, k * s).

    Args:
        x: tokens.
        orders, inverses: int64 (k, length), permutations and their inverses.
    """
    return _Read.apply(x, orders, inverses)


def put_back_and_sum(y: Tensor, orders: Tensor, inverses: Tensor) -> Tensor:
    """Put every order's tokens back in place and sum: (channels, length, k * s) -> (channels, length, s).

    The adjoint of `read_in_orders`.
    """
    return _PutBack.apply(y, orders, inverses)


def depthwise(x: Tensor, kernel: Tensor) -> Tensor:
    """Convolve along the tokens with one kernel (channels, 3) a channel, padded with zeros.

    Shape and dtype are those of x.
    """
    # Under autocast x comes in half precision; the backward pass, which it does not reach, needs both alike.
    return _Depthwise.apply(x, kernel.to(x.dtype))


class _Read(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, orders, inverses):
        ctx.save_for_backward(inverses)
        return _read(x, orders)

    @staticmethod
    @once_differentiable
    def backward(ctx, grad):
        return _put_back(grad, *ctx.saved_tensors), None, None


class _PutBack(torch.autograd.Function):
    @staticmethod
    def forward(ctx, y, orders, inverses):
        ctx.save_for_backward(orders)
        return _put_back(y, inverses)

    @staticmethod
    @once_differentiable
    def backward(ctx, grad):
        return _read(grad, *ctx.saved_tensors), None, None


def _read(x: Tensor, orders: Tensor) -> Tensor:
    return torch.cat([x.index_select(1, order) for order in orders], 2)


def _put_back(y: Tensor, inverses: Tensor) -> Tensor:
    first, *others = (
        part.index_select(1, p) for part, p in zip(y.chunk(len(inverses), 2), inverses, strict=True)
    )
    for part in others:
        first += part
    return first


class _Depthwise(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, kernel):
        ctx.save_for_backward(x, kernel)
        return _convolve(x, kernel)

    @staticmethod
    @once_differentiable
    def backward(ctx, grad):
        x, kernel = ctx.saved_tensors
        taps = [_dot(grad[:, 1:], x[:, :-1]), _dot(grad, x), _dot(grad[:, :-1], x[:, 1:])]
        return _convolve(grad, kernel.flip(1)), torch.stack(taps, 1)


def _dot(a: Tensor, b: Tensor) -> Tensor:
    """Inner product of every channel's values: (channels, ...) twice -> (channels,)."""
    return (a.flatten(1)[:, None] @ b.flatten(1)[:, :, None])[:, 0, 0]


def _convolve(x: Tensor, kernel: Tensor) -> Tensor:
    before, here, after = kernel[:, :, None, None].unbind(1)
    y = x * here
    y[:, 1:].addcmul_(x[:, :-1], before)
    y[:, :-1].addcmul_(x[:, 1:], after)
    return y
