"""What a configuration may change about a model's recipe and options, and what it may not.

What a value may be is read from the annotation: of the recipe's field, or of the option in the constructor of
the model's class, `int`, `float | None`, `Sequence[int]`, `Share` and so on. An option without one takes what
its default is. Every number here is a size, a count, a rate or a share, so none is negative or infinite.
"""

import contextlib
import dataclasses
import inspect
import json
import math
import types
import typing
from collections.abc import Sequence

from contracts.errors import InputError, unknown
from merba.recipe import Recipe
from merba.registry import create_on_meta, declaration, model_entry

_KINDS = {field.name: field.type for field in dataclasses.fields(Recipe) if field.name != "options"}
# Of the recipe: what shapes the input of a model of flow, and what acts on a model that is fitted at once.
_INPUTS = {"channels", "coding"}
_AT_ONCE = {*_INPUTS, "flip"}
# What is read only where another key says so: key -> that one, and what it must be.
_READ_BY = {
    **dict.fromkeys(("min_lr", "warmup_lr", "warmup", "cooldown"), ("schedule", ("cosine",))),
    "decay": ("schedule", ("exponential", "step")),
    "milestones": ("schedule", ("step",)),
    "momentum": ("optimiser", ("sgd",)),
    "inner_folds": ("selection", ("nested",)),
}
# What `|` makes depends on whether a side is annotated.
_UNIONS = (types.UnionType, typing.Union)
_LISTS = (tuple, list, Sequence)
_WORDS = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "a text",
    types.NoneType: "null",
    # Only of an option without annotation.
    tuple: "a list",
    list: "a list",
    dict: "a mapping",
}


def resolve(model: str, overrides: dict | None = None) -> Recipe:
    """The model's recipe with `overrides` applied and every option of the model spelled out.

    Args:
        model: one of `merba.list_models()`.
        overrides: recipe keys and model options side by side, e.g. `{"epochs": 30, "head": "dgcm"}`.

    Raises:
        InputError: unknown model or key (names the nearest), or a value of the wrong kind.
    """
    recipe, entry = declaration(model).recipe, model_entry(model)
    fields = {name: getattr(recipe, name) for name in _KINDS}
    options = {**entry.options, **recipe.options}
    parameters = inspect.signature(entry.build).parameters
    for key, value in (overrides or {}).items():
        if key in fields:
            fields[key] = _checked(key, value, _KINDS[key], fields[key])
        elif key in options:
            kind = parameters[key].annotation
            kind = type(parameters[key].default) if kind is inspect.Parameter.empty else kind
            options[key] = _checked(key, value, kind, options[key])
        else:
            raise unknown("key of the overrides", key, [*fields, *options])
    return Recipe(**fields, options=options)


def check_overrides(model: str, overrides: dict) -> Recipe:
    """Refuse what `resolve` would refuse, importing the model (and torch) only where an option needs it.

    Returns:
        The recipe; its options are spelled out only if one is overridden.

    Raises:
        InputError: as `resolve`.
    """
    if set(overrides) - set(_KINDS):
        return resolve(model, overrides)
    recipe = declaration(model).recipe
    given = {key: _checked(key, one, _KINDS[key], getattr(recipe, key)) for key, one in overrides.items()}
    return dataclasses.replace(recipe, **given)


def check_row(
    model: str, overrides: dict, classes: Sequence[str], size: int | None = None, *, build: bool = True
) -> Recipe:
    """Refuse a row of a configuration that could not be trained, or not as it says: before any job is begun.

    Torch is imported only where a row gives the network another form, by a size, channels or an option, or
    mirrors whole clips.

    Args:
        model: one of `merba.list_models()`.
        overrides: as `resolve` takes them.
        classes: of the protocol, in its order.
        size: pixels of the input, where the row has its own.
        build: also build a network of another form, without values.

    Returns:
        The recipe; its options are spelled out only if one is overridden.

    Raises:
        InputError: as `resolve` and `check_trainable`; a key that changes nothing about such a model; or a
            network that cannot be built. Its `clip` is the key.
    """
    for key in overrides:
        _check_effect(model, key)
    recipe = check_overrides(model, overrides)
    check_trainable(model, recipe, classes)
    for key in overrides:
        other, read = _READ_BY.get(key, (None, ()))
        if other and (found := getattr(recipe, other)) not in read:
            cure = f"remove the key, or set `{other}: {read[0]}`"
            raise InputError(f"changes nothing: {other} is {found!r}", clip=key, cure=cure)
    if "flip" in overrides and recipe.flip != "none":
        _check_mirror(model)
    if build and (size is not None or "channels" in overrides or set(overrides) - set(_KINDS)):
        _check_build(model, resolve(model, overrides), len(classes), size)
    return recipe


