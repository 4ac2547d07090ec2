"""Comparisons as a table: against the best floor and the first model, each pair once, signs as they read."""

import json

import pandas as pd
import pytest

from contracts.errors import InputError
from contracts.files import read_csv, write_csv
from protocols import get_protocol
from protocols.comparisons import contrasts_frame, lay_out_contrasts, make_contrasts
from protocols.coverage import Coverage, GroupCoverage
from protocols.latex import latex
from protocols.layout import bracket, number
from protocols.markdown import markdown
from protocols.runs import Run, read_run
from protocols.subjects import COMPARISON_COLUMNS, INTERVAL_COLUMNS

MEGC = get_protocol("megc2019")
COVERAGE = Coverage({group: GroupCoverage(1, 2, False) for group in MEGC.counts}, ())
MEANS = {"majority": 0.24, "kernel_ridge": 0.7, "ststnet": 0.72, "merba": 0.8}


@pytest.fixture
def results(tmp_path):
    """Four models, two of them floors, with made-up comparisons: the difference of their means."""
    means = [
        (model, part.name, metric, value, "", 0.1, 0.9, 3, 68, 442)
        for model, value in MEANS.items()
        for part in MEGC.parts
        for metric in ("uar", "uf1")
    ]
    names = sorted(MEANS)
    pairs = [
        (first, second, part.name, metric, MEANS[first] - MEANS[second], -0.05, 0.3, 0.4, 0.01, 0.06, 3, 68)
        for part in MEGC.parts
        for metric in ("uar", "uf1")
        for k, first in enumerate(names)
        for second in names[k + 1 :]
    ]
    write_csv(pd.DataFrame(means, columns=INTERVAL_COLUMNS), tmp_path / "scores" / "intervals_megc2019.csv")
    write_csv(
        pd.DataFrame(pairs, columns=COMPARISON_COLUMNS), tmp_path / "scores" / "comparisons_megc2019.csv"
    )
    account = {
        "corpora": "flows",
        "predictions": {"megc2019": ["majority", "merba", "ststnet", "kernel_ridge"]},
        "seeds": [0, 1, 2],
        "floors": {"megc2019": ["majority", "kernel_ridge"]},
    }
    (tmp_path / "run.json").write_text(json.dumps(account))
    return tmp_path


def pairs_of(contrasts):
    return [(one.model, one.against) for one in contrasts]


def test_every_model_stands_against_the_best_floor_and_the_first_model_that_is_none(results):
    contrasts = make_contrasts(MEGC, results)
    assert pairs_of(contrasts) == [
        *(("majority", "kernel_ridge"), ("ststnet", "kernel_ridge"), ("merba", "kernel_ridge")),
        *(("majority", "merba"), ("ststnet", "merba")),
    ]
    assert {one.part.name for one in contrasts} == {"combined"}, "the corpora's own are in scores/"


def test_a_pair_reads_model_minus_the_other_whichever_the_file_names_first(results):
    by_pair = {(one.model, one.against): one.numbers["uf1"] for one in make_contrasts(MEGC, results)}
    turned, kept = by_pair["ststnet", "kernel_ridge"], by_pair["majority", "merba"]
    assert turned["difference"] == pytest.approx(0.02)
    assert (turned["low"], turned["high"], turned["effect"]) == (-0.3, 0.05, -0.4)
    assert kept["difference"] == pytest.approx(-0.56)
    assert (kept["low"], kept["high"], kept["p"]) == (-0.05, 0.3, 0.01)


def test_a_run_that_names_no_floors_and_no_order_compares_with_its_first_name(results):
    (results / "run.json").write_text("{}")
    assert pairs_of(make_contrasts(MEGC, results)) == [
        (model, "kernel_ridge") for model in ("majority", "ststnet", "merba")
    ]


def test_both_test_sets_count_where_none_contains_the_other(scored):
    parts = [one.part.name for one in make_contrasts(get_protocol("dfme"), scored)]
    assert parts == ["testA", "testB"]


