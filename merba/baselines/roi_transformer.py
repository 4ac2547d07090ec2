"""Regional flow over time in a small Transformer: He, rank 1 of the CCAC 2024 challenge on DFME.

No paper; the settings are those of the author's public program for MEGC 2024, its sibling: each frame is 36
numbers, the mean of the largest flow vectors in 18 regions of the face (u and v, Farneback, onset to frame)
after the motion of the nose tip is taken off; clips are padded to 25 frames; Linear 36 -> 64 and LayerNorm, a
class token, learned positions, 5 Transformer layers of 8 heads of 64 with an MLP of 64.

Silent, and how it is read:

* The 18 regions: centres on the alignment template's face, see `REGIONS`; three on each brow, the glabella,
  the lower lids, the cheeks, the wings of the nose, the corners of the mouth, its two lips, the chin.
* The largest vectors: the longest quarter of those in the region.
* Padding: attention is masked, so that padding says nothing; the program's own handling is not known.
* Clips of more than 25 frames: 25 of them, at equidistant ranks. The onset, without flow, is left out.
* Layers: normalised first, GELU, no dropout; the class token is normalised before the last Linear.

Flow is taken at 112 px: Farneback's window of 15 px of the full crop is wider than what averaging loses, and
`slstt` and `mfdan_reading` see the same files. Scores of the entry on DFME-public, seven classes: UF1 .412 on
test A, .402 on test B.
"""

import numpy as np
import torch
from torch import Tensor, nn

from contracts.sequences import Sequence
from merba.classifier import ClipClassifier
from merba.paper import Paper
from merba.recipe import Count, Recipe
from merba.registry import Clips, register_model

PAPER = Paper(
    cite="He. Regional optical flow in a Transformer: rank 1 of the CCAC 2024 challenge; program of the "
    "author's MEGC 2024 entry",
    url="https://github.com/hitheyuhong/MEGC2024-CODE",
    fidelity="paper",
    selection="unknown",
)
CLIPS = Clips(steps=None, size=112, flow="farneback")
RECIPE = Recipe(
    epochs=8,
    batch=32,
    lr=8e-4,
    schedule="exponential",
    decay=0.987,
    weight_decay=0.7,
    clip_grad=None,
    balance="weights",
    flip="none",
)

FRAMES = 25
SHARE = 0.25
# The alignment template: outer eye corners 0.42 of the crop apart, their middle at (0.5, 0.36) of it. As
# there, positions are in outer-eye distances from that middle, x to the right and y down. Eye corners at
# (0.5, 0) and (0.22, 0.025), the nose's base at (0, 0.505) and its wings at (0.175, 0.455) are the template's
# own; brows, cheeks, mouth and chin, which it leaves free, follow the proportions of a neutral adult face.
EYE_DISTANCE, EYE_MIDDLE = 0.42, (0.5, 0.36)
_PAIRED = [
    (0.50, -0.22),  # outer brow
    (0.34, -0.27),  # middle brow
    (0.17, -0.22),  # inner brow
    (0.36, 0.13),  # lower lid
    (0.42, 0.42),  # cheek
    (0.20, 0.45),  # wing of the nose
    (0.29, 0.78),  # corner of the mouth
]
_MIDDLE = [(0.0, -0.15), (0.0, 0.66), (0.0, 0.90), (0.0, 1.14)]  # glabella, upper lip, lower lip, chin
REGIONS = [(sign * x, y) for x, y in _PAIRED for sign in (-1, 1)] + _MIDDLE
"""Centres of the 18 regions; left and right in the picture alternate, then the midline."""
NOSE_TIP = (0.0, 0.36)
HALF = 0.08  # half the side of a region and of the nose's patch
# The other side's region of each, for mirroring.
_OPPOSITE = [k ^ 1 if k < 2 * len(_PAIRED) else k for k in range(len(REGIONS))]


def box(centre: tuple[float, float], size: int) -> tuple[slice, slice]:
    """Rows and columns of a region in a crop of `size` pixels, at least one of each."""
    slices = []
    for axis in (1, 0):
        middle = (EYE_MIDDLE[axis] + EYE_DISTANCE * centre[axis]) * size
        half = EYE_DISTANCE * HALF * size
        first = round(middle - half)
        slices.append(slice(first, max(first + 1, round(middle + half))))
    return tuple(slices)


