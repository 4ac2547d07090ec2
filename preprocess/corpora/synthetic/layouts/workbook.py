"""Workbooks whose bytes depend on nothing but their cells, in every format they are met in."""

import csv
import io
import re
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from contracts.errors import InputError
from contracts.files import whole

_EPOCH = (1980, 1, 1, 0, 0, 0)


class Formula(NamedTuple):
    """A cell computed by the spreadsheet program; the owners' files do not store its value."""

    text: str
    value: int


Cell = str | int | float | Formula | None


@dataclass(frozen=True)
class Workbook:
    """An owner's workbook: its path below the root, without suffix, the suffix it ships with, its sheets.

    `pages` are rows of cells by sheet (None is blank), the sheet with the data first. In that sheet `header`
    rows precede the data, the last of them the headings.
    """

    path: str
    pages: dict[str, list[list[Cell]]]
    header: int = 1
    suffix: str = "xlsx"

    @property
    def headings(self) -> list[Cell]:
        return self.rows[self.header - 1]

    @property
    def rows(self) -> list[list[Cell]]:
        return next(iter(self.pages.values()))

    @property
    def data(self) -> list[list[Cell]]:
        return self.rows[self.header :]

    def with_rows(self, headings: list[Cell], data: list[list[Cell]]) -> "Workbook":
        """The same workbook with other headings and data on its first sheet."""
        first, *others = self.pages
        rows = [*self.rows[: self.header - 1], headings, *data]
        pages = {first: rows, **{name: self.pages[name] for name in others}}
        return Workbook(self.path, pages, self.header, self.suffix)


def write_workbook(root: Path, book: Workbook, sheet: str = "") -> Path:
    """Write a workbook whole, in one of `plan.SHEETS`; returns its path.

    Raises:
        InputError: .xls is asked for and xlwt is not installed.
    """
    suffix, _, dialect = (sheet or book.suffix).partition("_")
    path = root / f"{book.path}.{suffix}"
    content = {"xlsx": _xlsx, "xls": _xls, "csv": _csv}[suffix](book, *([dialect] if dialect else []))
    with whole(path) as partial:
        partial.write_bytes(content)
    return path


def cell(text: str) -> int | str:
    """As owners type it: a lone number becomes a number, anything else stays text."""
    return int(text) if text.isdigit() else text


def _xlsx(book: Workbook) -> bytes:
    import openpyxl

    made = openpyxl.Workbook()
    made.remove(made.active)
    for name, rows in book.pages.items():
        page = made.create_sheet(name)
        for row in rows:
            page.append([one.text if isinstance(one, Formula) else one for one in row])
    buffer, fixed = io.BytesIO(), io.BytesIO()
    made.save(buffer)
    with zipfile.ZipFile(buffer) as saved, zipfile.ZipFile(fixed, "w") as archive:
        for name in saved.namelist():
            content = saved.read(name)
            if name == "docProps/core.xml":
                # openpyxl stamps the time of saving; two runs must not differ in it.
                content = re.sub(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", b"1980-01-01T00:00:00Z", content)
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, content)
    return fixed.getvalue()


def _xls(book: Workbook) -> bytes:
    try:
        import xlwt
    except ImportError as error:
        raise InputError(
            "writing .xls needs the package xlwt",
            cure="install it (it is among the development packages) or ask for another format",
        ) from error
    made = xlwt.Workbook()
    for name, rows in book.pages.items():
        page = made.add_sheet(name)
        for y, row in enumerate(rows):
            for x, one in enumerate(row):
                if one is not None:
                    page.write(y, x, xlwt.Formula(one.text[1:]) if isinstance(one, Formula) else one)
    buffer = io.BytesIO()
    made.save(buffer)
    return buffer.getvalue()


def _csv(book: Workbook, dialect: str = "") -> bytes:
    """The sheet with the data alone; what a spreadsheet program saves has its formulas' values."""
    width = max(map(len, book.rows))
    rows = [
        [*(one.value if isinstance(one, Formula) else one for one in row), *[None] * (width - len(row))]
        for row in book.rows
    ]
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=";" if dialect else ",", lineterminator="\r\n").writerows(rows)
    return text.getvalue().encode("utf-8-sig" if dialect else "utf-8")
