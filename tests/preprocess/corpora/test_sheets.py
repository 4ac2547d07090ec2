"""Workbooks: the header by its content, every cell as text."""

import pytest

from contracts.errors import InputError
from preprocess.corpora.sheets import read_table, subject_spelling
from preprocess.corpora.synthetic.layouts.workbook import write_workbook

COLUMNS = ["Subject", "Onset Frame"]


def test_header_after_a_preamble_on_a_later_sheet(tmp_path):
    rows = [
        ["Key"],
        [],
        [None, "OnsetFrame ", None, "subject"],
        [None, 12, "x", "006"],
        [],
        [None, "/", None, 7],
    ]
    write_workbook(tmp_path / "a.xlsx", {"empty": [], "data": rows})
    table = read_table(tmp_path / "a.xlsx", COLUMNS)
    assert table.to_dict("list") == {"Subject": ["006", "7"], "Onset Frame": ["12", "/"]}


def test_csv_reads_the_same(tmp_path):
    (tmp_path / "a.csv").write_text("Subject,Onset Frame\n006,12\nNA,/\n")
    table = read_table(tmp_path / "a.csv", COLUMNS)
    assert table.to_dict("list") == {"Subject": ["006", "NA"], "Onset Frame": ["12", "/"]}


def test_missing_column_is_named_with_those_found(tmp_path):
    write_workbook(tmp_path / "a.xlsx", {"Sheet1": [["Subject", "Start"], ["006", 1]]})
    with pytest.raises(
        InputError, match=r"a\.xlsx: no sheet has the columns 'Onset Frame' \(found: 'Subject', 'Start'"
    ):
        read_table(tmp_path / "a.xlsx", COLUMNS)


@pytest.mark.parametrize("cell", ["6", "006", "6.0", "sub6", "sub006"])
def test_subject_spelling(cell):
    assert subject_spelling("{:03d}")(cell) == "006"
