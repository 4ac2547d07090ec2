"""One protocol's table as data: the published methods and this run's models, matched row by row."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from contracts.errors import InputError
from contracts.files import read_csv
from protocols.base import Protocol
from protocols.coverage import Coverage
from protocols.published import Method, read_published
from protocols.runs import Run, read_coverage, read_run

SCORE_COLUMNS = ["model", "seed", "part", "metric", "value", "n"]


@dataclass(frozen=True)
class Mean:
    """A score over seeds; `sd` is the sample standard deviation, None for a single seed."""

    value: float
    sd: float | None


@dataclass(frozen=True)
class Row:
    """One method: what is published of it (or None) and what this run measured (empty if it did not)."""

    name: str
    model: str
    published: Method | None
    measured: dict[tuple[str, str], Mean]
    seeds: int


@dataclass(frozen=True)
class Table:
    """All that a table says, before it takes a form. `sizes` is the number of clips behind each part."""

    protocol: Protocol
    run: Run
    coverage: Coverage
    sizes: dict[str, int]
    rows: list[Row]


def make_table(protocol: Protocol, results: str | Path, published: str | Path) -> Table:
    """Assemble one protocol's table: the published methods in the paper's order, then our other models.

    A model stands in the row of the published method that names it; any other gets a row of its own.

    Raises:
        InputError: scores, labels or published numbers are missing or malformed.
    """
    scores = _read_scores(Path(results) / "scores" / f"{protocol.name}.csv")
    measured = {model: _means(rows) for model, rows in scores.groupby("model", sort=True)}
    seeds = scores.groupby("model").seed.nunique()
    rows = []
    for method in read_published(published, protocol):
        model = method.model if method.model in measured else ""
        rows.append(Row(method.name, method.model, method, measured.get(model, {}), int(seeds.get(model, 0))))
    placed = {row.model for row in rows}
    rows += [
        Row(f"{model} (ours)", model, None, means, int(seeds[model]))
        for model, means in measured.items()
        if model not in placed
    ]
    return Table(
        protocol=protocol,
        run=read_run(results),
        coverage=read_coverage(results, protocol),
        sizes={part: int(n) for part, n in scores.groupby("part").n.max().items()},
        rows=rows,
    )


def _means(scores: pd.DataFrame) -> dict[tuple[str, str], Mean]:
    grouped = scores.groupby(["part", "metric"], sort=False).value
    return {
        key: Mean(float(values.mean()), float(values.std(ddof=1)) if len(values) > 1 else None)
        for key, values in grouped
    }


def _read_scores(path: Path) -> pd.DataFrame:
    table = read_csv(path)
    cure = "delete it and run python -m protocols.scores again"
    if list(table.columns) != SCORE_COLUMNS:
        raise InputError(f"columns are {list(table.columns)}, expected {SCORE_COLUMNS}", file=path, cure=cure)
    try:
        return table.astype({"seed": int, "value": float, "n": int})
    except ValueError as error:
        raise InputError(f"a cell is not a number ({error})", file=path, cure=cure) from error
