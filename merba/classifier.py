"""What every model is to training and prediction, whether it learns by gradient or is fitted at once."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Classifier(nn.Module):
    """Base of all models. A subclass gives `forward`; the rest has sensible defaults.

    A model that learns without a gradient sets `fitted_at_once` and gives `fit`; it keeps what it learned in
    buffers, so that its checkpoint is a state dict like any other's.
    """

    fitted_at_once = False

    def forward(self, x: Tensor) -> Tensor:
        """Flow (n, channels, size, size), coded by the fold's normaliser -> log-odds (n, classes)."""
        raise NotImplementedError

    def loss(
        self, x: Tensor, y: Tensor, progress: float, label_smoothing: float = 0.0
    ) -> tuple[Tensor, Tensor]:
        """Loss (scalar) of a training batch with labels y (n,) int64, and log-odds (n, classes) for the log.

        `progress` is t / T: the epoch, counted from 0, over the number of epochs.
        """
        logits = self(x)
        return F.cross_entropy(logits, y, label_smoothing=label_smoothing), logits.detach()

    def fit(self, x: Tensor, y: Tensor) -> None:
        """Learn from all training clips at once; only where `fitted_at_once`."""
        raise NotImplementedError

    @torch.no_grad()
    def predict(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Class (n,) int64 and probabilities (n, classes) of clips, in evaluation mode."""
        self.eval()
        probabilities = self(x).softmax(1)
        return probabilities.argmax(1), probabilities
