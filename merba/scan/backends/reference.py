"""The definition, token by token, differentiated by autograd: what the other back-ends must agree with."""

import torch
from torch import Tensor

PRIORITY = 0


def obstacle(x: Tensor) -> None:
    """None: it runs everywhere."""


def scan(x: Tensor, dt: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor) -> Tensor:
    """As `merba.scan.selective_scan`. For its gradient autograd keeps every token's states."""
    state = x.new_zeros(x.shape[0], A.shape[1], x.shape[2])
    outputs = []
    for t in range(x.shape[1]):
        decay = torch.exp(dt[:, t, None] * A[:, :, None])
        state = decay * state + (dt[:, t] * x[:, t])[:, None] * B[None, :, t]
        outputs.append((state * C[None, :, t]).sum(1) + D[:, None] * x[:, t])
    return torch.stack(outputs, 1)
