"""Adam, AdamW and SGD: torch's arithmetic, with a state that the loop keeps."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.optim.sgd import sgd


def decayed_names(model: nn.Module) -> set[str]:
    """Names of the parameters that weight decay applies to: matrices and kernels."""
    named = model.named_parameters()
    return {name for name, p in named if p.ndim > 1 and not getattr(p, "no_weight_decay", False)}


class Optimiser:
    """The recipe's optimiser, over those of the named parameters that are learned.

    It calls the operations that the classes of `torch.optim` call, with torch's default betas and epsilon.
    The classes load torch's compiler with their first parameter, which takes nearly as long as torch itself;
    and a fold of a small network is trained within seconds.
    """

    def __init__(self, parameters: Mapping[str, Tensor], decayed: set[str], recipe):
        """`decayed`: names of the parameters that are given the recipe's weight decay; the others are not."""
        self.recipe = recipe
        learned: dict[float, list[Tensor]] = {}
        for name, parameter in parameters.items():
            if parameter.requires_grad:
                learned.setdefault(recipe.weight_decay if name in decayed else 0.0, []).append(parameter)
        self.groups = [_Group(own, decay, recipe.optimiser) for decay, own in learned.items()]

    @torch.no_grad()
    def clip(self, largest: float) -> None:
        """Shrink all gradients alike where their norm, taken together, is larger; as `clip_grad_norm_` does.

        It is taken of one long row: torch's takes that of every parameter first, and small ones are many.
        """
        gradients = [p.grad for group in self.groups for p in group.parameters if p.grad is not None]
        norm = torch.cat([one.flatten() for one in gradients]).norm()
        torch._foreach_mul_(gradients, (largest / (norm + 1e-6)).clamp(max=1.0))

    @torch.no_grad()
    def step(self, lr: float) -> None:
        """Move every parameter that has a gradient."""
        for group in self.groups:
            moved = group.next_step()
            if not moved:
                continue
            if self.recipe.optimiser == "sgd":
                sgd(
                    *moved,
                    lr=lr,
                    weight_decay=group.weight_decay,
                    momentum=self.recipe.momentum,
                    dampening=0.0,
                    nesterov=False,
                    maximize=False,
                )
                continue
            parameters, gradients, means, squares, steps = moved
            # One pass over each parameter instead of a dozen, which small models notice on every device.
            fused = torch._fused_adamw_ if self.recipe.optimiser == "adamw" else torch._fused_adam_
            fused(
                parameters,
                gradients,
                means,
                squares,
                [],
                steps,
                lr=lr,
                weight_decay=group.weight_decay,
                beta1=0.9,
                beta2=0.999,
                eps=1e-8,
                amsgrad=False,
                maximize=False,
            )

    def zero_grad(self) -> None:
        """Forget all gradients."""
        for group in self.groups:
            for parameter in group.parameters:
                parameter.grad = None

    def state_dict(self) -> list[list[list[Tensor]]]:
        """What the steps so far have left, to be saved."""
        return [group.state for group in self.groups]

    def load_state_dict(self, saved: list[list[list[Tensor]]]) -> None:
        """Go on where another of the same parameters was."""
        for group, states in zip(self.groups, saved, strict=True):
            for own, others in zip(group.state, states, strict=True):
                for tensor, other in zip(own, others, strict=True):
                    tensor.copy_(other)


class _Group:
    """Parameters of one weight decay, and what steps keep of each: SGD's momentum; or Adam's running means of
    gradients and of their squares, and the number of steps.
    """

    def __init__(self, parameters: list[Tensor], weight_decay: float, kind: str):
        self.parameters, self.weight_decay = parameters, weight_decay
        self.state = [[torch.zeros_like(p) for p in parameters]]
        self.counts = None
        if kind != "sgd":
            self.state.append([torch.zeros_like(p) for p in parameters])
            # One row, that one operation counts on.
            self.counts = torch.zeros(len(parameters), device=parameters[0].device)
            self.state.append(list(self.counts.unbind()))

    def next_step(self) -> list[list[Tensor]]:
        """Count it; parameters that have a gradient, their gradients and the state of each, or nothing."""
        gradients = [p.grad for p in self.parameters]
        lacking = [k for k, gradient in enumerate(gradients) if gradient is None]
        if self.counts is not None:
            self.counts += 1
            if lacking:
                self.counts[lacking] -= 1
        columns = [self.parameters, gradients, *self.state]
        if not lacking:
            return columns
        rows = [row for row in zip(*columns, strict=True) if row[1] is not None]
        return [list(column) for column in zip(*rows, strict=True)]