def regional_flow(flow: np.ndarray) -> np.ndarray:
    """Flow (t, 2, s, s) -> (t, 18, 2): each region's mean of its longest vectors, less the nose tip's."""
    size = flow.shape[-1]
    nose = flow[:, :, *box(NOSE_TIP, size)].mean((2, 3))
    found = np.empty((len(flow), len(REGIONS), 2), np.float32)
    for k, centre in enumerate(REGIONS):
        vectors = flow[:, :, *box(centre, size)].reshape(len(flow), 2, -1) - nose[..., None]
        count = max(1, round(SHARE * vectors.shape[-1]))
        longest = np.argsort(-np.square(vectors).sum(1), axis=1, kind="stable")[:, None, :count]
        found[:, k] = np.take_along_axis(vectors, longest, axis=2).mean(2)
    return found


@register_model("roi_transformer")
class RoiTransformer(ClipClassifier):
    """Regional flow (n, 25, 37) -> log-odds (n, num_classes).

    Args:
        num_classes: classes to tell apart.
        in_channels, input_size: any; regions lie in shares of the crop.
        dim, depth, heads, head_dim, mlp: of the Transformer.
    """

    def __init__(
        self,
        num_classes: int,
        in_channels: int = 2,
        input_size: int = 112,
        *,
        dim: Count = 64,
        depth: int = 5,
        heads: Count = 8,
        head_dim: Count = 64,
        mlp: Count = 64,
    ):
        super().__init__()
        self.embed = nn.Sequential(nn.Linear(2 * len(REGIONS), dim), nn.LayerNorm(dim))
        self.token = nn.Parameter(torch.randn(1, 1, dim) * 0.02)
        self.position = nn.Parameter(torch.randn(1, FRAMES + 1, dim) * 0.02)
        self.layers = nn.ModuleList(_Layer(dim, heads, head_dim, mlp) for _ in range(depth))
        self.head = nn.Sequential(nn.LayerNorm(dim), nn.Linear(dim, num_classes))

    @staticmethod
    def see(clip: Sequence) -> np.ndarray:
        """(25, 37) float32: 18 regions' u, v by turns in pixels, and 1 for a frame or 0 for padding."""
        ranks = np.arange(1, len(clip.flow))
        if len(ranks) > FRAMES:
            ranks = np.linspace(1, len(clip.flow) - 1, FRAMES).round().astype(int)
        seen = np.zeros((FRAMES, 2 * len(REGIONS) + 1), np.float32)
        seen[: len(ranks), :-1] = regional_flow(clip.flow[ranks, :2]).reshape(len(ranks), -1)
        seen[: len(ranks), -1] = 1
        return seen

    @staticmethod
    def mirror(x: Tensor, negate_u: bool = True) -> Tensor:
        """Left and right regions change places; u changes its sign."""
        regions, real = x[..., :-1].unflatten(-1, (-1, 2))[..., _OPPOSITE, :], x[..., -1:]
        signs = x.new_tensor([-1.0 if negate_u else 1.0, 1.0])
        return torch.cat([(regions * signs).flatten(-2), real], -1)

    def forward(self, x: Tensor) -> Tensor:
        """Log-odds; padding is masked out."""
        frames, real = x[..., :-1], x[..., -1] > 0
        tokens = torch.cat([self.token.expand(len(x), -1, -1), self.embed(frames)], 1) + self.position
        # The class token is always there.
        mask = nn.functional.pad(real, (1, 0), value=True)[:, None, None]
        for layer in self.layers:
            tokens = layer(tokens, mask)
        return self.head(tokens[:, 0])


class _Layer(nn.Module):
    """Attention and MLP, each after LayerNorm and added to its input: (n, t, dim) -> (n, t, dim)."""

    def __init__(self, dim: int, heads: int, head_dim: int, mlp: int):
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.qkv = nn.Linear(dim, 3 * heads * head_dim, bias=False)
        self.out = nn.Linear(heads * head_dim, dim)
        self.mlp = nn.Sequential(nn.Linear(dim, mlp), nn.GELU(), nn.Linear(mlp, dim))

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """`mask` (n, 1, 1, t): True where a token may be attended to."""
        q, k, v = self.qkv(self.norm1(x)).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        mixed = nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        x = x + self.out(mixed.transpose(1, 2).flatten(2))
        return x + self.mlp(self.norm2(x))
