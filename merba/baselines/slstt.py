"""SLSTT: Zhang, Hong, Arandjelovic, Zhao, "Short and Long Range Relation Based Spatio-Temporal Transformer
for Micro-Expression Recognition", IEEE Transactions on Affective Computing 2022, arXiv 2112.05851.

Eleven flow pictures about the apex, onset to frame, each through ViT-B/16 at 384 px; an LSTM of three layers
of 512 over the class tokens; two Linear layers. Sizes and recipe are those of the authors' program, in which
the ViT is frozen: it runs without gradients and only what follows it learns.

**The ViT's weights.** The authors' are pretrained on ImageNet. None come with this package, and without the
option `weights` the ViT stays at random ones, the same in every run: the LSTM then sees random projections
of the pictures, and the scores say little about the paper's. `weights` names a state dict of the timm
backbone on disk; its head is ignored. A checkpoint of this model leaves the frozen ViT out (344 MB a fold)
and refuses to be loaded beside another one.

Departures and readings:

* The frames run from max(apex - 5, onset + 1). Where the clip ends before the eleventh, the window moves
  towards the onset; a clip of fewer than 11 frames after the onset has its flow interpolated linearly in
  time, where the authors interpolate pictures by RIFE.
* Pictures are drawn from flow at 112 px, 0.4 MB a clip, and enlarged to 384 in `forward`, which would be 5 MB
  a clip: Farneback's window of 15 px of the full crop leaves nothing finer to see. `roi_transformer` and
  `mfdan_reading` use the same files.
* The ViT's dropout of .1 is off, since nothing there learns; so class tokens are computed once a clip and
  kept for all models of the process: those of another fold or seed are the same.
* How the authors augment is not recorded; by default clips are not mirrored.

Leak in the paper's numbers: the public code keeps the epoch that scored best on the left-out subject. In the
journal's version two confusion matrices are swapped, as the authors' page says.
"""

import hashlib
import math

import numpy as np
import torch
import torch.nn.functional as F
from timm import create_model as create_backbone
from timm import list_models as list_backbones
from torch import Tensor, nn

from contracts.errors import InputError, unknown
from contracts.sequences import Sequence
from merba.classifier import ClipClassifier
from merba.paper import Paper
from merba.recipe import Count, Recipe
from merba.registry import Clips, register_model

PAPER = Paper(
    cite="Zhang, Hong, Arandjelovic, Zhao. Short and Long Range Relation Based Spatio-Temporal Transformer "
    "for Micro-Expression Recognition. IEEE Transactions on Affective Computing 2022",
    url="https://arxiv.org/abs/2112.05851",
    fidelity="published code",
    selection="best-on-test-subject",
)
CLIPS = Clips(steps=None, size=112, flow="farneback")
RECIPE = Recipe(
    epochs=40,
    batch=2,
    optimiser="sgd",
    momentum=0.9,
    lr=0.01,
    schedule="step",
    milestones=(30,),
    decay=0.1,
    weight_decay=1e-4,
    clip_grad=None,
    flip="none",
)

FRAMES, BEFORE_APEX = 11, 5
_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # ImageNet's, red green blue
AGGREGATES = ("lstm", "mean")
# Class tokens of each clip by each backbone. A clip is encoded alone, by weights that do not learn: folds
# stay apart. Its tokens take a twelfth of what its pictures do, which are in memory as well.
_TOKENS: dict[tuple, Tensor] = {}


def ranks(clip: Sequence) -> np.ndarray:
    """Which of a clip's frames are seen: (11,) float64 ranks, the onset's being 0; fractional between two."""
    last = len(clip.position) - 1
    if last < FRAMES:
        return np.linspace(min(1, last), last, FRAMES)
    apex = int(np.abs(clip.position - clip.apex).argmin())
    first = min(max(apex - BEFORE_APEX, 1), last - FRAMES + 1)
    return np.arange(first, first + FRAMES, dtype=np.float64)


def flow_picture(flow: np.ndarray) -> np.ndarray:
    """Flow (t, 2, s, s) -> pictures (t, 3, s, s) uint8, red green blue.

    Hue is the direction, red to the right and turning as u turns to v; saturation is full; value is the
    length, stretched from the smallest to the largest of each frame. Equal lengths everywhere are black.
    """
    u, v = flow[:, 0], flow[:, 1]
    length = np.hypot(u, v)
    low, high = (pick(length, axis=(1, 2), keepdims=True) for pick in (np.min, np.max))
    value = (length - low) / np.where(high > low, high - low, 1)
    sextant = np.degrees(np.arctan2(v, u)) / 60 % 6
    # At full saturation a primary is whole within a sextant of its own hue and gone beyond two.
    away = np.abs((sextant[:, None] - np.array([0, 2, 4]).reshape(3, 1, 1) + 3) % 6 - 3)
    return np.rint(255 * value[:, None] * np.clip(2 - away, 0, 1)).astype(np.uint8)


