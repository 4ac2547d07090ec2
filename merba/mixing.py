"""The Mixer's work along the tokens, in several scan orders at once (MERba v1, eqs 2 and 3).

In each direction the tokens are read in its order, convolved over three neighbours and activated; the first
half of channels is scanned, with steps, inputs and outputs that the tokens choose; then every token is put
back in its place, and the directions are summed.

A back-end of `merba.scan` that only scans is composed with PyTorch's operations around it; one that knows
all of this, and keeps what passes between the operations in fast memory, does it whole.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, float32, promote_types

from merba.scan import choose_backend, selective_scan
from merba.tokens import depthwise, put_back_and_sum, read_in_orders


class Weights(NamedTuple):
    """What the directions share; half is channels / 2, the scanned ones, and rank that of the step.

    Attributes:
        kernel: (channels, 3), of the convolution.
        x_proj: (rank + 2 * states, half): step, B and C by x.
        dt_proj: (half, rank).
        dt_bias: (half,).
        A_log: (half, states), log of -A.
        D: (half,).
    """

    kernel: Tensor
    x_proj: Tensor
    dt_proj: Tensor
    dt_bias: Tensor
    A_log: Tensor
    D: Tensor


def mix(xz: Tensor, weights: Weights, orders: Tensor, inverses: Tensor, backend: str | None = None) -> Tensor:
    """Sum of all directions, y over z: (sequences, length, channels) -> the same shape and dtype.

    Args:
        xz: projected tokens, those to scan over those to convolve only.
        weights: see there.
        orders, inverses: int64 (directions, length), permutations of the tokens and their inverses.
        backend: one of `merba.scan.list_backends()`; default: `MERBA_SCAN`, or else the best that can run.

    Raises:
        InputError: no such back-end, or it cannot run here.
    """
    wide = promote_types(xz.dtype, float32)
    chosen = choose_backend(xz.new_empty(0, dtype=wide), backend)
    if hasattr(chosen, "mix"):
        return chosen.mix(xz, weights, orders, inverses)
    return _compose(xz, weights, orders, inverses, chosen.__name__.rpartition(".")[2])


def _compose(xz: Tensor, weights: Weights, orders: Tensor, inverses: Tensor, scan: str) -> Tensor:
    kernel, x_proj, dt_proj, dt_bias, A_log, D = weights
    (half, states), rank = A_log.shape, dt_proj.shape[1]
    # Directions share one scan as further sequences of a long batch.
    xz = read_in_orders(xz.permute(2, 1, 0).contiguous(), orders, inverses)
    x, z = F.silu(depthwise(xz, kernel)).split(half)
    dt, B, C = _project(x_proj, x).split([rank, states, states])
    dt = F.softplus(_project(dt_proj, dt) + dt_bias[:, None, None])
    mixed = torch.cat([selective_scan(x, dt, -A_log.exp(), B, C, D, scan), z])
    return put_back_and_sum(mixed, orders, inverses).permute(2, 1, 0)


def _project(weight: Tensor, x: Tensor) -> Tensor:
    """Along the first dimension of (channels, length, sequences)."""
    return (weight @ x.flatten(1)).unflatten(1, x.shape[1:])
