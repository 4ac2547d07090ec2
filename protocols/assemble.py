"""A table as data: the published methods and this run's models, matched row by row."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from protocols.base import Protocol
from protocols.coverage import Coverage
from protocols.outlines import Outline
from protocols.published import Method, read_published
from protocols.runs import Run, read_coverage, read_run, read_scored
from protocols.subjects import INTERVAL_COLUMNS

ALARM = "alarm: shuffled labels"


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

    @classmethod
    def of(cls, row: "pd.Series | dict") -> "Estimate":
        """From a row of `scores/intervals_<protocol>.csv`: its `mean`, `sd`, `low` and `high`."""
        sd = None if pd.isna(row["sd"]) else row["sd"]
        return cls(row["mean"], sd, None if pd.isna(row["low"]) else (row["low"], row["high"]))


@dataclass(frozen=True)
class Row:
    """One method: what is published of it (or None) and what this run measured (empty if it did not).

    Attributes:
        seeds: of this run; 0 if it did not.
        nested: whether this run's epochs were chosen by an inner split; otherwise the last one counts.
    """

    name: str
    model: str
    published: Method | None
    measured: dict[tuple[str, str], Estimate]
    seeds: int
    nested: bool = False


@dataclass(frozen=True)
class Table:
    """All that a table says, before it takes a form. `sizes` is the number of clips behind each part."""

    outline: Outline
    run: Run
    coverage: Coverage
    sizes: dict[str, int]
    rows: list[Row]


def make_table(outline: Outline, results: str | Path, published: str | Path) -> Table:
    """Assemble one table of a run.

    Raises:
        InputError: scores, labels or published numbers are missing or malformed.
    """
    scores = _read_intervals(results, outline.protocol)
    return Table(
        outline=outline,
        run=read_run(results),
        coverage=read_coverage(results, outline.protocol),
        sizes={part: int(clips) for part, clips in scores.groupby("part").clips.max().items()},
        rows=make_rows(outline, results, published),
    )


def make_rows(outline: Outline, results: str | Path, published: str | Path) -> list[Row]:
    """The rows of one table, in the outline's order.

    Where it has none, the published methods in the paper's order, then our other models: a model stands in
    the row of the published method that names it; any other, and every alarm, gets a row of its own.

    Raises:
        InputError: scores or published numbers are missing or malformed.
    """
    run, scores = read_run(results), _read_intervals(results, outline.protocol)
    measured = {model: _estimates(rows) for model, rows in scores.groupby("model", sort=True)}
    seeds = scores.groupby("model").seeds.max().astype(int)
    methods = {method.name: method for method in read_published(published, outline.published, outline.parts)}
    named, alarms = outline.rows, run.alarms.get(outline.protocol.name, ())
    if named is None:
        named = [(method.name, "" if method.model in alarms else method.model) for method in methods.values()]
        placed = {model for _, model in named}
        kinds = {model: ALARM if model in alarms else "ours" for model in measured}
        named += [(f"{model} ({kind})", model) for model, kind in kinds.items() if model not in placed]
    nested = set(run.nested.get(outline.protocol.name, ())) & set(measured)
    return [
        Row(
            f"{title} ({ALARM})" if model in alarms and outline.rows else title,
            model,
            methods.get(title),
            measured.get(model, {}),
            seeds=int(seeds.get(model, 0)),
            nested=model in nested,
        )
        for title, model in named
    ]


def _estimates(scores: pd.DataFrame) -> dict[tuple[str, str], Estimate]:
    return {(row["part"], row["metric"]): Estimate.of(row) for row in scores.to_dict("records")}


def _read_intervals(results: str | Path, protocol: Protocol) -> pd.DataFrame:
    return read_scored(results, f"intervals_{protocol.name}", INTERVAL_COLUMNS, INTERVAL_COLUMNS[3:])
