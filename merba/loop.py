"""The training loop: one model, one recipe, all epochs; nothing is chosen on the way, the last one counts."""

import io
import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from torch import Tensor

from contracts.errors import InputError
from contracts.files import whole
from merba.optimiser import Optimiser, decayed_names


def fit(
    model,
    recipe,
    x: Tensor,
    y: Tensor,
    seed: int,
    mirror: Callable[[Tensor, bool], Tensor],
    note: Callable = lambda *row: None,
    resume: "Resume | None" = None,
    watch: Callable[[int], None] | None = None,
    epochs: int | None = None,
) -> None:
    """Train `model` in place.

    Args:
        model: a `merba.classifier.Classifier`, on the device of x.
        recipe: a `merba.recipe.Recipe`.
        x: training clips as the model sees them, (n, ...). It is given parts of it, and must not change them.
        y: class indices, int64 (n,).
        seed: of the order of clips and of the flips; dropout draws from torch's own generator.
        mirror: clips, whether to negate u -> the clips of the mirrored faces.
        note: called after every epoch with epoch (from 1), learning rate, mean loss and training accuracy.
        resume: keeps the state between epochs, and takes up a run that was interrupted.
        watch: called after every epoch; may look at the model, which must be the same afterwards.
        epochs: stop after as many of the recipe's; the schedule is that of all.

    Raises:
        InputError: the loss is no number any more.
    """
    if model.fitted_at_once:
        copies = [x] if recipe.flip == "none" else [x, mirror(x, recipe.flip == "negate_u")]
        model.fit(torch.cat(copies), y.repeat(len(copies)))
        accuracy = (model.predict(x)[0] == y).float().mean().item()
        note(1, 0.0, float("nan"), accuracy)
        if watch:
            watch(1)
        return

    optimiser = Optimiser(dict(model.named_parameters()), decayed_names(model), recipe)
    random = torch.Generator().manual_seed(seed)
    rarity = rarity_of(y, model.num_classes)
    loss_of = _compiled(model) if recipe.compiled else model.loss
    weight = {"weight": rarity} if recipe.balance == "weights" else {}
    half = torch.autocast("cuda", torch.bfloat16, enabled=recipe.precision == "bf16" and x.is_cuda)
    started = resume.take_up(model, optimiser, random, x.device) if resume else 0
    for epoch in range(started, epochs or recipe.epochs):
        model.train()
        lr = recipe.learning_rate(epoch)
        total, right = torch.zeros((), device=x.device), torch.zeros((), device=x.device)
        for clips, labels in batches(recipe, x, y, rarity, random, mirror):
            with half:
                progress = epoch / recipe.epochs
                loss, logits = loss_of(clips, labels, progress, recipe.label_smoothing, **weight)
            optimiser.zero_grad()
            loss.backward()
            if recipe.clip_grad:
                optimiser.clip(recipe.clip_grad)
            optimiser.step(lr)
            total += loss.detach() * len(labels)
            right += (logits.argmax(1) == labels).sum()
        mean = total.item() / len(x)
        check_finite(mean, epoch + 1, lr)
        note(epoch + 1, lr, mean, right.item() / len(x))
        if watch:
            watch(epoch + 1)
        if resume:
            resume.keep(epoch + 1, model, optimiser, random, x.device)


def _compiled(model) -> Callable:
    # Not before: it loads torch's compiler.
    from merba.compiled import compiled_loss

    return compiled_loss(model)


def check_finite(loss: float, epoch: int, lr: float, name: str = "") -> None:
    """Refuse to go on with a loss that is no number.

    Raises:
        InputError: says of which epoch, and of which training where it has a name.
    """
    if not math.isfinite(loss):
        whose = name and f" of {name}"
        raise InputError(
            f"the loss{whose} is {loss} in epoch {epoch}, at a learning rate of {lr:g}",
            clip="lr",
            cure="lower it, or set clip_grad",
        )


