"""Two branches and flow-driven attention, in the spirit of MFDAN. **Its scores say nothing of MFDAN's.**

Cai, Zhao, Yi, Yu, Duan, Pan, Liu, "MFDAN: Multi-Level Flow-Driven Attention Network for Micro-Expression
Recognition", IEEE Transactions on Circuits and Systems for Video Technology 2024. No program and no layer
sizes are public.

Known from the abstract: an optical flow encoding module; an image Transformer in whose attention the position
of the flow says where to look, on several levels; the DropKey operation; focal loss.

Invented here:

* Input: the apex frame, its own mean and spread taken off, and Farneback flow from the onset to it, at 112 px
  (the files of `slstt` and `roi_transformer`).
* Flow encoding: convolutions without biases or norms, three of stride 2 and then one a level, so that flow
  zero everywhere is encoded as zero.
* Flow-driven attention: to the scores of every head and every query, each patch as a key adds a linear
  function of its flow's code; so the flow drives all levels alike and moves the scores by nothing where there
  is none. Without any flow what remains is the image's own self-attention.
* The head reads the class token and the mean code of the flow's last level, side by side.
* All sizes, the share of dropped keys, gamma = 2 (Lin et al., "Focal Loss for Dense Object Detection", ICCV
  2017) and the recipe.

DropKey (Li et al., "DropKey for Vision Transformer", CVPR 2023) takes each key away from each query with a
probability, before the softmax and in training only. The class token's key stays, so that no query is left
without.

MFDAN's printed combined UAR, .8688, cannot be the pooled one of its rows by corpus, which allow .835 at most.
"""

import itertools

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from contracts.errors import InputError
from contracts.sequences import Sequence
from merba.classifier import ClipClassifier
from merba.paper import Paper
from merba.recipe import Count, Recipe, Share
from merba.registry import Clips, register_model

PAPER = Paper(
    cite="In the spirit of Cai, Zhao, Yi, Yu, Duan, Pan, Liu. MFDAN: Multi-Level Flow-Driven Attention "
    "Network for Micro-Expression Recognition. IEEE Transactions on Circuits and Systems for Video "
    "Technology 2024",
    url="https://doi.org/10.1109/TCSVT.2024.3437481",
    fidelity="reading",
    selection="unknown",
)
CLIPS = Clips(steps=None, size=112, flow="farneback")
RECIPE = Recipe(epochs=60, batch=32, lr=5e-4, warmup=5, cooldown=5, weight_decay=0.05, precision="bf16")

PATCH = 8


def focal_loss(
    logits: Tensor, y: Tensor, gamma: float, weight: Tensor | None = None, label_smoothing: float = 0.0
) -> Tensor:
    """Cross-entropy in which a clip counts by (1 - p)^gamma, p its true class's probability; a scalar.

    Averaged as torch averages weighted cross-entropy, to which it is equal at gamma 0.
    """
    each = F.cross_entropy(logits, y, weight, reduction="none", label_smoothing=label_smoothing)
    truth = logits.softmax(1).gather(1, y[:, None])[:, 0]
    total = len(y) if weight is None else weight[y].sum()
    return ((1 - truth) ** gamma * each).sum() / total


def drop_keys(scores: Tensor, share: float) -> Tensor:
    """Attention scores (..., queries, keys): each query loses each key but the first with chance `share`."""
    lost = torch.rand_like(scores) < share
    lost[..., 0] = False
    return scores.masked_fill(lost, -torch.inf)


