"""Heads: from one feature vector a clip to classes. One Linear, or the dual-granularity module (DGCM).

Source: MERba v1, III-D, eqs 6-7; `docs/merba-readings.md` says how their gaps are read.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from contracts.errors import InputError

DGCM_CLASSES = ("anger", "contempt", "disgust", "fear", "happiness", "sadness", "surprise")
COARSE = ("negative", "positive", "surprise", "others")
FINE = ("anger", "disgust", "fear", "sadness")
_COARSE_OF = {"happiness": "positive", "surprise": "surprise", "contempt": "others"}


class LinearHead(nn.Module):
    """One Linear and cross-entropy."""

    def __init__(self, features: int, num_classes: int):
        super().__init__()
        self.linear = nn.Linear(features, num_classes)

    def forward(self, features: Tensor) -> Tensor:
        """(n, features) -> log-odds (n, classes)."""
        return self.linear(features)

    def loss(
        self, features: Tensor, y: Tensor, progress: float, label_smoothing: float, weight: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """Cross-entropy, and the log-odds."""
        logits = self(features)
        return F.cross_entropy(logits, y, weight, label_smoothing=label_smoothing), logits

    def decide(self, logits: Tensor) -> Tensor:
        """The most probable class (n,)."""
        return logits.argmax(1)


class DGCM(nn.Module):
    """Dual-granularity classification: four coarse groups and, within the negative one, four emotions.

    Classes are DFME's seven in the order of `DGCM_CLASSES`. The log-odds returned are the logarithms of joint
    probabilities: p(anger) = p(negative) p(anger | negative), p(happiness) = p(positive), and so on.

    Args:
        features: width of the feature vector.
        num_classes: must be 7.
        form: `sum`, L_c + (t/T) L_f, or `convex`, (1 - t/T) L_c + (t/T) L_f.
    """

    def __init__(self, features: int, num_classes: int, form: str = "sum"):
        super().__init__()
        if num_classes != len(DGCM_CLASSES):
            raise InputError(
                f"the dgcm head is for the {len(DGCM_CLASSES)} classes of DFME, not for {num_classes}",
                clip="head",
                cure="use head 'linear'",
            )
        self.coarse = nn.Linear(features, len(COARSE))
        self.fine = nn.Linear(features, len(FINE))
        self.form = form
        coarse = [COARSE.index(_COARSE_OF.get(name, "negative")) for name in DGCM_CLASSES]
        fine = [FINE.index(name) if name in FINE else -1 for name in DGCM_CLASSES]
        self.register_buffer("coarse_of", torch.tensor(coarse), persistent=False)
        self.register_buffer("fine_of", torch.tensor(fine), persistent=False)

    def forward(self, features: Tensor) -> Tensor:
        """(n, features) -> joint log-probabilities (n, 7)."""
        return self._joint(self.coarse(features), self.fine(features))

    def loss(
        self, features: Tensor, y: Tensor, progress: float, label_smoothing: float, weight: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """Both cross-entropies joined by `form`, and the joint log-probabilities."""
        coarse, fine = self.coarse(features), self.fine(features)
        total = self.joint_loss(coarse, fine, y, progress, label_smoothing, weight)
        return total, self._joint(coarse, fine)

    def joint_loss(
        self,
        coarse: Tensor,
        fine: Tensor,
        y: Tensor,
        progress: float,
        label_smoothing: float = 0.0,
        weight: Tensor | None = None,
    ) -> Tensor:
        """The loss from both heads' log-odds (n, 4) and labels y (n,) in the order of `DGCM_CLASSES`.

        The fine cross-entropy averages over the true negatives; a batch without any has none. A clip counts
        in both averages with the weight of its class, where weights (7,) are given.
        """
        clips = torch.ones_like(coarse[:, 0]) if weight is None else weight[y]
        negative = self.fine_of[y] >= 0
        coarse_loss = _average(coarse, self.coarse_of[y], clips, label_smoothing)
        fine_loss = _average(fine[negative], self.fine_of[y[negative]], clips[negative], label_smoothing)
        share = 1.0 if self.form == "sum" else 1.0 - progress
        return share * coarse_loss + progress * fine_loss

    def decide(self, logits: Tensor) -> Tensor:
        """The paper's rule: the most probable group, then, if negative, the most probable emotion in it.

        This is not always the class of the highest joint probability: a negative group at .4 split evenly
        over four emotions still wins over a positive one at .3.
        """
        probabilities = logits.exp()
        groups = probabilities.new_zeros(len(logits), len(COARSE)).index_add_(
            1, self.coarse_of, probabilities
        )
        chosen = groups.argmax(1, keepdim=True) == self.coarse_of
        return probabilities.masked_fill(~chosen, -1).argmax(1)

    def _joint(self, coarse: Tensor, fine: Tensor) -> Tensor:
        coarse, fine = coarse.log_softmax(1), fine.log_softmax(1)
        within = torch.cat([fine, fine.new_zeros(len(fine), 1)], 1)
        return coarse[:, self.coarse_of] + within[:, self.fine_of]


def _average(logits: Tensor, y: Tensor, weight: Tensor, label_smoothing: float) -> Tensor:
    """Weighted mean cross-entropy; 0 over nothing, and then with a gradient of zero."""
    losses = F.cross_entropy(logits, y, reduction="none", label_smoothing=label_smoothing)
    return (weight * losses).sum() / (weight.sum() if len(y) else 1)


HEADS = {"linear": LinearHead, "dgcm": DGCM}
