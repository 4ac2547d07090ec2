"""A linear support vector machine as a module: fitted by scikit-learn, kept and applied as two tensors."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

# Decision value of a class that no training clip has: exp(-80) is nothing, and float32 still holds it.
_NEVER = -80.0


class LinearSVM(nn.Module):
    """Each class against the rest: features (n, features) -> decision values (n, num_classes).

    Fitted by scikit-learn's LinearSVC (liblinear; squared hinge loss). A softmax of decision values may stand
    for probabilities, but is not calibrated.

    Args:
        features, num_classes: sizes.
        c: penalty on errors.
    """

    def __init__(self, features: int, num_classes: int, c: float = 1.0):
        super().__init__()
        self.c = c
        self.register_buffer("weight", torch.zeros(num_classes, features))
        self.register_buffer("bias", torch.zeros(num_classes))

    def fit(self, x: Tensor, y: Tensor) -> None:
        """Fit on features (n, features) and classes (n,); a class that y lacks is never decided for."""
        from sklearn.svm import LinearSVC

        self.weight.zero_()
        self.bias.fill_(_NEVER)
        present = y.unique()
        if len(present) == 1:
            self.bias[present] = 0.0
            return
        found = LinearSVC(C=self.c, random_state=0).fit(x.double().cpu().numpy(), y.cpu().numpy())
        weight, bias = (torch.as_tensor(a).to(self.weight) for a in (found.coef_, found.intercept_))
        if len(present) == 2:
            # Of two classes scikit-learn keeps the second's plane only.
            weight, bias = torch.cat([-weight, weight]), torch.cat([-bias, bias])
        self.weight[present], self.bias[present] = weight, bias

    def forward(self, x: Tensor) -> Tensor:
        """Decision values."""
        return F.linear(x, self.weight, self.bias)
