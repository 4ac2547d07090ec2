"""The papers' numbers, read from `results/published/`; its README says what the columns mean."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from contracts.errors import InputError
from contracts.files import read_csv
from protocols.base import Part
from protocols.metrics import list_metrics
from protocols.registry import nearest

COLUMNS = [
    "table",
    "method",
    "model",
    "part",
    "metric",
    "value",
    "corrected",
    "printed_in",
    "selection",
    "note",
]
SELECTIONS = ("last", "inner-validation", "best-on-test-subject", "no epochs", "unknown")


@dataclass(frozen=True)
class Value:
    """One number to show, as it was printed, and the footnotes that belong to it."""

    shown: float
    printed: float
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Method:
    """One published method.

    Attributes:
        name: as the papers call it.
        model: our model of the same network, or empty.
        selection: how its epoch was chosen, one of SELECTIONS.
        values: (part, metric) -> number.
    """

    name: str
    model: str
    selection: str
    values: dict[tuple[str, str], Value] = field(default_factory=dict)

    def common_notes(self) -> tuple[str, ...]:
        """The footnotes that all its numbers share."""
        values = list(self.values.values())
        return tuple(note for note in values[0].notes if all(note in value.notes for value in values))


def read_published(folder: str | Path, stem: str, parts: Sequence[Part]) -> list[Method]:
    """The published methods of one table in the paper's order; none if it names no file.

    Args:
        folder: `results/published`.
        stem: of the file; empty if the table has no published numbers.
        parts: those that may occur.

    Raises:
        InputError: the file is missing or a row is malformed; names its method, part and metric.
    """
    if not stem:
        return []
    path = Path(folder) / f"{stem}.csv"
    if not path.exists():
        raise InputError("the published numbers are missing", file=path, cure="check --published")
    table = read_csv(path)
    if list(table.columns) != COLUMNS:
        raise InputError(
            f"columns are {list(table.columns)}, expected {COLUMNS}", file=path, cure="restore it from git"
        )
    methods: dict[str, Method] = {}
    for row in table.itertuples(index=False):
        value = _value(row, path, [part.name for part in parts])
        method = methods.setdefault(row.method, Method(row.method, row.model, row.selection))
        if (method.model, method.selection) != (row.model, row.selection) or (
            row.part,
            row.metric,
        ) in method.values:
            raise InputError(
                "a number is given twice, or model or selection change within the method",
                file=path,
                clip=_where(row),
                cure="correct the row",
            )
        method.values[row.part, row.metric] = value
    return list(methods.values())


def _where(row) -> str:
    return f"{row.method}, {row.part}, {row.metric}"


def _value(row, path: Path, parts: list[str]) -> Value:
    for given, known in ((row.part, parts), (row.metric, list_metrics()), (row.selection, SELECTIONS)):
        if given not in known:
            raise InputError(f"unknown {given!r}", file=path, clip=_where(row), cure=nearest(given, known))
    if not row.printed_in:
        raise InputError("no source", file=path, clip=_where(row), cure="say in printed_in who printed it")
    try:
        printed, shown = float(row.value), float(row.corrected or row.value)
        in_range = 0 <= printed <= 1 and 0 <= shown <= 1
    except ValueError:
        in_range = False
    if not in_range:
        raise InputError(
            "not a number between 0 and 1", file=path, clip=_where(row), cure="correct value and corrected"
        )
    return Value(shown, printed, tuple(note for note in row.note.split(" | ") if note))
