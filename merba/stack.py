"""Several small models trained as one: every parameter with a leading axis, one optimiser step for all.

A small network leaves a GPU waiting for the next kernel's launch. Stacked, M models of one architecture on M
sets of clips of one size launch as many kernels as one alone. Each keeps its own clips, order, flips and
dropout, drawn as `merba.loop.fit` draws them for it, so that on a CPU the models are those of single
trainings up to rounding. (CUDA's generator hands out its numbers by thread: there the dropout is another.)

On a CPU the gain is what a small step spends outside of its arithmetic.
"""

import copy
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state

from merba.classifier import Classifier
from merba.kernels.bernoulli import dropout_factors
from merba.loop import batches, check_finite, rarity_of
from merba.optimiser import Optimiser, decayed_names
from merba.recipe import Recipe


@dataclass
class Member:
    """One model of a stack, and what it is trained on.

    Attributes:
        model: trained in place.
        x, y: as `merba.loop.fit` takes them; of as many clips in all members.
        seed: likewise.
        stream: state of torch's generator where the model was made, which its dropout goes on from.
        name: of the training, for messages.
        note: called after every epoch, as `merba.loop.fit` does.
    """

    model: Classifier
    x: Tensor
    y: Tensor
    seed: int
    stream: Tensor
    name: str
    note: Callable = lambda *row: None
    order: torch.Generator = field(init=False)
    chance: torch.Generator = field(init=False)

    def __post_init__(self):
        self.order = torch.Generator().manual_seed(self.seed)
        self.chance = torch.Generator(self.x.device)
        if self.x.is_cuda:
            self.chance.manual_seed(self.seed)
        else:
            self.chance.set_state(self.stream)


def fit_stacked(members: Sequence[Member], recipe: Recipe, mirror: Callable[[Tensor, bool], Tensor]) -> None:
    """Train all members in place, for the recipe's epochs.

    Raises:
        InputError: the loss of one of them is no number any more.
    """
    templates = [_Template(one.model) for one in members]
    template, (parameters, buffers) = templates[0], stack_module_state(templates)
    # A copied parameter has lost what was noted on it.
    decayed = {f"model.{name}" for name in decayed_names(members[0].model)}
    optimiser = Optimiser(parameters, decayed, recipe)
    rarity = torch.stack([rarity_of(one.y, one.model.num_classes) for one in members])
    weight = rarity if recipe.balance == "weights" else None
    half = torch.autocast("cuda", torch.bfloat16, enabled=recipe.precision == "bf16" and members[0].x.is_cuda)

    def one_loss(state, drops, x, y, weight, progress):
        template.tape.given = list(drops)
        return functional_call(template, state, (x, y, progress, recipe.label_smoothing, weight))

    losses_of = torch.vmap(one_loss, in_dims=(0, 0, 0, 0, None if weight is None else 0, None))

    def seen() -> Iterator[tuple[Tensor, Tensor]]:
        """Clips (models, batch, ...) and labels (models, batch) of an epoch's steps."""
        own = [
            batches(recipe, one.x, one.y, rare, one.order, mirror)
            for one, rare in zip(members, rarity, strict=True)
        ]
        for step in zip(*own, strict=True):
            yield tuple(torch.stack(parts) for parts in zip(*step, strict=True))

    # Stacking them anew for every step would take longer than a small model's step.
    always = list(seen()) if recipe.same_every_epoch else None
    chances = [one.chance for one in members]
    n = len(members[0].x)
    for epoch in range(recipe.epochs):
        lr = recipe.learning_rate(epoch)
        total, right = torch.zeros(2, len(members), device=members[0].x.device)
        for clips, labels in always or seen():
            drops = [dropout_factors(*one, chances) for one in template.draws(clips[0], labels[0])]
            with half:
                losses, hits = losses_of(
                    {**parameters, **buffers}, drops, clips, labels, weight, epoch / recipe.epochs
                )
            optimiser.zero_grad()
            losses.sum().backward()
            if recipe.clip_grad:
                _clip(parameters.values(), recipe.clip_grad)
            optimiser.step(lr)
            total += losses.detach() * labels.shape[1]
            right += hits
        means, shares = (total / n).tolist(), (right / n).tolist()
        for one, mean, share in zip(members, means, shares, strict=True):
            check_finite(mean, epoch + 1, lr, one.name)
            one.note(epoch + 1, lr, mean, share)
    with torch.no_grad():
        for k, one in enumerate(members):
            for name, value in one.model.state_dict().items():
                value.copy_({**parameters, **buffers}[f"model.{name}"][k])


def _clip(parameters: Sequence[Tensor], largest: float) -> None:
    """As `torch.nn.utils.clip_grad_norm_`, each model by its own norm."""
    gradients = [one.grad for one in parameters if one.grad is not None]
    norms = torch.stack([one.flatten(1).norm(dim=1) for one in gradients]).norm(dim=0)
    shrink = (largest / (norms + 1e-6)).clamp(max=1)
    for one in gradients:
        one.mul_(shrink.view(-1, *[1] * (one.ndim - 1)))


class _Template(nn.Module):
    """A copy of a model that gives its loss and is given its dropout's factors, on `tape`."""

    def __init__(self, model: Classifier):
        super().__init__()
        self.model = copy.deepcopy(model).train()
        self.tape = _Tape()
        self._asked: dict = {}
        for module in list(self.model.modules()):
            for name, child in module.named_children():
                if type(child) is nn.Dropout and 0 < child.p < 1:
                    setattr(module, name, _GivenDropout(child.p, self.tape))

    def forward(self, x, y, progress, label_smoothing, weight) -> tuple[Tensor, Tensor]:
        """Loss, and how many clips are right."""
        loss, logits = self.model.loss(x, y, progress, label_smoothing, weight)
        return loss, (logits.argmax(1) == y).sum()

    def draws(self, x: Tensor, y: Tensor) -> list[tuple[Sequence[int], float]]:
        """Shape and probability of each dropout of a step on such clips, found by a step without factors."""
        if x.shape not in self._asked:
            self.tape.given, self.tape.asked = None, []
            # It moves this copy's own running averages, which nothing reads.
            with torch.no_grad():
                self(x, y, 0.0, 0.0, None)
            self._asked[x.shape] = self.tape.asked
        return self._asked[x.shape]


class _Tape:
    """Factors in the order in which a step asks for them; without any, what it asks for."""

    given: list[Tensor] | None = None
    asked: list[tuple[Sequence[int], float]]

    def next(self, shape: Sequence[int], p: float) -> Tensor:
        """The next factors, or one."""
        if self.given is None:
            self.asked.append((shape, p))
            return torch.ones(())
        return self.given.pop(0)


class _GivenDropout(nn.Module):
    """Multiplies by the next factors on a tape."""

    def __init__(self, p: float, tape: _Tape):
        super().__init__()
        self.p, self.tape = p, tape

    def forward(self, x: Tensor) -> Tensor:
        """Same shape."""
        return x * self.factors(x.shape)

    def factors(self, shape: Sequence[int]) -> Tensor:
        """For a model that multiplies by itself."""
        return self.tape.next(shape, self.p)
