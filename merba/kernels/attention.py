"""Softmax attention in training, fused for a CPU core.

The C++ loop reads queries, keys and values where `nn.Linear` has put them, writes their gradient there too,
and keeps of all scores two numbers a query. One thread, however many torch has: trainings run beside one
another. Without it, `torch.nn.functional.scaled_dot_product_attention` computes the same.
"""

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from merba import native

_WIDEST_HEAD = 64


def serves(qkv: Tensor, heads: int) -> bool:
    """Whether `attend` can take these: float32 on the CPU in training, and not within `torch.func`."""
    return (
        not torch.compiler.is_compiling()
        and qkv.device.type == "cpu"
        and qkv.dtype == torch.float32
        and torch.is_grad_enabled()
        and qkv.shape[2] <= 3 * heads * _WIDEST_HEAD
        # vmap wants `setup_context`, which costs every call some 50 us; nothing that attends is stacked.
        and not torch._C._are_functorch_transforms_active()
        and native.compiled(__file__) is not None
    )


def attend(qkv: Tensor, heads: int) -> Tensor:
    """Every token's mean of all values by softmax(query . key / sqrt(head width)), heads side by side.

    Args:
        qkv: (n, l, 3 * d) that `serves` accepts: queries, keys and values, in each one head after another.
        heads: divides d.

    Returns:
        (n, l, d)
    """
    return _Attention.apply(qkv, heads)


class _Attention(torch.autograd.Function):
    @staticmethod
    def forward(ctx, qkv, heads):
        n, length, packed = qkv.shape
        d = packed // 3
        qkv, out, kept = qkv.contiguous(), torch.empty(n, length, d), torch.empty(n, heads, 2, length)
        run = native.compiled(__file__).attention_forward
        native.call(run, qkv, n, length, heads, d // heads, out, kept)
        ctx.heads = heads
        ctx.save_for_backward(qkv, out, kept)
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient):
        qkv, out, kept = ctx.saved_tensors
        n, length, d = out.shape
        grad_qkv = torch.empty_like(qkv)
        sizes = n, length, ctx.heads, d // ctx.heads
        run = native.compiled(__file__).attention_backward
        native.call(run, gradient.contiguous(), qkv, out, kept, *sizes, grad_qkv)
        return grad_qkv, None
