"""Building blocks of MERba: convolution block, Mixer, extractor, attention block.

Written from the equations of MERba v1 (III-B, III-C) and of the MambaVision paper (Hatamizadeh & Kautz 2024)
whose Mixer and block wrapper MERba takes over. Letters in shapes: n clips, w windows, l tokens, d width.
"""

import functools
import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from merba.kernels import attention
from merba.mixing import Weights, mix
from merba.orders import inverse, scan_order


def partition(x: Tensor, window: int) -> Tensor:
    """Map (n, height, width, d) -> windows (n * w, window**2, d), rows of windows first."""
    n, height, width, d = x.shape
    x = x.reshape(n, height // window, window, width // window, window, d)
    return x.transpose(2, 3).reshape(-1, window * window, d)


def merge(x: Tensor, window: int, height: int, width: int) -> Tensor:
    """Inverse of `partition`: windows (n * w, window**2, d) -> map (n, height, width, d)."""
    x = x.reshape(-1, height // window, width // window, window, window, x.shape[-1])
    return x.transpose(2, 3).reshape(-1, height, width, x.shape[-1])


class LayerScale(nn.Module):
    """A learned factor per channel of the last dimension, or nothing where `start` is None."""

    def __init__(self, d: int, start: float | None):
        super().__init__()
        self.scale = None if start is None else nn.Parameter(torch.full((d,), start))

    def forward(self, x: Tensor) -> Tensor:
        """Same shape."""
        return x if self.scale is None else x * self.scale


class DropPath(nn.Module):
    """Leaves a residual branch out with probability p in training, for each map or window by itself, and
    scales up what is kept (Huang et al., "Deep Networks with Stochastic Depth", ECCV 2016).
    """

    def __init__(self, p: float):
        super().__init__()
        self.p = p

    def forward(self, x: Tensor) -> Tensor:
        """Same shape; the first dimension counts maps or windows."""
        if not self.training or self.p == 0:
            return x
        kept = x.new_empty(len(x), *[1] * (x.ndim - 1)).bernoulli_(1 - self.p)
        return x * (kept / (1 - self.p) if self.p < 1 else kept)


class ConvBlock(nn.Module):
    """Two 3 x 3 convolutions with BatchNorm around a GELU, residual; (n, d, height, width) throughout."""

    def __init__(self, d: int, drop_path: float = 0.0):
        super().__init__()
        self.conv1, self.norm1 = nn.Conv2d(d, d, 3, padding=1), nn.BatchNorm2d(d)
        self.conv2, self.norm2 = nn.Conv2d(d, d, 3, padding=1), nn.BatchNorm2d(d)
        self.drop_path = DropPath(drop_path)

    def forward(self, x: Tensor) -> Tensor:
        """Same shape."""
        inner = F.gelu(self.norm1(self.conv1(x)), approximate="tanh")
        return x + self.drop_path(self.norm2(self.conv2(inner)))


class MLP(nn.Sequential):
    """d -> ratio * d -> d with GELU and dropout after both."""

    def __init__(self, d: int, ratio: float, dropout: float):
        hidden = int(d * ratio)
        super().__init__(
            nn.Linear(d, hidden), nn.GELU(), nn.Dropout(dropout), nn.Linear(hidden, d), nn.Dropout(dropout)
        )


class Mixer(nn.Module):
    """MambaVision's Mixer without its last Linear: a scanned half beside a convolved half.

    `in_proj` is pointwise, so that all directions share it; what depends on order is `merba.mixing.mix`.

    Args:
        d: width, halved into the scanned and the convolved part.
        states: states per channel of the selective scan.
    """

    def __init__(self, d: int, states: int = 8):
        super().__init__()
        self.half, self.states = d // 2, states
        half, rank = self.half, math.ceil(d / 16)
        self.in_proj = nn.Linear(d, d, bias=False)
        # One kernel a channel, x's half and z's half alike; centred, so it looks one token ahead too.
        self.kernel = nn.Parameter(torch.empty(d, 3).uniform_(-(3**-0.5), 3**-0.5))
        self.x_proj = nn.Linear(half, rank + 2 * states, bias=False)
        self.dt_proj = nn.Linear(rank, half)
        self.A_log = nn.Parameter(torch.arange(1, states + 1).float().log().repeat(half, 1))
        self.A_log.no_weight_decay = True
        self.D = nn.Parameter(torch.ones(half))

    def mix(self, xz: Tensor, orders: Tensor, inverses: Tensor) -> Tensor:
        """Projected tokens (sequences, length, d) -> sum over the orders (k, length), the same shape."""
        steps = self.dt_proj
        weights = Weights(self.kernel, self.x_proj.weight, steps.weight, steps.bias, self.A_log, self.D)
        if torch.compiler.is_compiling():
            # Not before: it costs every other process torch's compiler.
            from merba import compiled

            return compiled.mix(xz, weights, orders, inverses)
        return mix(xz, weights, orders, inverses)


class Extractor(nn.Module):
    """Scans of each window through the Mixer, put back, fused, then Linear and MLP (MERba v1, eqs 2-4).

    Args:
        d: width.
        window: side of the square window; of the map, and the extractor is a global one.
        orders: names of the scan orders, see `merba.orders`.
        fusion: `sum`, `mean` or `concat` of the directions.
        share_mixer: one Mixer for all directions, or one each.
        states, mlp_ratio, dropout, drop_path, layer_scale: see `merba.network.MERba`.
    """

    def __init__(
        self,
        d: int,
        window: int,
        orders: Sequence[str],
        fusion: str,
        share_mixer: bool,
        states: int,
        mlp_ratio: float,
        dropout: float,
        drop_path: float,
        layer_scale: float | None,
    ):
        super().__init__()
        self.fusion, self.share_mixer = fusion, share_mixer
        self.norm1, self.norm2 = nn.LayerNorm(d), nn.LayerNorm(d)
        self.mixers = nn.ModuleList(Mixer(d, states) for _ in range(1 if share_mixer else len(orders)))
        self.out_proj = nn.Linear(d * (len(orders) if fusion == "concat" else 1), d, bias=False)
        self.mlp = MLP(d, mlp_ratio, dropout)
        self.scale1, self.scale2 = LayerScale(d, layer_scale), LayerScale(d, layer_scale)
        self.drop_path = DropPath(drop_path)
        permutations = torch.stack([scan_order(name, window, window) for name in orders])
        self.register_buffer("orders", permutations, persistent=False)
        self.register_buffer("inverses", torch.stack([inverse(p) for p in permutations]), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Windows (sequences, window**2, d) -> the same shape."""
        x = x + self.drop_path(self.scale1(self._scan(self.norm1(x))))
        return x + self.drop_path(self.scale2(self.mlp(self.norm2(x))))

    def _scan(self, u: Tensor) -> Tensor:
        directions, mixers = len(self.orders), len(self.mixers)
        at_once = 1 if self.fusion == "concat" else directions // mixers
        projected = [mixer.in_proj(u) for mixer in self.mixers]
        parts = []
        for first in range(0, directions, at_once):
            k, these = first * mixers // directions, slice(first, first + at_once)
            parts.append(self.mixers[k].mix(projected[k], self.orders[these], self.inverses[these]))
        if self.fusion == "concat":
            return self.out_proj(torch.cat(parts, 2))
        fused = functools.reduce(torch.add, parts)
        return self.out_proj(fused / directions if self.fusion == "mean" else fused)


class Attention(nn.Module):
    """Multi-head self-attention over all tokens it is given, then MLP (MERba v1, eq 5).

    Args:
        d: width.
        heads: attention heads.
        mlp_ratio, dropout, drop_path, layer_scale: see `merba.network.MERba`.
    """

    def __init__(
        self,
        d: int,
        heads: int,
        mlp_ratio: float,
        dropout: float,
        drop_path: float,
        layer_scale: float | None,
    ):
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(d), nn.LayerNorm(d)
        self.qkv, self.proj, self.proj_drop = nn.Linear(d, 3 * d), nn.Linear(d, d), nn.Dropout(dropout)
        self.mlp = MLP(d, mlp_ratio, dropout)
        self.scale1, self.scale2 = LayerScale(d, layer_scale), LayerScale(d, layer_scale)
        self.drop_path = DropPath(drop_path)

    def forward(self, x: Tensor) -> Tensor:
        """Tokens of maps or of windows (n, l, d) -> the same shape."""
        x = x + self.drop_path(self.scale1(self._attend(self.norm1(x))))
        return x + self.drop_path(self.scale2(self.mlp(self.norm2(x))))

    def _attend(self, x: Tensor) -> Tensor:
        qkv = self.qkv(x)
        if attention.serves(qkv, self.heads):
            y = attention.attend(qkv, self.heads)
        else:
            q, k, v = qkv.unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
            y = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)
        return self.proj_drop(self.proj(y))
