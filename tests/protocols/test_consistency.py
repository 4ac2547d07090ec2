"""Printed rows against every confusion count: the known faults of the field's table, and true rows."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.errors import InputError
from contracts.files import read_csv, write_csv
from protocols import get_protocol
from protocols.consistency import Pair, check_method, fit, main, pool, report, rows_of
from protocols.metrics import get_metric
from protocols.published import read_published

PUBLISHED = Path(__file__).parents[2] / "results" / "published"
MEGC = get_protocol("megc2019")
CLIPS = {part.name: MEGC.counts[part.name] for part in MEGC.parts[1:]}
METHODS = {method.name: method for method in read_published(PUBLISHED, MEGC.published, MEGC.parts)}


def checked(name, corrected=False):
    rows = rows_of(METHODS[name], corrected=corrected)
    return rows["combined"], *check_method(rows, "combined", CLIPS)


def pair_of(matrix):
    return Pair(*(round(float(get_metric(name)(matrix)), 4) for name in ("uf1", "uar")))


def test_lbp_top_on_smic_is_impossible():
    _, fits, pooled = checked("LBP-TOP")
    assert len(fits["smic"].states) == 0
    assert fits["smic"].uf1_range[0] == pytest.approx(0.388, abs=5e-4)
    assert pooled is None


def test_ststnet_s_printed_uar_is_impossible_and_its_corrected_one_adds_up():
    _, fits, pooled = checked("STSTNet")
    assert [part for part, one in fits.items() if not len(one.states)] == ["casme2"]
    assert pooled is None
    combined, _, pooled = checked("STSTNet", corrected=True)
    assert pooled.distance < combined.unit


@pytest.mark.parametrize("name", ["FeatRef", "HTNet"])
def test_rows_that_add_up_exactly(name):
    combined, _, pooled = checked(name)
    assert pooled.distance < combined.unit / 2


@pytest.mark.parametrize(
    ("name", "distance"),
    [("MambaVision-B", 0.00025), ("Bi-WOOF", 0.0011), ("ME-PLAN", 0.0016), ("MERba", 0.0012)],
)
def test_rows_that_miss_by_about_one_clip_or_less(name, distance):
    combined, _, pooled = checked(name)
    assert pooled.distance == pytest.approx(distance, abs=6e-5)
    assert combined.unit < pooled.distance < 1.25 * pooled.step


def test_mfdan_s_rows_allow_less_recall_than_is_printed():
    combined, _, pooled = checked("MFDAN")
    assert pooled.uar_range[1] == pytest.approx(0.835, abs=1e-3)
    assert combined.uar - pooled.uar_range[1] > 0.03


def test_slstt_s_rows_allow_less_recall_than_is_printed():
    combined, _, pooled = checked("SLSTT")
    assert pooled.distance == pytest.approx(0.018, abs=1e-3)
    assert pooled.uar_range[1] == pytest.approx(0.772, abs=1e-3)
    assert combined.uar == 0.79


def test_every_footnote_on_arithmetic_is_what_the_program_finds():
    """And no method that has none fails by more than a clip."""
    for name in METHODS:
        notes = " ".join(note for value in METHODS[name].values.values() for note in value.notes)
        combined, _, pooled = checked(name, corrected=True)
        if pooled is None:
            assert "impossible pair" in notes
        elif "do not add up" in notes or "inconsistent" in notes:
            assert pooled.distance > combined.unit
        else:
            assert pooled.distance < pooled.step / 4


def test_a_method_that_printed_three_decimals_is_judged_by_three():
    assert rows_of(METHODS["SLSTT"])["combined"].unit == pytest.approx(1e-3)
    assert rows_of(METHODS["HTNet"])["combined"].unit == pytest.approx(1e-4)


matrices = st.lists(st.lists(st.integers(0, 7), min_size=3, max_size=3), min_size=3, max_size=3).map(np.array)
filled = matrices.filter(lambda matrix: matrix.sum(axis=1).all())


@given(filled)
@settings(max_examples=60, deadline=None)
def test_what_a_confusion_matrix_gives_is_possible_and_its_counts_are_found(matrix):
    found = fit(pair_of(matrix), matrix.sum(axis=1))
    tp = matrix.diagonal()
    counts = [*tp, *(matrix.sum(axis=0) - tp)]
    assert counts in found.states.tolist()
    low, high = found.uf1_range
    assert low <= get_metric("uf1")(matrix) <= high


@given(filled)
@settings(max_examples=25, deadline=None)
def test_every_state_is_that_of_some_matrix(matrix):
    clips = matrix.sum(axis=1)
    for *tp, a, b, c in fit(pair_of(matrix), clips).states[:20].tolist():
        misses = clips - tp
        # The first class's misses that go to the second fix all the others.
        made = [
            np.array([[tp[0], x, misses[0] - x], [a - y, tp[1], misses[1] - a + y], [y, b - x, tp[2]]])
            for x in range(misses[0] + 1)
            for y in range(a + 1)
        ]
        made = [one for one in made if one.min() >= 0 and (one.sum(axis=1) == clips).all()]
        assert made
        assert made[0].sum(axis=0)[2] - tp[2] == c


@given(filled, filled, filled)
@settings(max_examples=15, deadline=None)
def test_rows_of_one_run_always_add_up(first, second, third):
    rows = [first, second, third]
    clips = [matrix.sum(axis=1) for matrix in rows]
    combined = pair_of(sum(rows))
    found = pool(combined, [fit(pair_of(matrix), n) for matrix, n in zip(rows, clips, strict=True)], clips)
    assert found.distance <= combined.unit + 1e-9
    least, greatest = found.uar_range
    assert least - 1e-4 <= combined.uar <= greatest + 1e-4


def test_the_report_has_a_verdict_for_every_method():
    lines = report(PUBLISHED)
    assert set(METHODS) <= set(lines)
    assert "STSTNet, corrected" in lines
    assert sum("the rows add up" in line for line in lines) == 3
    assert sum("IMPOSSIBLE" in line for line in lines) == 2


@pytest.mark.parametrize(
    ("uf1", "status", "words"),
    [
        (".2000", 1, "IMPOSSIBLE: this UAR allows UF1 from 0.3880 to 0.5582"),
        (".5000", 0, "possible, in"),
        ("0.50", 0, "possible, in"),
    ],
)
def test_anyone_can_test_a_printed_row(capsys, uf1, status, words):
    with pytest.raises(SystemExit) as end:
        main(["--uf1", uf1, "--uar", ".5280", "--counts", "70", "51", "43"])
    assert end.value.code == status
    assert words in capsys.readouterr().out


def test_a_number_printed_with_fewer_decimals_than_the_one_beside_it_is_judged_by_its_own(capsys):
    """TP 53, 21, 15 and FP 3, 36, 5 give .69313 and .79459."""
    row = ["--counts", "92", "26", "15", "--uar", ".7946", "--uf1"]
    for uf1, status in ((".693", 0), (".6931", 0), (".6930", 1)):
        with pytest.raises(SystemExit) as end:
            main([*row, uf1])
        assert end.value.code == status, capsys.readouterr().out


def test_a_method_that_printed_a_part_of_its_rows_is_judged_by_them(tmp_path):
    table = read_csv(PUBLISHED / "3db.csv")
    some = table[table.method.isin(["HTNet"]) & table.part.isin(["combined", "smic"])]
    write_csv(some[~((some.part == "smic") & (some.metric == "uar"))], tmp_path / "3db.csv")
    text = "\n".join(report(tmp_path))
    assert text.count("not both numbers are printed") == 3
    assert "UF1 0.8603, UAR 0.8475: not tried, a row is not printed" in text


@pytest.mark.parametrize("arguments", [["--uf1", ".5"], ["--uf1", "1.5", "--uar", ".5", "--counts", *"123"]])
def test_half_a_row_or_a_percentage_is_refused(arguments, capsys):
    with pytest.raises(SystemExit) as end:
        main(arguments)
    assert end.value.code == 2


def test_three_classes_with_clips_are_asked_for():
    with pytest.raises(InputError, match="three numbers"):
        fit(Pair(0.5, 0.5), [70, 0, 43])
