"""The synthetic corpora's annotation sheets: every coding in every format, as its owner ships it."""

import csv
import sys
from pathlib import Path

import pytest
from small_corpora import SUBJECTS, cases

from contracts.errors import InputError
from preprocess.corpora.synthetic import Options, plan_sheet, write_sheet
from preprocess.corpora.synthetic.plan import SHEETS


def cells_of(path: Path) -> list[list[str]]:
    """A workbook's first sheet as text, without empty cells at the ends of rows."""
    if path.suffix == ".csv":
        text = path.read_text(encoding="utf-8-sig")
        rows = list(csv.reader(text.splitlines(), delimiter=";" if ";" in text.splitlines()[-1] else ","))
    elif path.suffix == ".xls":
        import xlrd

        page = xlrd.open_workbook(path).sheet_by_index(0)
        rows = [[as_text(cell) for cell in page.row_values(y)] for y in range(page.nrows)]
    else:
        import openpyxl

        page = openpyxl.load_workbook(path).worksheets[0]
        rows = [[as_text(cell) for cell in row] for row in page.iter_rows(values_only=True)]
    return [row[: max((x + 1 for x, cell in enumerate(row) if cell), default=0)] for row in rows]


def as_text(cell) -> str:
    return "" if cell is None else str(int(cell)) if isinstance(cell, float) else str(cell)


@pytest.mark.parametrize("sheet", [name for name in SHEETS if name])
@pytest.mark.parametrize(("corpus", "coding"), cases("CODINGS"))
def test_a_workbook_says_the_same_in_every_format(corpus, coding, sheet, tmp_path):
    """Cell by cell, but for formulas, whose values only a spreadsheet program stores."""
    options = Options(coding=coding, sheet=sheet)
    if sheet == "xls":
        pytest.importorskip("xlwt")
    paths = write_sheet(tmp_path, corpus, SUBJECTS[corpus], options)
    for path, book in zip(paths, plan_sheet(corpus, SUBJECTS[corpus], options), strict=True):
        assert path.name == f"{Path(book.path).name}.{sheet.split('_')[0]}"
        written = cells_of(path)
        for row, planned in zip(written, book.rows, strict=True):
            for x, cell in enumerate(planned):
                if not isinstance(cell, tuple):
                    assert (row[x] if x < len(row) else "") == as_text(cell)
    if sheet == "csv_semicolon":
        assert paths[0].read_bytes().startswith(b"\xef\xbb\xbf")


@pytest.mark.parametrize("sheet", [name for name in SHEETS if name])
def test_workbooks_have_the_same_bytes_again(sheet, tmp_path):
    if sheet == "xls":
        pytest.importorskip("xlwt")
    contents = [
        [path.read_bytes() for path in write_sheet(tmp_path / run, "samm", ["006"], Options(sheet=sheet))]
        for run in ("first", "second")
    ]
    assert contents[0] == contents[1]


@pytest.mark.parametrize(
    ("corpus", "coding", "name"),
    [
        ("casme2", "2014", "CASME2-coding-20140508.xlsx"),
        ("casme2", "2019", "CASME2-coding-20190701.xlsx"),
        ("casme2", "updated", "CASME2-coding-updated.xlsx"),
        ("casme2", "old", "CASME2_label_Ver_2.xls"),
        ("samm", "v2", "SAMM_Micro_FACS_Codes_v2.xlsx"),
        ("samm", "2018", "SAMM_20181215_Micro_FACS_Codes_v2.xlsx"),
        ("samm", "stripped", "SAMM.xlsx"),
        ("samm", "stripped_micro", "SAMM_Micro.xlsx"),
        ("dfme", "release", "full_release_annotation/full_release_annotation/training_full_with_AU.xlsx"),
        ("dfme", "challenge", "CCAC2024.csv"),
    ],
)
def test_codings_ship_under_their_names(corpus, coding, name):
    book = plan_sheet(corpus, SUBJECTS[corpus], Options(coding=coding))[0]
    assert f"{book.path}.{book.suffix}" == name


def test_headings_stand_where_the_owners_put_them():
    (samm,) = plan_sheet("samm", ["006"], Options())
    assert (samm.header, samm.headings[0], samm.headings[-1]) == (14, "Subject", "Notes")
    (stripped,) = plan_sheet("samm", ["006"], Options(coding="stripped"))
    assert (stripped.header, stripped.rows[0]) == (1, samm.headings)
    (casme2,) = plan_sheet("casme2", ["sub01"], Options())
    assert [x for x, heading in enumerate(casme2.headings) if heading is None] == [2, 6]
    (old,) = plan_sheet("casme2", ["sub01"], Options(coding="old"))
    assert old.headings == [heading for heading in casme2.headings if heading]
    challenge = plan_sheet("dfme", SUBJECTS["dfme"], Options(coding="challenge"))
    assert all({"Subject", "AU"}.isdisjoint(book.headings) for book in challenge)


def test_other_releases_have_their_own_workbooks():
    """By which a reader can tell them."""
    for variant in ("extended", "extended_short", "extended_alone"):
        (extended,) = plan_sheet("smic", ["s20"], Options(variant=variant))
        assert Path(extended.path).name == "SMIC-HS-E_annotation"
        assert Path(extended.path).parent.name in ("SMIC-HS-E", "SMIC_HS_E")
        assert extended.headings[3:5] == ["OnsetF", "OffsetF"]
    (long,) = plan_sheet("samm", ["006"], Options(variant="long_videos"))
    assert Path(long.path).name == "SAMM_LongVideos_V2_Release"
    assert (long.header, "Estimated Emotion" in long.headings) == (11, False)


def test_xls_without_its_package(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "xlwt", None)
    with pytest.raises(InputError, match="needs the package xlwt"):
        write_sheet(tmp_path, "casme2", ["sub01"], Options(sheet="xls"))
