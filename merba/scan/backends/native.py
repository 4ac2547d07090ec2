"""All of `merba.mixing.mix` in one C++ loop for float32 on a CPU, the file `native.cpp` beside this one.

Between layers nothing but xz and its result passes through memory: windows of a few dozen tokens are
convolved, scanned and put back within the caches, and the backward pass computes again what the forward pass
had. Half precision is widened to float32 and narrowed again.
"""

import ctypes

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from merba.native import VARIABLE, compiled

PRIORITY = 4


def obstacle(x: Tensor) -> str | None:
    """Another device or precision, or nothing compiled; or None."""
    if x.device.type != "cpu":
        return f"it needs tensors on a CPU, not on {x.device.type}"
    if x.dtype != torch.float32:
        return f"it has no {str(x.dtype).removeprefix('torch.')}"
    return None if compiled(__file__) else f"there is no C++ compiler, or {VARIABLE} is 0"


def mix(xz: Tensor, weights: tuple[Tensor, ...], orders: Tensor, inverses: Tensor) -> Tensor:
    """As `merba.mixing.mix`."""
    return _Mix.apply(xz.float(), orders, *weights).to(xz.dtype)


class _Mix(torch.autograd.Function):
    @staticmethod
    def forward(ctx, xz, orders, *weights):
        xz, orders = xz.contiguous(), orders.contiguous()
        flat = torch.cat([weight.flatten() for weight in weights]).float()
        ctx.save_for_backward(xz, orders, flat)
        ctx.shapes = [weight.shape for weight in weights]
        y = torch.empty_like(xz)
        _call("mix_forward", ctx.shapes, orders, flat, _threads(xz), xz, y)
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx, grad_y):
        xz, orders, flat = ctx.saved_tensors
        threads = _threads(xz)
        grad_xz, grads = torch.empty_like(xz), flat.new_zeros(threads, len(flat))
        _call("mix_backward", ctx.shapes, orders, flat, threads, xz, grad_y.contiguous(), grad_xz, grads)
        parts = grads.sum(0).split([shape.numel() for shape in ctx.shapes])
        return grad_xz, None, *(part.view(shape) for part, shape in zip(parts, ctx.shapes, strict=True))


def _threads(xz: Tensor) -> int:
    """torch's, but no more than there are blocks of sequences."""
    return max(1, min(torch.get_num_threads(), -(-len(xz) // compiled(__file__).mix_lanes())))


def _call(
    name: str, shapes: list[torch.Size], orders: Tensor, flat: Tensor, threads: int, *rows: Tensor
) -> None:
    """One of the functions of `native.cpp`."""
    (half, rank), (_, states) = shapes[2], shapes[4]
    # The order of its `Sizes`.
    sizes = (*rows[0].shape[:2], half, rank, states, len(orders))
    pointers = [ctypes.c_void_p(row.data_ptr()) for row in rows]
    getattr(compiled(__file__), name)(
        (ctypes.c_int64 * 6)(*sizes),
        ctypes.c_void_p(flat.data_ptr()),
        ctypes.c_void_p(orders.data_ptr()),
        ctypes.c_int64(threads),
        *pointers,
    )
