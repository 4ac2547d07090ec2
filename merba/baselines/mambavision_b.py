"""MambaVision-B: Hatamizadeh, Kautz, "MambaVision: A Hybrid Mamba-Transformer Vision Backbone", CVPR 2025,
arXiv 2407.08083; the backbone that MERba starts from and reruns as its nearest rival.

Four levels: two of residual convolution blocks, then two of tokens, whose first half (rounded up) are Mixer
blocks and whose second half are attention blocks. All sizes are the paper's. The public program pads a map
on the right and at the bottom to a multiple of its windows of 14 and 7; at every input size here the maps of
levels 3 and 4 are 14 and 7 wide, so that a window is the whole map and nothing is padded: each level mixes
globally. The Mixer reads the map once, row by row.

For a comparison on equal terms it is trained as MERba is, from scratch: MERba's recipe, dropout and drop path
(the paper's own drop path for ImageNet is 0.3), and MERba's strides, the paper's at 224 pixels, smaller ones
at 28, 56 and 112. Weights learned on ImageNet are not used; whether MERba's authors used them is unknown, and
so is how they chose the epoch.
"""

from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor, nn

from contracts.errors import InputError
from merba.backbone import Stage, downsample, initialise, make_stem, strides_for
from merba.blocks import Attention, ConvBlock, Extractor
from merba.classifier import Classifier
from merba.paper import Paper
from merba.recipe import Count, Recipe, Share
from merba.registry import register_model

PAPER = Paper(
    cite="Hatamizadeh, Kautz. MambaVision: A Hybrid Mamba-Transformer Vision Backbone. CVPR 2025",
    url="https://arxiv.org/abs/2407.08083",
    fidelity="published code",
    selection="unknown",
)
RECIPE = Recipe(precision="bf16")

_WINDOW = 7  # of level 4; level 3's is twice as wide


@register_model("mambavision_b")
class MambaVisionB(Classifier):
    """The network. Input (n, in_channels, size, size), output (n, num_classes).

    Args:
        num_classes: classes to tell apart.
        in_channels: flow channels.
        input_size: pixels: 28, 56, 112 or 224; levels 2, 3, 4 see maps 28, 14, 7 wide in any case.
        dim: width of level 1; levels 2, 3, 4 are 2, 4, 8 times as wide.
        depths: blocks of the four levels.
        heads: attention heads of levels 3 and 4.
        states: states per channel of the selective scan.
        mlp_ratio: hidden width of an MLP over its input width.
        dropout: after the attention's projection and twice in each MLP.
        drop_path: of the last block; rises linearly from 0 over all blocks.
        layer_scale: start of the learned scale of each token branch, or None for no scale.
        init_std: of the normal start of every Linear's weights, or None for torch's own, by fan-in.

    Raises:
        InputError: the input size does not fit, or not four depths and two heads that divide the widths.
    """

    def __init__(
        self,
        num_classes: int,
        in_channels: int = 2,
        input_size: int = 28,
        *,
        dim: Count = 128,
        depths: Sequence[int] = (3, 3, 10, 5),
        heads: Sequence[Count] = (8, 16),
        states: Count = 8,
        mlp_ratio: float = 4.0,
        dropout: Share = 0.1,
        drop_path: Share = 0.2,
        layer_scale: float | None = 1e-5,
        init_std: float | None = 0.02,
    ):
        super().__init__()
        if len(depths) != 4:
            raise InputError(f"{len(depths)} depths for four levels", clip="depths", cure="give four")
        if len(heads) != 2 or 4 * dim % heads[0] or 8 * dim % heads[1]:
            cure = "give two numbers, divisors of 4 and 8 times `dim`"
            raise InputError(f"heads {tuple(heads)} do not fit widths of {dim}", clip="heads", cure=cure)
        strides = strides_for(input_size, _WINDOW)
        rates = iter([drop_path * k / max(1, sum(depths) - 1) for k in range(sum(depths))])
        self.stem = make_stem(in_channels, dim // 2, dim, strides)

        def convolutions(d: int, depth: int, stride: int) -> nn.Sequential:
            blocks = [ConvBlock(d, next(rates)) for _ in range(depth)]
            return nn.Sequential(*blocks, downsample(d, stride))

        def tokens(d: int, depth: int, side: int, heads: int, last: nn.Module) -> Stage:
            common = {"mlp_ratio": mlp_ratio, "dropout": dropout, "layer_scale": layer_scale}
            # With one direction there is nothing to fuse or to share: the paper's own Mixer block.
            scan = {"orders": ("h",), "fusion": "sum", "share_mixer": True, "states": states}
            later = depth // 2
            first = range(depth - later)
            mixers = [Extractor(d, side, drop_path=next(rates), **scan, **common) for _ in first]
            attends = [Attention(d, heads, drop_path=next(rates), **common) for _ in range(later)]
            return Stage(side, mixers, side, attends, last)

        self.level1 = convolutions(dim, depths[0], strides[2])
        self.level2 = convolutions(2 * dim, depths[1], 2)
        self.level3 = tokens(4 * dim, depths[2], 2 * _WINDOW, heads[0], downsample(4 * dim))
        self.level4 = tokens(8 * dim, depths[3], _WINDOW, heads[1], nn.BatchNorm2d(8 * dim))
        self.head = nn.Linear(8 * dim, num_classes)
        if init_std is not None:
            self.apply(partial(initialise, std=init_std))

    def features(self, x: Tensor) -> Tensor:
        """(n, in_channels, size, size) -> (n, 8 * dim)."""
        # As the tokens of the levels lie; torch's convolutions of few channels are faster so, too.
        x = self.stem(x.contiguous(memory_format=torch.channels_last))
        return self.level4(self.level3(self.level2(self.level1(x)))).mean((2, 3))

    def forward(self, x: Tensor) -> Tensor:
        """Log-odds (n, num_classes)."""
        return self.head(self.features(x))
