"""Known slips of the owners' sheets, as data: `repairs.csv` beside this module.

One line a cell: corpus, subject, clip, field (`onset`, `apex`, `offset`, `emotion`, `action_units`), the old
value that the sheet must have, the new one, why, and who says so. A sheet that already has the new value
needs no repair; one that has a third value is left as it is, and both cases of a touched or refused cell are
listed in the corpus's notes.
"""

import csv
import functools
from pathlib import Path
from typing import NamedTuple

from preprocess.corpora.reading.sheets import whole_number

TABLE = Path(__file__).with_name("repairs.csv")


class Repair(NamedTuple):
    """One line of the table, every field as text."""

    corpus: str
    subject: str
    clip: str
    field: str
    old: str
    new: str
    reason: str
    source: str


@functools.cache
def read_repairs(path: Path = TABLE) -> tuple[Repair, ...]:
    """All repairs, in the order of the table."""
    with path.open(newline="", encoding="utf-8") as file:
        return tuple(Repair(**row) for row in csv.DictReader(file))


def repaired(
    cells: dict[str, str], corpus: str, subject: str, clip: str, repairs: tuple[Repair, ...] | None = None
) -> tuple[dict[str, str], list[str]]:
    """One row of a sheet with the repairs that concern it, and a remark for each.

    Args:
        cells: field -> text.
        repairs: default: those of the table.
    """
    cells, remarks = dict(cells), []
    for repair in read_repairs() if repairs is None else repairs:
        if (repair.corpus, repair.subject, repair.clip) != (corpus, subject, clip):
            continue
        found = cells[repair.field]
        if _same(found, repair.old):
            cells[repair.field] = repair.new
            remarks.append(f"{repair.field} {repair.old} -> {repair.new}: {repair.reason} ({repair.source})")
        elif not _same(found, repair.new):
            remarks.append(
                f"not repaired: {repair.field} is {found!r}, where the repair expects {repair.old}"
            )
    return cells, remarks


def _same(cell: str, value: str) -> bool:
    """Alike as numbers, where both are (`5793.0` is 5793), else as text."""
    number = whole_number(cell)
    return cell == value or (number is not None and number == whole_number(value))
