"""The pages on models say what the models' files say."""

import re
from pathlib import Path

import pytest
import torch

from merba import create_model, list_models, registry
from merba.describe import describe, overview
from merba.paper import FIDELITIES
from merba.registry import declaration, model_entry, module_of

ROOT = Path(__file__).resolve().parent.parent
PAGE, MERBA, CARD, CITATIONS = (
    (ROOT / "docs" / f"{name}.md").read_text() for name in ("models", "merba", "model-card", "citations")
)
MODELS = list_models()


def rows(page):
    """The cells of every row of every table."""
    for line in page.splitlines():
        if line.startswith("|"):
            yield [cell.strip() for cell in line.strip("|").split("|")]


def departures():
    """The rows of that table by model."""
    section = PAGE.partition("## What departs")[2].partition("\n## ")[0]
    return {re.match(r"\[`(\w+)`\]", row[0])[1]: row for row in rows(section) if row[0].startswith("[`")}


def test_the_table_of_all_models_is_the_command_s():
    shown = PAGE.partition("<!-- python -m merba.describe -->\n\n")[2].partition("\n\n<!-- end -->")[0]
    assert shown == overview(), "paste the output of python -m merba.describe into docs/models.md"


def test_the_table_of_merba_is_the_command_s():
    table, _ = describe("merba_base", 224, 7)
    assert table in MERBA, "paste the table of the command named in docs/merba.md"


@pytest.mark.parametrize("size", [28, 56, 112, 224])
def test_the_table_of_sizes_is_true(size):
    (row,) = (row for row in rows(MERBA) if row[0] == str(size))
    stages = {row[0]: row for row in rows(describe("merba_base", size, 7)[0])}
    assert row[2] == stages["stage 1"][1]
    assert row[3] == ", ".join(stages[f"stage {k}"][1].split()[0] for k in (2, 3, 4))
    assert row[4] == stages["total"][6]
    model = create_model("merba_tiny", input_size=size)
    convolutions = [model.stem[0], model.stem[3], model.stage1[-1]]
    assert [int(one) for one in re.findall(r"\d", row[1])] == [one.stride[0] for one in convolutions]


def test_the_departures_are_of_all_models_and_no_other():
    assert list(departures()) == MODELS


@pytest.mark.parametrize("name", MODELS)
def test_a_row_leads_to_the_model_s_file_and_paper(name):
    (file, paper, said), declared = departures()[name], declaration(name).paper
    assert f"(../{module_of(name).replace('.', '/')}.py)" in file
    assert declared.url in paper
    assert bool(declared.url) == bool(declared.cite)
    assert ("reading**" in said) == (declared.fidelity == "reading") == name.endswith("_reading")


def test_every_fidelity_is_explained():
    assert [f"`{one}`" for one in FIDELITIES] == [
        row[0] for row in rows(PAGE) if row[0].strip("`") in FIDELITIES
    ]


@pytest.mark.parametrize("name", MODELS)
def test_every_model_s_paper_is_cited(name):
    paper, page = declaration(name).paper, " ".join(CITATIONS.split())
    if paper.cite:
        assert f": {paper.cite}. {paper.url}" in page
        # A paper may stand there for its data as well.
        entries = page.split(f": {paper.cite}.")[:-1]
        assert any(f"`{name}`" in entry for entry in entries)


def test_the_card_names_every_model_whose_checkpoint_keeps_what_it_was_fitted_on():
    section = CARD.partition("## What a checkpoint holds")[2].partition("\n## ")[0]
    for name in MODELS:
        if model_entry(name).build.fitted_at_once:
            assert f"`{name}`" in section


def test_kernel_ridge_s_checkpoint_holds_the_training_flow_as_the_card_warns():
    assert "`kernel_ridge` keeps the training flow itself" in CARD
    x = torch.randn(6, 3, 28, 28)
    model = create_model("kernel_ridge")
    model.fit(x, torch.arange(6) % 3)
    torch.testing.assert_close(model.state_dict()["clips"], x.flatten(1))


def test_the_worked_example_is_a_model(monkeypatch, tmp_path):
    (source,) = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    path = tmp_path / "merba" / "baselines" / "two_layers.py"
    path.parent.mkdir(parents=True)
    path.write_text(source)
    monkeypatch.setattr(registry, "_entries", {})
    monkeypatch.setattr(registry, "__file__", str(tmp_path / "merba" / "registry.py"))
    exec(compile(source, str(path), "exec"), {"__name__": "merba.baselines.two_layers"})
    model = create_model("two_layers", num_classes=7, width=8)
    assert model(torch.randn(2, 2, 28, 28)).shape == (2, 7)


def test_the_worked_example_of_timm_works():
    (source,) = re.findall(r"^```python\n(.*?)^```$", MERBA, re.MULTILINE | re.DOTALL)
    names = {}
    with torch.device("meta"):
        exec(source, names)
        assert names["model"](torch.empty(1, 2, 224, 224)).shape == (1, 7)


def test_the_training_command_by_hand_has_the_options_there_are():
    from merba.train import _parser

    (block,) = re.findall(r"^```sh\n(.*?)^```$", MERBA, re.MULTILINE | re.DOTALL)
    words = block.partition("-m merba.train ")[2].replace("\\\n", " ").split()
    given = _parser().parse_args(words)
    assert given.model == "merba_base"
    assert len(given.seeds) == len(given.checkpoints)
