"""Annotation sheets: the header by its content, every cell as text, whatever the file is."""

import re
import zipfile

import openpyxl
import pytest

from contracts.errors import InputError
from preprocess.corpora.reading import sheets
from preprocess.corpora.reading.declared import subject_spelling
from preprocess.corpora.reading.sheets import Form, read_cells, read_sheets, whole_number

FORM = Form(
    headings={"subject": "Subject", "clip": "Filename", "onset": "Onset Frame", "action_units": "AU"},
    clip=re.compile(r"\d+_\d+"),
    optional=frozenset({"action_units"}),
)
ROWS = [["Subject", "Filename", "Onset Frame", "AU"], ["006", "006_1", 12, "4+L10"], [7, "7_2", "/", 12.0]]
TEXT = [
    {"subject": "006", "clip": "006_1", "onset": "12", "action_units": "4+L10"},
    {"subject": "7", "clip": "7_2", "onset": "/", "action_units": "12"},
]


def write_xlsx(path, **tables):
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in tables.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    book.save(path)
    return path


def write_xls(path, rows):
    xlwt = pytest.importorskip("xlwt")
    book = xlwt.Workbook()
    sheet = book.add_sheet("Sheet1")
    for y, row in enumerate(rows):
        for x, value in enumerate(row):
            sheet.write(y, x, value)
    book.save(str(path))
    return path


def write_csv(path, rows, delimiter=",", encoding="utf-8"):
    lines = [delimiter.join("" if value is None else str(value) for value in row) for row in rows]
    path.write_bytes("\r\n".join(lines).encode(encoding))
    return path


@pytest.mark.parametrize(
    "write",
    [
        lambda folder: write_xlsx(folder / "a.xlsx", data=ROWS),
        lambda folder: write_xlsx(folder / "a.XLSX", empty=[], other=[["x"]], data=ROWS),
        lambda folder: write_xlsx(folder / "misnamed.xls", data=ROWS),
        lambda folder: write_xls(folder / "a.xls", ROWS),
        lambda folder: write_csv(folder / "a.csv", ROWS[:2] + [[7, "7_2", "/", 12]]),
        lambda folder: write_csv(folder / "a.csv", ROWS[:2] + [[7, "7_2", "/", 12]], ";", "utf-8-sig"),
        lambda folder: write_csv(folder / "a.csv", ROWS[:2] + [[7, "7_2", "/", 12]], "\t", "utf-16"),
    ],
    ids=["xlsx", "later sheet", "xlsx named xls", "xls", "csv", "semicolons and mark", "tabs in utf-16"],
)
def test_every_kind_of_file_reads_the_same(tmp_path, write):
    (sheet,) = read_sheets(write(tmp_path), FORM)
    assert [cells for _, cells in sheet.rows] == TEXT
    assert [number for number, _ in sheet.rows] == [2, 3]


def test_header_after_a_preamble_with_other_case_and_spaces(tmp_path):
    rows = [
        ["Key"],
        [],
        [None, "OnsetFrame ", None, "filename", "SUBJECT"],
        [],
        [None, 12, "x", "6_1", "006"],
    ]
    ((number, cells),) = read_sheets(write_xlsx(tmp_path / "a.xlsx", data=rows), FORM)[0].rows
    assert number == 5
    assert cells == {"subject": "006", "clip": "6_1", "onset": "12", "action_units": ""}


def test_text_of_other_languages_survives(tmp_path):
    rows = [["Subject", "Filename", "Onset Frame", "AU"], ["6", "6_1", 1, "soft focus é"]]
    path = write_csv(tmp_path / "a.csv", rows, encoding="cp1252")
    assert read_sheets(path, FORM)[0].rows[0][1]["action_units"] == "soft focus é"


def test_all_sheets_of_the_form_are_read(tmp_path):
    path = write_xlsx(tmp_path / "a.xlsx", train=ROWS[:2], notes=[["x"]], test=[ROWS[0], ROWS[2]])
    sheets_read = read_sheets(path, FORM)
    assert [sheet.tab for sheet in sheets_read] == [0, 2]
    assert [cells for sheet in sheets_read for _, cells in sheet.rows] == TEXT


def refusal(path) -> str:
    with pytest.raises(InputError) as caught:
        read_sheets(path, FORM)
    assert caught.value.file == path
    return str(caught.value)


def test_a_missing_column_is_named_with_those_found(tmp_path):
    path = write_xlsx(tmp_path / "a.xlsx", data=[["Subject", "Start", "Filename"], ["006", 1, "6_1"]])
    assert "no sheet has the columns 'Onset Frame' (found: 'Subject', 'Start', 'Filename')" in refusal(path)