class FlowEncoder(nn.Module):
    """u, v (n, 2, s, s) -> one code a level, (n, (s / 8)^2, dim) each; zero for zero."""

    def __init__(self, dim: int, levels: int):
        super().__init__()
        widths = (2, dim // 4, dim // 2, dim)
        steps = itertools.pairwise(widths)
        self.down = nn.ModuleList(nn.Conv2d(a, b, 3, 2, 1, bias=False) for a, b in steps)
        self.levels = nn.ModuleList(nn.Conv2d(dim, dim, 3, 1, 1, bias=False) for _ in range(levels))
        # Without norms, torch's default would let the code fade with every convolution.
        for conv in (*self.down, *self.levels):
            nn.init.kaiming_normal_(conv.weight, nonlinearity="relu")

    def forward(self, flow: Tensor) -> list[Tensor]:
        for conv in self.down:
            flow = F.gelu(conv(flow))
        codes = []
        for conv in self.levels:
            flow = flow + F.gelu(conv(flow))
            codes.append(flow.flatten(2).transpose(1, 2))
        return codes


class DrivenLayer(nn.Module):
    """A Transformer layer, normalised first, whose attention is driven by a flow code."""

    def __init__(self, dim: int, heads: int, dropkey: float):
        super().__init__()
        self.heads, self.dropkey = heads, dropkey
        self.norm1, self.norm2 = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.qkv, self.out = nn.Linear(dim, 3 * dim), nn.Linear(dim, dim)
        self.drive = nn.Linear(dim, heads, bias=False)
        self.mlp = nn.Sequential(nn.Linear(dim, 4 * dim), nn.GELU(), nn.Linear(4 * dim, dim))

    def forward(self, x: Tensor, code: Tensor) -> Tensor:
        """Tokens (n, 1 + patches, dim), the class token first, and the patches' code (n, patches, dim)."""
        q, k, v = self.qkv(self.norm1(x)).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        # No flow drives the class token's key.
        driven = F.pad(self.drive(code).transpose(1, 2), (1, 0))[:, :, None]
        if self.training and self.dropkey:
            driven = drop_keys(driven.expand(-1, -1, x.shape[1], -1), self.dropkey)
        mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=driven)
        x = x + self.out(mixed.transpose(1, 2).flatten(2))
        return x + self.mlp(self.norm2(x))


@register_model("mfdan_reading")
class MFDANReading(ClipClassifier):
    """Apex frame, u and v (n, 3, size, size) -> log-odds (n, num_classes). Not MFDAN: see the file's top.

    Args:
        num_classes: classes to tell apart.
        in_channels: any; the model has its own.
        input_size: a multiple of 8.
        dim, depth, heads: of the image Transformer; each layer is a level of the flow's code too.
        dropkey: chance of each key to be lost to each query in training.
        gamma: of the focal loss.
    """

    def __init__(
        self,
        num_classes: int,
        in_channels: int = 3,
        input_size: int = 112,
        *,
        dim: Count = 192,
        depth: Count = 4,
        heads: Count = 4,
        dropkey: Share = 0.1,
        gamma: float = 2.0,
    ):
        super().__init__()
        if input_size % PATCH:
            raise InputError(
                f"{input_size} px are no whole number of patches",
                clip="size",
                cure=f"give a multiple of {PATCH}",
            )
        if dim % heads or dim % 4:
            raise InputError(
                f"dim {dim} is no multiple of 4 and of heads {heads}", clip="dim", cure="give one that is"
            )
        self.gamma = gamma
        self.flow = FlowEncoder(dim, depth)
        self.embed = nn.Conv2d(1, dim, PATCH, PATCH)
        self.token = nn.Parameter(torch.randn(1, 1, dim) * 0.02)
        self.position = nn.Parameter(torch.randn(1, 1 + (input_size // PATCH) ** 2, dim) * 0.02)
        self.layers = nn.ModuleList(DrivenLayer(dim, heads, dropkey) for _ in range(depth))
        self.norm = nn.LayerNorm(dim)
        self.head = nn.Linear(2 * dim, num_classes)

    @staticmethod
    def see(clip: Sequence) -> np.ndarray:
        """(3, size, size) float32: the frame nearest to the apex, and u, v from the onset to it in pixels."""
        # The onset itself has no flow.
        apex = 1 + int(np.abs(clip.position[1:] - clip.apex).argmin()) if len(clip.position) > 1 else 0
        picture = clip.frames[apex].astype(np.float32)
        picture = (picture - picture.mean()) / (picture.std() + 1)
        return np.concatenate([picture[None], clip.flow[apex, :2]])

    @staticmethod
    def mirror(x: Tensor, negate_u: bool = True) -> Tensor:
        """Everything mirrored; u changes its sign."""
        signs = x.new_tensor([1.0, -1.0 if negate_u else 1.0, 1.0]).view(3, 1, 1)
        return x.flip(-1) * signs

    def forward(self, x: Tensor) -> Tensor:
        """Log-odds."""
        codes = self.flow(x[:, 1:])
        patches = self.embed(x[:, :1]).flatten(2).transpose(1, 2)
        tokens = torch.cat([self.token.expand(len(x), -1, -1), patches], 1) + self.position
        for layer, code in zip(self.layers, codes, strict=True):
            tokens = layer(tokens, code)
        return self.head(torch.cat([self.norm(tokens[:, 0]), codes[-1].mean(1)], 1))

    def loss(self, x, y, progress, label_smoothing=0.0, weight=None):
        """Focal loss."""
        logits = self(x)
        return focal_loss(logits.float(), y, self.gamma, weight, label_smoothing), logits.detach()
