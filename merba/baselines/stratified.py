"""The other floor of chance: guesses, as often of each class as it occurs in the training part; no paper
needed.

`majority` never names a rare class; what guessing alone scores on all of them shows here.
"""

import hashlib

import torch
from torch import Tensor

from merba.classifier import Classifier
from merba.paper import Paper
from merba.recipe import Recipe
from merba.registry import register_model

PAPER = Paper(cite="", url="", fidelity="floor", selection="no epochs")
RECIPE = Recipe(flip="none", coding="minmax")


@register_model("stratified")
class Stratified(Classifier):
    """Input (n, in_channels, size, size), output (n, num_classes): the training frequencies, for every clip.

    The class it decides for is a draw from them. A clip's draw is a hash of its values, keyed by a number
    drawn in `fit` from torch's generator: another seed guesses anew, but a clip's guess depends neither on
    the clips beside it nor on their order, and a stored model repeats it.
    """

    fitted_at_once = True

    def __init__(self, num_classes: int, in_channels: int = 2, input_size: int = 28):
        super().__init__()
        self.register_buffer("frequency", torch.full((num_classes,), 1 / num_classes))
        self.register_buffer("key", torch.zeros((), dtype=torch.int64))

    def fit(self, x: Tensor, y: Tensor) -> None:
        """Count y and draw a key."""
        self.frequency = torch.bincount(y, minlength=len(self.frequency)).to(self.frequency) / len(y)
        self.key.copy_(torch.randint(2**62, ()))

    def forward(self, x: Tensor) -> Tensor:
        """Logarithms of the training frequencies."""
        return self.frequency.log().expand(len(x), -1)

    @torch.no_grad()
    def predict(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """As `Classifier.predict`, but the class is drawn."""
        _, probabilities = super().predict(x)
        key = self.key.item().to_bytes(8, "little")
        draws = [_uniform(clip.tobytes(), key) for clip in x.cpu().numpy()]
        draws = torch.tensor(draws, dtype=torch.float64, device=x.device)
        upper = self.frequency.double().cumsum(0)
        # Rounding may leave the last bound short of 1, and a class without clips must not be drawn.
        upper[self.frequency.nonzero().max() :] = 1.0
        return torch.searchsorted(upper, draws, right=True), probabilities


def _uniform(values: bytes, key: bytes) -> float:
    """A number in [0, 1) that looks drawn."""
    return int.from_bytes(hashlib.blake2b(values, digest_size=6, key=key).digest()) / 2**48
