"""Runs side by side: the same clips paired, other clips never, and what differs in the settings."""

import json
import shutil

import numpy as np
import pytest
from handmade import predicted

from contracts.errors import InputError
from contracts.files import read_csv, write_csv
from contracts.predictions import write_predictions
from protocols import get_protocol
from protocols.compare_runs import compare_runs, main
from protocols.runs import read_labels

DFME = get_protocol("dfme")


def account(folder, name, apex):
    config = {"run": name, "corpora": {"dfme": {"apex": apex, "root": f"/{name}"}}, "seeds": [0]}
    (folder / "run.json").write_text(json.dumps({"run": name, "corpora": "synthetic", "config": config}))


@pytest.fixture
def two(run, tmp_path):
    """The run, and a copy of another name in which `merba_tiny` knows every clip of DFME."""
    other = tmp_path / "other"
    shutil.copytree(run, other)
    account(run, "annotated", "annotated")
    account(other, "midpoint", "midpoint")
    table = predicted(read_labels(other, DFME), DFME.classes)
    write_predictions(table, other / "predictions" / "dfme" / "merba_tiny" / "seed0.csv")
    return run, other


def rows(out, model):
    table = read_csv(out / "dfme.csv")
    return table[table.model == model].set_index("run")


def test_a_better_run_shows_its_difference_and_the_same_one_none(two, tmp_path):
    compare_runs(two, tmp_path / "out")
    better = rows(tmp_path / "out", "merba_tiny")
    assert better.loc["midpoint", "scores_test_b"].startswith("1.0000")
    gain = float(better.loc["midpoint", "against_annotated_test_b_uf1_difference"])
    worse = float(better.loc["annotated", "scores_test_b"].split(" ")[0])
    assert gain == pytest.approx(1 - worse, abs=1e-4)
    assert better.loc["annotated", "against_annotated_test_b_p"] == ""
    same = rows(tmp_path / "out", "ststnet")
    assert float(same.loc["midpoint", "against_annotated_test_b_uf1_difference"]) == 0
    assert float(same.loc["midpoint", "against_annotated_test_b_p"]) == 1


def test_the_order_of_the_runs_turns_the_sign(two, tmp_path):
    compare_runs(two[::-1], tmp_path / "out")
    turned = rows(tmp_path / "out", "merba_tiny").loc["annotated", "against_midpoint_test_b_uf1_difference"]
    assert turned.startswith("−")


def test_what_differs_is_said_and_neither_name_nor_folder_is(two, tmp_path):
    compare_runs(two, tmp_path / "out")
    text = (tmp_path / "out" / "dfme.md").read_text()
    assert "midpoint differs from annotated in: corpora.dfme.apex midpoint instead of annotated." in text
    assert "NOT comparable" in text


def test_runs_with_other_clips_are_shown_and_not_tested(two, tmp_path):
    folder = two[1]
    lost = read_labels(folder, DFME).clip_id.iloc[-1]
    paths = [folder / "labels" / "dfme.csv", *(folder / "predictions" / "dfme").rglob("*.csv")]
    for path in paths:
        table = read_csv(path)
        write_csv(table[table.clip_id != lost], path)
    compare_runs(two, tmp_path / "out")
    table = read_csv(tmp_path / "out" / "dfme.csv")
    assert (table.against_annotated_test_b_p == "").all()
    assert (table.scores_test_b != "").all()
    assert "those that have others are not tested" in (tmp_path / "out" / "dfme.md").read_text()


def test_runs_are_tested_on_the_seeds_that_both_have_whatever_a_third_has(two, tmp_path):
    third = tmp_path / "third"
    shutil.copytree(two[1], third)
    account(third, "third", "spotted")
    (third / "predictions" / "dfme" / "ststnet" / "seed1.csv").unlink()
    lost = read_labels(third, DFME).clip_id.iloc[-1]
    compare_runs([*two, third], tmp_path / "out")
    table = rows(tmp_path / "out", "ststnet")
    assert list(table.scores_seeds) == ["2", "2", "1"]
    assert list(table.against_annotated_test_b_seeds) == ["", "2", "1"]
    assert list(table.against_annotated_test_b_p) == ["", "1.0000", "1.0000"]
    for path in [third / "labels" / "dfme.csv", *(third / "predictions" / "dfme").rglob("*.csv")]:
        left = read_csv(path)
        write_csv(left[left.clip_id != lost], path)
    compare_runs([*two, third], tmp_path / "out")
    table = rows(tmp_path / "out", "ststnet")
    assert list(table.against_annotated_test_b_p) == ["", "1.0000", ""], "only the third has other clips"
    assert table.scores_test_b["third"]


def test_every_protocol_in_common_has_a_table_and_the_others_none(two, tmp_path):
    shutil.rmtree(two[1] / "predictions" / "megc2019")
    names = {path.stem for path in compare_runs(two, tmp_path / "out")}
    assert "dfme" in names
    assert "megc2019" not in names


def test_one_run_is_not_several(two, tmp_path, capsys):
    with pytest.raises(InputError, match="two of one name"):
        compare_runs([two[0], two[0]], tmp_path)
    with pytest.raises(SystemExit, match="fewer than two runs"):
        main([str(two[0]), "--out", str(tmp_path)])
    shutil.rmtree(two[1] / "predictions")
    model = two[1] / "predictions" / "dfme" / "only_here"
    labels = read_labels(two[1], DFME)
    names = np.random.default_rng(0).choice(DFME.classes, len(labels))
    write_predictions(predicted(labels, DFME.classes, names), model / "seed0.csv")
    with pytest.raises(InputError, match="no protocol and model in common"):
        compare_runs(two, tmp_path / "out")
