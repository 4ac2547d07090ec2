"""STSTNet's three streams in training, fused: on one CPU core some seven times as fast as torch's operations.

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
        and not torch._C._functorch.is_functorch_wrapped_tensor(x)
        and x.shape[1] <= _MOST_CHANNELS
        and x.shape[-1] == x.shape[-2] <= _MOST_PIXELS
        and native.library(__file__) is not None
    )


def features(x: Tensor, branches: Sequence[tuple[nn.Conv2d, nn.BatchNorm2d]], p: float) -> Tensor:
    """Clips (n, channels, size, size) -> (n, 16 * half * half), half 5 at size 28; updates running averages.

    Args:
        x: clips that `serves` accepts.
        branches: convolution (padding 2) and BatchNorm of 3, 5 and 8 channels, in training mode.
        p: of the dropout, drawn from torch's default generator.
    """
    side = (x.shape[-1] + 1) // 3 + 1
    drops = [dropout_factors((len(x), conv.out_channels, side, side), p) for conv, _ in branches]

    def all_of(of) -> Tensor:
        return torch.cat([of(conv, norm) for conv, norm in branches])

    taps = all_of(lambda conv, _: torch.cat([conv.weight.flatten(1), conv.bias[:, None]], 1)).T
    gamma, beta = all_of(lambda _, norm: norm.weight), all_of(lambda _, norm: norm.bias)
    out, mean, variance = _Streams.apply(x, taps, gamma, beta, branches[0][1].eps, *drops)
    pixels = len(x) * (x.shape[-1] + 2) ** 2
    sizes = [conv.out_channels for conv, _ in branches]
    with torch.no_grad():
        parts = mean.split(sizes), (variance * (pixels / (pixels - 1))).split(sizes)
        for (_, norm), own_mean, own_variance in zip(branches, *parts, strict=True):
            norm.running_mean.lerp_(own_mean, norm.momentum)
            norm.running_var.lerp_(own_variance, norm.momentum)
            norm.num_batches_tracked += 1
    return out


class _Streams(torch.autograd.Function):
    """Features, and mean and biased variance (16) of the ReLU's output over the batch."""

    @staticmethod
    def forward(ctx, x, taps, gamma, beta, eps, *drops):
        x, taps = x.contiguous(), taps.contiguous()
        n, channels, size = x.shape[:3]
        side = (size + 1) // 3 + 1
        pooled = torch.empty(n, side * side, 16)
        where = torch.empty(n, side * side, 16, dtype=torch.uint8)
        sums = torch.empty(2, 16, dtype=torch.float64)
        sign = torch.where(gamma < 0, -1.0, 1.0)
        library = native.library(__file__)
        native.call(library.triple_stream_forward, x, n, channels, size, taps, sign, pooled, where, sums)
        mean, square = sums / (n * (size + 2) ** 2)
        variance = (square - mean**2).clamp_(min=0)
        inverse = (variance + eps).rsqrt()
        scale = gamma * inverse
        shift = (beta - mean * scale).float()
        out = torch.empty(n, 16 * (side // 2) ** 2)
        native.call(library.triple_stream_features, pooled, n, size, scale.float(), shift, *drops, out)
        ctx.save_for_backward(x, taps, pooled, where, mean, inverse, scale, *drops)
        mean, variance = mean.float(), variance.float()
        ctx.mark_non_differentiable(mean, variance)
        return out, mean, variance

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, gradient, *_):
        x, taps, pooled, where, mean, inverse, scale, *drops = ctx.saved_tensors
        n, channels, size = x.shape[:3]
        pixels = n * (size + 2) ** 2
        peaks, sums = torch.empty_like(pooled), torch.empty(2, 16, dtype=torch.float64)
        library = native.library(__file__)
        native.call(library.triple_stream_peaks, gradient.contiguous(), pooled, n, size, *drops, peaks, sums)
        grad_beta = sums[0]
        grad_gamma = inverse * (sums[1] - mean * grad_beta)
        # scale * (g - mean(g) - x^ mean(g x^)), x^ = (x - mean) * inverse: g where a window is highest, and a
        # straight line in x everywhere.
        slope = -scale * inverse * grad_gamma / pixels
        offset = -scale * grad_beta / pixels - slope * mean
        total = torch.empty(taps.shape, dtype=torch.float64)
        peaks *= scale.float()
        line = slope.float(), offset.float()
        native.call(library.triple_stream_backward, x, n, channels, size, taps, where, peaks, *line, total)
        return None, total.float(), grad_gamma.float(), grad_beta.float(), None, *[None] * len(drops)
