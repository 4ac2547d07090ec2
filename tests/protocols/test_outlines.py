"""The ablations' tables: the paper's order, its numbers, and the rows that the configuration has."""

import json
from pathlib import Path

import numpy as np
import pytest
import yaml
from handmade import predicted, small_lists

from contracts.predictions import write_predictions
from protocols import get_protocol, list_protocols
from protocols.assemble import make_rows
from protocols.lists import write_lists
from protocols.outlines import FORMS, list_outlines, outlines_of, own_outline, planned_tables
from protocols.published import read_published
from protocols.scores import score_run
from protocols.tables import write_tables
from workflow.configuration import configured

ROOT = Path(__file__).parents[2]
PUBLISHED = ROOT / "results" / "published"
ABLATIONS = yaml.safe_load((ROOT / "config" / "ablations.yaml").read_text())
ROWS = ABLATIONS["protocols"]["dfme"]
COMPANY = {
    "kernel_ridge",
    "majority",
    "kernel_ridge_shuffled",
}  # floors and an alarm, in no table of the paper
OUTLINES = {one.name: one for one in list_outlines()}


@pytest.fixture(params=sorted(OUTLINES))
def outline(request):
    return OUTLINES[request.param]


@pytest.fixture(scope="module")
def ablated(tmp_path_factory):
    """A run with made-up predictions of some rows of both ablations."""
    folder = tmp_path_factory.mktemp("ablated")
    lists, classes = small_lists("dfme"), get_protocol("dfme").classes
    write_lists(lists, folder / "data", folder / "labels" / "dfme.csv")
    rng = np.random.default_rng(1)
    for model in ("scan_h", "scan_h_four_separate", "scan_h_v", "extent_local_global"):
        table = predicted(lists.labels, classes, rng.choice(classes, len(lists.labels)))
        write_predictions(table, folder / "predictions" / "dfme" / model / "seed0.csv")
    (folder / "run.json").write_text(json.dumps({"run": "ablations", "corpora": "synthetic"}))
    score_run(folder)
    return folder


def test_the_configuration_is_sound_and_has_every_row_of_every_outline():
    configured(ABLATIONS, "config/ablations.yaml")
    wanted = {model for outline in OUTLINES.values() for _, model in outline.rows if model}
    assert set(ROWS) == wanted | COMPANY


def test_ablations_differ_from_the_proposed_row_in_one_thing():
    """Table VI in where something reaches, Table VII in directions; and, where said, in separate Mixers."""
    proposed = {"model": "merba_base", "size": 224, "epochs": 200, "head": "dgcm"}
    varied = {"extent": {"extractor", "attention"}, "scan": {"fusion", "orders", "share_mixer"}}
    for name, settings in ROWS.items():
        if name in COMPANY:
            continue
        assert proposed.items() <= settings.items(), name
        assert set(settings) - set(proposed) <= varied[name.partition("_")[0]], name
        assert settings.get("fusion", "mean") == "mean"
        assert (settings.get("share_mixer") is False) == name.endswith("_separate")


def test_every_published_row_has_its_place_and_its_model(outline):
    """Titles tie the file to the outline: a misspelt one would lose its numbers."""
    methods = read_published(PUBLISHED, outline.published, outline.parts)
    titles = dict(outline.rows)
    assert len(titles) == len(outline.rows)
    assert [method.name for method in methods] == [
        title for title in titles if title in {method.name for method in methods}
    ], "the paper's order"
    for method in methods:
        assert method.model == titles[method.name]
        assert set(method.values) == {("testB", metric) for metric in ("uf1", "uar", "acc")}
        assert round(method.values["testB", "acc"].shown * 299) / 299 == pytest.approx(
            method.values["testB", "acc"].shown, abs=5e-5
        ), "a whole number of clips"


def test_the_proposed_row_is_merba_dgcm_of_the_main_table():
    dfme = get_protocol("dfme")
    main = {one.name: one for one in read_published(PUBLISHED, dfme.published, dfme.parts)}["MERba-DGCM"]
    for outline in OUTLINES.values():
        methods = read_published(PUBLISHED, outline.published, outline.parts)
        proposed = next(one for one in methods if "proposed" in one.name)
        for key, value in proposed.values.items():
            assert value.shown == main.values[key].shown


def test_rows_stand_in_the_paper_s_order_measured_or_not(ablated):
    rows = make_rows(OUTLINES["ablation_directions"], ablated, PUBLISHED)
    assert [row.name for row in rows] == [title for title, _ in OUTLINES["ablation_directions"].rows]
    by_name = {row.name: row for row in rows}
    assert by_name["row 1: h"].measured
    assert by_name["row 1: h"].published
    assert by_name["row 2: v, or h and v"].published.model == ""
    assert not by_name["row 2: v, or h and v"].measured
    assert by_name["h, v (row 2 or 3)"].published is None
    assert by_name["control: h four times, a Mixer each"].measured


def test_what_was_planned_is_what_is_written(ablated, tmp_path):
    models = ("scan_h", "scan_h_four_separate", "scan_h_v", "extent_local_global")
    planned = [stem for stems in planned_tables(get_protocol("dfme"), models).values() for stem in stems]
    written = {path.name for path in write_tables(ablated, PUBLISHED, tmp_path)}
    assert written == {"about.html", *(f"{stem}.{form}" for stem in planned for form in FORMS)}
    assert {"ablation_extent", "ablation_directions"} < set(planned)
    text = (tmp_path / "ablation_directions.md").read_text()
    assert "symbols of the set are lost" in text
    assert text.index("row 5: h, v, both mirrored") < text.index("row 6: h, v, hz, vz")


@pytest.mark.parametrize("name", list_protocols())
def test_a_run_without_rows_of_an_ablation_has_the_protocol_s_own_table_alone(name):
    protocol = get_protocol(name)
    assert outlines_of(protocol, ["ststnet", "merba_base"]) == [own_outline(protocol)]
