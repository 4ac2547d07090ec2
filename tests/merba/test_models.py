"""What holds for every model of the registry; a new file in merba/presets or merba/baselines too."""

import copy
import functools
import subprocess
import sys

import numpy as np
import pytest
import torch
from briefs import brief, smaller
from toy_clips import planted_clips
from toy_flow import CLASSES, planted

from contracts.errors import InputError
from merba import create_model, list_models
from merba.data import Normaliser
from merba.loop import fit
from merba.overrides import resolve
from merba.registry import declaration, model_entry, module_of

MODELS = list_models()
GRADIENT = [name for name in MODELS if not model_entry(name).build.fitted_at_once]
# Presets are one network at several sizes: the smallest is trained for all of them.
TRAINED = [name for name in MODELS if name not in ("merba_base", "merba_small")]
BY_HEART = 24
FEW = 12
LEARNING = [name for name in TRAINED if name not in ("majority", "stratified")]


@functools.cache
def shown(name, count=FEW):
    """What a model sees of planted clips of two subjects or four: x, how it mirrors, labels."""
    declared = declaration(name)
    if declared.clips is None:
        _, labels, flow = planted()
        recipe = declared.recipe
        normaliser = Normaliser.fit(flow[:count], recipe.coding, recipe.channels, "physical")
        x, mirror = normaliser(flow[:count]), normaliser.mirror
    else:
        build = model_entry(name).build
        clips, labels = planted_clips(count, declared.clips.steps, declared.clips.size)
        x, mirror = np.stack([build.see(clip) for clip in clips]), build.mirror
    y = torch.tensor([CLASSES.index(label) for label in labels[:count]])
    return torch.from_numpy(x), mirror, y


def small(name, num_classes=3):
    torch.manual_seed(0)
    return create_model(name, num_classes, **smaller(name, model_entry(name).options))


def trained(name, seed=0, count=FEW, **changes):
    """The model after training on all that is shown."""
    x, mirror, y = shown(name, count)
    recipe = resolve(name, brief(name, model_entry(name).options, **changes))
    torch.manual_seed(seed)
    model = create_model(name, 3, **recipe.options)
    fit(model, recipe, x, y, seed, mirror)
    return model


@pytest.mark.parametrize("name", MODELS)
def test_output_has_one_column_a_class(name):
    x, _, _ = shown(name)
    model, y = small(name, num_classes=7), torch.arange(len(x)) % 7
    if model.fitted_at_once:
        model.fit(x, y)
    classes, probabilities = model.predict(x)
    assert model(x).shape == probabilities.shape == (len(x), 7)
    assert classes.dtype == torch.int64
    torch.testing.assert_close(probabilities.sum(1), torch.ones(len(x)))


@pytest.mark.parametrize("name", [name for name in TRAINED if name in GRADIENT])
def test_a_compilers_view_of_a_step_is_the_step(name):
    """Traced for `merba.compiled`, which is compiled in earnest in test_compiled.py."""
    torch._dynamo.reset()
    x, _, y = shown(name)
    found = []
    for traced in (False, True):
        model = small(name).train()
        loss = torch.compile(model.loss, backend="eager") if traced else model.loss
        torch.manual_seed(1)
        value, _ = loss(x, y, torch.tensor(0.5))
        value.backward()
        gradients = [p.grad.flatten() for p in model.parameters() if p.grad is not None]
        found.append(torch.cat([value.detach()[None], *gradients]))
    difference = (found[0] - found[1]).norm() / found[0].norm()
    assert difference < 1e-5, f"{difference:.1e}"


@pytest.mark.parametrize("name", GRADIENT)
def test_gradient_reaches_every_parameter(name):
    x, _, y = shown(name)
    model = small(name)
    model.loss(x, y, 0.5)[0].backward()
    learned = [(n, p) for n, p in model.named_parameters() if p.requires_grad]
    # A convolution's bias before BatchNorm, and before ReLU at a dead unit, may rightly get none.
    assert [n for n, p in learned if p.grad is None or not p.grad.isfinite().all()] == []
    assert [n for n, p in learned if n.endswith("weight") and not p.grad.abs().sum() > 0] == []


@pytest.mark.parametrize("name", GRADIENT)
@torch.no_grad()
def test_the_loss_takes_class_weights_and_smoothing(name):
    """A class that weighs nothing teaches nothing: the loss is that of the other clips alone."""
    x, _, _ = shown(name)
    model = small(name).eval()
    y = torch.arange(len(x)) % 3
    keep, weight = y != 1, torch.tensor([1.0, 0.0, 2.0])
    # Where all classes start as likely as each other, no weight shows.
    for layer in [one for one in model.modules() if isinstance(one, torch.nn.Linear)][-1:]:
        layer.weight.normal_(std=10)
    # Prototypes are those of the clips before, and moved by every loss.
    model.loss(x, y, 0.5)

    def loss(clips, labels, *how):
        return copy.deepcopy(model).loss(clips, labels, 0.5, *how)[0]

    both = loss(x, y, 0.0, weight)
    torch.testing.assert_close(both, loss(x[keep], y[keep], 0.0, weight), rtol=1e-4, atol=1e-5)
    for other in (loss(x, y), loss(x[keep], y[keep]), loss(x[keep], y[keep], 0.1, weight)):
        assert abs(other - both) > 1e-3 * abs(both)


@pytest.mark.parametrize("name", LEARNING)
def test_it_learns_a_small_planted_set_by_heart(name):
    x, _, y = shown(name, BY_HEART)
    assert (trained(name, count=BY_HEART).predict(x)[0] == y).float().mean() >= 0.9


@pytest.mark.parametrize("name", TRAINED)
def test_equal_seeds_give_equal_models_and_other_seeds_others(name):
    short = {"epochs": 3, "dropout": 0.2} if "dropout" in model_entry(name).options else {"epochs": 3}
    first, again, other = (trained(name, seed, **short).state_dict() for seed in (0, 0, 1))
    assert all(first[key].equal(again[key]) for key in first)
    if name in GRADIENT:
        assert any(not first[key].equal(other[key]) for key in first)


@pytest.mark.parametrize("name", TRAINED)
def test_a_model_does_not_look_at_the_rest_of_its_batch(name):
    x, _, _ = shown(name)
    model = trained(name, epochs=3)
    together, alone = model.predict(x)[1], torch.cat([model.predict(one)[1] for one in x.split(1)])
    torch.testing.assert_close(together, alone, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", [name for name in MODELS if declaration(name).clips])
def test_mirroring_twice_is_the_clip_again(name):
    x, mirror, _ = shown(name)
    if declaration(name).recipe.flip == "none":
        return
    torch.testing.assert_close(mirror(mirror(x, True), True), x)
    assert not torch.equal(mirror(x, True), x)


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


def test_kernel_ridge_can_be_fitted_on_one_clip():
    x, y = torch.rand(1, 2, 8, 8), torch.tensor([2])
    model = create_model("kernel_ridge", 3, 2, 8)
    model.fit(x, y)
    assert model.predict(x)[0].tolist() == [2]


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
