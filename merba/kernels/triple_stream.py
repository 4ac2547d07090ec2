"""STSTNet's three streams in training, fused for a CPU core.

Operation by operation, every feature map of the batch goes through memory a dozen times. The kernel keeps a
clip's maps in the first-level cache and computes them a second time for the gradient; what BatchNorm needs of
the batch is two sums a channel. `merba.baselines.ststnet` has the same in torch's operations.
"""

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn

from merba import native
from merba.kernels.bernoulli import dropout_factors

_MOST_CHANNELS, _MOST_PIXELS = 3, 60


def serves(x: Tensor) -> bool:
    """Whether `features` can take these clips: float32 on the CPU, where no gradient of them is asked."""
    return (
        x.device.type == "cpu"
        and x.dtype == torch.float32
        and torch.is_grad_enabled()
        and not x.requires_grad
        and x.shape[1] <= _MOST_CHANNELS
        and x.shape[-1] == x.shape[-2] <= _MOST_PIXELS
        and native.compiled(__file__) is not None
    )


def features(x: Tensor, branches: Sequence[tuple[nn.Conv2d, nn.BatchNorm2d]], dropout: nn.Module) -> Tensor:
    """Clips (n, channels, size, size) -> (n, 16 * half * half), half 5 at size 28; updates running averages.

    Args:
        x: clips that `serves` accepts.
        branches: convolution (padding 2) and BatchNorm of 3, 5 and 8 channels, in training mode.
        dropout: `nn.Dropout`, drawn from torch's default generator; or a module that gives its `factors`.
    """
    side = (x.shape[-1] + 1) // 3 + 1
    shapes = [(len(x), conv.out_channels, side, side) for conv, _ in branches]
    given = getattr(dropout, "factors", None)
    drops = [given(shape) if given else dropout_factors(shape, dropout.p) for shape in shapes]
    convs, norms = zip(*branches, strict=True)
    learned = [
        *(conv.weight for conv in convs),
        *(conv.bias for conv in convs),
        *(norm.weight for norm in norms),
        *(norm.bias for norm in norms),
    ]
    out, moments = _Streams.apply(float(norms[0].eps), x, *drops, *learned)[:2]
    pixels = len(x) * (x.shape[-1] + 2) ** 2
    with torch.no_grad():
        unbiased = torch.tensor([[1.0], [pixels / (pixels - 1)]], dtype=torch.float64)
        own_moments = (moments * unbiased).float().split([conv.out_channels for conv in convs], 1)
        for norm, (mean, variance) in zip(norms, own_moments, strict=True):
            norm.running_mean.mul_(1 - norm.momentum).add_(mean, alpha=norm.momentum)
            norm.running_var.mul_(1 - norm.momentum).add_(variance, alpha=norm.momentum)
            norm.num_batches_tracked += 1
    return out


class _Streams(torch.autograd.Function):
    """Features of clips, and what the backward pass and the running averages want.

    x (n, channels, size, size); of the three streams dropout's factors (n, 3 | 5 | 8, side, side), and
    weights (3 | 5 | 8, channels, 3, 3), biases, BatchNorm's weights and biases. Out come features
    (n, 16 * half**2) and, of the ReLU's output, mean and biased variance over the batch, (2, 16) in float64.
    All may have a leading axis of models.
    """

    @staticmethod
    def forward(eps, x, *drops_and_learned):
        models, (n, channels, size) = x.shape[:-4], x.shape[-4:-1]
        side = (size + 1) // 3 + 1
        out = torch.empty(*models, n, 16 * (side // 2) ** 2)
        moments = torch.empty(*models, 2, 16, dtype=torch.float64)
        pooled = torch.empty(*models, n, side**2, 16)
        where = torch.empty(*models, n, side**2, 16, dtype=torch.uint8)
        run = native.compiled(__file__).triple_stream_forward
        given, made = _contiguous(x, *drops_and_learned), (out, pooled, where, moments)
        for (x, *drops_and_learned), own in zip(_each(models, given), _each(models, made), strict=True):
            drops, learned = drops_and_learned[:3], drops_and_learned[3:]
            native.call(run, x, n, channels, size, eps, learned, drops, *own)
        return out, moments, pooled, where

    @staticmethod
    def setup_context(ctx, inputs, output):
        eps, *given = inputs
        _, moments, pooled, where = output
        ctx.eps = eps
        ctx.mark_non_differentiable(moments, pooled, where)
        # Else autograd would fill as many zeros as they have numbers.
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(pooled, where, moments, *given)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, gradient, *_):
        if gradient is None:
            return (None,) * len(ctx.needs_input_grad)
        pooled, where, moments, *given = ctx.saved_tensors
        x = given[0]
        models, (n, channels, size) = x.shape[:-4], x.shape[-4:-1]
        gradients = [torch.empty(own.shape) for own in given[4:]]
        room = torch.empty(pooled.shape[-3:])
        run = native.compiled(__file__).triple_stream_backward
        tensors = (*_contiguous(gradient, *given), pooled, where, moments, *gradients)
        for gradient, x, *rest in _each(models, tensors):
            drops, learned, kept, made = rest[:3], rest[3:15], rest[15:18], rest[18:]
            sizes = n, channels, size, ctx.eps
            native.call(run, gradient, x, *sizes, learned, drops, *kept, room, made)
        return None, None, None, None, None, *gradients

    @staticmethod
    def vmap(info, in_dims, eps, *tensors):
        """Models of a stack have a leading axis."""
        together = [
            one.expand(info.batch_size, *one.shape) if dim is None else one.movedim(dim, 0)
            for one, dim in zip(tensors, in_dims[1:], strict=True)
        ]
        return _Streams.apply(eps, *together), (0, 0, 0, 0)


def _contiguous(*tensors: Tensor) -> list[Tensor]:
    return [one.contiguous() for one in tensors]


def _each(models: Sequence[int], tensors: Sequence[Tensor]) -> Iterable[Sequence[Tensor]]:
    """Each model's own; all as they are where there is no axis of models."""
    return zip(*tensors, strict=True) if models else [tensors]
