"""HTNet: Wang, Zhang, Luo, Sankaranarayana, "HTNet for Micro-Expression Recognition", Neurocomputing 602,
2024, arXiv 2307.14637.

Four crops of a flow picture, about the eyes and the mouth corners, are tiled two by two and go through three
levels of Transformer layers on blocks of the map, which halves between levels. Sizes, crops and recipe are
those of the authors' program, its faults included:

* It cuts the map of 4 x 4 patches into 16, then 4, then 1 block, so at every level a block is one token.
  Attention over one token always weighs it by 1: queries and keys learn nothing, and a layer is a residual
  MLP. `patch=1` is a version whose blocks hold 49 tokens.
* It indexes the picture's rows by a landmark's x and its columns by y: the four crops are centred on the
  transposed positions (`crops="published"`). `crops="mended"` centres them on the landmarks.
* Its results are those of the epoch that was best on the very subject left out, .8603 UF1 / .8475 UAR on 3DB;
  with the last epoch a user measured .648 / .655. Ours is the last epoch.

The program finds each face's landmarks on the apex picture. A flow cache holds no picture, but its crops are
aligned, so here the landmarks are those of the alignment's template, the same for all clips; they are clipped
as the program clips its own. Its inputs are the flow pictures in 0..255 that go round with STSTNet; it reads
them as strain, v, u, which only permutes the first layer's weights. An epoch is cut into batches of nearly
equal size here, 218 and 217 of 435 clips, where the program presumably takes 256 and then 179.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from contracts.errors import InputError, unknown
from merba.blocks import merge, partition
from merba.classifier import Classifier
from merba.paper import Paper
from merba.recipe import Count, Recipe, Share
from merba.registry import register_model

PAPER = Paper(
    cite="Wang, Zhang, Luo, Sankaranarayana. HTNet for Micro-Expression Recognition. Neurocomputing 602, "
    "2024",
    url="https://arxiv.org/abs/2307.14637",
    fidelity="published code",
    selection="best-on-test-subject",
)
RECIPE = Recipe(
    epochs=800,
    batch=256,
    optimiser="adam",
    lr=5e-5,
    schedule="constant",
    weight_decay=0.0,
    clip_grad=None,
    shuffle=False,
    flip="none",
    channels=("u", "v", "strain"),
    coding="minmax",
)

# (x, y) of the left and right eye and mouth corner on the picture, in crop widths. The template of
# `preprocess.align` puts the outer eye corners .42 apart on the line y = .36. In units of that distance an
# eye's middle lies .36 beside the centre and .0125 below the line. The template has no mouth: its corners
# stand below the eyes as in the five points that the program falls back on where it finds no face, .9435 eye
# distances (.72 * .42) lower and .4351 beside the centre.
_LANDMARKS = ((0.3488, 0.3653), (0.6512, 0.3653), (0.3684, 0.6506), (0.6316, 0.6506))


@register_model("htnet")
class HTNet(Classifier):
    """The network. Input (n, in_channels, size, size), output (n, num_classes).

    Args:
        num_classes: classes to tell apart.
        in_channels: flow channels.
        input_size: pixels, a multiple of 4; the paper's is 28. Crops and clipping scale with it.
        crops: `published` or `mended`, see above.
        patch: side of a patch in pixels; default a quarter of `input_size`, the paper's 7.
        dim: width of the first level; it doubles from level to level, and so do the heads.
        depths: layers of the three levels.
        heads: attention heads of the first level.
        dropout: after the attention's projection and twice in each MLP.

    Raises:
        InputError: unknown crops, or sizes that do not divide.
    """

    def __init__(
        self,
        num_classes: int,
        in_channels: int = 3,
        input_size: int = 28,
        *,
        crops: str = "published",
        patch: Count | None = None,
        dim: Count = 256,
        depths: tuple[int, int, int] = (2, 2, 10),
        heads: Count = 3,
        dropout: Share = 0.0,
    ):
        super().__init__()
        if crops not in ("published", "mended"):
            raise unknown("crops", crops, ("published", "mended"))
        patch = patch or input_size // 4
        if input_size % 4 or input_size % (4 * patch):
            raise InputError(
                f"{input_size} pixels in patches of {patch} make no map that four blocks divide",
                clip="input_size",
                cure="use the paper's 28 pixels, or a multiple of 4 times `patch`",
            )
        self.quarter = input_size // 4
        centres = [_whole_pixels(point, input_size) for point in _LANDMARKS]
        self.centres = centres if crops == "published" else [(y, x) for x, y in centres]
        self.embed = nn.Conv2d(in_channels, dim, patch, patch)
        tokens = (input_size // patch // 4) ** 2
        self.levels = nn.ModuleList(
            Level(dim * 2**k, tokens, depth, heads * 2**k, dropout) for k, depth in enumerate(depths)
        )
        self.shrink = nn.ModuleList(Shrink(dim * 2**k) for k in range(2))
        self.norm, self.head = nn.LayerNorm(4 * dim), nn.Linear(4 * dim, num_classes)

    def tile(self, x: Tensor) -> Tensor:
        """The four crops, eyes above mouth corners, same shape as x."""
        half = self.quarter
        parts = [x[:, :, r - half : r + half, c - half : c + half] for r, c in self.centres]
        return torch.cat([torch.cat(parts[:2], 3), torch.cat(parts[2:], 3)], 2)

    def features(self, x: Tensor) -> Tensor:
        """(n, in_channels, size, size) -> (n, 4 * dim)."""
        x = self.embed(self.tile(x)).permute(0, 2, 3, 1)
        for k, level in enumerate(self.levels):
            side = x.shape[1]
            block = side // 2 ** (2 - k)
            x = merge(level(partition(x, block)), block, side, side)
            if k < 2:
                x = self.shrink[k](x)
        return self.norm(x).mean((1, 2))

    def forward(self, x: Tensor) -> Tensor:
        """Log-odds (n, num_classes)."""
        return self.head(self.features(x))


class Level(nn.Module):
    """Transformer layers on blocks (blocks, tokens, d), after one learned number a position is added."""

    def __init__(self, d: int, tokens: int, depth: int, heads: int, dropout: float):
        super().__init__()
        self.position = nn.Parameter(torch.randn(tokens))
        self.layers = nn.Sequential(*(Layer(d, heads, dropout) for _ in range(depth)))

    def forward(self, x: Tensor) -> Tensor:
        """Same shape."""
        return self.layers(x + self.position[:, None])


class Layer(nn.Module):
    """Self-attention and MLP with norms before, residual; (blocks, tokens, d).

    A head is d // heads wide, so that the heads together may be narrower than d: 85 * 3 of 256.
    """

    def __init__(self, d: int, heads: int, dropout: float):
        super().__init__()
        self.heads, inner = heads, d // heads * heads
        self.norm1, self.norm2 = nn.LayerNorm(d), nn.LayerNorm(d)
        self.qkv, self.proj = nn.Linear(d, 3 * inner, bias=False), nn.Linear(inner, d)
        self.dropout = nn.Dropout(dropout)
        self.mlp = nn.Sequential(
            nn.Linear(d, 4 * d), nn.GELU(), nn.Dropout(dropout), nn.Linear(4 * d, d), nn.Dropout(dropout)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Same shape."""
        q, k, v = self.qkv(self.norm1(x)).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        attended = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)
        x = x + self.dropout(self.proj(attended))
        return x + self.mlp(self.norm2(x))


class Shrink(nn.Module):
    """Convolution, norm and pooling: map (n, side, side, d) -> (n, side / 2, side / 2, 2 d)."""

    def __init__(self, d: int):
        super().__init__()
        self.conv, self.norm = nn.Conv2d(d, 2 * d, 3, padding=1), nn.LayerNorm(2 * d)

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        x = self.norm(self.conv(x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1))
        return F.max_pool2d(x.permute(0, 3, 1, 2), 3, 2, 1).permute(0, 2, 3, 1)


def _whole_pixels(point: tuple[float, float], size: int) -> tuple[int, int]:
    """A landmark in pixels, cut off to whole ones and far enough from the border for a crop."""
    x, y = (min(max(int(one * size), size // 4), size - size // 4) for one in point)
    return x, y
