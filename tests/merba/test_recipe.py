"""Recipes: overrides, the learning-rate schedule, the digest."""

import dataclasses
import importlib
import inspect
import json
import math
import re
import subprocess
import sys
import types
import typing

import pytest
import torch
from briefs import smaller
from timm.scheduler import CosineLRScheduler
from toy_flow import CLASSES

from contracts.errors import InputError
from merba import list_models, overrides
from merba.classifier import ClipClassifier
from merba.loop import batches, order_of, rarity_of
from merba.overrides import check_overrides, check_row, resolve
from merba.recipe import Count, Positive, Recipe, Share, digest
from merba.registry import declaration, model_entry, module_of


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
        ({"epochs": "many"}, "a whole number, 1 or more, like 70"),
        ({"epochs": True}, "epochs"),
        ({"epochs": None}, "epochs"),
        ({"clip_grad": "off"}, "a number or null, like 5.0"),
        ({"milestones": ["late"]}, "a list, each a whole number"),
        ({"channels": []}, "each once"),
        ({"channels": ["u", "u"]}, "each once"),
        ({"label_smoothing": 2}, "from 0 to 1"),
        ({"layer_scale": "none"}, "a number or null"),
        ({"orders": 4}, "a text or a list, each a text"),
        ({"epochs": 4}, "lower warmup"),
        ({"optimiser": "lion"}, "adam, adamw, sgd"),
        ({"balance": "weighted"}, "'weights'"),
        ({"coding": "minmaxx"}, "'minmax'"),
        ({"channels": ["u", "w"]}, "Known: strain, u, v"),
        ({"batch": 0}, "1 or more"),
    ],
)
def test_wrong_overrides_are_refused_with_a_cure(overrides, hint):
    with pytest.raises(InputError, match=hint):
        resolve("merba_base", overrides)


_FIELDS = {field.name: field.type for field in dataclasses.fields(Recipe) if field.name != "options"}


def options_of(name):
    """Annotation and default of every option of a model."""
    parameters = inspect.signature(model_entry(name).build).parameters
    return {key: (parameters[key].annotation, parameters[key].default) for key in model_entry(name).options}


def accepts(name, key, value):
    try:
        resolve(name, {"schedule": "constant", key: value})
    except InputError as error:
        assert key in str(error)
        return False
    return True


@pytest.mark.parametrize("name", list_models())
def test_no_option_takes_a_value_of_another_kind(name):
    """Whatever is refused is refused in words, the option named, and never as a traceback from a layer."""
    kinds = {**_FIELDS, **{key: kind for key, (kind, _) in options_of(name).items()}}
    for key, kind in kinds.items():
        assert kind is not inspect.Parameter.empty
        for value in (-1, -0.5, float("nan"), float("inf"), {"a": 1}, [["x"]], [-1], [None]):
            assert not accepts(name, key, value), (key, value)
        assert accepts(name, key, None) == (types.NoneType in typing.get_args(kind)), key


@pytest.mark.parametrize("name", list_models())
def test_every_default_is_of_its_own_kind_and_unchanged_by_being_given(name):
    recipe = resolve(name)
    given = {key: getattr(recipe, key) for key in _FIELDS} | recipe.options
    as_json = json.loads(json.dumps(given))
    assert resolve(name, as_json) == recipe


@pytest.mark.parametrize("name", list_models())
def test_limits_of_options_are_kept(name):
    beyond = {Count: 0, Share: 1.5, Positive: 0.0}
    limited = {key: kind for key, (kind, _) in options_of(name).items() if kind in beyond}
    for key, kind in limited.items():
        assert not accepts(name, key, beyond[kind]), key


def test_equal_recipes_have_equal_digests_however_numbers_are_written():
    whole, point = resolve("merba_tiny", {"lr": 1}), resolve("merba_tiny", {"lr": 1.0})
    assert digest("merba_tiny", whole) == digest("merba_tiny", point)


def rates(recipe):
    return [recipe.learning_rate(epoch) for epoch in range(recipe.epochs)]


def test_the_papers_schedule():
    """Five epochs up, cosine, ten epochs at the floor, seventy in all."""
    all_of_them = rates(Recipe())
    assert all_of_them[0] == pytest.approx(1e-6)
    assert all_of_them[5] == max(all_of_them) == 5e-4
    assert all_of_them[:6] == sorted(all_of_them[:6])
    assert all_of_them[5:] == sorted(all_of_them[5:], reverse=True)
    assert all_of_them[60:] == [5e-6] * 10
    assert all_of_them[59] > 5e-6
    middle = 5 + 55 // 2
    half_way = 5e-6 + (5e-4 - 5e-6) * (1 + math.cos(math.pi * (middle - 5) / 55)) / 2
    assert all_of_them[middle] == pytest.approx(half_way)


