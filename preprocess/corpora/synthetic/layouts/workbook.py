"""Workbooks whose bytes depend on nothing but their cells."""

import io
import re
import zipfile
from pathlib import Path

from contracts.files import whole

_EPOCH = (1980, 1, 1, 0, 0, 0)


def write_workbook(path: Path, sheets: dict[str, list[list]]) -> None:
    """Write sheets of rows of cells (None is blank, text that starts with `=` a formula), whole."""
    import openpyxl

    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    buffer = io.BytesIO()
    book.save(buffer)
    with whole(path) as partial, zipfile.ZipFile(buffer) as made, zipfile.ZipFile(partial, "w") as fixed:
        for name in made.namelist():
            content = made.read(name)
            if name == "docProps/core.xml":
                # openpyxl stamps the time of saving; two runs must not differ in it.
                content = re.sub(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", b"1980-01-01T00:00:00Z", content)
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            fixed.writestr(entry, content)


def cell(text: str) -> int | str:
    """As owners type it: a lone number becomes a number, anything else stays text."""
    return int(text) if text.isdigit() else text
