"""STSTNet's three streams in training, fused for a CPU core.

Operation by operation, every feature map of the batch goes through memory a dozen times. The kernel keeps a
clip's maps in the first-level cache and computes them a second time for the gradient; what BatchNorm needs of
the batch is two sums a channel. `merba.baselines.ststnet` has the same in torch's operations.
"""

from collections.abc import Sequence

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

    def all_of(of) -> Tensor:
        return torch.cat([of(conv, norm) for conv, norm in branches])

    taps = all_of(lambda conv, _: torch.cat([conv.weight.flatten(1), conv.bias[:, None]], 1)).T
    gamma, beta = all_of(lambda _, norm: norm.weight), all_of(lambda _, norm: norm.bias)
    one_model = [tensor.unsqueeze(0) for tensor in (x, taps, gamma, beta, *drops)]
    out, mean, variance = (result.squeeze(0) for result in _Streams.apply(branches[0][1].eps, *one_model)[:3])
    pixels = len(x) * (x.shape[-1] + 2) ** 2
    sizes = [conv.out_channels for conv, _ in branches]
    with torch.no_grad():
        unbiased = variance * (pixels / (pixels - 1))
        parts = mean.float().split(sizes), unbiased.float().split(sizes)
        for (_, norm), own_mean, own_variance in zip(branches, *parts, strict=True):
            norm.running_mean.mul_(1 - norm.momentum).add_(own_mean, alpha=norm.momentum)
            norm.running_var.mul_(1 - norm.momentum).add_(own_variance, alpha=norm.momentum)
            norm.num_batches_tracked += 1
    return out


class _Streams(torch.autograd.Function):
    """Features of several models' clips, and what the backward pass and the running averages want.

    All have a leading axis of models: x (m, n, channels, size, size), taps (m, 9 * channels + 1, 16) with
    the bias last, BatchNorm's gamma and beta (m, 16), three dropouts' factors (m, n, 3 | 5 | 8, side, side).
    Mean and biased variance over the batch are of the ReLU's output, (m, 16) in float64.
    """

    @staticmethod
    def forward(eps, x, taps, gamma, beta, *drops):
        models, n, channels, size = x.shape[:4]
        side = (size + 1) // 3 + 1
        pooled = torch.empty(models, n, side * side, 16)
        where = torch.empty(models, n, side * side, 16, dtype=torch.uint8)
        sums = torch.empty(models, 2, 16, dtype=torch.float64)
        sign = torch.where(gamma < 0, -1.0, 1.0)
        library = native.compiled(__file__)
        x, taps, drops = x.contiguous(), taps.contiguous(), [drop.contiguous() for drop in drops]
        for own in zip(x, taps, sign, pooled, where, sums, strict=True):
            native.call(library.triple_stream_forward, own[0], n, channels, size, *own[1:])
        mean, square = (sums / (n * (size + 2) ** 2)).unbind(1)
        variance = (square - mean**2).clamp_(min=0)
        scale = gamma * (variance + eps).rsqrt()
        shift = (beta - mean * scale).float()
        out = torch.empty(models, n, 16 * (side // 2) ** 2)
        for own in zip(pooled, scale.float(), shift, *drops, out, strict=True):
            native.call(library.triple_stream_features, own[0], n, size, *own[1:])
        return out, mean, variance, pooled, where

    @staticmethod
    def setup_context(ctx, inputs, output):
        eps, x, taps, gamma, _, *drops = inputs
        _, mean, variance, pooled, where = output
        ctx.eps = eps
        ctx.mark_non_differentiable(mean, variance, pooled, where)
        ctx.save_for_backward(x, taps, gamma, mean, variance, pooled, where, *drops)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, gradient, *_):
        x, taps, gamma, mean, variance, pooled, where, *drops = ctx.saved_tensors
        x, taps, drops = x.contiguous(), taps.contiguous(), [drop.contiguous() for drop in drops]
        models, n, channels, size = x.shape[:4]
        pixels = n * (size + 2) ** 2
        inverse = (variance + ctx.eps).rsqrt()
        scale = gamma * inverse
        peaks, sums = torch.empty_like(pooled), torch.empty(models, 2, 16, dtype=torch.float64)
        library = native.compiled(__file__)
        for own in zip(gradient.contiguous(), pooled, *drops, scale.float(), peaks, sums, strict=True):
            native.call(library.triple_stream_peaks, *own[:2], n, size, *own[2:])
        grad_beta, times = sums.unbind(1)
        grad_gamma = inverse * (times - mean * grad_beta)
        # scale * (g - mean(g) - x^ mean(g x^)), x^ = (x - mean) * inverse: g where a window is highest, and a
        # straight line in x everywhere.
        slope = -scale * inverse * grad_gamma / pixels
        offset = -scale * grad_beta / pixels - slope * mean
        total = torch.empty(taps.shape, dtype=torch.float64)
        for own in zip(x, taps, where, peaks, slope.float(), offset.float(), total, strict=True):
            native.call(library.triple_stream_backward, own[0], n, channels, size, *own[1:])
        return None, None, total.float(), grad_gamma.float(), grad_beta.float(), *[None] * len(drops)

    @staticmethod
    def vmap(info, in_dims, eps, *tensors):
        """Models of a stack are further models."""
        together = [
            (one.expand(info.batch_size, *one.shape) if dim is None else one.movedim(dim, 0)).flatten(0, 1)
            for one, dim in zip(tensors, in_dims[1:], strict=True)
        ]
        results = _Streams.apply(eps, *together)
        return tuple(one.unflatten(0, (info.batch_size, -1)) for one in results), (0,) * len(results)