@pytest.mark.parametrize(
    "recipe", [Recipe(), Recipe(epochs=20, warmup=0, cooldown=3), Recipe(epochs=2, warmup=1, cooldown=0)]
)
def test_the_cosine_is_timms(recipe):
    optimiser = torch.optim.SGD([torch.zeros(1)], lr=recipe.lr)
    timms = CosineLRScheduler(
        optimiser,
        t_initial=recipe.epochs - recipe.warmup - recipe.cooldown,
        lr_min=recipe.min_lr,
        warmup_t=recipe.warmup,
        warmup_lr_init=recipe.warmup_lr,
        warmup_prefix=True,
    )
    for epoch, rate in enumerate(rates(recipe)):
        timms.step(epoch)
        assert rate == pytest.approx(optimiser.param_groups[0]["lr"], rel=1e-12)


def test_the_rivals_schedules():
    assert rates(Recipe(schedule="constant", epochs=3, lr=0.1)) == [0.1, 0.1, 0.1]
    assert rates(Recipe(schedule="exponential", epochs=3, lr=1.0, decay=0.5)) == [1, 0.5, 0.25]
    stepped = Recipe(schedule="step", epochs=5, lr=1.0, decay=0.1, milestones=(2, 4))
    assert rates(stepped) == pytest.approx([1, 1, 0.1, 0.1, 0.01])


def test_rare_classes_weigh_more_or_are_drawn_more():
    y = torch.tensor([0] * 8 + [2] * 2)
    rarity = rarity_of(y, 4)
    torch.testing.assert_close(rarity, torch.tensor([10 / 16, 0.0, 10 / 4, 0.0]))
    random = torch.Generator().manual_seed(0)
    drawn = torch.cat([order_of(Recipe(balance="oversample"), y, rarity, random) for _ in range(200)])
    assert (y[drawn] == 2).float().mean().item() == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("balance", ["none", "weights"])
def test_an_epoch_sees_every_clip_once_in_batches_of_nearly_equal_size(balance, shuffle):
    recipe = Recipe(balance=balance, shuffle=shuffle, batch=4, flip="none")
    x, y, random = (
        torch.arange(10.0).view(10, 1, 1, 1),
        torch.arange(10) % 3,
        torch.Generator().manual_seed(0),
    )
    epochs = []
    for _ in range(2):
        seen = list(batches(recipe, x, y, rarity_of(y, 3), random, None))
        assert [len(clips) for clips, _ in seen] == [4, 3, 3]
        clips, labels = (torch.cat(parts) for parts in zip(*seen, strict=True))
        rows = clips.flatten().long()
        assert labels.equal(y[rows])
        assert sorted(rows.tolist()) == list(range(10))
        epochs.append(rows)
    assert epochs[0].equal(epochs[1]) == epochs[0].equal(torch.arange(10)) == (not shuffle)


@pytest.mark.parametrize("name", list_models())
def test_what_a_file_declares_is_what_it_defines(name):
    """The declaration is read without running the file; running it gives the same."""
    module = importlib.import_module(module_of(name))
    declared = declaration(name)
    assert (declared.paper, declared.recipe) == (module.PAPER, module.RECIPE)
    assert getattr(module, "CLIPS", None) == declared.clips
    assert issubclass(model_entry(name).build, ClipClassifier) == (declared.clips is not None)
    assert model_entry(name).build.fitted_at_once == declared.fitted_at_once
    assert declared.paper.cite or declared.paper.fidelity == "floor"


