"""Honest against leaky: what choosing the epoch on the test subjects adds, as a table in all forms.

    python -m protocols.inflation --results results/public_flows

reads `audit/<protocol>.csv` under that folder (`python -m protocols.audit` writes it) and writes
`audit/<protocol>_inflation` as `.md`, `.csv`, `.tex` and `.html`. Every leaky cell says that it is one.
"""

from pathlib import Path

import pandas as pd

from contracts.errors import InputError
from contracts.files import read_csv
from protocols import get_protocol, list_protocols
from protocols.audit import RULES
from protocols.base import Protocol
from protocols.cli import run_command
from protocols.coverage import Coverage
from protocols.layout import NONE, Cell, Grid, heading, number
from protocols.page import page
from protocols.runs import Run, read_coverage, read_record
from protocols.tables import plain_frame, write_table

COLUMNS = ["model", "seed", "rule", "part", "metric", "value", "n"]


def write_inflation(results: str | Path, record: dict | None = None) -> list[Path]:
    """Write the table of every audited protocol; returns the paths.

    Args:
        record: as for `audit_run`.

    Raises:
        InputError: nothing was audited, or a file is not what `protocols.audit` writes.
    """
    record = read_record(results) if record is None else record
    folder, written = Path(results) / "audit", []
    run = Run.of({"run": Path(results).name} | record, Path(results) / "run.json")
    for name in record.get("config", {}).get("audit", list_protocols()):
        path = folder / f"{name}.csv"
        if path.exists():
            protocol = get_protocol(name)
            grid = lay_out_inflation(protocol, run, read_coverage(results, protocol), _read(path))
            stem = path.with_name(f"{name}_inflation")
            written += write_table(stem, grid, plain_frame(grid), page(grid))
    if not written:
        raise InputError("nothing was audited", file=folder, cure="run `snakemake audit` first")
    return written


def lay_out_inflation(protocol: Protocol, run: Run, coverage: Coverage, audited: pd.DataFrame) -> Grid:
    """Model | epoch | a column a part, seeds: the honest row, and below it the leaky ones with what they add.

    Args:
        audited: columns `COLUMNS`, value as float.
    """
    means = audited.groupby(["model", "rule", "part", "metric"], sort=False).value.mean()
    parts = [part for part in protocol.parts if part.name in set(audited.part)]
    seeds, rows = audited.groupby("model").seed.nunique(), []
    for model in dict.fromkeys(audited.model):
        for rule, kind in RULES.items():
            cells = [_cell(means, model, rule, part.name, protocol.metrics) for part in parts]
            rows.append([Cell(model), Cell(rule), Cell(kind), *cells, Cell(str(seeds[model]))])
    metrics = " / ".join(metric.upper() for metric in protocol.metrics)
    return Grid(
        title=f"{protocol.title}: what choosing the epoch on the test subjects adds",
        remarks=[
            run.remark,
            coverage.remark,
            f"Cells are {metrics}, mean over seeds, all rules of one training; in brackets, what "
            "the choice of the epoch adds to the honest figure.",
            "Only honest rows are results. Leaky rows used the test labels and must be compared with nothing "
            "but other leaky figures.",
        ],
        blocks=[("", 3), (heading(run), len(parts) + 1)],
        headings=["Model", "Epoch", "Kind", *(part.title for part in parts), "Seeds"],
        rows=rows,
        footnotes=[],
        words=frozenset({0, 1, 2}),
    )


def _cell(means: pd.Series, model: str, rule: str, part: str, metrics: tuple[str, ...]) -> Cell:
    values = [means.get((model, rule, part, metric)) for metric in metrics]
    if any(value is None for value in values):
        return Cell(NONE)
    text = " / ".join(map(number, values))
    if RULES[rule] == "honest":
        return Cell(text)
    honest = next(name for name, kind in RULES.items() if kind == "honest")
    added = (
        value - means[model, honest, part, metric] for value, metric in zip(values, metrics, strict=True)
    )
    gains = " / ".join(("+" if one >= 0 else "") + number(one) for one in added)
    return Cell(f"leaky {text}\n[{gains}]")


def _read(path: Path) -> pd.DataFrame:
    table, cure = read_csv(path), "run python -m protocols.audit on this folder"
    if list(table.columns) != COLUMNS:
        raise InputError(f"columns are {list(table.columns)}, expected {COLUMNS}", file=path, cure=cure)
    if strange := sorted(set(table.rule) - set(RULES)):
        raise InputError(f"unknown rule {strange[0]!r}", file=path, cure=cure)
    try:
        return table.assign(value=table.value.astype(float))
    except ValueError as error:
        raise InputError(f"a cell is not a number ({error})", file=path, cure=cure) from error


if __name__ == "__main__":
    run_command(__doc__, lambda options: write_inflation(options.results))
