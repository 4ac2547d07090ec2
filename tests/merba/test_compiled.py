"""A compiled step is the step; further folds, and batches of other sizes, take the same program."""

import dataclasses
import json

import pytest
import torch
from test_mixing import SHARE, SMALL, assert_alike, inputs, where_it_runs, with_gradients
from torch import library
from torch._dynamo.utils import counters

from contracts.errors import InputError
from merba import compiled
from merba.loop import fit
from merba.overrides import resolve
from merba.registry import create_model
from merba.scan import VARIABLE, list_backends

DEPTHS = {"conv_depth": 1, "local_depths": (1, 1, 1), "global_depths": (1, 1, 1)}
MODELS = {
    "merba_tiny": {"dim": 8, "heads": (1, 2, 4), "dropout": 0.1, "drop_path": 0.2, **DEPTHS},
    "ststnet": {},
}
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
# Of the largest weight.
CLOSE = 1e-5


@pytest.fixture(autouse=True)
def _fresh():
    torch._dynamo.reset()
    counters.clear()


def trained(model, clips, seed, **changes):
    """Weights after two epochs of two batches, of two sizes where the clips are odd."""
    recipe = resolve(model, {"epochs": 2, "warmup": 0, "cooldown": 0, **MODELS[model], **changes})
    # Adam would make steps of a gradient that is zero but for rounding: a bias before BatchNorm has one.
    recipe = dataclasses.replace(recipe, batch=-(-clips // 2), flip="none", optimiser="sgd", lr=1e-2)
    torch.manual_seed(seed)
    network = create_model(model, 3, len(recipe.channels), 28, **recipe.options).to(DEVICE)
    x, y = torch.randn(clips, len(recipe.channels), 28, 28), torch.arange(clips) % 3
    fit(network, recipe, x.to(DEVICE), y.to(DEVICE), seed, mirror=None)
    return torch.cat([one.flatten() for one in network.state_dict().values()])


@pytest.mark.parametrize("model", MODELS)
def test_weights_are_those_of_the_plain_step_and_folds_share_a_program(model, monkeypatch):
    if model == "merba_tiny" and DEVICE == "cpu":
        # All but the last part of torch's compiler: a C++ compiler would take two minutes for its kernels.
        whole = torch.compile
        monkeypatch.setattr(torch, "compile", lambda loss, options: whole(loss, backend="aot_eager"))
    for clips, seed in ((20, 0), (23, 1)):
        plain, mine = trained(model, clips, seed), trained(model, clips, seed, compiled=True)
        assert (plain - mine).abs().max() < CLOSE * plain.abs().max()
    assert counters["stats"]["unique_graphs"] == 1
    assert not counters["graph_break"]


def test_half_precision_stays_what_it_was_within_the_program():
    """As `fit` enters it, outside of what is compiled."""
    recipe = resolve("merba_tiny", MODELS["merba_tiny"])
    found = []
    for traced in (False, True):
        torch.manual_seed(0)
        model = create_model("merba_tiny", 3, 2, 28, **recipe.options).train()
        run = torch.compile(model.loss, backend="aot_eager") if traced else model.loss
        with torch.autocast("cpu", torch.bfloat16):
            loss, _ = run(torch.randn(6, 2, 28, 28), torch.arange(6) % 3, torch.tensor(0.5))
        loss.backward()
        found.append(torch.cat([loss.detach()[None], *(p.grad.flatten() for p in model.parameters())]))
    assert counters["stats"]["unique_graphs"] == 1
    # Of the order of eight bits; a step in full precision is .021 away.
    assert (found[0] - found[1]).norm() < 1.2e-2 * found[0].norm()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("name", list_backends())
def test_the_mixers_operation_has_the_values_and_gradients_of_every_back_end(name, dtype, monkeypatch):
    device, widest = where_it_runs(name)
    dtype = min(dtype, widest, key=lambda one: one.itemsize)
    monkeypatch.setenv(VARIABLE, name)
    args = inputs(**SMALL[0])
    true = with_gradients(*args, "torch")

    def through(xz, weights, orders, inverses, _):
        return compiled.mix(xz, weights, orders, inverses)

    monkeypatch.setattr("test_mixing.mix", through)
    assert_alike(with_gradients(*args, None, dtype, device), true, SHARE[dtype])


def test_the_mixers_operation_keeps_torchs_rules():
    xz, weights, *orders = inputs(**SMALL[0])
    weights = [one.requires_grad_() for one in weights]
    library.opcheck(compiled._mix, (xz.requires_grad_(), weights, *orders, None))


def test_what_cannot_be_compiled_is_refused(bench):
    with pytest.raises(InputError, match="compiled: kernel_ridge is fitted at once and has no step"):
        bench.train(overrides=json.dumps({"compiled": True}))
    with pytest.raises(InputError, match="--stack: ststnet compiled cannot be trained in a stack"):
        bench.train("--stack", "yes", model="ststnet", overrides=json.dumps({"compiled": True}))


def test_a_compiler_that_fails_is_one_line(monkeypatch):
    monkeypatch.setattr(torch._inductor.config.cpp, "cxx", (None, "no-such-compiler"))
    monkeypatch.setattr(torch._inductor.config, "force_disable_caches", True)
    with pytest.raises(
        InputError, match=r"compiled: torch cannot compile a step of STSTNet .*\(.+\)\. Set"
    ) as found:
        trained("ststnet", 8, 0, compiled=True)
    assert "\n" not in str(found.value)
