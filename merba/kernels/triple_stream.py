"""STSTNet's three streams in training, fused for a CPU core.

Operation by operation, every feature map of the batch goes through memory a dozen times. The kernel keeps a
clip's maps in the first-level cache and computes them a second time for the gradient; what BatchNorm needs of
the batch is two sums a channel. `merba.baselines.ststnet` has the same in torch's operations.
"""

import math
from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn

from merba import native
from merba.kernels.bernoulli import dropout_factors

_MOST_CHANNELS, _MOST_PIXELS = 3, 60


def serves(x: Tensor) -> bool:
    """Whether `features` can take these clips: float32 on the CPU, where no gradient of them is asked."""
    return (
        not torch.compiler.is_compiling()
        and x.device.type == "cpu"
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
        dropout: `nn.Dropout`, drawn from torch's default generator; or a module that gives its `factors`,
            0 or 1 / (1 - p).
    """
    side = (x.shape[-1] + 1) // 3 + 1
    shapes = [(len(x), conv.out_channels, side, side) for conv, _ in branches]
    given = getattr(dropout, "factors", None)
    drops = [given(shape) for shape in shapes] if given else _draw(shapes, dropout.p)
    convs, norms = zip(*branches, strict=True)
    learned = [
        *(conv.weight for conv in convs),
        *(conv.bias for conv in convs),
        *(norm.weight for norm in norms),
        *(norm.bias for norm in norms),
    ]
    streams = _Stacked if torch._C._are_functorch_transforms_active() else _Streams
    factor = 1 / (1 - dropout.p) if dropout.p < 1 else 0.0
    out, averages = streams.apply((float(norms[0].eps), factor), x, *drops, *learned)[:2]
    with torch.no_grad():
        own_averages = averages.split([conv.out_channels for conv in convs], 1)
        for norm, (mean, variance) in zip(norms, own_averages, strict=True):
            norm.running_mean.lerp_(mean, norm.momentum)
            norm.running_var.lerp_(variance, norm.momentum)
            norm.num_batches_tracked += 1
    return out


def _draw(shapes: Sequence[Sequence[int]], p: float) -> list[Tensor]:
    """The streams' factors, as if drawn one stream after the other."""
    counts = [math.prod(shape) for shape in shapes]
    parts = dropout_factors((sum(counts),), p).split(counts)
    return [part.view(shape) for part, shape in zip(parts, shapes, strict=True)]


class _Streams(torch.autograd.Function):
    """Features of clips, and the averages that BatchNorm keeps.

    x (n, channels, size, size); of the three streams dropout's factors (n, 3 | 5 | 8, side, side), and
    weights (3 | 5 | 8, channels, 3, 3), biases, BatchNorm's weights and biases. Out come features
    (n, 16 * half**2) and, of the ReLU's output, mean and unbiased variance over the batch, (2, 16); and what
    the backward pass wants. All may have a leading axis of models. `numbers`: BatchNorm's epsilon, and the
    factor of what dropout keeps.
    """

    @staticmethod
    def forward(ctx, numbers, x, *drops_and_learned):
        output = _forward(numbers, x, *drops_and_learned)
        _Streams.keep(ctx, (numbers, x, *drops_and_learned), output)
        return output

    @staticmethod
    def keep(ctx, inputs, output):
        """What the backward pass needs."""
        ctx.numbers, x, _, _, _, *learned = inputs
        ctx.mark_non_differentiable(*output[1:])
        # Else autograd would fill as many zeros as they have numbers.
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(x, *learned, *output[2:])

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, gradient, *_):
        if gradient is None:
            return (None,) * len(ctx.needs_input_grad)
        x, *others = ctx.saved_tensors
        models, sizes = x.shape[:-4], x.shape[-4:-1]
        learned, (pooled, *_) = others[:12], others[12:]
        gradients = [torch.empty(own.shape) for own in learned]
        room = torch.empty(pooled.shape[-3:])
        run = native.compiled(__file__).triple_stream_backward
        tensors = (*_contiguous(gradient, x, *others), *gradients)
        for gradient, x, *rest in _each(models, tensors):
            learned, left, made = rest[:12], rest[12:16], rest[16:]
            native.call(run, gradient, x, *sizes, *ctx.numbers, learned, *left, room, made)
        return None, None, None, None, None, *gradients


class _Stacked(_Streams):
    """The same under `torch.vmap`, in the form that it asks for; that takes torch longer to call."""

    @staticmethod
    def forward(numbers, x, *drops_and_learned):
        return _forward(numbers, x, *drops_and_learned)

    setup_context = _Streams.keep

    @staticmethod
    def vmap(info, in_dims, numbers, *tensors):
        """Models of a stack have a leading axis."""
        together = [
            one.expand(info.batch_size, *one.shape) if dim is None else one.movedim(dim, 0)
            for one, dim in zip(tensors, in_dims[1:], strict=True)
        ]
        return _Stacked.apply(numbers, *together), (0,) * 6


def _forward(numbers: tuple[float, float], x: Tensor, *drops_and_learned: Tensor) -> tuple[Tensor, ...]:
    models, (n, channels, size) = x.shape[:-4], x.shape[-4:-1]
    side = (size + 1) // 3 + 1
    out, averages = torch.empty(*models, n, 16 * (side // 2) ** 2), torch.empty(*models, 2, 16)
    pooled = torch.empty(*models, n, side**2, 16)
    where = torch.empty(*models, n, side**2, 16, dtype=torch.uint8)
    moments = torch.empty(*models, 2, 16, dtype=torch.float64)
    kept = torch.empty(*models, n, side**2, dtype=torch.int32)
    output = out, averages, pooled, where, moments, kept
    run, given = native.compiled(__file__).triple_stream_forward, _contiguous(x, *drops_and_learned)
    for (x, *drops_and_learned), own in zip(_each(models, given), _each(models, output), strict=True):
        drops, learned = drops_and_learned[:3], drops_and_learned[3:]
        native.call(run, x, n, channels, size, *numbers, learned, drops, *own)
    return output


def _contiguous(*tensors: Tensor) -> list[Tensor]:
    return [one.contiguous() for one in tensors]


def _each(models: Sequence[int], tensors: Sequence[Tensor]) -> Iterable[Sequence[Tensor]]:
    """Each model's own; all as they are where there is no axis of models."""
    return zip(*tensors, strict=True) if models else [tensors]
