"""Annotation sheets as tables of text, and the one that is meant among the files that lie about.

Sheets come with preambles, blank columns, ids that spreadsheet programs turned into numbers, under any file
name and as re-saved copies. So the sheet is found by its content, its header too, and every cell is text.
"""

import codecs
import csv
import io
import re
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from contracts.errors import InputError

SUFFIXES = (".xlsx", ".xlsm", ".xls", ".csv")
UNREAD = (".ods", ".numbers", ".xlsb", ".gsheet")
"""Spreadsheets of other programs, named where no sheet is found."""
MAX_BYTES = 64 * 2**20
"""Of a sheet, unpacked. Owners' sheets have under one MiB; anything beyond this is no annotation sheet."""
MAX_ROWS, MAX_COLUMNS = 20_000, 256

_ZIP, _OLE = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"
_SAVE_AGAIN = "open it in a spreadsheet program and save it as .xlsx"

Cells = list[list[str]]
"""One sheet: rows of stripped text, `` for an empty cell; rows differ in length."""


@dataclass(frozen=True)
class Form:
    """What an owner's annotation sheet looks like.

    Attributes:
        headings: field -> the owner's heading, matched whatever its case and spacing. Fields: `subject`,
            `clip`, `onset`, `apex`, `offset`, `emotion`, `action_units`, `fps`.
        optional: fields that users' copies may lack; they read as empty.
        clip: what the clip cells look like; tells one corpus's sheet from another's.
    """

    headings: Mapping[str, str]
    clip: re.Pattern
    optional: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Sheet:
    """An annotation sheet as read: for each row its 1-based number in the sheet and field -> text.

    A file may have several; `tab` counts them from 0.
    """

    path: Path
    tab: int
    rows: tuple[tuple[int, dict[str, str]], ...]


def spreadsheets(files: Iterable[Path]) -> list[Path]:
    """Those of `files` whose names say that they are spreadsheets."""
    return [path for path in files if path.suffix.lower() in SUFFIXES]


def read_sheets(path: Path, form: Form) -> list[Sheet]:
    """The sheets of a file that are of this form, at least one; blank rows are left out.

    Raises:
        InputError: unreadable, no sheet has the headings (names the missing ones), none has a row, a heading
            stands there twice, or the clips are named as another corpus's are.
    """
    sheets = []
    required = [heading for field, heading in form.headings.items() if field not in form.optional]
    nearest: list[str] = []
    headed = False
    for tab, cells in enumerate(read_cells(path)):
        for position, row in enumerate(cells):
            keys = [_key(cell) for cell in row]
            if all(_key(heading) in keys for heading in required):
                headed = True
                if rows := tuple(_below(path, cells, position, keys, form)):
                    sheets.append(_checked(Sheet(path, tab, rows), form))
                break
            if _hits(row, required) > _hits(nearest, required):
                nearest = row
    if sheets:
        return sheets
    if headed:
        raise InputError(
            "the sheet has its headings but not one row",
            file=path,
            cure=f"give the owner's file; if rows are formulas, {_SAVE_AGAIN}",
        )
    missing = [heading for heading in required if _key(heading) not in map(_key, nearest)]
    raise InputError(
        f"no sheet has the columns {_listed(missing)} (found: {_listed(nearest) or 'none'})",
        file=path,
        cure="give the owner's sheet as shipped, or rename its headings",
    )


