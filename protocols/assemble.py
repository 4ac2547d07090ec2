"""One protocol's table as data: the published methods and this run's models, matched row by row."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from protocols.base import Protocol
from protocols.coverage import Coverage
from protocols.published import Method, read_published
from protocols.runs import Run, read_coverage, read_run, read_scored
from protocols.subjects import INTERVAL_COLUMNS


@dataclass(frozen=True)
class Estimate:
    """A score over seeds.

    Attributes:
        value: mean over seeds.
        sd: sample standard deviation over seeds; None for a single one.
        bounds: 95 % interval over subjects; None where they are too few.
    """

    value: float
    sd: float | None
    bounds: tuple[float, float] | None


@dataclass(frozen=True)
class Row:
    """One method: what is published of it (or None) and what this run measured (empty if it did not)."""

    name: str
    model: str
    published: Method | None
    measured: dict[tuple[str, str], Estimate]
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
    scores = _read_intervals(results, protocol)
    return Table(
        protocol=protocol,
        run=read_run(results),
        coverage=read_coverage(results, protocol),
        sizes={part: int(clips) for part, clips in scores.groupby("part").clips.max().items()},
        rows=make_rows(protocol, results, published),
    )


def make_rows(protocol: Protocol, results: str | Path, published: str | Path) -> list[Row]:
    """The rows of one protocol's table, see `make_table`.

    Raises:
        InputError: scores or published numbers are missing or malformed.
    """
    scores = _read_intervals(results, protocol)
    measured = {model: _estimates(rows) for model, rows in scores.groupby("model", sort=True)}
    seeds = scores.groupby("model").seeds.max().astype(int)
    rows = []
    for method in read_published(published, protocol):
        model = method.model if method.model in measured else ""
        rows.append(Row(method.name, method.model, method, measured.get(model, {}), int(seeds.get(model, 0))))
    placed = {row.model for row in rows}
    return rows + [
        Row(f"{model} (ours)", model, None, estimates, int(seeds[model]))
        for model, estimates in measured.items()
        if model not in placed
    ]


def _estimates(scores: pd.DataFrame) -> dict[tuple[str, str], Estimate]:
    return {
        (row.part, row.metric): Estimate(
            row.value,
            None if pd.isna(row.sd) else row.sd,
            None if pd.isna(row.low) else (row.low, row.high),
        )
        for row in scores.rename(columns={"mean": "value"}).itertuples()
    }


def _read_intervals(results: str | Path, protocol: Protocol) -> pd.DataFrame:
    return read_scored(results, f"intervals_{protocol.name}", INTERVAL_COLUMNS, INTERVAL_COLUMNS[3:])
