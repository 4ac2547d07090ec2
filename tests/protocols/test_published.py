"""The papers' numbers: well-formed, sourced, and consistent with the test sets' sizes."""

from pathlib import Path

import pytest

from contracts.errors import InputError
from contracts.files import read_csv, write_csv
from protocols import get_protocol, list_protocols
from protocols.published import SELECTIONS, read_published

FOLDER = Path(__file__).parents[2] / "results" / "published"


def published_of(table, folder=FOLDER):
    """Of a protocol or of an outline."""
    return read_published(folder, table.published, table.parts)


def test_every_file_reads_and_every_method_is_complete(protocol):
    methods = published_of(protocol)
    keys = {(part.name, metric) for part in protocol.parts for metric in protocol.metrics}
    assert all(set(method.values) == keys for method in methods)


def test_a_protocol_without_published_numbers_has_no_methods(tmp_path):
    assert published_of(get_protocol("samm_5class"), tmp_path) == []


@pytest.mark.parametrize("name", [name for name in list_protocols() if get_protocol(name).published])
def test_every_row_has_a_source_a_selection_and_a_value(name):
    protocol = get_protocol(name)
    table = read_csv(FOLDER / f"{protocol.published}.csv")
    assert set(table.table) == {protocol.published}
    assert (table.printed_in != "").all()
    assert set(table.selection) <= set(SELECTIONS)
    assert table.value.astype(float).between(0, 1).all()


def test_tables_four_and_five_are_there_in_full():
    assert [m.name for m in published_of(get_protocol("megc2019"))] == [
        *("LBP-TOP", "Bi-WOOF", "STSTNet", "FeatRef", "ME-PLAN", "SLSTT", "MFDAN", "HTNet"),
        *("MambaVision-B", "MERba"),
    ]
    assert len(published_of(get_protocol("dfme"))) == 7


@pytest.mark.parametrize(("part", "clips"), [("testA", 474), ("testB", 299)])
def test_every_accuracy_on_dfme_is_a_whole_number_of_clips(part, clips):
    for method in published_of(get_protocol("dfme")):
        accuracy = method.values[part, "acc"].shown
        assert round(round(accuracy * clips) / clips, 4) == pytest.approx(accuracy, abs=1e-9), method.name


def test_ststnet_shows_recall_where_precision_was_printed():
    method = next(m for m in published_of(get_protocol("megc2019")) if m.name == "STSTNet")
    shown = [method.values[part, "uar"].shown for part in ("combined", "smic", "casme2", "samm")]
    assert shown == [0.7186, 0.6703, 0.8190, 0.6415]
    assert "macro precision" in method.values["smic", "uar"].notes[0]
    (common,) = method.common_notes()
    assert method.values["smic", "uf1"].notes == (common,)
    assert "PyTorch program, which ours follows, logs UF1 / UAR .7209 / .7250 combined" in common


def test_methods_whose_public_code_selects_on_the_test_subject_say_so():
    methods = published_of(get_protocol("megc2019"))
    assert [m.name for m in methods if m.selection == "best-on-test-subject"] == ["SLSTT", "HTNet"]


@pytest.mark.parametrize(
    ("column", "cell", "message"),
    [
        ("value", "1.2", "not a number between 0 and 1"),
        ("value", "n/a", "not a number between 0 and 1"),
        ("metric", "uaf", "unknown 'uaf'"),
        ("selection", "lastt", "did you mean 'last'"),
        ("printed_in", "", "no source"),
        ("part", "smic", "given twice"),
    ],
)
def test_a_malformed_row_is_named(tmp_path, column, cell, message):
    table = read_csv(FOLDER / "3db.csv")
    table.loc[0, column] = cell
    write_csv(table, tmp_path / "3db.csv")
    with pytest.raises(InputError, match=rf"3db.csv: LBP-TOP, (?i:\w+, \w+: .*{message})"):
        published_of(get_protocol("megc2019"), tmp_path)


def test_a_missing_file_is_said(tmp_path):
    with pytest.raises(InputError, match="published numbers are missing"):
        published_of(get_protocol("dfme"), tmp_path)
