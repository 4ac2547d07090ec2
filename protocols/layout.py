"""A table as a grid of short texts and footnote marks, the same for Markdown and LaTeX."""

from dataclasses import dataclass, field
from string import ascii_lowercase

from protocols.assemble import Estimate, Row, Table
from protocols.base import Protocol
from protocols.outlines import Outline
from protocols.runs import Run
from protocols.statistics import MIN_SUBJECTS

NONE = "-"
INTERVAL = (
    "In brackets: 95 % interval by a bootstrap over subjects, drawn with replacement within each corpus, all "
    "clips and seeds of a subject together; none for a part with fewer than "
    f"{MIN_SUBJECTS} subjects, or with a corpus of a single one (docs/statistics.md)."
)
OVER_SEEDS = "mean ± standard deviation over seeds (a row of one seed has none)"


@dataclass(frozen=True)
class Cell:
    """A text, of one or several lines, the marks of its footnotes, and what a page may link it to.

    `link` is the name of a place further down the same page, where the page has one of that name.
    """

    text: str
    marks: tuple[str, ...] = ()
    link: str = ""


@dataclass(frozen=True)
class Grid:
    """A table that is ready to be printed.

    Attributes:
        title: what the table is.
        remarks: plain sentences that must stand beside it; the first says whether its numbers may be
            compared.
        blocks: (heading, number of columns), from left to right; the heading of the first is empty.
        headings: one per column.
        rows: one Cell per column.
        footnotes: (mark, text) in order of appearance.
        words: the columns that hold words and not numbers.
    """

    title: str
    remarks: list[str]
    blocks: list[tuple[str, int]]
    headings: list[str]
    rows: list[list[Cell]]
    footnotes: list[tuple[str, str]]
    words: frozenset[int] = frozenset({0})


@dataclass
class _Footnotes:
    """Hands out marks a, b, c ... in order of appearance."""

    marks: dict[str, str] = field(default_factory=dict)

    def mark(self, notes: tuple[str, ...]) -> tuple[str, ...]:
        for note in notes:
            k = len(self.marks)
            wrapped = ascii_lowercase[k // 26 - 1] if k >= 26 else ""
            self.marks.setdefault(note, wrapped + ascii_lowercase[k % 26])
        return tuple(self.marks[note] for note in notes)


def lay_out(table: Table) -> Grid:
    """Method | published: a column a part, how the epoch was chosen | this run: a column a part, seeds.

    Without the second block where the table has no published numbers.
    """
    outline = table.outline
    published = [*(part.title for part in outline.parts), "Epoch"] if outline.published else []
    sizes = [f"{part.title} (n={table.sizes.get(part.name, 0)})" for part in outline.parts]
    footnotes = _Footnotes()
    rows = [_row(outline, row, footnotes) for row in table.rows]
    return Grid(
        title=outline.title,
        remarks=_remarks(table),
        blocks=[
            ("", 1),
            *([("Published", len(published))] if published else []),
            (heading(table.run), len(sizes) + 1),
        ],
        headings=["Method", *published, *sizes, "Seeds"],
        rows=rows,
        footnotes=[(mark, note) for note, mark in footnotes.marks.items()],
    )


def _remarks(table: Table) -> list[str]:
    metrics = " / ".join(metric.upper() for metric in table.outline.protocol.metrics)
    several = any(row.seeds > 1 for row in table.rows)
    return [
        table.run.remark,
        table.coverage.remark,
        f"Cells are {metrics}, from TP, FP and FN pooled over all folds"
        + (f"; this run's are {OVER_SEEDS}." if several else "."),
        INTERVAL,
        "This run: frozen recipe, last epoch."
        + (
            " Rows marked nested: an inner split of the training subjects chose how many epochs."
            if any(row.nested for row in table.rows)
            else ""
        )
        + (
            " Published: as printed, corrected where a footnote says so; Epoch tells how theirs was chosen."
            if table.outline.published
            else " No published numbers are kept for this protocol."
        ),
        *table.outline.remarks,
    ]


def heading(run: Run) -> str:
    """Over the columns of the run's own numbers."""
    return f"This run: {run.name}, {run.made_from}"


def alarm_remark(run: Run, protocol: Protocol) -> list[str]:
    """A sentence that names the rows which are no models, where the run has any."""
    alarms = run.alarms.get(protocol.name, ())
    return [f"Alarms, trained on shuffled labels: {', '.join(alarms)}."] if alarms else []


def place_of(model: str, groups: tuple[str, ...]) -> str:
    """The name of the place on a page where a model's clips stand: those of one group, or all."""
    return f"{model}.{groups[0]}" if len(groups) == 1 else model


def _row(outline: Outline, row: Row, footnotes: _Footnotes) -> list[Cell]:
    metrics = outline.protocol.metrics
    common = row.published.common_notes() if row.published else ()
    cells = [Cell(row.name, footnotes.mark(common))]
    if outline.published:
        for part in outline.parts:
            cells.append(_published(row, part.name, metrics, common, footnotes))
        cells.append(Cell(row.published.selection if row.published else NONE))
    for part in outline.parts:
        estimates = [row.measured.get((part.name, metric)) for metric in metrics]
        shown = Cell(estimates_text(estimates), link=place_of(row.model, part.groups))
        cells.append(shown if any(estimates) else Cell(NONE))
    cells.append(Cell((str(row.seeds) if row.seeds else NONE) + (" (nested)" if row.nested else "")))
    return cells


def _published(
    row: Row, part: str, metrics: tuple[str, ...], common: tuple[str, ...], footnotes: _Footnotes
) -> Cell:
    values = [row.published.values.get((part, metric)) if row.published else None for metric in metrics]
    if not any(values):
        return Cell(NONE)
    notes = dict.fromkeys(note for value in values if value for note in value.notes if note not in common)
    return Cell(" / ".join(number(value and value.shown) for value in values), footnotes.mark(tuple(notes)))


def estimates_text(estimates: list[Estimate | None]) -> str:
    """`.7353 ± .0120 / .7186 ± .0098`, and below it the intervals, `[.669, .791] / [.652, .770]`."""
    lines = [" / ".join(map(_mean, estimates))]
    if any(one and one.bounds for one in estimates):
        lines.append(" / ".join(bracket(one.bounds) if one and one.bounds else NONE for one in estimates))
    return "\n".join(lines)


def _mean(one: Estimate | None) -> str:
    if one is None:
        return NONE
    return number(one.value) + (f" ± {number(one.sd)}" if one.sd is not None else "")


def bracket(bounds: tuple[float, float]) -> str:
    """`[.669, .791]`: the third decimal of an interval from replicates is the last that is sure."""
    return f"[{number(bounds[0], 3)}, {number(bounds[1], 3)}]"


def number(value: float | None, decimals: int = 4) -> str:
    """Without the leading zero, as the field prints scores; a minus sign as such."""
    if value is None:
        return NONE
    text = f"{abs(value):.{decimals}f}"
    sign = "−" if value < 0 and float(text) else ""
    return sign + (text[1:] if text.startswith("0") else text)
