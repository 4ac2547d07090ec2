"""What a configuration may change about a model's recipe and options, and what it may not."""

import dataclasses

from contracts.errors import InputError, unknown
from merba.recipe import Recipe
from merba.registry import declaration, model_entry

_FIELDS = [field.name for field in dataclasses.fields(Recipe) if field.name != "options"]


def resolve(model: str, overrides: dict | None = None) -> Recipe:
    """The model's recipe with `overrides` applied and every option of the model spelled out.

    Args:
        model: one of `merba.list_models()`.
        overrides: recipe keys and model options side by side, e.g. `{"epochs": 30, "head": "dgcm"}`.

    Raises:
        InputError: unknown model or key (names the nearest), or a value of the wrong kind.
    """
    recipe = declaration(model).recipe
    fields = {name: getattr(recipe, name) for name in _FIELDS}
    options = {**model_entry(model).options, **recipe.options}
    for key, value in (overrides or {}).items():
        target = fields if key in fields else options
        if key not in target:
            raise unknown("key of the overrides", key, [*fields, *options])
        target[key] = _like(key, value, target[key])
    return Recipe(**fields, options=options)


def check_overrides(model: str, overrides: dict) -> Recipe:
    """Refuse what `resolve` would refuse, importing the model (and torch) only where an option needs it.

    Returns:
        The recipe; its options are spelled out only if one is overridden.

    Raises:
        InputError: as `resolve`.
    """
    if set(overrides) - set(_FIELDS):
        return resolve(model, overrides)
    recipe = declaration(model).recipe
    for key, value in overrides.items():
        if value is None and key != "clip_grad":
            raise InputError("no value", clip=key, cure=f"give a value like {getattr(recipe, key)!r}")
    given = {key: _like(key, value, getattr(recipe, key)) for key, value in overrides.items()}
    return dataclasses.replace(recipe, **given)


def _like(key: str, value, default):
    """`value`, checked to be of the kind of `default`; JSON has lists for tuples and 1 for 1.0."""
    number = (int, float)
    # A tuple may be given by the name of one, as scan orders are.
    kinds = {bool: bool, int: int, float: number, str: str, tuple: (list, tuple, str)}
    expected = kinds.get(type(default))
    wrong = expected is not None and not isinstance(value, expected) and value is not None
    if wrong or (isinstance(value, bool) and expected in (int, number)):
        raise InputError(
            f"{value!r} is no {type(default).__name__}", clip=key, cure=f"give a value like {default!r}"
        )
    return tuple(value) if isinstance(value, list) else value
