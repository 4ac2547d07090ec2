"""What holds for every model of the registry; a new file in merba/presets or merba/baselines too."""

import subprocess
import sys

import pytest
import torch

from contracts.errors import InputError
from merba import create_model, list_models
from merba.data import Normaliser
from merba.loop import fit
from merba.overrides import resolve
from merba.registry import declaration, module_of

# Too slow to train on a CPU; they are the class that merba_tiny tests, at another size.
LARGE = {"merba_base", "merba_small"}
MODELS = [name for name in list_models() if name not in LARGE]
GRADIENT = [name for name in MODELS if not create_model(name).fitted_at_once]
# Enough to learn a dozen clips by heart on a CPU in seconds.
BRIEF = {
    "merba_small": {
        "epochs": 16,
        "dim": 8,
        "heads": [1, 2, 4],
        "layer_scale": None,
        "dropout": 0.0,
        "drop_path": 0.0,
    },
    "merba_tiny": {"epochs": 20},
    "ststnet": {"epochs": 120, "dropout": 0.0, "lr": 2e-3},
}
COMMON = {"warmup": 1, "cooldown": 1, "batch": 6, "lr": 5e-3, "flip": "none"}


def trained(name, toy, seed=0, overrides=None):
    """The model, the coded clips and the labels after training on two planted subjects."""
    _, labels, flow = toy
    recipe = resolve(name, overrides if overrides is not None else {**COMMON, **BRIEF.get(name, {})})
    normaliser = Normaliser.fit(flow[:12], recipe.coding, recipe.channels, "physical")
    x = torch.from_numpy(normaliser(flow[:12]))
    y = torch.tensor([["negative", "positive", "surprise"].index(label) for label in labels[:12]])
    torch.manual_seed(seed)
    model = create_model(name, 3, len(recipe.channels), 28, **recipe.options)
    fit(model, recipe, x, y, seed, normaliser.mirror)
    return model, x, y


@pytest.mark.parametrize("name", MODELS)
def test_output_has_one_column_a_class(name, toy):
    channels = len(declaration(name).recipe.channels)
    model = create_model(name, num_classes=7)
    x, y = torch.randn(8, channels, 28, 28), torch.arange(8) % 7
    if model.fitted_at_once:
        model.fit(x, y)
    classes, probabilities = model.predict(x)
    assert model(x).shape == probabilities.shape == (8, 7)
    assert classes.dtype == torch.int64
    torch.testing.assert_close(probabilities.sum(1), torch.ones(8))


@pytest.mark.parametrize("name", GRADIENT)
def test_gradient_reaches_every_parameter(name):
    model = create_model(name)
    x = torch.randn(6, len(declaration(name).recipe.channels), 28, 28)
    model.loss(x, torch.arange(6) % 3, 0.5)[0].backward()
    # A convolution's bias before BatchNorm, and before ReLU at a dead unit, may rightly get none.
    silent = [n for n, p in model.named_parameters() if p.grad is None or not p.grad.isfinite().all()]
    assert silent == []
    weights = [p for n, p in model.named_parameters() if n.endswith("weight")]
    assert all(p.grad.abs().sum() > 0 for p in weights)


@pytest.mark.parametrize("name", [name for name in MODELS if name != "majority"])
def test_it_learns_a_small_planted_set_by_heart(name, toy):
    model, x, y = trained(name, toy)
    assert (model.predict(x)[0] == y).float().mean() >= 0.9


@pytest.mark.parametrize("name", MODELS)
def test_equal_seeds_give_equal_models_and_other_seeds_others(name, toy):
    brief = {"epochs": 2, "warmup": 1, "cooldown": 1, "batch": 6}
    first, again, other = (trained(name, toy, seed, brief)[0].state_dict() for seed in (0, 0, 1))
    assert all(first[key].equal(again[key]) for key in first)
    if name in GRADIENT:
        assert any(not first[key].equal(other[key]) for key in first)


@pytest.mark.parametrize("name", MODELS)
def test_a_model_does_not_look_at_the_rest_of_its_batch(name, toy):
    model, x, _ = trained(name, toy, overrides={"epochs": 2, "warmup": 1, "cooldown": 1})
    together, alone = model.predict(x)[1], torch.cat([model.predict(one)[1] for one in x.split(1)])
    torch.testing.assert_close(together, alone, rtol=1e-4, atol=1e-5)


def test_ststnet_has_the_published_layout():
    state = create_model("ststnet").state_dict()
    assert state["fc.weight"].shape == (3, 400)
    assert [state[f"conv{k}.weight"].shape[0] for k in (1, 2, 3)] == [3, 5, 8]
    assert {key.split(".")[0] for key in state} == {"conv1", "conv2", "conv3", "bn1", "bn2", "bn3", "fc"}


def test_kernel_ridge_weighs_classes_alike():
    """Where nothing can be told apart, a class of ten clips gets no more than a class of one."""
    model = create_model("kernel_ridge", 2, 1, 2)
    model.fit(torch.randn(12, 1, 2, 2) * 1e-3 + torch.eye(2), torch.tensor([0] * 11 + [1]))
    far = model.predict(torch.full((1, 1, 2, 2), 1e3))[1]
    torch.testing.assert_close(far, torch.full((1, 2), 0.5))


def test_creating_one_model_imports_no_other():
    code = """
import sys, merba
merba.list_models()
assert "torch" not in sys.modules
merba.create_model("ststnet")
assert "merba.network" not in sys.modules and "sklearn" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_unknown_names_get_the_nearest():
    with pytest.raises(InputError, match="'merba_tiny'"):
        create_model("merba_tyni")
    with pytest.raises(InputError, match="'layer_scale'"):
        create_model("merba_tiny", layerscale=None)
    assert module_of("ststnet") == "merba.baselines.ststnet"
