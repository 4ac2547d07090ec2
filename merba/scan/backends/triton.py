"""All of `merba.mixing.mix` on CUDA, in kernels that Triton compiles (`merba.scan.triton_kernels`).

Reading in order, convolution and activation are one kernel, the scan with all that is pointwise around it
another, and so are their gradients; the two projections between them stay matrix products of cuBLAS. Kept for
the backward pass are xz and the weights; the state is float32 whatever the precision of xz. Sums run in a
fixed order.

With `TRITON_INTERPRET=1` Triton's interpreter runs them on a CPU, slowly: that is how they are tested without
a GPU.
"""

import importlib.util
import os

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

# Its kernels have run in the interpreter and been compiled, but not on a GPU yet: nothing takes it by itself.
PRIORITY = 1

# Numbers of a (tokens, channels, states) tile, and of a warp: registers hold about twenty of a backward pass.
_TILE, _WARP = 2048, 512


def obstacle(x: Tensor) -> str | None:
    """Triton, CUDA or float32 is missing; or None."""
    if x.device.type != "cuda" and not (x.device.type == "cpu" and os.environ.get("TRITON_INTERPRET") == "1"):
        return f"it needs tensors on CUDA, not on {x.device.type}"
    if x.dtype != torch.float32:
        return f"it has no {str(x.dtype).removeprefix('torch.')}"
    return None if _is_installed() else "Triton is not installed"


def mix(xz: Tensor, weights: tuple[Tensor, ...], orders: Tensor, inverses: Tensor) -> Tensor:
    """As `merba.mixing.mix`."""
    return _Mix.apply(xz, orders, *weights)


class _Mix(torch.autograd.Function):
    @staticmethod
    def forward(ctx, xz, orders, *weights):
        xz, orders = xz.contiguous(), orders.contiguous()
        weights = [weight.contiguous() for weight in weights]
        ctx.save_for_backward(xz, orders, *weights)
        # Autocast would widen the sum.
        with torch.cuda.device_of(xz), torch.autocast(xz.device.type, enabled=False):
            parts = xz.new_empty(len(orders), *xz.shape)
            rows = _rows_in_order(xz, orders, weights, parts)
            *_, dt_bias, A_log, D = weights
            tile = _tile(xz, weights)
            _kernels().scan[_grid(xz, orders, len(D), tile)](
                *rows, dt_bias, A_log, D, orders, parts, *_sizes(xz, weights), **tile
            )
            return parts.sum(0)

    @staticmethod
    @once_differentiable
    def backward(ctx, grad_y):
        xz, orders, *weights = ctx.saved_tensors
        kernel, x_proj, dt_proj, dt_bias, A_log, D = weights
        grad_y = grad_y.contiguous()
        with torch.cuda.device_of(xz), torch.autocast(xz.device.type, enabled=False):
            parts = xz.new_empty(len(orders), *xz.shape)
            x, raw, chosen = _rows_in_order(xz, orders, weights, parts)
            grad_x, grad_raw, grad_chosen = (
                torch.empty_like(x),
                torch.empty_like(raw),
                torch.empty_like(chosen),
            )
            programs = (len(orders), len(xz))
            grad_A_log, grad_D = A_log.new_empty(*programs, *A_log.shape), D.new_empty(*programs, *D.shape)
            _kernels().scan_backward[(len(xz), len(orders))](
                x, raw, chosen, dt_bias, A_log, D, orders, grad_y,
                grad_x, grad_raw, grad_chosen, grad_A_log, grad_D, *_sizes(xz, weights), **_tile(xz, weights),
            )  # fmt: skip
            rank = dt_proj.shape[1]
            grad_chosen[:, :rank] = grad_raw @ dt_proj.to(xz.dtype)
            grad_x.addmm_(grad_chosen, x_proj.to(xz.dtype))
            grad_kernel = kernel.new_empty(*programs, *kernel.shape)
            tile = _tile(xz)
            _kernels().convolve_backward[_grid(xz, orders, len(kernel), tile)](
                xz, kernel, orders, grad_x, grad_y, parts, grad_kernel, *xz.shape[:2], len(D), **tile
            )
            return (
                parts.sum(0),
                None,
                grad_kernel.sum((0, 1)),
                (grad_chosen.T @ x).to(x_proj.dtype),
                (grad_raw.T @ chosen[:, :rank]).to(dt_proj.dtype),
                grad_raw.sum(0, dtype=dt_bias.dtype),
                grad_A_log.sum((0, 1)),
                grad_D.sum((0, 1)),
            )


def _rows_in_order(xz: Tensor, orders: Tensor, weights: list[Tensor], parts: Tensor) -> tuple[Tensor, ...]:
    """x, the step before its bias and all that tokens choose, a row a token in scan order; z into `parts`."""
    kernel, x_proj, dt_proj, *_ = weights
    (half, rank), tile = dt_proj.shape, _tile(xz)
    x = xz.new_empty(len(orders) * xz.shape[0] * xz.shape[1], half)
    _kernels().convolve[_grid(xz, orders, len(kernel), tile)](
        xz, kernel, orders, x, parts, *xz.shape[:2], half, **tile
    )
    chosen = x @ x_proj.to(x.dtype).T
    return x, chosen[:, :rank] @ dt_proj.to(x.dtype).T, chosen


def _sizes(xz: Tensor, weights: list[Tensor]) -> tuple[int, ...]:
    (half, rank), (_, states) = weights[2].shape, weights[4].shape
    return (*xz.shape[:2], half, rank, states)


def _tile(xz: Tensor, weights: list[Tensor] | None = None) -> dict[str, int]:
    """All tokens, with weights all states, as many channels as then fit, and the warps for all that."""
    length, channels = xz.shape[1:]
    T = _power_of_two(length)
    N = _power_of_two(weights[4].shape[1]) if weights else 1
    C = min(_power_of_two(channels // 2), max(1, _TILE // (T * N)))
    tile = {"T": T, "C": C, "num_warps": min(16, max(1, T * C * N // _WARP))}
    return tile | {"N": N} if weights else tile


def _grid(xz: Tensor, orders: Tensor, channels: int, tile: dict[str, int]) -> tuple[int, int, int]:
    return len(xz), len(orders), -(-channels // tile["C"])


def _is_installed() -> bool:
    return importlib.util.find_spec("triton") is not None


def _power_of_two(size: int) -> int:
    return 1 << (size - 1).bit_length()


def _kernels():
    from merba.scan import triton_kernels

    return triton_kernels
