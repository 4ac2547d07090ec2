"""STSTNet: Liong, Gan, See, Khor, Huang, "Shallow Triple Stream Three-dimensional CNN (STSTNet) for
Micro-expression Recognition", FG 2019, arXiv 1902.03634.

Three parallel convolutions of 3, 5 and 8 kernels on 28 x 28 images of u, v and optical strain. Module names
are those of the authors' published weights, which so load by name; they expect channels strain, v, u in
`minmax` coding. The default recipe is the authors' PyTorch one (Adam 5e-5, batch 256, 800 epochs, clips in a
fixed order, no augmentation, last epoch), with the published inputs' coding. Here an epoch is cut into
batches of nearly equal size, 218 and 217 of 435 clips, where theirs presumably takes 256 and then 179.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from merba.classifier import Classifier
from merba.kernels import triple_stream
from merba.paper import Paper
from merba.recipe import Recipe, Share
from merba.registry import register_model

PAPER = Paper(
    cite="Liong, Gan, See, Khor, Huang. Shallow Triple Stream Three-dimensional CNN (STSTNet) for "
    "Micro-expression Recognition. FG 2019",
    url="https://arxiv.org/abs/1902.03634",
    fidelity="published code",
    selection="last",
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


@register_model("ststnet")
class STSTNet(Classifier):
    """The network. Input (n, in_channels, size, size), output (n, num_classes); 400 features at size 28.

    Args:
        num_classes: classes to tell apart.
        in_channels: flow channels.
        input_size: pixels; the paper's is 28.
        dropout: after each branch.
    """

    stackable = True

    def __init__(self, num_classes: int, in_channels: int = 3, input_size: int = 28, *, dropout: Share = 0.5):
        super().__init__()
        # Padding 2 is the published program's; the paper says 'same'.
        self.conv1, self.bn1 = nn.Conv2d(in_channels, 3, 3, padding=2), nn.BatchNorm2d(3)
        self.conv2, self.bn2 = nn.Conv2d(in_channels, 5, 3, padding=2), nn.BatchNorm2d(5)
        self.conv3, self.bn3 = nn.Conv2d(in_channels, 8, 3, padding=2), nn.BatchNorm2d(8)
        self.dropout = nn.Dropout(dropout)
        side = ((input_size + 2 + 2 - 3) // 3 + 1) // 2
        self.fc = nn.Linear(16 * side * side, num_classes)

    def features(self, x: Tensor) -> Tensor:
        """(n, in_channels, size, size) -> (n, 400) at size 28."""
        branches = ((self.conv1, self.bn1), (self.conv2, self.bn2), (self.conv3, self.bn3))
        if self.training and triple_stream.serves(x):
            return triple_stream.features(x, branches, self.dropout)
        streams = [self.dropout(F.max_pool2d(norm(F.relu(conv(x))), 3, 3, 1)) for conv, norm in branches]
        return F.avg_pool2d(torch.cat(streams, 1), 2).flatten(1)

    def forward(self, x: Tensor) -> Tensor:
        """Log-odds (n, num_classes)."""
        return self.fc(self.features(x))
