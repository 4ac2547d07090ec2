"""FeatRef: Zhou, Mao, Huang, Zhang, Zhang, "Feature Refinement: An Expression-Specific Feature Learning and
Fusion Method for Micro-Expression Recognition", Pattern Recognition 122, 2022, arXiv 2101.04838.

Inception features of u and of v, shared by all expressions, then a branch for each expression: a gate that
refines the features and a proposal of whether the clip shows this expression, which is learned beside the
class. The class is decided on the sum of the branches.

The authors published no program. What the abstract does not fix follows two programs of others that build on
it: layer sizes, where the dropout stands, BatchNorm after every convolution, the proposals' weight of .9 in
the loss, Adam at 1e-3 in batches of 4 and about 50 epochs. On one thing these are silent too: here the
proposals' losses are averaged over the clips of a batch and summed over the expressions. The coding of flow
is MERba's. How the paper's own numbers chose the epoch is unknown.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from merba.classifier import Classifier
from merba.paper import Paper
from merba.recipe import Count, Recipe, Share
from merba.registry import register_model

PAPER = Paper(
    cite="Zhou, Mao, Huang, Zhang, Zhang. Feature Refinement: An Expression-Specific Feature Learning and "
    "Fusion Method for Micro-Expression Recognition. Pattern Recognition 122, 2022",
    url="https://arxiv.org/abs/2101.04838",
    fidelity="paper",
    selection="unknown",
)
RECIPE = Recipe(
    epochs=50,
    batch=4,
    optimiser="adam",
    lr=1e-3,
    schedule="constant",
    weight_decay=0.0,
    clip_grad=None,
    flip="none",
    channels=("u", "v"),
)


@register_model("featref")
class FeatRef(Classifier):
    """The network. Input (n, in_channels, size, size), output (n, num_classes); one stream a channel.

    Args:
        num_classes: classes to tell apart, and expression branches.
        in_channels: flow channels; the paper's are u and v.
        input_size: pixels, at least 4; the paper's is 28, where a stream ends in 3136 features.
        width: shared and refined features.
        dropout: of the shared features.
        proposal_dropout: before a proposal's two layers.
        proposal_weight: of the summed proposal losses beside the classes' cross-entropy.
    """

    def __init__(
        self,
        num_classes: int,
        in_channels: int = 2,
        input_size: int = 28,
        *,
        width: Count = 1024,
        dropout: Share = 0.3,
        proposal_dropout: Share = 0.5,
        proposal_weight: float = 0.9,
    ):
        super().__init__()
        self.proposal_weight = proposal_weight
        self.streams = nn.ModuleList(
            nn.Sequential(Inception(1, 6), nn.MaxPool2d(2), Inception(24, 16), nn.MaxPool2d(2), nn.Flatten())
            for _ in range(in_channels)
        )
        features = in_channels * 64 * (input_size // 4) ** 2
        self.shared = nn.Sequential(nn.Linear(features, width), nn.Dropout(dropout), nn.ReLU())
        self.gates = nn.ModuleList(nn.Linear(width, width) for _ in range(num_classes))
        self.proposals = nn.ModuleList(
            nn.Sequential(nn.Dropout(proposal_dropout), nn.Linear(width, 64), nn.ReLU(), nn.Linear(64, 2))
            for _ in range(num_classes)
        )
        self.head = nn.Linear(width, num_classes)

    def refined(self, x: Tensor) -> list[Tensor]:
        """Features of each expression's branch, (n, width) each, of (n, in_channels, size, size)."""
        parts = [stream(channel) for stream, channel in zip(self.streams, x.split(1, 1), strict=True)]
        shared = self.shared(torch.cat(parts, 1))
        return [gate(shared).sigmoid() * shared for gate in self.gates]

    def forward(self, x: Tensor) -> Tensor:
        """Log-odds (n, num_classes)."""
        return self.head(sum(self.refined(x)))

    def loss(
        self,
        x: Tensor,
        y: Tensor,
        progress: float,
        label_smoothing: float = 0.0,
        weight: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """As `Classifier.loss`, the proposals' losses added; a clip weighs in both as its class does."""
        refined = self.refined(x)
        logits = self.head(sum(refined))
        loss = F.cross_entropy(logits.float(), y, weight, label_smoothing=label_smoothing)
        share = torch.ones_like(y, dtype=torch.float32) if weight is None else weight[y]
        share = share / share.sum()
        for expression, (features, propose) in enumerate(zip(refined, self.proposals, strict=True)):
            proposed = F.cross_entropy(
                propose(features).float(),
                (y == expression).long(),
                reduction="none",
                label_smoothing=label_smoothing,
            )
            loss = loss + self.proposal_weight * (share * proposed).sum()
        return loss, logits.detach()


class Inception(nn.Module):
    """Four branches side by side: (n, channels, height, width) -> (n, 4 * each, height, width)."""

    def __init__(self, channels: int, each: int):
        super().__init__()
        self.one = _convolution(channels, each, 1)
        self.three = nn.Sequential(_convolution(channels, each, 1), _convolution(each, each, 3))
        self.five = nn.Sequential(_convolution(channels, each, 1), _convolution(each, each, 5))
        self.pooled = nn.Sequential(nn.MaxPool2d(3, 1, 1), _convolution(channels, each, 1))

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        return torch.cat([self.one(x), self.three(x), self.five(x), self.pooled(x)], 1)


def _convolution(channels: int, out: int, kernel: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels, out, kernel, padding=kernel // 2), nn.BatchNorm2d(out), nn.ReLU()
    )
