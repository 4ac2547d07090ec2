"""PyTorch alone, on every device: the recurrence in place over tiles, with a hand-written backward pass.

Memory beyond inputs and outputs is one tile: states are recomputed in the backward pass, not kept.
"""

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

PRIORITY = 2

# Elements of one (length, states, channels, sequences) working tensor. On a CPU a handful of them must
# stay in the second-level cache; on a GPU few large kernels beat many small ones.
_TILE_ELEMENTS = {"cpu": 256 * 1024, "cuda": 64 * 1024 * 1024}
# Of one token of it: with hundreds of tokens, smaller steps would cost more to call than to compute.
_STEP_ELEMENTS = 1536
_ROW = 256


def obstacle(x: Tensor) -> None:
    """None: it runs everywhere."""


def scan(x: Tensor, dt: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor) -> Tensor:
    """As `merba.scan.selective_scan`."""
    return torch.addcmul(_Scan.apply(x, dt, A, B, C), x, D[:, None, None])


class _Scan(torch.autograd.Function):
    """y without the D term, tile by tile over channels and sequences, which the recurrence never mixes."""

    @staticmethod
    def forward(ctx, x, dt, A, B, C):
        ctx.save_for_backward(x, dt, A, B, C)
        y = torch.empty_like(x)
        for channels, rows in _tiles(x, A):
            dt_, x_ = _time_major(dt, channels, rows), _time_major(x, channels, rows)
            B_, C_ = _by_state(B, rows), _by_state(C, rows)
            _, states = _states(dt_, dt_ * x_, A[channels], B_)
            y[channels, :, rows] = (states * C_).sum(1).transpose(0, 1)
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx, grad_y):
        x, dt, A, B, C = ctx.saved_tensors
        grad_x, grad_dt, grad_A = torch.empty_like(x), torch.empty_like(dt), torch.zeros_like(A)
        grad_B, grad_C = torch.zeros_like(B), torch.zeros_like(C)
        for channels, rows in _tiles(x, A):
            dt_, x_ = _time_major(dt, channels, rows), _time_major(x, channels, rows)
            B_, C_ = _by_state(B, rows), _by_state(C, rows)
            decay, states = _states(dt_, dt_ * x_, A[channels], B_)
            grad_out = _time_major(grad_y, channels, rows)[:, None]

            grad_C[:, :, rows] += (states * grad_out).sum(2).transpose(0, 1)
            # The adjoint recurrence runs backwards: g[t] = C[t] grad_y[t] + decay[t+1] g[t+1].
            adjoint = C_ * grad_out
            steps, decays = adjoint.unbind(0), decay.unbind(0)
            for t in range(len(steps) - 2, -1, -1):
                steps[t].addcmul_(decays[t + 1], steps[t + 1])

            grad_B[:, :, rows] += (adjoint * (dt_ * x_)[:, None]).sum(2).transpose(0, 1)
            grad_input = (adjoint * B_).sum(1)
            # d/d(dt A) of the decay term; the first token has no state before it.
            exponent = adjoint.mul_(decay)[1:].mul_(states[:-1])
            grad_A[channels] += (exponent * dt_[1:, None]).sum((0, 3)).T
            grad_step = grad_input * x_
            grad_step[1:] += (exponent * A[channels].T[:, :, None]).sum(1)
            grad_x[channels, :, rows] = (grad_input * dt_).transpose(0, 1)
            grad_dt[channels, :, rows] = grad_step.transpose(0, 1)
        return grad_x, grad_dt, grad_A, grad_B, grad_C


def _states(dt: Tensor, dt_x: Tensor, A: Tensor, B: Tensor) -> tuple[Tensor, Tensor]:
    """Decay and state, both (length, states, channels, sequences), of one tile."""
    decay = (dt[:, None] * A.T[:, :, None]).exp_()
    states = B * dt_x[:, None]
    steps, decays = states.unbind(0), decay.unbind(0)
    for t in range(1, len(steps)):
        steps[t].addcmul_(decays[t], steps[t - 1])
    return decay, states


def _tiles(x: Tensor, A: Tensor):
    """Slices of channels and of sequences whose working tensors stay within the budget."""
    channels, length, sequences = x.shape
    tile = _TILE_ELEMENTS.get(x.device.type, _TILE_ELEMENTS["cpu"])
    budget = max(1, max(tile // length, _STEP_ELEMENTS) // A.shape[1])
    row = min(sequences, _ROW if x.device.type == "cpu" else sequences, budget)
    depth = max(1, min(channels, budget // row))
    for d in range(0, channels, depth):
        for s in range(0, sequences, row):
            yield slice(d, d + depth), slice(s, s + row)


def _time_major(tensor: Tensor, channels: slice, rows: slice) -> Tensor:
    """(channels, length, sequences) -> contiguous (length, channels', sequences') of one tile."""
    return tensor[channels, :, rows].transpose(0, 1).contiguous()


def _by_state(tensor: Tensor, rows: slice) -> Tensor:
    """(states, length, sequences) -> contiguous (length, states, 1, sequences') of one tile."""
    return tensor[:, :, rows].transpose(0, 1).contiguous()[:, :, None]
