"""The recipe: everything that shapes a training run besides the data, frozen and digested.

A recipe's digest stands in every checkpoint and every prediction file, so two results can be compared
knowing whether they were made alike. It covers values, not code.
"""

import dataclasses
import hashlib
import json
import math
from dataclasses import dataclass, field

from contracts.errors import InputError
from merba.registry import model_entry, module_of, unknown

CODINGS = ("fixed_scale", "minmax", "signed")
FLIPS = ("negate_u", "plain", "none")
CHANNELS = ("u", "v", "strain")


@dataclass(frozen=True)
class Recipe:
    """How a model is trained. Defaults are MERba's on 3DB (MERba v1, IV-B; `docs/merba-readings.md`).

    Attributes:
        epochs: passes over the training clips; the last one counts. 70 on 3DB, 200 on DFME.
        batch: clips a step, at most; an epoch is cut into batches of nearly equal size, none dropped.
        optimiser: `adamw` or `adam`, with torch's default betas and epsilon.
        lr, min_lr, warmup_lr: learning rate at the peak, at the end, at the start.
        warmup: epochs of linear rise from `warmup_lr`, inside `epochs`.
        cooldown: last epochs at `min_lr`, inside `epochs`.
        schedule: `cosine` between warm-up and cool-down, or `constant`.
        weight_decay: on weight matrices and kernels; never on biases, norms, scales or the scan's A and D.
        clip_grad: largest gradient norm of a step, or None.
        label_smoothing: of the cross-entropy.
        shuffle: draw a new order of clips every epoch.
        flip: mirrored training clips, each with probability 1/2 (a model fitted at once sees both copies):
            `negate_u` (mirroring turns u into -u), `plain` (u keeps its sign), or `none`.
        channels: which of u, v, strain the model sees, in this order.
        coding: `fixed_scale`, `minmax` or `signed`, see `merba.data.Normaliser`.
        options: the model's own options, over its defaults.
    """

    epochs: int = 70
    batch: int = 128
    optimiser: str = "adamw"
    lr: float = 5e-4
    min_lr: float = 5e-6
    warmup_lr: float = 1e-6
    warmup: int = 5
    cooldown: int = 10
    schedule: str = "cosine"
    weight_decay: float = 0.05
    clip_grad: float | None = 5.0
    label_smoothing: float = 0.0
    shuffle: bool = True
    flip: str = "negate_u"
    channels: tuple[str, ...] = ("u", "v")
    coding: str = "fixed_scale"
    options: dict = field(default_factory=dict)

    def __post_init__(self):
        object.__setattr__(self, "channels", tuple(self.channels))
        self._check("optimiser", ("adamw", "adam"))
        self._check("schedule", ("cosine", "constant"))
        self._check("flip", FLIPS)
        self._check("coding", CODINGS)
        for channel in self.channels:
            if channel not in CHANNELS:
                raise unknown("flow channel", channel, CHANNELS)
        if self.epochs < 1 or self.batch < 1:
            raise InputError(
                "epochs and batch must be at least 1", clip="recipe", cure="correct the overrides"
            )
        if self.schedule == "cosine" and self.warmup + self.cooldown > self.epochs:
            raise InputError(
                f"warm-up {self.warmup} and cool-down {self.cooldown} exceed {self.epochs} epochs",
                clip="recipe",
                cure="raise epochs, or lower warmup and cooldown with them",
            )

    def _check(self, key: str, allowed: tuple[str, ...]) -> None:
        if getattr(self, key) not in allowed:
            raise unknown(key, str(getattr(self, key)), allowed)

    def learning_rate(self, epoch: int) -> float:
        """Learning rate of `epoch`, counted from 0."""
        if self.schedule == "constant":
            return self.lr
        if epoch < self.warmup:
            return self.warmup_lr + (self.lr - self.warmup_lr) * epoch / self.warmup
        decay = self.epochs - self.warmup - self.cooldown
        done = min(1.0, (epoch - self.warmup) / decay) if decay else 1.0
        return self.min_lr + (self.lr - self.min_lr) * (1 + math.cos(math.pi * done)) / 2


def resolve(model: str, overrides: dict | None = None) -> Recipe:
    """The model's recipe with `overrides` applied and every option of the model spelled out.

    Args:
        model: one of `merba.list_models()`.
        overrides: recipe keys and model options side by side, e.g. `{"epochs": 30, "head": "dgcm"}`.

    Raises:
        InputError: unknown model or key (names the nearest), or a value of the wrong kind.
    """
    entry = model_entry(model)
    fields = {
        f.name: getattr(entry.recipe, f.name) for f in dataclasses.fields(Recipe) if f.name != "options"
    }
    options = {**entry.options, **entry.recipe.options}
    for key, value in (overrides or {}).items():
        target = fields if key in fields else options
        if key not in target:
            raise unknown("key of the overrides", key, [*fields, *options])
        target[key] = _like(key, value, target[key])
    return Recipe(**fields, options=options)


def check_overrides(model: str, overrides: dict) -> None:
    """Refuse what `resolve` would refuse, importing the model (and torch) only where an option needs it.

    The model's own warm-up and cool-down are not known here; that they fit `epochs` is left to `resolve`.

    Raises:
        InputError: as `resolve`.
    """
    module_of(model)
    known = {f.name: f.default for f in dataclasses.fields(Recipe) if f.name != "options"}
    if set(overrides) - set(known):
        resolve(model, overrides)
        return
    for key, value in overrides.items():
        if value is None and key != "clip_grad":
            raise InputError("no value", clip=key, cure=f"give a value like {known[key]!r}")
        _like(key, value, known[key])
    Recipe(**{"warmup": 0, "cooldown": 0, **overrides})


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


def _like(key: str, value, default):
    """`value`, checked to be of the kind of `default`; JSON has lists for tuples and 1 for 1.0."""
    number = (int, float)
    kinds = {bool: bool, int: int, float: number, str: str, tuple: (list, tuple)}
    expected = kinds.get(type(default))
    wrong = expected is not None and not isinstance(value, expected) and value is not None
    if wrong or (isinstance(value, bool) and expected in (int, number)):
        raise InputError(
            f"{value!r} is no {type(default).__name__}", clip=key, cure=f"give a value like {default!r}"
        )
    return tuple(value) if isinstance(value, list) else value
