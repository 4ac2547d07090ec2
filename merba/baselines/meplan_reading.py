"""A 3-D residual network with prototypes, in the spirit of ME-PLAN. **Its scores say nothing of ME-PLAN's.**

Zhao, Tang, Liu, Zhang, Wang, Xu, Chen, Guan, "ME-PLAN: A Deep Prototypical Learning with Local Attention
Network for Dynamic Micro-Expression Recognition", Neural Networks 2022. No program and no layer sizes are
public.

Known from the paper: a 3-D residual network, pretrained on macro-expressions; classification by the distance
to class prototypes, learned in episodes; local-wise attention; 16 key frames, chosen by the unimodal pattern
constraint.

Invented here:

* R3D-18 (Tran et al., "A Closer Look at Spatiotemporal Convolutions for Action Recognition", CVPR 2018) on
  grey crops of 112 px, from scratch, without the local attention. Sixteen frames at equidistant instants from
  onset to offset stand for the key frames. Each is seen as its difference to the onset frame, in units of
  that frame's spread of grey values: from so few clips a network learns faces sooner than motion. Group norm
  stands for batch norm, with as many parameters: prototypes are made while training and asked afterwards,
  when batch norm, whose statistics lag, would put clips elsewhere.
* Prototypes. A clip's log-odds are minus its squared distances to the class prototypes (Snell, Swersky &
  Zemel, "Prototypical Networks for Few-shot Learning", NIPS 2017), over the root of their dimensions, so that
  they begin near 1. A prototype is the running mean of its class's embeddings over the last steps of
  training: each batch is classified by the prototypes that earlier batches made, and then moves them. So the
  clips that are asked about are never those that answer, as in an episode; and what the last epoch leaves is
  a mean over the training part alone, kept in buffers, that needs no second pass over it.
* The recipe, whole.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from contracts.errors import InputError
from contracts.sequences import Sequence
from merba.classifier import ClipClassifier
from merba.paper import Paper
from merba.recipe import Count, Recipe
from merba.registry import Clips, register_model

PAPER = Paper(
    cite="In the spirit of Zhao, Tang, Liu, Zhang, Wang, Xu, Chen, Guan. ME-PLAN: A Deep Prototypical "
    "Learning with Local Attention Network for Dynamic Micro-Expression Recognition. Neural Networks 2022",
    url="https://doi.org/10.1016/j.neunet.2022.06.024",
    fidelity="reading",
    selection="unknown",
)
# Frames alone are used; DIS is the cheapest of the flows that come with them.
CLIPS = Clips(steps=16, size=112, flow="dis")
RECIPE = Recipe(epochs=60, batch=16, lr=3e-4, warmup=5, cooldown=5, weight_decay=0.05, precision="bf16")


def norm(channels: int) -> nn.GroupNorm:
    """Group norm of eight channels a group."""
    return nn.GroupNorm(max(1, channels // 8), channels)


class Block(nn.Module):
    """Two 3 x 3 x 3 convolutions and the way around them; (n, c, t, h, w) -> (n, c', t', h', w')."""

    def __init__(self, channels: int, out: int, stride: int):
        super().__init__()
        self.conv1 = nn.Conv3d(channels, out, 3, stride, 1, bias=False)
        self.conv2 = nn.Conv3d(out, out, 3, 1, 1, bias=False)
        self.norm1, self.norm2 = norm(out), norm(out)
        self.around = nn.Identity()
        if stride != 1 or channels != out:
            conv = nn.Conv3d(channels, out, 1, stride, bias=False)
            self.around = nn.Sequential(conv, norm(out))

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm2(self.conv2(F.relu(self.norm1(self.conv1(x)))))
        return F.relu(y + self.around(x))


class R3D18(nn.Sequential):
    """R3D-18 without its last Linear: (n, channels, t, h, w) -> (n, 8 width)."""

    def __init__(self, channels: int = 1, width: int = 64):
        stem = nn.Conv3d(channels, width, (3, 7, 7), (1, 2, 2), (1, 3, 3), bias=False)
        layers = [stem, norm(width), nn.ReLU()]
        came = width
        for stage in range(4):
            for stride in (1 if stage == 0 else 2, 1):
                layers.append(Block(came, width * 2**stage, stride))
                came = width * 2**stage
        super().__init__(*layers, nn.AdaptiveAvgPool3d(1), nn.Flatten())
        for module in self.modules():
            if isinstance(module, nn.Conv3d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")


@register_model("meplan_reading")
class MEPLANReading(ClipClassifier):
    """Frames (n, 16, size, size) uint8 -> log-odds (n, num_classes). Not ME-PLAN: see the top of the file.

    Args:
        num_classes: classes to tell apart.
        in_channels, input_size: any.
        width: channels of the first stage; the others have 2, 4 and 8 times as many.
        memory: share of a prototype that one batch leaves as it is.
        shrink: factor by which frames are averaged down first, for slow machines.
    """

    def __init__(
        self,
        num_classes: int,
        in_channels: int = 2,
        input_size: int = 112,
        *,
        width: Count = 64,
        memory: float = 0.9,
        shrink: Count = 1,
    ):
        super().__init__()
        if not 0 <= memory < 1:
            raise InputError(
                f"{memory} of a prototype cannot stay", clip="memory", cure="give at least 0 and below 1"
            )
        self.memory, self.shrink = memory, shrink
        self.network = R3D18(1, width)
        self.register_buffer("prototypes", torch.zeros(num_classes, 8 * width))
        self.register_buffer("seen", torch.zeros(num_classes, dtype=torch.bool))

    @staticmethod
    def see(clip: Sequence):
        """The sixteen frames as they are."""
        return clip.frames

    @staticmethod
    def mirror(x: Tensor, negate_u: bool = True) -> Tensor:
        """Frames mirrored; they have no u."""
        return x.flip(-1)

    def embed(self, x: Tensor) -> Tensor:
        """Frames -> embeddings (n, 8 width)."""
        x = x.float()
        spread = x[:, 0].std((1, 2)).view(-1, 1, 1, 1)
        x = F.avg_pool2d((x - x[:, :1]) / (spread + 1), self.shrink)
        return self.network(x[:, None])

    def forward(self, x: Tensor) -> Tensor:
        """Minus squared distances to the prototypes; a class without one is out of the question."""
        return self._log_odds(self.embed(x))

    def loss(self, x, y, progress, label_smoothing=0.0, weight=None):
        """Cross-entropy under the prototypes of earlier batches; then this batch moves them."""
        embedded = self.embed(x)
        means, present = self._class_means(embedded.detach().float(), y)
        # A class that no earlier batch had begins with its mean in this one.
        first = present & ~self.seen
        self.prototypes[first] = means[first]
        self.seen |= present
        logits = self._log_odds(embedded)
        moved = self.memory * self.prototypes + (1 - self.memory) * means
        self.prototypes = torch.where(present[:, None], moved, self.prototypes)
        return F.cross_entropy(logits, y, weight, label_smoothing=label_smoothing), logits.detach()

    def _log_odds(self, embedded: Tensor) -> Tensor:
        distance = (embedded.float()[:, None] - self.prototypes).square().sum(-1)
        distance = distance / self.prototypes.shape[1] ** 0.5
        never = torch.full_like(distance, -1e4)
        return torch.where(self.seen, -distance, never)

    def _class_means(self, embedded: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Mean embedding of each class (classes, dim), and which classes there are (classes,)."""
        member = F.one_hot(y, len(self.prototypes)).to(embedded)
        count = member.sum(0)
        # A matrix product would be rounded under autocast.
        total = (member[:, :, None] * embedded[:, None]).sum(0)
        return total / count.clamp(min=1)[:, None], count > 0