def batches(
    recipe,
    x: Tensor,
    y: Tensor,
    rarity: Tensor,
    random: torch.Generator,
    mirror: Callable[[Tensor, bool], Tensor],
) -> Iterator[tuple[Tensor, Tensor]]:
    """What an epoch sees, in its order: clips, some of them mirrored, and their labels.

    Args:
        recipe, x, y, mirror: as `fit` takes them.
        rarity: of each class, see `rarity_of`.
        random: of the order, and of each batch's flips when that is asked for.
    """
    order, parts = order_of(recipe, y, rarity, random), -(-len(x) // recipe.batch)
    if order is None:
        selected = zip(x.tensor_split(parts), y.tensor_split(parts), strict=True)
    else:
        selected = ((x.index_select(0, rows), y[rows]) for rows in order.to(x.device).tensor_split(parts))
    for clips, labels in selected:
        yield some_mirrored(clips, recipe, mirror, random), labels


def order_of(recipe, y: Tensor, rarity: Tensor, random: torch.Generator) -> Tensor | None:
    """Which clips an epoch sees, in which order: int64 (n,), or None for all as they stand."""
    if recipe.balance == "oversample":
        return torch.multinomial(rarity[y].cpu(), len(y), replacement=True, generator=random)
    return torch.randperm(len(y), generator=random) if recipe.shuffle else None


def rarity_of(y: Tensor, classes: int) -> Tensor:
    """Inverse frequency of each class in the training part, 1 on average over clips; 0 for one it lacks."""
    count = torch.bincount(y, minlength=classes)
    return torch.where(count > 0, len(y) / (count.clamp(min=1) * (count > 0).sum()), 0.0)


def some_mirrored(clips: Tensor, recipe, mirror: Callable[[Tensor, bool], Tensor], random) -> Tensor:
    """Each clip as it is or, where the recipe flips, with probability 1/2 mirrored."""
    if recipe.flip == "none":
        return clips
    flipped = (torch.rand(len(clips), generator=random) < 0.5).to(clips.device)
    chosen = flipped.view(-1, *[1] * (clips.ndim - 1))
    return torch.where(chosen, mirror(clips, recipe.flip == "negate_u"), clips)


class Resume:
    """A run's state between two epochs, on disk, so that an interrupted run ends as if it had not been.

    Written whole, at most once in `every` seconds; a file of another run (by `digest`, or from another kind
    of device) or one that cannot be read is not taken up but written over.
    """

    def __init__(self, path: str | Path, digest: str, rows: list, every: float = 60.0):
        """`rows` is the log, which is kept too and filled when a run is taken up."""
        self.path, self.digest, self.rows, self.every = Path(path), digest, rows, every
        self._kept = time.monotonic()

    def take_up(self, model, optimiser, random: torch.Generator, device: torch.device) -> int:
        """Put a kept state in place; the number of epochs it has behind it, 0 where there is none."""
        try:
            state = torch.load(self.path, map_location="cpu", weights_only=True)
            # On another kind of device, dropout would go on with other draws.
            if (state["digest"], state["device"]) != (self.digest, device.type):
                return 0
        except Exception:  # torch.load raises whatever a damaged file makes it stumble over
            return 0
        model.load_state_dict(state["model"])
        optimiser.load_state_dict(state["optimiser"])
        random.set_state(state["random"])
        torch.set_rng_state(state["torch"])
        if device.type == "cuda":
            torch.cuda.set_rng_state(state["cuda"], device)
        self.rows.extend(tuple(row) for row in state["rows"])
        return state["epoch"]

    def keep(self, epoch: int, model, optimiser, random: torch.Generator, device: torch.device) -> None:
        """Write the state after `epoch` epochs, unless the last one is recent."""
        if time.monotonic() - self._kept < self.every:
            return
        state = {
            "digest": self.digest,
            "device": device.type,
            "epoch": epoch,
            "model": model.state_dict(),
            "optimiser": optimiser.state_dict(),
            "random": random.get_state(),
            "torch": torch.get_rng_state(),
            "cuda": torch.cuda.get_rng_state(device) if device.type == "cuda" else None,
            "rows": self.rows,
        }
        # Through memory: what torch says of a full disk does not mention the disk.
        made = io.BytesIO()
        torch.save(state, made)
        with whole(self.path) as partial:
            partial.write_bytes(made.getbuffer())
        self._kept = time.monotonic()
