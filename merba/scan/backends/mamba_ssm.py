"""The kernel of the package mamba-ssm (Gu & Dao 2023), for tensors on CUDA; `docs/gpu.md` builds it.

That package keeps sequences first and tokens last, so tensors are transposed on the way in and out. Its
kernel computes in float32 and keeps no states for the backward pass but those at the ends of long chunks.
"""

import functools
import importlib
import importlib.util
from collections.abc import Callable

import torch
from torch import Tensor

from contracts.errors import InputError

PRIORITY = 3


def obstacle(x: Tensor) -> str | None:
    """The package, its kernel, CUDA or float32 is missing; or None."""
    if x.device.type != "cuda":
        return f"it needs tensors on CUDA, not on {x.device.type}"
    if x.dtype != torch.float32:
        return f"it has no {str(x.dtype).removeprefix('torch.')}"
    return None if _is_installed() else "mamba-ssm is not installed with its CUDA kernel, see docs/gpu.md"


def scan(x: Tensor, dt: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor) -> Tensor:
    """As `merba.scan.selective_scan`."""
    x, dt, B, C = (tensor.permute(2, 0, 1).contiguous() for tensor in (x, dt, B, C))
    return _kernel()(x, dt, A, B, C, D).permute(1, 2, 0).contiguous()


@functools.cache
def _is_installed() -> bool:
    # The package without its compiled part is importable in name only; neither is imported to find out.
    return all(importlib.util.find_spec(name) for name in ("mamba_ssm", "selective_scan_cuda"))


@functools.cache
def _kernel() -> Callable:
    try:
        return importlib.import_module("mamba_ssm.ops.selective_scan_interface").selective_scan_fn
    except ImportError as error:
        raise InputError(
            f"mamba-ssm is installed but does not load ({error})",
            cure="build it anew against this torch as docs/gpu.md says, or set MERBA_SCAN to torch",
        ) from error
