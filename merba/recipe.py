"""The recipe: everything that shapes a training run besides the data, frozen and digested.

A recipe's digest stands in every checkpoint and every prediction file, so two results can be compared
knowing whether they were made alike. It covers values, not code.
"""

import dataclasses
import hashlib
import json
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated

from contracts.errors import InputError, unknown

CODINGS = ("fixed_scale", "minmax", "signed")
FLIPS = ("negate_u", "plain", "none")
CHANNELS = ("u", "v", "strain")
OPTIMISERS = ("adamw", "adam", "sgd")
SCHEDULES = ("cosine", "constant", "exponential", "step")
BALANCES = ("none", "weights", "oversample")
SELECTIONS = ("last", "nested")
PRECISIONS = ("float32", "bf16")


@dataclass(frozen=True)
class Limit:
    """What a number must be besides finite and not negative: in words, and as a test."""

    words: str
    holds: Callable[[float], bool]


# To annotate a recipe's fields and a model's options with; `merba.overrides` keeps to them.
Count = Annotated[int, Limit("1 or more", lambda number: number >= 1)]
Share = Annotated[float, Limit("from 0 to 1", lambda number: number <= 1)]
Positive = Annotated[float, Limit("above 0", lambda number: number > 0)]


@dataclass(frozen=True)
class Recipe:
    """How a model is trained. Defaults are MERba's on 3DB (MERba v1, IV-B; `docs/merba-readings.md`).

    Attributes:
        epochs: passes over the training clips. 70 on 3DB, 200 on DFME.
        selection: `last`, the last epoch counts; or `nested`, an inner split of the training subjects into
            `inner_folds` chooses how many epochs, see `merba.selection`.
        batch: clips a step, at most; an epoch is cut into batches of nearly equal size, none dropped.
        optimiser: `adamw`, `adam` (torch's default betas and epsilon) or `sgd` (with `momentum`).
        momentum: of `sgd`.
        lr, min_lr, warmup_lr: learning rate at the peak, at the end, at the start.
        warmup: epochs of linear rise from `warmup_lr`, inside `epochs`; `cosine` only.
        cooldown: last epochs at `min_lr`, inside `epochs`; `cosine` only.
        schedule: `cosine` between warm-up and cool-down, `constant`, `exponential` (times `decay` after every
            epoch) or `step` (times `decay` after each of `milestones`).
        decay, milestones: see `schedule`.
        weight_decay: on weight matrices and kernels; never on biases, norms, scales or the scan's A and D.
        clip_grad: largest gradient norm of a step, or None.
        label_smoothing: of the cross-entropy.
        balance: `none`; `weights`: the cross-entropy weighs classes inversely to their frequency in the
            training part; `oversample`: every epoch draws as many clips with replacement, classes alike.
        shuffle: draw a new order of clips every epoch.
        flip: mirrored training clips, each with probability 1/2 (a model fitted at once sees both copies):
            `negate_u` (mirroring turns u into -u), `plain` (u keeps its sign), or `none`.
        channels: which of u, v, strain the model sees, in this order; a model of sequences has its own.
        coding: `fixed_scale`, `minmax` or `signed`, see `merba.data.Normaliser`; likewise.
        precision: `bf16` computes a CUDA step under autocast; a CPU computes float32 in any case.
        compiled: torch compiles the step, see `merba.compiled`: for large networks, several folds a job.
        options: the model's own options, over its defaults.
    """

    epochs: Count = 70
    selection: str = "last"
    inner_folds: Count = 3
    batch: Count = 128
    optimiser: str = "adamw"
    momentum: Share = 0.9
    lr: float = 5e-4
    min_lr: float = 5e-6
    warmup_lr: float = 1e-6
    warmup: int = 5
    cooldown: int = 10
    schedule: str = "cosine"
    decay: float = 1.0
    milestones: tuple[int, ...] = ()
    weight_decay: float = 0.05
    clip_grad: float | None = 5.0
    label_smoothing: Share = 0.0
    balance: str = "none"
    shuffle: bool = True
    flip: str = "negate_u"
    channels: tuple[str, ...] = ("u", "v")
    coding: str = "fixed_scale"
    precision: str = "float32"
    compiled: bool = False
    options: dict = field(default_factory=dict)

    def __post_init__(self):
        for key in ("channels", "milestones"):
            object.__setattr__(self, key, tuple(getattr(self, key)))
        for key, allowed in (
            ("optimiser", OPTIMISERS),
            ("schedule", SCHEDULES),
            ("balance", BALANCES),
            ("flip", FLIPS),
            ("coding", CODINGS),
            ("precision", PRECISIONS),
            ("selection", SELECTIONS),
        ):
            if getattr(self, key) not in allowed:
                raise unknown(key, str(getattr(self, key)), allowed)
        for channel in self.channels:
            if channel not in CHANNELS:
                raise unknown("flow channel", channel, CHANNELS)
        if not self.channels or len(set(self.channels)) < len(self.channels):
            raise InputError(
                f"channels {list(self.channels)}",
                clip="channels",
                cure=f"give one or more of {', '.join(CHANNELS)}, each once",
            )
        if self.schedule == "cosine" and self.warmup + self.cooldown >= self.epochs:
            raise InputError(
                f"warm-up {self.warmup} and cool-down {self.cooldown} leave nothing of {self.epochs} epochs",
                clip="recipe",
                cure="raise epochs, or lower warmup and cooldown with them",
            )

    @property
    def same_every_epoch(self) -> bool:
        """Whether every epoch sees the same clips in the same order."""
        return not self.shuffle and self.balance != "oversample" and self.flip == "none"

    def learning_rate(self, epoch: int) -> float:
        """Of an epoch, counted from 0."""
        if self.schedule == "constant":
            return self.lr
        if self.schedule == "exponential":
            return self.lr * self.decay**epoch
        if self.schedule == "step":
            return self.lr * self.decay ** sum(epoch >= mark for mark in self.milestones)
        if epoch < self.warmup:
            return self.warmup_lr + (self.lr - self.warmup_lr) * epoch / self.warmup
        # Loshchilov and Hutter, "SGDR", ICLR 2017, equation 5, without restarts.
        fallen = min(1.0, (epoch - self.warmup) / (self.epochs - self.warmup - self.cooldown))
        return self.min_lr + (self.lr - self.min_lr) * (1 + math.cos(math.pi * fallen)) / 2


def check_coding(coding: str, cached: str) -> None:
    """Refuse a recipe's coding that caches of coding `cached` (see `contracts.cache`) cannot give.

    Raises:
        InputError: the caches have lost the scale that `fixed_scale` keeps.
    """
    if coding == "fixed_scale" and cached == "minmax":
        raise InputError(
            "fixed_scale needs motion in pixels, and these caches hold flow that was stretched to 0..255",
            clip="coding",
            cure="set `coding: minmax` or `coding: signed` for this model in the configuration",
        )


def digest(model: str, recipe: Recipe, **also) -> str:
    """Twelve hex digits over the model's name, the recipe and what else shaped the run (seed, classes)."""
    text = json.dumps({"model": model, "recipe": dataclasses.asdict(recipe), **also}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]
