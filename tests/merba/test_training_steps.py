"""The benchmark of training steps counts what the models cost, and halves a batch that does not fit."""

import argparse
import json

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmarks import training_steps
from contracts.errors import InputError
from merba.describe import _measured, _on_meta, _shown
from merba.overrides import resolve


@pytest.mark.parametrize("name", ["merba_tiny", "ststnet", "roi_transformer"])
def test_a_step_costs_two_to_three_forward_passes(name):
    """The backward pass does each product twice, but not for the first layer's input.

    A scan's convolution is counted as products in its backward pass alone: a per cent or two.
    """
    found = training_steps._steps(name, 4, 0.0, torch.device("cpu"))
    recipe = resolve(name)
    _, whole, _ = _measured(_on_meta(name, 3, None, recipe), _shown(name, None, len(recipe.channels)), {})
    assert 2 <= found["flop_per_clip"] / (2 * whole.products) <= 3.05
    assert found["steps"] == training_steps.LEAST
    assert found["clips_per_second"] * found["seconds_per_step"] == pytest.approx(4)


@pytest.mark.parametrize("groups", [1, 2, 8])
def test_groups_of_a_convolution_share_no_product(groups):
    x = torch.zeros(3, 8, 5, 5, requires_grad=True)
    layer = torch.nn.Conv2d(8, 8, 3, padding=1, groups=groups)
    mapping = {torch.ops.aten.convolution_backward: training_steps.products_of_gradients}
    with FlopCounterMode(display=False, custom_mapping=mapping) as counter:
        layer(x).sum().backward()
    assert counter.get_total_flops() == 3 * 2 * 3 * 25 * 9 * 8 * 8 // groups


def test_a_batch_that_does_not_fit_is_halved(monkeypatch):
    asked = []

    def run(command, **_):
        asked.append(int(command[command.index("--batch") + 1]))
        found = json.dumps({"batch": asked[-1]} if asked[-1] < 9 else None)
        return argparse.Namespace(returncode=0, stdout=found, stderr="")

    monkeypatch.setattr(training_steps.subprocess, "run", run)
    args = argparse.Namespace(batch=32, seconds=0.0, device="cpu", threads=1, memory=1.0, compiled=False)
    assert training_steps._fitting("merba_tiny", args) == {"batch": 8}
    assert asked == [32, 16, 8]


def test_what_a_measurement_stumbled_over_is_said(monkeypatch, capsys):
    failed = argparse.Namespace(returncode=1, stdout="", stderr="Traceback\nRuntimeError: no kernel image\n")
    monkeypatch.setattr(training_steps.subprocess, "run", lambda *_, **__: failed)
    args = argparse.Namespace(batch=32, seconds=0.0, device="cpu", threads=1, memory=1.0, compiled=False)
    with pytest.raises(InputError, match="merba_tiny could not be measured: RuntimeError: no kernel image"):
        training_steps._fitting("merba_tiny", args)
    assert "Traceback" in capsys.readouterr().err


def test_an_unknown_model_is_refused_before_anything_runs():
    with pytest.raises(InputError, match="'merba_tiny'"):
        training_steps.main(["--models", "merba_tyni"])
