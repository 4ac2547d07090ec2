"""Annotation workbooks as tables of text.

Workbooks come with preambles, blank columns, ids that spreadsheet programs turn into numbers, and as
re-saved copies. The header is therefore found by its content and every cell is read as text.
"""

import re
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from contracts.errors import InputError
from preprocess.corpora.corpus import Annotation

if TYPE_CHECKING:
    import pandas as pd


def read_table(path: Path, columns: Sequence[str]) -> "pd.DataFrame":
    """The first sheet that has all `columns`, restricted to them, every cell as stripped text.

    Headings match whatever their case and spacing: `OnsetFrame` is `Onset Frame`. Rows without any of the
    columns filled are left out.

    Raises:
        InputError: unreadable, or no sheet has all columns (names those missing and those found).
    """
    best_row: list[str] = []
    wanted = [_key(name) for name in columns]
    for table in _sheets(path):
        for position, row in enumerate(table.itertuples(index=False)):
            keys = [_key(cell) for cell in row]
            if all(name in keys for name in wanted):
                data = table.iloc[position + 1 :, [keys.index(name) for name in wanted]]
                data = data.apply(lambda column: column.str.strip())
                data.columns = list(columns)
                return data[(data != "").any(axis=1)].reset_index(drop=True)
            if len(set(keys) & set(wanted)) > len({_key(cell) for cell in best_row} & set(wanted)):
                best_row = list(row)
    found = [cell.strip() for cell in best_row if cell.strip()]
    missing = [name for name in columns if _key(name) not in map(_key, found)]
    raise InputError(
        f"no sheet has the columns {_listed(missing)} (found: {_listed(found) or 'none'})",
        file=path,
        cure="give the owner's workbook as shipped, or rename its headings",
    )


def annotations(
    sheet: Path,
    headings: Mapping[str, str],
    subject_of: Callable[[str], str],
    *,
    corpus: str,
    fps: float | None = None,
) -> Iterator[Annotation]:
    """One annotation for each row of a workbook.

    Args:
        headings: the owner's heading of each field: `subject`, `clip`, `onset`, `apex`, `offset`, `emotion`,
            `action_units`, and `fps` where it differs between rows.
        subject_of: from a subject cell, whose zeros a spreadsheet may have eaten, to the official spelling.
        fps: frames per second of the whole corpus.

    Raises:
        InputError: the workbook or a heading or a cell is not as it should be; names row and cure.
    """
    for cells in read_table(sheet, list(headings.values())).to_dict("records"):
        row = {field: cells[heading] for field, heading in headings.items()}
        if not row["subject"] or not row["clip"]:
            raise InputError(
                f"no {headings['subject']} or no {headings['clip']} in a row ({_listed(cells.values())})",
                file=sheet,
                cure="complete the row or remove it",
            )
        subject = subject_of(row["subject"])
        clip_id = f"{corpus}/{subject}/{row['clip']}"
        onset, offset, rate = (
            _number(row[field], headings[field], sheet, clip_id) if field in row else fps
            for field in ("onset", "offset", "fps")
        )
        yield Annotation(
            subject=subject,
            clip=row["clip"],
            onset=onset,
            apex=_whole_number(row["apex"]),
            offset=offset,
            fps=float(rate),
            emotion=row["emotion"],
            action_units=row["action_units"],
            sheet=sheet,
        )


def subject_spelling(template: str) -> Callable[[str], str]:
    """From any spelling of a subject to the official one: `{:03d}` makes `006` of `6` and of `006`."""

    def official(cell: str) -> str:
        digits = re.search(r"(\d+)(\.0*)?$", cell)
        return template.format(int(digits[1])) if digits else cell

    return official


def _number(cell: str, heading: str, sheet: Path, clip_id: str) -> int:
    number = _whole_number(cell)
    if number is None:
        raise InputError(
            f"{heading} is {cell!r}, not a number",
            file=sheet,
            clip=clip_id,
            cure="correct the cell or remove the row",
        )
    return number


def _whole_number(cell: str) -> int | None:
    """`46` or `46.0`; None for what owners write where they have none (`/`, `?`, nothing)."""
    match = re.fullmatch(r"(\d+)(\.0*)?", cell)
    return int(match[1]) if match else None


def _listed(texts: Iterable[str]) -> str:
    return ", ".join(repr(text) for text in texts if text)


def _key(heading: str) -> str:
    return "".join(heading.split()).casefold()


def _sheets(path: Path) -> "list[pd.DataFrame]":
    import pandas as pd

    try:
        if path.suffix.lower() == ".csv":
            return [pd.read_csv(path, header=None, dtype=str, keep_default_na=False)]
        book = pd.read_excel(
            path, sheet_name=None, header=None, dtype=str, na_filter=False, engine="openpyxl"
        )
        return [sheet.fillna("").astype(str) for sheet in book.values()]
    except (OSError, ValueError, KeyError, SyntaxError, zipfile.BadZipFile, pd.errors.ParserError) as error:
        raise InputError(
            f"not a readable workbook ({error})",
            file=path,
            cure="open it in a spreadsheet program and save it as .xlsx",
        ) from error