def read_cells(path: Path) -> list[Cells]:
    """Every sheet of a file, .xlsx, .xls or .csv; what it is is told by its bytes, not by its name.

    Numbers read as typed (`46`, never `46.0`), formulas as the value stored with them.

    Raises:
        InputError: missing, not readable as any of these, or too large to be an annotation sheet.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            magic = file.read(4)
        if path.stat().st_size > MAX_BYTES:
            raise _too_large(path)
        # Parsers of damaged files raise whatever they stumble over; to the user it is all one.
        if magic == _ZIP:
            return list(_xlsx(path))
        if magic == _OLE:
            return list(_xls(path))
        if path.suffix.lower() in (".xlsx", ".xls"):
            raise ValueError("neither an .xlsx nor an .xls file by its first bytes")
        return _csv(path)
    except InputError:
        raise
    except OSError as error:
        raise InputError(
            f"the sheet cannot be opened ({error.strerror})",
            file=path,
            cure="check that it is there, and its permissions",
        ) from error
    except Exception as error:
        raise InputError(
            f"not a readable sheet ({type(error).__name__}: {error})", file=path, cure=_SAVE_AGAIN
        ) from error


def whole_number(cell: str) -> int | None:
    """`46` or `46.0`; None for what owners write where they have none (`/`, `?`, nothing)."""
    # `\d` would take digits of every script, and a frame number has nine digits at most.
    match = re.fullmatch(r"([0-9]{1,9})(\.0*)?", cell)
    return int(match[1]) if match else None


def _checked(sheet: Sheet, form: Form) -> Sheet:
    if "apex" in form.headings and not any(cells["apex"] for _, cells in sheet.rows):
        raise InputError(
            f"the column {form.headings['apex']} is empty",
            file=sheet.path,
            cure=f"give the owner's file; if its cells are formulas, {_SAVE_AGAIN}",
        )
    clips = [cells["clip"] for _, cells in sheet.rows if cells["clip"]]
    strangers = [clip for clip in clips if not form.clip.fullmatch(clip)]
    if len(strangers) * 2 > len(clips):
        raise InputError(
            f"the sheet of another corpus: its clips are named like {strangers[0]!r}",
            file=sheet.path,
            cure="move it away, and put this corpus's own sheet there",
        )
    return sheet


def _below(
    path: Path, cells: Cells, position: int, keys: list[str], form: Form
) -> Iterator[tuple[int, dict[str, str]]]:
    for heading in form.headings.values():
        if keys.count(_key(heading)) > 1:
            raise InputError(
                f"two columns are called {heading!r}", file=path, cure="remove or rename the wrong one"
            )
    columns = {
        field: keys.index(_key(heading)) if _key(heading) in keys else None
        for field, heading in form.headings.items()
    }
    for number, row in enumerate(cells[position + 1 :], position + 2):
        fields = {
            field: row[column] if column is not None and column < len(row) else ""
            for field, column in columns.items()
        }
        if any(fields.values()):
            yield number, fields


def _xlsx(path: Path) -> Iterator[Cells]:
    import openpyxl

    with zipfile.ZipFile(path) as archive:
        # Unpacking stops at the declared size, so the declaration can be trusted.
        if sum(entry.file_size for entry in archive.infolist()) > MAX_BYTES:
            raise _too_large(path)
    # As an open file, because openpyxl judges files by their names.
    with path.open("rb") as file:
        book = openpyxl.load_workbook(file, read_only=True, data_only=True)
        for sheet in book.worksheets:
            # Some programs store a wrong extent, which would cut rows off.
            sheet.reset_dimensions()
            rows = sheet.iter_rows(max_col=MAX_COLUMNS, values_only=True)
            # A sheet that ends far down has a million empty rows, on which nothing may be spent.
            yield _bounded(path, ([_text(value) for value in row] if any(row) else [] for row in rows))


def _xls(path: Path) -> Iterator[Cells]:
    import xlrd

    def text(cell: xlrd.sheet.Cell) -> str:
        if cell.ctype == xlrd.XL_CELL_ERROR:
            return xlrd.error_text_from_code[cell.value]
        return _text(bool(cell.value) if cell.ctype == xlrd.XL_CELL_BOOLEAN else cell.value)

    with xlrd.open_workbook(path, logfile=io.StringIO(), on_demand=True) as book:
        for sheet in book.sheets():
            rows = (sheet.row_slice(k, end_colx=MAX_COLUMNS) for k in range(sheet.nrows))
            yield _bounded(path, ([text(cell) for cell in row] for row in rows))


def _csv(path: Path) -> list[Cells]:
    """The table by each of the delimiters in use; only the right one gives the headings."""
    content = path.read_bytes()
    if b"\0" in content and not content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise ValueError("it is not text")
    encodings = ("utf-16",) if content[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) else ()
    for encoding in (*encodings, "utf-8-sig", "cp1252", "latin-1"):
        try:
            text = content.decode(encoding)
            break
        except UnicodeDecodeError:
            continue
    tables, fault = [], None
    for delimiter in ",;\t":
        rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
        try:
            tables.append(_bounded(path, ([cell.strip() for cell in row[:MAX_COLUMNS]] for row in rows)))
        except csv.Error as error:  # by the wrong delimiter, quotes stand in odd places
            fault = error
    if fault and all(len(row) < 2 for table in tables for row in table):
        raise fault
    return tables


def _bounded(path: Path, rows: Iterable[list[str]]) -> Cells:
    cells: Cells = []
    for number, row in enumerate(rows):
        if number < MAX_ROWS:
            cells.append(row)
        elif any(row):
            raise _too_large(path)
    while cells and not any(cells[-1]):
        cells.pop()
    return cells


def _too_large(path: Path) -> InputError:
    return InputError(
        f"too large for an annotation sheet (over {MAX_BYTES >> 20} MiB unpacked, or {MAX_ROWS:,} rows)",
        file=path,
        cure="move it away, and put the owner's sheet there",
    )


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()


def _hits(row: Sequence[str], required: Sequence[str]) -> int:
    return len({_key(cell) for cell in row} & {_key(heading) for heading in required})


def _listed(texts: Iterable[str]) -> str:
    return ", ".join(repr(text) for text in texts if text)


def _key(heading: str) -> str:
    return "".join(heading.split()).casefold()
