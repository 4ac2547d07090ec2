"""Figures: the same bytes every time, and they show what the files say."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib import image

from contracts.files import read_csv, write_csv
from protocols import get_protocol
from protocols.assemble import Estimate, Row, make_rows
from protocols.coverage import Coverage, GroupCoverage
from protocols.curves import summarise
from protocols.figures import confusion_figure, write_figures
from protocols.interval_figure import interval_figure
from protocols.outlines import own_outline
from protocols.published import read_published
from protocols.runs import Run, read_coverage
from protocols.scores import score_run
from protocols.subject_figure import subject_figure

PUBLISHED = Path(__file__).parents[2] / "results" / "published"
MEGC = get_protocol("megc2019")
ALL = Coverage({group: GroupCoverage(sum(full), sum(full), True) for group, full in MEGC.counts.items()}, ())


def test_figures_are_the_same_bytes_every_time_and_nothing_is_cut_off(run):
    account = {"predictions": {"dfme": ["merba_tiny"], "smic_3class": ["merba_tiny"]}, "seeds": [0]}
    (run / "run.json").write_text(json.dumps(account))
    score_run(run)
    learnt = {
        "seed": 0,
        "epoch": [1, 2],
        "lr": 0.1,
        "loss": [2, 1],
        "accuracy": [0.5, 1],
        "inner_uf1": np.nan,
    }
    at_once = {**learnt, "loss": np.nan}
    for name, log in (("dfme", learnt), ("smic_3class", at_once)):
        write_csv(summarise([pd.DataFrame(log)]), run / f"curves/{name}_merba_tiny.csv")
    forms = ("svg", "png", "pdf")
    before = {path: path.read_bytes() for path in write_figures(run, PUBLISHED, forms)}
    kinds = ("confusion_{}_merba_tiny", "intervals_{}", "subjects_{}")
    stems = {"curves_dfme", *(kind.format(name) for kind in kinds for name in ("dfme", "smic_3class"))}
    assert {path.name for path in before} == {f"{stem}.{form}" for stem in stems for form in forms}
    assert {path: path.read_bytes() for path in write_figures(run, PUBLISHED, forms)} == before
    for path in before:
        if path.suffix == ".png":
            seen = image.imread(path)[..., :3]
            edges = [seen[:4], seen[-4:], seen[:, :4], seen[:, -4:]]
            assert all((edge == 1).all() for edge in edges), path.name


def test_a_run_that_kept_no_curves_has_its_other_figures(scored):
    (scored / "run.json").write_text(json.dumps({"predictions": {"dfme": ["ststnet"]}}))
    assert not (scored / "curves").exists()
    kinds = {path.name.split("_")[0] for path in write_figures(scored, PUBLISHED, ["png"])}
    assert kinds == {"confusion", "intervals", "subjects"}


def test_a_panel_shows_counts_and_shares_of_its_part(scored, protocol):
    outcomes = read_csv(scored / "scores" / f"confusion_{protocol.name}_merba_tiny.csv")
    figure = confusion_figure(protocol, "merba_tiny", outcomes, Run("demo", "synthetic"))
    assert len(figure.axes) == len(protocol.parts)
    assert "synthetic" in figure.get_suptitle()
    for axes, part in zip(figure.axes, protocol.parts, strict=True):
        cells = [text.get_text().split("\n")[0] for text in axes.texts]
        assert sum(map(int, cells)) == outcomes.part.isin(part.groups).sum()
        assert axes.get_title().startswith(part.title)


def test_a_part_without_clips_has_no_panel(scored, protocol):
    outcomes = read_csv(scored / "scores" / f"confusion_{protocol.name}_merba_tiny.csv")
    last = protocol.parts[-1]
    only_last = outcomes[outcomes.part.isin(last.groups)]
    figure = confusion_figure(protocol, "x", only_last, Run("demo", "licensed"))
    assert last.title in figure.axes[-1].get_title()
    only = sum(bool(set(last.groups) & set(part.groups)) for part in protocol.parts)
    assert len(figure.axes) == only


def estimated(value, low=None, high=None):
    bounds = None if low is None else (low, high)
    return {(part.name, "uf1"): Estimate(value, 0.01, bounds) for part in MEGC.parts}


def legend(figure):
    return [text.get_text() for text in figure.legends[0].get_texts()]


def test_intervals_floors_and_published_numbers_have_marks_of_their_own():
    published = {method.name: method for method in read_published(PUBLISHED, MEGC.published, MEGC.parts)}
    rows = [
        Row("STSTNet", "ststnet", published["STSTNet"], estimated(0.7, 0.6, 0.8), 3),
        Row("HTNet", "htnet", published["HTNet"], {}, 0),
        Row("kernel_ridge (ours)", "kernel_ridge", None, estimated(0.72, 0.65, 0.79), 3),
        Row("majority (ours)", "majority", None, estimated(0.24, 0.2, 0.28), 3),
    ]
    run = Run("x", "flows", floors={"megc2019": ["majority", "kernel_ridge"]})
    figure = interval_figure(MEGC, rows, run, ALL)
    assert "clips" not in figure.get_suptitle(), "all of them"
    assert legend(figure) == [
        *("this run", "this run, floor", "best floor", "published"),
        "published, leaky: epoch chosen on the test subject",
    ]
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == [row.name for row in rows]
    lines = {line.get_label(): list(line.get_xdata()) for line in figure.axes[0].lines}
    assert lines["best floor"] == [0.72, 0.72]
    marks = {one.get_label(): one for one in figure.axes[0].collections}
    assert marks["published"].get_offsets()[0][0] == 0.7353
    assert all(len(marks[label].get_facecolors()) == 0 for label in legend(figure)[3:]), "hollow"
    bars = [one.get_segments()[0][:, 0] for one in figure.axes[0].collections if hasattr(one, "get_segments")]
    assert np.allclose(bars, [(0.6, 0.8), (0.65, 0.79), (0.2, 0.28)])


def test_an_interval_that_ends_short_of_the_mean_is_drawn():
    interval_figure(MEGC, [Row("a", "a", None, estimated(0.5, 0.6, 0.8), 1)], Run("x", "licensed"), ALL)


def test_a_synthetic_run_s_figure_shows_nothing_published(scored, protocol):
    rows = make_rows(own_outline(protocol), scored, PUBLISHED)
    figure = interval_figure(protocol, rows, Run("demo", "synthetic"), read_coverage(scored, protocol))
    assert "clips, partial" in figure.get_suptitle()
    assert "synthetic" in figure.get_suptitle()
    assert legend(figure) == ["this run"]
    assert len(figure.axes[0].get_yticklabels()) == 2


def test_the_heat_map_shows_every_subject_once_by_group_and_the_best_model_first():
    subjects = pd.DataFrame(
        [
            *(("poor", "samm/006", "samm", 3, 0.0), ("poor", "smic/s02", "smic", 1, 1.0)),
            *(("good", "smic/s02", "smic", 1, 0.5), ("good", "samm/006", "samm", 3, 0.75)),
        ],
        columns=["model", "subject", "part", "clips", "accuracy"],
    )
    figure = subject_figure(MEGC, subjects, Run("x", "licensed", floors={"megc2019": ["poor"]}))
    bars, cells = figure.axes[:2]
    assert [label.get_text() for label in cells.get_yticklabels()] == ["good", "poor (floor)"]
    assert [label.get_text() for label in cells.get_xticklabels()] == ["s02", "006"]
    assert cells.images[0].get_array().tolist() == [[0.5, 0.75], [1.0, 0.0]]
    assert [bar.get_height() for bar in bars.patches] == [1, 3]
    assert [text.get_text() for text in bars.texts] == ["SMIC-HS", "SAMM"]
