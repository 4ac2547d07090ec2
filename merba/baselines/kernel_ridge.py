"""Kernel ridge regression on flow: the floor any network must clear.

Method: Saunders, Gammerman & Vovk, "Ridge Regression Learning Algorithm in Dual Variables", ICML 1998, on
one-hot targets. It is fitted in a second on the whole 3DB protocol.
"""

import torch
from torch import Tensor

from merba.classifier import Classifier
from merba.paper import Paper
from merba.recipe import Recipe
from merba.registry import register_model

PAPER = Paper(
    cite="Saunders, Gammerman, Vovk. Ridge Regression Learning Algorithm in Dual Variables. ICML 1998",
    url="https://dl.acm.org/doi/10.5555/645527.657464",
    fidelity="floor",
    selection="no epochs",
)
RECIPE = Recipe(channels=("u", "v", "strain"))


@register_model("kernel_ridge")
class KernelRidge(Classifier):
    """Class-weighted RBF kernel ridge regression: (n, in_channels, size, size) -> (n, num_classes).

    Clips weigh inversely to their class's frequency, so that all classes weigh alike; targets are one-hot
    minus their weighted mean, 1 / num_classes. The kernel's width is the median distance between clips.

    Args:
        num_classes: classes to tell apart.
        in_channels, input_size: any.
        ridge: the penalty, relative to the kernel's mean diagonal.
    """

    fitted_at_once = True

    def __init__(self, num_classes: int, in_channels: int = 3, input_size: int = 28, *, ridge: float = 1.0):
        super().__init__()
        self.ridge = ridge
        self.register_buffer("clips", torch.zeros(0, in_channels * input_size**2))
        self.register_buffer("dual", torch.zeros(0, num_classes))
        self.register_buffer("gamma", torch.zeros(()))

    def fit(self, x: Tensor, y: Tensor) -> None:
        """Solve for the dual coefficients."""
        from sklearn.kernel_ridge import KernelRidge as Solver

        clips, classes = x.flatten(1), self.dual.shape[1]
        distances = torch.pdist(clips)
        # One clip by itself has no distances, and any width will do.
        median = distances.median() if len(distances) else clips.new_ones(())
        self.gamma = 1 / (2 * median.clamp(min=1e-12) ** 2)
        count = torch.bincount(y, minlength=classes)
        weight = len(y) / (count[y] * (count > 0).sum())
        target = torch.nn.functional.one_hot(y, classes).float() - 1 / classes
        # The diagonal of an RBF kernel is 1, so the relative penalty is the penalty.
        solver = Solver(alpha=self.ridge, kernel="precomputed")
        solver.fit(self._kernel(clips, clips).double().cpu(), target.double().cpu(), weight.double().cpu())
        self.clips = clips.clone()
        self.dual = torch.as_tensor(solver.dual_coef_).to(clips)

    def forward(self, x: Tensor) -> Tensor:
        """Logarithms of the regressed class shares, cut off just above 0; they estimate posteriors."""
        shares = self._kernel(x.flatten(1), self.clips) @ self.dual + 1 / self.dual.shape[1]
        return shares.clamp(min=1e-6).log()

    def _kernel(self, a: Tensor, b: Tensor) -> Tensor:
        return torch.exp(-self.gamma * torch.cdist(a, b).square())

    def _load_from_state_dict(self, state_dict, prefix, *rest):
        # The number of training clips is known only from the checkpoint.
        for name in ("clips", "dual"):
            setattr(self, name, torch.empty_like(state_dict[prefix + name]))
        super()._load_from_state_dict(state_dict, prefix, *rest)