def test_headings_without_a_row(tmp_path):
    assert "has its headings but not one row" in refusal(write_xlsx(tmp_path / "a.xlsx", data=ROWS[:1]))


def test_another_corpus_by_its_clips(tmp_path):
    rows = [ROWS[0], ["01", "EP02_01f", 46, "12"]]
    assert "another corpus: its clips are named like 'EP02_01f'" in refusal(
        write_csv(tmp_path / "a.csv", rows)
    )


def test_a_heading_twice(tmp_path):
    rows = [[*ROWS[0], "onset  frame"], [*ROWS[1], 1]]
    assert "two columns are called 'Onset Frame'" in refusal(write_xlsx(tmp_path / "a.xlsx", data=rows))


def test_error_and_truth_cells_are_no_numbers(tmp_path):
    xlwt = pytest.importorskip("xlwt")
    book = xlwt.Workbook()
    sheet = book.add_sheet("Sheet1")
    for x, heading in enumerate(ROWS[0]):
        sheet.write(0, x, heading)
    sheet.write(1, 1, "6_1")
    sheet.row(1).set_cell_error(2, 0x2A)
    sheet.row(1).set_cell_boolean(3, True)
    book.save(str(tmp_path / "a.xls"))
    ((_, cells),) = read_sheets(tmp_path / "a.xls", FORM)[0].rows
    assert (cells["onset"], cells["action_units"]) == ("#N/A", "True")


def test_a_quote_that_is_never_closed_swallows_nothing(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text('Subject,Filename,Onset Frame\n006,"6_1,12\n006,6_2,13\n')
    assert "not a readable sheet" in refusal(path)


def test_a_preamble_with_more_commas_than_the_table_has_columns(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("a, b, c, d, e, f, g\nSubject;Filename;Onset Frame\n006;6_1;12\n")
    assert read_sheets(path, FORM)[0].rows[0][1]["onset"] == "12"


@pytest.mark.parametrize(
    "content",
    [b"", b"PK\x03\x04 and no more", b"\xd0\xcf\x11\xe0" + bytes(600), b"<html><table></table></html>"],
    ids=["empty", "cut zip", "cut ole", "html"],
)
@pytest.mark.parametrize("name", ["a.xlsx", "a.xls"])
def test_what_is_no_workbook(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    message = refusal(tmp_path / name)
    assert "not a readable sheet" in message
    assert "save it as .xlsx" in message


def test_a_zip_bomb_is_refused_before_it_is_unpacked(tmp_path):
    path = tmp_path / "bomb.xlsx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for k in range(4):
            archive.writestr(f"xl/worksheets/sheet{k}.xml", bytes(sheets.MAX_BYTES // 3))
    assert path.stat().st_size < 1_000_000
    assert "too large for an annotation sheet" in refusal(path)


def test_a_lone_cell_at_the_end_of_the_sheet_is_no_bomb(tmp_path):
    """One cell in the last row and column would make a table of seventeen thousand million cells."""
    book = openpyxl.Workbook()
    book.active.cell(1_048_576, 16_384, "x")
    book.save(tmp_path / "a.xlsx")
    assert read_cells(tmp_path / "a.xlsx") == [[]]
    book.active.cell(1_048_576, 1, "x")
    book.save(tmp_path / "b.xlsx")
    assert "too large for an annotation sheet" in refusal(tmp_path / "b.xlsx")


def test_a_wrong_extent_cuts_nothing_off(tmp_path):
    """Some programs store `A1` as the extent of every sheet."""
    path = write_xlsx(tmp_path / "a.xlsx", data=ROWS)
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(tmp_path / "b.xlsx", "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, re.sub(rb'<dimension ref="[^"]+"', b'<dimension ref="A1"', content))
    assert [cells for _, cells in read_sheets(tmp_path / "b.xlsx", FORM)[0].rows] == TEXT


@pytest.mark.parametrize("cell", ["6", "006", "6.0", "sub6", "sub006"])
def test_subject_spelling(cell):
    assert subject_spelling("{:03d}", cell) == "006"


@pytest.mark.parametrize(
    ("cell", "number"),
    [("46", 46), ("0046", 46), ("46.0", 46), ("0", 0), ("/", None), ("", None), ("4.5", None), ("-3", None)]
    + [("٤٦", None), ("9" * 5000, None), ("46 ", None)],
)
def test_whole_number(cell, number):
    assert whole_number(cell) == number
