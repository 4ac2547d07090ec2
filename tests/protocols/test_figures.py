"""Confusion figures: one a model and protocol, the same bytes every time, showing the counts."""

import json

import pytest

from contracts.files import read_csv
from protocols.figures import confusion_figure, write_figures
from protocols.runs import Run
from protocols.scores import score_run


@pytest.mark.parametrize("suffix", ["svg", "png"])
def test_figures_are_the_same_bytes_every_time(run, suffix):
    account = {"predictions": {"dfme": ["merba_tiny"], "smic_3class": ["merba_tiny"]}, "seeds": [0]}
    (run / "run.json").write_text(json.dumps(account))
    score_run(run)
    before = {path: path.read_bytes() for path in write_figures(run, suffix)}
    names = {f"confusion_{protocol}_merba_tiny.{suffix}" for protocol in ("dfme", "smic_3class")}
    assert {path.name for path in before} == names
    assert {path: path.read_bytes() for path in write_figures(run, suffix)} == before


def test_a_panel_shows_counts_and_shares_of_its_part(run, protocol):
    score_run(run)
    outcomes = read_csv(run / "scores" / f"confusion_{protocol.name}_merba_tiny.csv")
    figure = confusion_figure(protocol, "merba_tiny", outcomes, Run("demo", "synthetic"))
    assert len(figure.axes) == len(protocol.parts)
    assert "synthetic" in figure.get_suptitle()
    for axes, part in zip(figure.axes, protocol.parts, strict=True):
        cells = [text.get_text().split("\n")[0] for text in axes.texts]
        assert sum(map(int, cells)) == outcomes.part.isin(part.groups).sum()
        assert axes.get_title().startswith(part.title)


def test_a_part_without_clips_has_no_panel(run, protocol):
    score_run(run)
    outcomes = read_csv(run / "scores" / f"confusion_{protocol.name}_merba_tiny.csv")
    last = protocol.parts[-1]
    only_last = outcomes[outcomes.part.isin(last.groups)]
    figure = confusion_figure(protocol, "x", only_last, Run("demo", "licensed"))
    assert last.title in figure.axes[-1].get_title()
    only = sum(bool(set(last.groups) & set(part.groups)) for part in protocol.parts)
    assert len(figure.axes) == only
