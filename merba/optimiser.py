"""Adam, AdamW and SGD: torch's arithmetic, with a state that the loop keeps."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.optim.adam import adam
from torch.optim.sgd import sgd


def decayed_names(model: nn.Module) -> set[str]:
    """Names of the parameters that weight decay applies to: matrices and kernels."""
    named = model.named_parameters()
    return {name for name, p in named if p.ndim > 1 and not getattr(p, "no_weight_decay", False)}


class Optimiser:
    """The recipe's, over those of the named parameters that are learned.

    It calls the functions that `torch.optim` documents as its functional form, with torch's default betas and
    epsilon. The classes of `torch.optim` load torch's compiler with their first parameter, which takes as
    long as torch itself; and a fold of a small network is trained within seconds.
    """

    def __init__(self, parameters: Mapping[str, Tensor], decayed: set[str], recipe):
        """`decayed`: names of the parameters that are given the recipe's weight decay; the others are not."""
        self.kind, self.momentum = recipe.optimiser, recipe.momentum
        learned: dict[float, list[Tensor]] = {}
        for name, parameter in parameters.items():
            if parameter.requires_grad:
                learned.setdefault(recipe.weight_decay if name in decayed else 0.0, []).append(parameter)
        self.groups = [_Group(own, decay, self.kind != "sgd") for decay, own in learned.items()]

    @torch.no_grad()
    def step(self, lr: float) -> None:
        """Move every parameter by its gradient."""
        for group in self.groups:
            with_gradient = [k for k, p in enumerate(group.parameters) if p.grad is not None]

            def of(every: list[Tensor], kept: list[int] = with_gradient) -> list[Tensor]:
                return [every[k] for k in kept]

            moved = of(group.parameters)
            gradients = [p.grad for p in moved]
            if self.kind == "sgd":
                sgd(
                    moved,
                    gradients,
                    of(group.means),
                    weight_decay=group.weight_decay,
                    momentum=self.momentum,
                    lr=lr,
                    dampening=0.0,
                    nesterov=False,
                    maximize=False,
                )
                continue
            adam(
                moved,
                gradients,
                of(group.means),
                of(group.squares),
                [],
                of(group.steps),
                # One pass over each parameter instead of a dozen, which small models notice on every device.
                fused=True,
                decoupled_weight_decay=self.kind == "adamw",
                amsgrad=False,
                beta1=0.9,
                beta2=0.999,
                lr=lr,
                weight_decay=group.weight_decay,
                eps=1e-8,
                maximize=False,
            )

    def zero_grad(self) -> None:
        """Forget all gradients."""
        for group in self.groups:
            for parameter in group.parameters:
                parameter.grad = None

    def state_dict(self) -> list[list[Tensor]]:
        """What the steps so far have left, to be saved."""
        return [group.state for group in self.groups]

    def load_state_dict(self, state: list[list[Tensor]]) -> None:
        """Go on where another of the same parameters was."""
        for group, saved in zip(self.groups, state, strict=True):
            for own, other in zip(group.state, saved, strict=True):
                own.copy_(other)


class _Group:
    """Parameters of one weight decay, with Adam's running means or SGD's momentum."""

    def __init__(self, parameters: list[Tensor], weight_decay: float, squares: bool):
        self.parameters, self.weight_decay = parameters, weight_decay
        self.means = [torch.zeros_like(p, requires_grad=False) for p in parameters]
        self.squares = [torch.zeros_like(p, requires_grad=False) for p in parameters] if squares else []
        self.steps = [torch.zeros((), device=p.device) for p in parameters] if squares else []

    @property
    def state(self) -> list[Tensor]:
        """All that steps change besides the parameters."""
        return [*self.means, *self.squares, *self.steps]