class _Frozen(nn.Module):
    """A timm backbone at fixed weights: (n, 3, size, size) -> class tokens (n, dim).

    It is no submodule: what does not learn is no parameter, and belongs in no checkpoint, which keeps its
    fingerprint instead.
    """

    def __init__(self, name: str, size: int, weights: str | None):
        super().__init__()
        # The random weights are part of the method here, not of a seed.
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            net = create_backbone(name, img_size=size, num_classes=0, global_pool="token")
        if weights:
            _load(net, weights)
        self.__dict__["net"] = net.eval().requires_grad_(False)
        total = torch.stack([p.double().abs().sum() for p in net.parameters()]).sum()
        self.register_buffer("fingerprint", total)
        self.identity = name, size, None if total.is_meta else float(total)

    def _apply(self, function, *args, **kwargs):
        self.net._apply(function, *args, **kwargs)
        return super()._apply(function, *args, **kwargs)

    def _load_from_state_dict(self, state_dict, prefix, *rest):
        kept = float(state_dict.get(prefix + "fingerprint", torch.nan))
        # Only the order of summation may differ.
        if not math.isclose(kept, float(self.fingerprint), rel_tol=1e-10):
            raise InputError(
                "trained on another frozen backbone",
                clip="weights",
                cure="give the same `weights` and the same version of timm as in training",
            )
        super()._load_from_state_dict(state_dict, prefix, *rest)

    @torch.no_grad()
    def forward(self, x: Tensor) -> Tensor:
        return self.net(x)


def _load(net: nn.Module, path: str) -> None:
    """Put a timm state dict in place, without its head."""
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        net.load_state_dict({key: value for key, value in state.items() if not key.startswith("head.")})
    except Exception as error:  # torch's reader raises whatever a foreign file's bytes lead it to
        raise InputError(
            f"no weights of this backbone ({(str(error) or type(error).__name__).splitlines()[0]})",
            file=path,
            clip="weights",
            cure="give a file that torch.save wrote of the timm model's state dict",
        ) from error


@register_model("slstt")
class SLSTT(ClipClassifier):
    """Flow pictures (n, 11, 3, size, size) uint8 -> log-odds (n, num_classes).

    Unless `weights` are given, the frozen ViT is a random one and this is not the paper's network.

    Args:
        num_classes: classes to tell apart.
        in_channels, input_size: any; a flow picture has three channels.
        backbone: name of a timm Vision Transformer, frozen.
        image_size: pixels the backbone is shown.
        weights: its state dict on disk; None: frozen at random weights.
        aggregate: `lstm`, or `mean` of the class tokens.
        hidden, layers: of the LSTM.

    Raises:
        InputError: no such aggregate or backbone (names the nearest), or `weights` are not the backbone's.
    """

    def __init__(
        self,
        num_classes: int,
        in_channels: int = 2,
        input_size: int = 112,
        *,
        backbone: str = "vit_base_patch16_384",
        image_size: Count = 384,
        weights: str | None = None,
        aggregate: str = "lstm",
        hidden: Count = 512,
        layers: Count = 3,
    ):
        super().__init__()
        if aggregate not in AGGREGATES:
            raise InputError(
                f"unknown aggregate {aggregate!r}", clip="aggregate", cure=f"use one of {AGGREGATES}"
            )
        if backbone not in (known := list_backbones(module="vision_transformer")):
            raise unknown("backbone", backbone, known)
        self.image_size = image_size
        self.encoder = _Frozen(backbone, image_size, weights)
        dim = self.encoder.net.num_features
        self.lstm = nn.LSTM(dim, hidden, layers, batch_first=True) if aggregate == "lstm" else None
        self.head = nn.Sequential(
            nn.Linear(hidden if self.lstm else dim, 256), nn.ReLU(), nn.Linear(256, num_classes)
        )

    @staticmethod
    def see(clip: Sequence) -> np.ndarray:
        """(11, 3, size, size) uint8 pictures of the flow from the onset."""
        at = ranks(clip)
        before, share = np.floor(at).astype(int), (at % 1).astype(np.float32).reshape(-1, 1, 1, 1)
        after = np.minimum(before + 1, len(clip.flow) - 1)
        return flow_picture((1 - share) * clip.flow[before, :2] + share * clip.flow[after, :2])

    @staticmethod
    def mirror(x: Tensor, negate_u: bool = True) -> Tensor:
        """Pictures of the mirrored flow.

        Negated u turns a hue h into 180 degrees - h. At full saturation this is the brightest primary's value
        less red, blue and green, in this order.
        """
        x = x.flip(-1)
        return x.amax(-3, keepdim=True) - x[..., [0, 2, 1], :, :] if negate_u else x

    def tokens(self, x: Tensor) -> Tensor:
        """Class tokens (n, 11, dim); each clip alone and once a process, known by its bytes."""
        if x.is_meta:  # a shape without values, as when operations are counted
            return torch.stack([self._encode(clip) for clip in x]).to(self.head[0].weight)
        # Under autocast tokens are others.
        how = *self.encoder.identity, x.device.type, torch.is_autocast_enabled(x.device.type)
        rows = []
        for clip in x:
            key = *how, hashlib.blake2b(clip.cpu().numpy().tobytes(), digest_size=16).digest()
            if key not in _TOKENS:
                _TOKENS[key] = self._encode(clip).cpu()
            rows.append(_TOKENS[key])
        return torch.stack(rows).to(self.head[0].weight)

    def _encode(self, clip: Tensor) -> Tensor:
        size = (self.image_size, self.image_size)
        pictures = F.interpolate(clip.float() / 255, size, mode="bilinear", align_corners=False)
        mean, std = (pictures.new_tensor(one).view(3, 1, 1) for one in (_MEAN, _STD))
        return self.encoder((pictures - mean) / std)

    def forward(self, x: Tensor) -> Tensor:
        """Log-odds, from the LSTM's state after the last frame."""
        tokens = self.tokens(x)
        return self.head(self.lstm(tokens)[0][:, -1] if self.lstm else tokens.mean(1))
