"""Recipes: overrides, the learning-rate schedule, the digest."""

import dataclasses

import pytest

from contracts.errors import InputError
from merba import list_models
from merba.recipe import Recipe, digest, resolve


@pytest.mark.parametrize("name", list_models())
def test_every_models_own_recipe_resolves_with_all_options_spelled_out(name):
    recipe = resolve(name)
    assert recipe == resolve(name, dict(recipe.options))
    assert len(digest(name, recipe, seed=0)) == 12


def test_overrides_reach_recipe_and_options():
    recipe = resolve("merba_tiny", {"epochs": 40, "dim": 16, "channels": ["u", "v", "strain"], "lr": 1})
    assert (recipe.epochs, recipe.options["dim"], recipe.channels) == (40, 16, ("u", "v", "strain"))


@pytest.mark.parametrize(
    ("overrides", "hint"),
    [
        ({"epoch": 3}, "'epochs'"),
        ({"layerscale": 1}, "'layer_scale'"),
        ({"epochs": "many"}, "epochs"),
        ({"epochs": True}, "epochs"),
        ({"epochs": 4}, "lower warmup"),
        ({"optimiser": "sgd"}, "adam, adamw"),
        ({"coding": "minmaxx"}, "'minmax'"),
        ({"channels": ["u", "w"]}, "Known: strain, u, v"),
        ({"batch": 0}, "at least 1"),
    ],
)
def test_wrong_overrides_are_refused_with_a_cure(overrides, hint):
    with pytest.raises(InputError, match=hint):
        resolve("merba_base", overrides)


def test_the_papers_schedule():
    """Five epochs up, cosine, ten epochs at the floor, seventy in all."""
    rates = [Recipe().learning_rate(epoch) for epoch in range(70)]
    assert rates[0] == pytest.approx(1e-6)
    assert rates[5] == max(rates) == 5e-4
    assert rates[:6] == sorted(rates[:6])
    assert rates[5:] == sorted(rates[5:], reverse=True)
    assert rates[60:] == [5e-6] * 10
    assert rates[59] > 5e-6


def test_the_digest_sees_every_field_the_seed_and_the_options():
    recipe = resolve("merba_tiny")
    own = digest("merba_tiny", recipe, seed=0)
    others = [digest("merba_small", recipe, seed=0), digest("merba_tiny", recipe, seed=1)]
    others.append(digest("merba_tiny", resolve("merba_tiny", {"window": 14}), seed=0))
    for field in dataclasses.fields(Recipe):
        if isinstance(getattr(recipe, field.name), (int, float)) and field.name != "shuffle":
            changed = dataclasses.replace(recipe, **{field.name: getattr(recipe, field.name) + 1})
            others.append(digest("merba_tiny", changed, seed=0))
    assert own == digest("merba_tiny", resolve("merba_tiny"), seed=0)
    assert len({own, *others}) == len(others) + 1
