"""The optimiser moves weights as the classes of `torch.optim` do, and does not load torch's compiler."""

import copy
import subprocess
import sys

import pytest
import torch
from torch import nn

from merba.optimiser import Optimiser, decayed_names
from merba.recipe import OPTIMISERS, Recipe

CLASSES = {"adamw": torch.optim.AdamW, "adam": torch.optim.Adam, "sgd": torch.optim.SGD}


def network():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 4), nn.LayerNorm(4), nn.Linear(4, 2), nn.Linear(4, 2))
    model[2].requires_grad_(False)
    return model


def own(model, recipe):
    return Optimiser(dict(model.named_parameters()), decayed_names(model), recipe)


def gradients(model, step):
    """The last Linear takes no part in the first two steps."""
    model.zero_grad()
    x = model[1](model[0](torch.linspace(-1, 1, 15).view(5, 3) * (step + 1)))
    out = model[2](x) + (model[3](x) if step > 1 else 0)
    (out**2).sum().backward()


@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
@pytest.mark.parametrize("kind", OPTIMISERS)
def test_it_is_torchs_and_spares_biases_and_norms_the_decay(kind, weight_decay):
    recipe = Recipe(optimiser=kind, weight_decay=weight_decay, momentum=0.8)
    model, other = network(), network()
    mine = own(model, recipe)
    groups = [
        {"params": [other[0].weight, other[3].weight], "weight_decay": weight_decay},
        {"params": [other[0].bias, *other[1].parameters(), other[3].bias], "weight_decay": 0.0},
    ]
    torchs = CLASSES[kind](groups, lr=1.0, **({"momentum": 0.8} if kind == "sgd" else {"fused": True}))
    for step, lr in enumerate((0.1, 0.05, 0.1, 0.02)):
        gradients(model, step)
        gradients(other, step)
        for group in torchs.param_groups:
            group["lr"] = lr
        mine.step(lr)
        torchs.step()
    start = network()
    for name, value in model.state_dict().items():
        assert value.equal(other.state_dict()[name]), name
        assert value.equal(start.state_dict()[name]) == name.startswith("2."), "only what is frozen stays"


@pytest.mark.parametrize("kind", OPTIMISERS)
def test_taken_up_it_goes_on_as_if_nothing_had_happened(kind):
    recipe = Recipe(optimiser=kind, weight_decay=0.1)
    model = network()
    first = own(model, recipe)
    for step in (2, 3):
        gradients(model, step)
        first.step(0.1)
    other = copy.deepcopy(model)
    second = own(other, recipe)
    second.load_state_dict(copy.deepcopy(first.state_dict()))
    for one, optimiser in ((model, first), (other, second)):
        gradients(one, 4)
        optimiser.step(0.1)
    assert all(a.equal(b) for a, b in zip(model.parameters(), other.parameters(), strict=True))


@pytest.mark.parametrize("largest", [0.01, 100.0])
def test_gradients_are_clipped_by_the_norm_of_all(largest):
    model, other = network(), network()
    for one in (model, other):
        gradients(one, 0)
    own(model, Recipe()).clip(largest)
    torch.nn.utils.clip_grad_norm_(other.parameters(), largest)
    for a, b in zip(model.parameters(), other.parameters(), strict=True):
        assert (a.grad is None) == (b.grad is None)
        if a.grad is not None:
            torch.testing.assert_close(a.grad, b.grad)


def test_gradients_are_forgotten():
    model = network()
    gradients(model, 2)
    own(model, Recipe()).zero_grad()
    assert all(p.grad is None for p in model.parameters())


@pytest.mark.parametrize("name", ["ststnet", "merba_tiny"])
def test_a_training_step_does_not_load_torchs_compiler(name):
    """It would take as long as all the rest of what a job imports."""
    code = f"""
import sys, torch
from merba.loop import fit
from merba.overrides import resolve
from merba.registry import create_model
recipe = resolve({name!r}, {{"epochs": 1, "schedule": "constant", "channels": ["u", "v", "strain"]}})
model = create_model({name!r}, 3, 3, 28, **recipe.options)
fit(model, recipe, torch.rand(4, 3, 28, 28), torch.tensor([0, 1, 2, 0]), 0, lambda x, negate: x)
print(*(name for name in ("torch._dynamo", "timm", "torchvision") if name in sys.modules))
"""
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.split() == []
