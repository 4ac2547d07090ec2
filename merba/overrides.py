"""What a configuration may change about a model's recipe and options, and what it may not.

What a value may be is read from the annotation: of the recipe's field, or of the option in the constructor of
the model's class, `int`, `float | None`, `Sequence[int]`, `Share` and so on. An option without one takes what
its default is. Every number here is a size, a count, a rate or a share, so none is negative or infinite.
"""

import collections.abc
import contextlib
import dataclasses
import inspect
import json
import math
import types
import typing

from contracts.errors import InputError, unknown
from merba.recipe import Recipe
from merba.registry import declaration, model_entry

_KINDS = {field.name: field.type for field in dataclasses.fields(Recipe) if field.name != "options"}
# What `|` makes depends on whether a side is annotated.
_UNIONS = (types.UnionType, typing.Union)
_LISTS = (tuple, list, collections.abc.Sequence)
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