def test_overrides_are_checked_without_torch():
    """And rows, where their network is the model's own."""
    code = """
import sys
from merba import list_models
from merba.overrides import check_overrides, check_row
from merba.registry import declaration
for name in list_models():
    given = {"epochs": 400, "lr": 1}
    check_overrides(name, given)
    check_row(name, {"flip": "none", **({} if declaration(name).fitted_at_once else given)}, ("a", "b"))
assert not {"torch", "timm", "numpy"} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", code], check=True)
    assert check_overrides("ststnet", {"epochs": 3}).batch == 256
    with pytest.raises(InputError, match="'epochs'"):
        check_overrides("merba_base", {"epoch": 3})


@pytest.mark.parametrize("name", list_models())
def test_a_row_is_refused_a_key_of_the_recipe_that_changes_nothing(name, monkeypatch):
    monkeypatch.setattr(overrides, "_check_build", lambda *_: None)
    recipe, build = declaration(name).recipe, model_entry(name).build
    refused = set()
    for key in _FIELDS:
        try:
            check_row(name, {key: getattr(recipe, key)}, CLASSES)
        except InputError as error:
            assert (error.clip, error.cure.partition(",")[0]) == (key, "remove the key")
            refused.add(key)
    used = {"flip", "channels", "coding"} if build.fitted_at_once else set(_FIELDS)
    used -= {"channels", "coding"} if issubclass(build, ClipClassifier) else set()
    used -= {"min_lr", "warmup_lr", "warmup", "cooldown"} if recipe.schedule != "cosine" else set()
    used -= {"decay"} if recipe.schedule in ("cosine", "constant") else set()
    used -= {"milestones"} if recipe.schedule != "step" else set()
    used -= {"momentum"} if recipe.optimiser != "sgd" else set()
    used -= {"inner_folds"} if recipe.selection != "nested" else set()
    assert set(_FIELDS) - refused == used


@pytest.mark.parametrize("name", list_models())
def test_a_row_whose_network_can_be_is_let_through(name):
    options, clips = smaller(name, model_entry(name).options), declaration(name).clips
    recipe = check_row(name, options, CLASSES, None if clips else 28)
    assert set(options) <= set(recipe.options)


def test_a_row_is_refused_mirroring_where_a_clip_cannot_be_mirrored():
    assert check_row("roi_transformer", {"flip": "plain"}, CLASSES).flip == "plain"
    assert check_row("lbp_top", {"flip": "none"}, CLASSES).flip == "none"
    with pytest.raises(InputError, match="flip: lbp_top's input cannot be mirrored"):
        check_row("lbp_top", {"flip": "plain"}, CLASSES)


@pytest.mark.parametrize(
    ("key", "asked"),
    [
        ("min_lr", {"schedule": "cosine"}),
        ("warmup_lr", {"schedule": "cosine"}),
        ("warmup", {"schedule": "cosine"}),
        ("cooldown", {"schedule": "cosine"}),
        ("decay", {"schedule": "exponential"}),
        ("decay", {"schedule": "step"}),
        ("milestones", {"schedule": "step"}),
        ("momentum", {"optimiser": "sgd"}),
        ("inner_folds", {"selection": "nested"}),
    ],
)
def test_a_key_that_another_one_leaves_idle_is_refused_and_let_through_with_it(key, asked):
    given = {key: {"milestones": [2], "inner_folds": 4, "warmup": 1, "cooldown": 1}.get(key, 0.5)}
    with pytest.raises(InputError, match=rf"^{key}: changes nothing: {'|'.join(asked)} is"):
        check_row("ststnet", {"schedule": "constant", **given}, CLASSES)
    assert getattr(check_row("ststnet", {**asked, **given}, CLASSES), key) not in (None, ())


def test_a_row_whose_network_cannot_be_is_refused_by_its_key(tmp_path):
    small = smaller("slstt", model_entry("slstt").options)
    for name, given, size, said in (
        ("merba_base", {}, 64, "size: input of 64 pixels does not fit windows of 7"),
        ("merba_base", {"window": 8}, None, "size: input of 28 pixels does not fit windows of 8"),
        ("biwoof", {"channels": ["u"]}, None, "channels: biwoof needs three channels, not 1"),
        ("meplan_reading", {"width": 28}, None, "meplan_reading cannot be built so ("),
        ("slstt", {**small, "weights": str(tmp_path / "none.pt")}, None, "weights: no weights of this"),
        (
            "slstt",
            {**small, "backbone": "vit_base_patch16_siglip_224"},
            None,
            "slstt cannot be built so (Token pooling",
        ),
    ):
        with pytest.raises(InputError, match=re.escape(said)):
            check_row(name, given, CLASSES, size)


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


@pytest.mark.parametrize("balance", ["none", "oversample"])
def test_an_epoch_draws_its_order_first_and_then_the_flips_of_each_batch(balance):
    """Else every result would be another."""
    recipe = Recipe(balance=balance, batch=4)
    x, y = torch.arange(10.0).view(10, 1, 1, 1) + 1, torch.arange(10) % 3
    rarity = rarity_of(y, 3)
    ours, replayed = (torch.Generator().manual_seed(5) for _ in range(2))
    seen = list(batches(recipe, x, y, rarity, ours, lambda clips, negate: -clips))
    order = order_of(recipe, y, rarity, replayed)
    for (clips, labels), rows in zip(seen, order.tensor_split(3), strict=True):
        sign = torch.where(torch.rand(len(rows), generator=replayed) < 0.5, -1.0, 1.0)
        assert clips.flatten().equal(x.flatten()[rows] * sign)
        assert labels.equal(y[rows])
    assert ours.get_state().equal(replayed.get_state())
