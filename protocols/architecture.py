"""The networks of a run as tables: all of them in a line each, and MERba's stage by stage (Table I).

Networks are unknown here: what is shown is `python -m merba.describe`'s table of each, as text.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from protocols.layout import NONE, Cell, Grid, heading
from protocols.runs import Run

_AMOUNTS = ("parameters", "products", "scans")
_NUMBERS = ("channels", *_AMOUNTS)
_STAGED = "stage"
_SAID = "The networks as this run configures them; nothing here depends on its corpora."


@dataclass(frozen=True)
class Described:
    """One row of the run.

    Attributes:
        protocol, row: as configured.
        model: its name in the registry.
        fidelity: what ours is written from, see `docs/models.md`.
        cite: of its paper; empty if it has none.
        table: Markdown, with a column for each of the amounts that were counted and `total` as last line.
    """

    protocol: str
    row: str
    model: str
    fidelity: str
    cite: str
    table: str


def lay_out_models(run: Run, described: Iterable[Described]) -> Grid:
    """Protocol | row | model | parameters, products, scans | written from, paper."""
    rows = []
    for one in described:
        head, *lines = table_cells(one.table)
        total = dict(zip(head, lines[-1], strict=True))
        texts = [one.protocol, one.row, one.model, *(total.get(name) or NONE for name in _AMOUNTS)]
        rows.append([*map(Cell, texts), Cell(one.fidelity), Cell(one.cite or NONE)])
    return Grid(
        title="The models of the run",
        remarks=[
            _SAID,
            "Parameters are those that learn; a method that is fitted at once has none.",
            "Products and scans: multiply-adds of one clip's forward pass, those of convolutions, Linear "
            "layers and attention, and those of selective scans (docs/merba.md).",
            "Written from: the authors' published code, the paper, or only a reading of it; a floor shows "
            "what little effort reaches.",
        ],
        blocks=[("", 3), (heading(run), len(_AMOUNTS) + 2)],
        headings=[
            "Protocol",
            "Row",
            "Model",
            *(name.capitalize() for name in _AMOUNTS),
            "Written from",
            "Paper",
        ],
        rows=rows,
        footnotes=[],
        words=frozenset({0, 1, 2, 6, 7}),
    )


def lay_out_stages(run: Run, described: Iterable[Described]) -> Grid:
    """Network | stage by stage, once for each network that differs; no rows where none has stages."""
    networks: dict[str, list[str]] = {}
    for one in described:
        if table_cells(one.table)[0][0] == _STAGED:
            networks.setdefault(one.table, []).append(f"{one.protocol}: {one.row}")
    rows, head = [], [_STAGED]
    for table, names in networks.items():
        head, *lines = table_cells(table)
        for k, line in enumerate(lines):
            rows.append([Cell("\n".join(names) if k == 0 else ""), *map(Cell, line)])
    return Grid(
        title="MERba stage by stage (Table I)",
        remarks=[
            _SAID,
            "Rows of the run whose stages are the same share one description. The paper's is merba_base at "
            "224 pixels.",
        ],
        blocks=[("", 1), (heading(run), len(head))],
        headings=["Network", *(name.capitalize() for name in head)],
        rows=rows,
        footnotes=[],
        words=frozenset({0, *(k for k, name in enumerate(head, 1) if name not in _NUMBERS)}),
    )


def table_cells(table: str) -> Sequence[list[str]]:
    """The cells of a Markdown table, line by line, without the rule below its head."""
    lines = [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in table.splitlines()]
    return [lines[0], *lines[2:]]