def check_trainable(model: str, recipe: Recipe, classes: Sequence[str]) -> None:
    """Refuse a recipe by which this model cannot be trained, or not for these classes.

    Raises:
        InputError: its `clip` is the key.
    """
    if recipe.options.get("head") == "dgcm":
        # Not before: it loads torch, which a recipe with options spelled out has loaded already.
        from merba.heads import DGCM_CLASSES

        if tuple(classes) != DGCM_CLASSES:
            raise InputError(
                f"the dgcm head needs the classes {' '.join(DGCM_CLASSES)}",
                clip="head",
                cure="use head 'linear'",
            )
    if recipe.selection == "nested" and recipe.inner_folds < 2:
        raise InputError(
            "one inner fold has nothing to train on", clip="inner_folds", cure="give 2 or more, like 3"
        )
    if declaration(model).fitted_at_once:
        for key, asked, lacks in (
            ("selection", recipe.selection == "nested", "epochs to choose from"),
            ("compiled", recipe.compiled, "step to compile"),
        ):
            if asked:
                raise InputError(
                    f"{model} is fitted at once and has no {lacks}", clip=key, cure="remove the key"
                )


def _check_effect(model: str, key: str) -> None:
    """Refuse a recipe's key that nothing reads where such a model is trained, see `merba.loop.fit`."""
    declared = declaration(model)
    if key in _INPUTS and declared.clips:
        raise InputError(
            f"changes nothing: {model} makes its input of whole clips itself", clip=key, cure="remove the key"
        )
    if key in _KINDS.keys() - _AT_ONCE and declared.fitted_at_once:
        raise InputError(f"changes nothing: {model} is fitted at once", clip=key, cure="remove the key")


def _check_mirror(model: str) -> None:
    """Refuse mirroring where a model of clips has not said what a mirrored clip is."""
    if declaration(model).clips:
        from merba.classifier import ClipClassifier

        if model_entry(model).build.mirror is ClipClassifier.mirror:
            raise InputError(f"{model}'s input cannot be mirrored", clip="flip", cure="set `flip: none`")


def _check_build(model: str, recipe: Recipe, classes: int, size: int | None) -> None:
    try:
        create_on_meta(model, classes, len(recipe.channels), size, **recipe.options)
    except InputError as error:
        key = "size" if error.clip == "input_size" else error.clip
        raise InputError(error.problem, cure=error.cure, file=error.file, clip=key) from error
    except (AssertionError, RuntimeError, TypeError, ValueError) as error:
        # Of one of torch's or timm's layers, which do not fit in a way that the model has not foreseen.
        said = (str(error) or type(error).__name__).splitlines()[0]
        raise InputError(
            f"{model} cannot be built so ({said})", cure="correct its size or its options"
        ) from error


def _checked(key: str, value, kind, default):
    """`value` as `kind` has it: JSON has lists for tuples and 1 for 1.0."""
    try:
        return _fitted(value, kind)
    except ValueError as error:
        example = "" if default is None else f", like {json.dumps(default)}"
        raise InputError(f"cannot be {value!r}", clip=key, cure=f"give {_said(kind)}{example}") from error


def _fitted(value, kind):
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if origin in _UNIONS:
        for one in inner:
            with contextlib.suppress(ValueError):
                return _fitted(value, one)
    elif origin is typing.Annotated:
        number = _fitted(value, inner[0])
        if inner[1].holds(number):
            return number
    elif origin in _LISTS:
        if isinstance(value, list | tuple):
            endless = origin is not tuple or inner[-1] is Ellipsis
            kinds = [inner[0]] * len(value) if endless else inner
            return tuple(_fitted(*pair) for pair in zip(value, kinds, strict=True))
    elif kind in (int, float):
        if isinstance(value, int | kind) and not isinstance(value, bool) and 0 <= value < math.inf:
            return kind(value)
    elif isinstance(value, kind):
        return value
    raise ValueError(value)


def _said(kind) -> str:
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if origin in _UNIONS:
        return " or ".join(map(_said, inner))
    if origin is typing.Annotated:
        return f"{_said(inner[0])}, {inner[1].words}"
    if origin in _LISTS:
        few = "" if origin is not tuple or inner[-1] is Ellipsis else f" of {len(inner)}"
        return f"a list{few}, each {_said(inner[0])}"
    return _WORDS[kind]
