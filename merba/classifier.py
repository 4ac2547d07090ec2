"""What every model is to training and prediction, whether it learns by gradient or is fitted at once."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from contracts.errors import InputError
from contracts.sequences import Sequence


class Classifier(nn.Module):
    """Base of all models. A subclass gives `forward`; the rest has sensible defaults.

    A model that learns without a gradient sets `fitted_at_once`, gives `fit` and says `no epochs` in its
    `PAPER`; it keeps what it learned in buffers, so that its checkpoint is a state dict like any other's.
    """

    fitted_at_once = False
    stackable = False
    """Whether `merba.stack` may train several as one: small, and with chance by `nn.Dropout` alone."""
    num_classes: int
    """Set by `merba.create_model`."""

    def forward(self, x: Tensor) -> Tensor:
        """Flow (n, channels, size, size), coded by the fold's normaliser -> log-odds (n, classes)."""
        raise NotImplementedError

    def loss(
        self,
        x: Tensor,
        y: Tensor,
        progress: float,
        label_smoothing: float = 0.0,
        weight: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Loss (scalar) of a training batch with labels y (n,) int64, and log-odds (n, classes) for the log.

        Args:
            progress: t / T: the epoch, counted from 0, over the number of epochs.
            weight: of each class in the cross-entropy, (classes,).
        """
        logits = self(x)
        loss = F.cross_entropy(logits.float(), y, weight, label_smoothing=label_smoothing)
        return loss, logits.detach()

    def fit(self, x: Tensor, y: Tensor) -> None:
        """Learn from all training clips at once; only where `fitted_at_once`."""
        raise NotImplementedError

    @torch.no_grad()
    def predict(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Class (n,) int64 and probabilities (n, classes) of clips, in evaluation mode."""
        self.eval()
        probabilities = self(x).softmax(1)
        return probabilities.argmax(1), probabilities


class ClipClassifier(Classifier):
    """Base of the models that see whole clips; their file declares which, `CLIPS = Clips(...)`.

    What `see` makes of a clip is computed once; stacked, (n, ...), it is what `forward`, `loss`, `fit` and
    `predict` get. It is fitted on nothing and knows nothing of other clips.
    """

    @staticmethod
    def see(clip: Sequence) -> np.ndarray:
        """One clip -> an array of the same shape and dtype for every clip."""
        raise NotImplementedError

    @staticmethod
    def mirror(x: Tensor, negate_u: bool = True) -> Tensor:
        """What `see` would have made of the mirrored faces' clips, (n, ...) -> (n, ...).

        Raises:
            InputError: this model's view of a clip cannot be mirrored.
        """
        raise InputError("this model's input cannot be mirrored", clip="flip", cure="set `flip: none`")
