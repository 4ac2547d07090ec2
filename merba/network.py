"""MERba: local scans within windows, global attention over the map, three stages over.

Source: MERba v1 (arXiv 2506.14468), Table I and III-A to III-D, with MambaVision-B's stem, convolution stage
and block wrapper. What the paper leaves silent is an option here, and so is what its ablations vary;
`docs/merba-readings.md` lists each with its default and the reason.
"""

from collections.abc import Iterable, Sequence
from functools import partial

import torch
from torch import Tensor, nn

from contracts.errors import InputError
from merba.backbone import Stage, downsample, initialise, make_stem, strides_for
from merba.blocks import Attention, ConvBlock, Extractor
from merba.classifier import Classifier
from merba.heads import HEADS
from merba.orders import ORDER_SETS, order_names
from merba.recipe import Count, Share

_EXTENTS = ("local", "global")


class MERba(Classifier):
    """The network. Input (n, in_channels, size, size), output (n, num_classes).

    Args:
        num_classes: classes to tell apart.
        in_channels: flow channels (2: u, v).
        input_size: pixels; 4, 8, 16 or 32 times `window`: 28, 56, 112 or 224 for windows of 7.
        dim: width after the stem; stages 2, 3, 4 are 2, 4, 8 times as wide.
        stem_dim: width between the stem's two convolutions; default half of `dim`.
        conv_depth: residual convolution blocks of stage 1.
        local_depths: extractors in stages 2, 3, 4.
        global_depths: attention blocks in stages 2, 3, 4.
        extractor: `local` scans each window by itself, `global` the whole map as one window.
        attention: `global` attends over the map, `local` within each window.
        heads: attention heads in stages 2, 3, 4.
        window: side of a window, in tokens.
        states: states per channel of the selective scan.
        orders: scan directions of an extractor: names, or the name of a set, see `merba.orders`.
        fusion: `sum`, `mean` or `concat` of the directions.
        share_mixer: one Mixer for all directions of an extractor, or one each.
        mlp_ratio: hidden width of an MLP over its input width.
        dropout: after the attention's projection and twice in each MLP.
        drop_path: of the last block; rises linearly from 0 over all blocks.
        layer_scale: start of the learned scale of each token branch, or None for no scale.
        init_std: of the normal start of every Linear's weights, or None for torch's own, by fan-in.
        head: `linear` or `dgcm`.
        dgcm_form: how the two losses of `dgcm` are joined, see `merba.heads.DGCM`.

    Raises:
        InputError: an option's value is not among those above, or sizes do not fit.
    """

    def __init__(
        self,
        num_classes: int,
        in_channels: int = 2,
        input_size: int = 28,
        *,
        dim: Count = 128,
        stem_dim: Count | None = None,
        conv_depth: int = 3,
        local_depths: Sequence[int] = (1, 8, 3),
        global_depths: Sequence[int] = (2, 2, 2),
        extractor: str = "local",
        attention: str = "global",
        heads: Sequence[Count] = (4, 8, 16),
        window: Count = 7,
        states: Count = 8,
        orders: str | Sequence[str] = ORDER_SETS["merba"],
        fusion: str = "sum",
        share_mixer: bool = True,
        mlp_ratio: float = 4.0,
        dropout: Share = 0.1,
        drop_path: Share = 0.2,
        layer_scale: float | None = 1e-5,
        init_std: float | None = 0.02,
        head: str = "linear",
        dgcm_form: str = "sum",
    ):
        super().__init__()
        for option, value, allowed in (
            ("extractor", extractor, _EXTENTS),
            ("attention", attention, _EXTENTS),
            ("fusion", fusion, ("sum", "mean", "concat")),
            ("head", head, HEADS),
            ("dgcm_form", dgcm_form, ("sum", "convex")),
        ):
            _one_of(option, value, allowed)
        for option, value in (
            ("local_depths", local_depths),
            ("global_depths", global_depths),
            ("heads", heads),
        ):
            _three(option, value)
        orders = order_names(orders)
        strides = strides_for(input_size, window)
        self.stem = make_stem(in_channels, stem_dim or dim // 2, dim, strides)
        blocks = conv_depth + sum(local_depths) + sum(global_depths)
        rates = iter([drop_path * k / max(1, blocks - 1) for k in range(blocks)])
        self.stage1 = nn.Sequential(
            *(ConvBlock(dim, next(rates)) for _ in range(conv_depth)),
            downsample(dim, strides[2]),
        )
        common = {"mlp_ratio": mlp_ratio, "dropout": dropout, "layer_scale": layer_scale}
        scan = {"orders": orders, "fusion": fusion, "share_mixer": share_mixer, "states": states}
        self.stages = nn.ModuleList()
        for k in range(3):
            d = dim * 2 ** (k + 1)
            if d % heads[k]:
                raise InputError(
                    f"{heads[k]} heads do not divide stage {k + 2}'s width of {d}",
                    clip="heads",
                    cure="choose divisors of 2, 4, 8 times `dim`",
                )
            side = {"local": window, "global": window * 2 ** (2 - k)}
            extractors = [
                Extractor(d, side[extractor], drop_path=next(rates), **scan, **common)
                for _ in range(local_depths[k])
            ]
            attends = [
                Attention(d, heads[k], drop_path=next(rates), **common) for _ in range(global_depths[k])
            ]
            last = downsample(d) if k < 2 else nn.BatchNorm2d(d)
            self.stages.append(Stage(side[extractor], extractors, side[attention], attends, last))
        self.head = HEADS[head](8 * dim, num_classes, **({"form": dgcm_form} if head == "dgcm" else {}))
        if init_std is not None:
            self.apply(partial(initialise, std=init_std))

    def features(self, x: Tensor) -> Tensor:
        """(n, in_channels, size, size) -> (n, 8 * dim)."""
        # As the tokens of the stages lie; torch's convolutions of few channels are faster so, too.
        x = self.stage1(self.stem(x.contiguous(memory_format=torch.channels_last)))
        for stage in self.stages:
            x = stage(x)
        return x.mean((2, 3))

    def forward(self, x: Tensor) -> Tensor:
        """Log-odds (n, num_classes)."""
        return self.head(self.features(x))

    def loss(
        self,
        x: Tensor,
        y: Tensor,
        progress: float,
        label_smoothing: float = 0.0,
        weight: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """As `Classifier.loss`; the head decides its form."""
        loss, logits = self.head.loss(self.features(x), y, progress, label_smoothing, weight)
        return loss, logits.detach()

    @torch.no_grad()
    def predict(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """As `Classifier.predict`; the head decides the class."""
        self.eval()
        logits = self(x)
        return self.head.decide(logits), logits.softmax(1)


def _one_of(option: str, value: str, allowed: Iterable[str]) -> None:
    if value not in allowed:
        raise InputError(f"{value!r} is unknown", clip=option, cure=f"use one of {', '.join(allowed)}")


def _three(option: str, value: Sequence[int]) -> None:
    if len(value) != 3:
        raise InputError(
            f"{len(value)} numbers for three stages", clip=option, cure="give one each for stages 2, 3, 4"
        )
