"""The floor of chance: always the most frequent class of the training part, no paper needed."""

import torch
from torch import Tensor

from merba.classifier import Classifier
from merba.paper import Paper
from merba.recipe import Recipe
from merba.registry import register_model

PAPER = Paper(cite="", url="", fidelity="floor", selection="no epochs")
RECIPE = Recipe(flip="none", coding="minmax")


@register_model("majority")
class Majority(Classifier):
    """Counts labels. Input (n, in_channels, size, size), of which only n matters; output (n, num_classes)."""

    fitted_at_once = True

    def __init__(self, num_classes: int, in_channels: int = 2, input_size: int = 28):
        super().__init__()
        self.register_buffer("frequency", torch.full((num_classes,), 1 / num_classes))

    def fit(self, x: Tensor, y: Tensor) -> None:
        """Count y."""
        self.frequency = torch.bincount(y, minlength=len(self.frequency)).to(self.frequency) / len(y)

    def forward(self, x: Tensor) -> Tensor:
        """Logarithms of the training frequencies, the same for every clip."""
        return self.frequency.log().expand(len(x), -1)