def test_the_three_forms_say_the_same(results):
    contrasts, run = make_contrasts(MEGC, results), read_run(results)
    grid = lay_out_contrasts(MEGC, run, COVERAGE, contrasts)
    text, tex = markdown(grid), latex(grid, label="tab:x")
    minus = "\N{MINUS SIGN}"
    assert f"| ststnet | kernel_ridge (best floor) | .0200 [{minus}.300, .050] | .0100 | .0600 |" in text
    assert r"kernel\_ridge \\{}(best floor)\end{tabular} & .0200 [$-$.300,.050] & .0100 & .0600 &" in tex
    assert tex.isascii()
    frame = contrasts_frame(MEGC, run, contrasts)
    assert len(frame) == len(contrasts)
    assert frame.uf1_difference.iloc[1] == pytest.approx(0.02)
    assert list(frame.seeds) == [3] * len(frame)


def test_a_model_with_fewer_seeds_says_on_how_many_it_was_compared_and_one_that_shares_none_says_so(results):
    path = results / "scores" / "comparisons_megc2019.csv"
    pairs = read_csv(path)
    one = (pairs["first"] == "kernel_ridge") & (pairs.second == "ststnet")
    none = (pairs["first"] == "merba") & (pairs.second == "ststnet")
    pairs.loc[one, "seeds"] = "1"
    write_csv(pairs[~none], path)
    account = json.loads((results / "run.json").read_text())
    account["config"] = {"protocols": {"megc2019": {"ststnet": {"seeds": [0]}, "merba": {"seeds": [1, 2]}}}}
    (results / "run.json").write_text(json.dumps(account))
    contrasts, run = make_contrasts(MEGC, results), read_run(results)
    grid = lay_out_contrasts(MEGC, run, COVERAGE, contrasts)
    seeds = {(cells[1].text, cells[2].text): cells[-1].text for cells in grid.rows}
    assert grid.headings[-1] == "Seeds"
    assert seeds["ststnet", "kernel_ridge (best floor)"] == "1"
    assert seeds["merba", "kernel_ridge (best floor)"] == "3"
    assert seeds["ststnet", "merba"] == "0"
    assert "| ststnet | merba | - | - |" in markdown(grid).replace("–", "-")
    frame = contrasts_frame(MEGC, run, contrasts).set_index(["model", "against"])
    assert frame.loc[("ststnet", "merba"), "uf1_p"] == ""
    assert frame.loc[("ststnet", "merba"), "seeds"] == 0


def test_a_partial_run_and_its_alarms_are_named(results):
    account = json.loads((results / "run.json").read_text())
    account["config"] = {"protocols": {"megc2019": {"ststnet": {"shuffle_labels": True}}}}
    (results / "run.json").write_text(json.dumps(account))
    text = markdown(lay_out_contrasts(MEGC, read_run(results), COVERAGE, make_contrasts(MEGC, results)))
    assert "3 of 6 clips, partial" in text
    assert "Alarms, trained on shuffled labels: ststnet." in text


def test_a_single_model_says_that_there_is_nothing_to_compare():
    grid = lay_out_contrasts(MEGC, Run("x", "licensed"), COVERAGE, [])
    assert "nothing to compare" in markdown(grid)
    assert contrasts_frame(MEGC, Run("x", "licensed"), []).columns[0] == "part"


def test_missing_or_broken_scores_are_named(results):
    path = results / "scores" / "comparisons_megc2019.csv"
    write_csv(read_csv(path).assign(p="x"), path)
    with pytest.raises(InputError, match=r"comparisons_megc2019.csv: a cell is not a number"):
        make_contrasts(MEGC, results)
    write_csv(read_csv(path).drop(columns="p"), path)
    with pytest.raises(InputError, match=r"comparisons_megc2019.csv: columns are"):
        make_contrasts(MEGC, results)
    path.unlink()
    with pytest.raises(InputError, match=r"comparisons_megc2019.csv: the scores are missing"):
        make_contrasts(MEGC, results)


@pytest.mark.parametrize(
    ("value", "decimals", "text"),
    [
        (0.73531, 4, ".7353"),
        (1.0, 4, "1.0000"),
        (-0.0512, 4, "\N{MINUS SIGN}.0512"),
        (-1.2, 2, "\N{MINUS SIGN}1.20"),
        (-0.00001, 3, ".000"),
        (None, 4, "-"),
    ],
)
def test_numbers_as_the_field_prints_them(value, decimals, text):
    assert number(value, decimals) == text


def test_brackets_have_three_decimals():
    assert bracket((0.66949, 0.7911)) == "[.669, .791]"
