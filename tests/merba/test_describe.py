"""Descriptions agree with declarations, with modules on a real device, and with counting by hand."""

import re

import pytest
import torch
from torch import nn

from contracts.errors import InputError
from merba import create_model, list_models
from merba.describe import _measured, describe, main, overview
from merba.registry import declaration, model_entry

MODELS = list_models()
_UNITS = {"": 1, "k": 1e3, "M": 1e6, "G": 1e9}


def rows(table):
    """Rows of a Markdown table by their first cell."""
    cells = [[one.strip() for one in line.strip("|").split("|")] for line in table.splitlines()]
    head, _, *others = cells
    return {row[0]: dict(zip(head, row, strict=True)) for row in others}


def number(text):
    value, _, unit = text.partition(" ")
    return float(value) * _UNITS[unit]


ALL = rows(overview())


@pytest.mark.parametrize("name", MODELS)
def test_the_overview_has_what_a_model_declares(name):
    declared, row = declaration(name), ALL[name]
    assert (row["ours is from"], row["paper's epoch"]) == (declared.paper.fidelity, declared.paper.selection)
    if declared.clips:
        assert row["input"].startswith(f"clips of {declared.clips.steps or 'all'} frames")
    else:
        assert row["input"].startswith(", ".join(declared.recipe.channels))
    if model_entry(name).build.fitted_at_once:
        assert row["recipe"] == "fitted at once"
    else:
        assert row["recipe"].startswith(f"{declared.recipe.epochs} epochs, batch {declared.recipe.batch}, ")


def test_the_overview_has_nothing_else():
    assert list(ALL) == MODELS


@pytest.mark.parametrize("name", MODELS)
def test_every_model_can_be_described_and_its_parts_sum_to_the_whole(name):
    table, said = describe(name)
    *parts, total = rows(table).values()
    assert "Operations are multiply-adds" in said
    for column in set(total) & {"parameters", "products", "scans"}:
        assert sum(number(part[column]) for part in parts) == pytest.approx(number(total[column]), rel=0.01)
    if ALL[name]["parameters"] != "–":
        assert total["parameters"] == ALL[name]["parameters"]
        assert number(total["products"]) > 0


@pytest.mark.parametrize("name", ["ststnet", "merba_tiny", "roi_transformer"])
def test_parameters_are_those_of_the_model_that_trains(name):
    real = sum(p.numel() for p in create_model(name).parameters() if p.requires_grad)
    assert number(rows(describe(name)[0])["total"]["parameters"]) == pytest.approx(real, rel=0.005)


@pytest.mark.parametrize("size", [28, 224])
@pytest.mark.parametrize("orders", [["h"], ["h", "v", "hz", "vz"]])
def test_merbas_operations_are_those_counted_by_hand(size, orders):
    dim, depths, attends, states = 32, (1, 2, 1), (2, 1, 2), 4
    given = {"local_depths": depths, "global_depths": attends, "states": states, "orders": orders}
    total = rows(describe("merba_small", size, 5, {**given, "heads": (2, 4, 8)})[0])["total"]

    strides = {28: (1, 1, 1), 224: (2, 2, 2)}[size]
    middle, first = size // strides[0], size // strides[0] // strides[1]
    products = middle**2 * 9 * 2 * (dim // 2) + first**2 * 9 * (dim // 2) * dim
    products += 3 * 2 * first**2 * 9 * dim**2 + (first // strides[2]) ** 2 * 9 * dim * 2 * dim
    scans = 0
    for k in range(3):
        d, tokens = dim * 2 ** (k + 1), (28 // 2**k) ** 2
        half, rank, mlp = d // 2, -(-d // 16), 8 * d**2
        each = half * (rank + 2 * states) + rank * half
        products += depths[k] * tokens * (d**2 + len(orders) * each + d**2 + mlp)
        products += attends[k] * tokens * (3 * d**2 + 2 * tokens * d + d**2 + mlp)
        products += 9 * d * 2 * d * tokens // 4 if k < 2 else d * 5
        scans += depths[k] * len(orders) * tokens * (half * (4 * states + 2) + 3 * d)
    assert number(total["products"]) == pytest.approx(products, rel=0.005)
    assert number(total["scans"]) == pytest.approx(scans, rel=0.005)


@pytest.mark.parametrize("size", [28, 56, 112, 224])
def test_later_stages_are_the_same_at_every_size(size):
    stages = rows(describe("merba_base", size, 7)[0])
    found = [(stages[f"stage {k}"]["map"], stages[f"stage {k}"]["windows"]) for k in (2, 3, 4)]
    assert found == [
        ("28 × 28", "16 of 7 × 7"),
        ("14 × 14", "4 of 7 × 7"),
        ("7 × 7", "1 of 7 × 7"),
    ]
    assert stages["total"]["parameters"] == "93.9 M"


def test_ablations_are_described_too():
    stage2 = rows(describe("merba_base", overrides={"extractor": "global", "attention": "local"})[0])[
        "stage 2"
    ]
    assert stage2["windows"] == "1 of 28 × 28"
    assert "attention over 7 × 7" in stage2["blocks"]


def test_a_model_that_needs_values_is_described_without_operations():
    class Looking(nn.Module):
        def __init__(self):
            super().__init__()
            self.linear = nn.Linear(2, 2)

        def forward(self, x):
            return self.linear(x) * x.sum().item()

    model = Looking().to("meta")
    costs, whole, obstacle = _measured(model, torch.empty(1, 2, device="meta"), {"linear": model.linear})
    assert obstacle
    assert costs["linear"].learned == whole.learned == 6


def test_the_command_prints_the_table(capsys):
    main(["ststnet", "--classes", "7", "--overrides", '{"channels": ["u", "v"]}'])
    table, said = describe("ststnet", classes=7, overrides={"channels": ["u", "v"]})
    assert capsys.readouterr().out == f"{table}\n\n{said}\n"
    assert re.search(r"\b2 × 28 × 28\b", said)


@pytest.mark.parametrize(
    ("argv", "match"),
    [
        (["ststnett"], "'ststnet'"),
        (["ststnet", "--overrides", "[1]"], "not a JSON object"),
        (["ststnet", "--overrides", "{"], "not JSON"),
        (["merba_base", "--size", "30"], "28, 56, 112, 224"),
        (["ststnet", "--size", "0"], "--size: cannot be 0"),
        (["ststnet", "--classes", "-1"], "--classes: cannot be -1"),
    ],
)
def test_what_cannot_be_is_refused_with_its_cure(argv, match):
    with pytest.raises(InputError, match=match):
        main(argv)
