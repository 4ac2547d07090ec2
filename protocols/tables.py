"""The paper's tables with a run's own numbers beside the published ones, from `results/` alone.

    python -m protocols.tables --results results/demo [--published results/published] [--out
    results/demo/tables]

reads `scores/` (python -m protocols.scores writes it), `labels/` and `run.json` under `--results` and writes
`<protocol>.md`, `.csv` and `.tex`. The same inputs give the same bytes.
"""

import argparse
from pathlib import Path

import pandas as pd

from contracts.files import whole, write_csv
from protocols.assemble import Table, make_table
from protocols.cli import run_command
from protocols.layout import lay_out
from protocols.render import latex, markdown
from protocols.runs import found_protocols


def write_tables(results: str | Path, published: str | Path, out: str | Path | None = None) -> list[Path]:
    """Write every protocol's table in its three forms; returns the paths.

    Raises:
        InputError: as `make_table`.
    """
    out = Path(out) if out else Path(results) / "tables"
    written = []
    for protocol in found_protocols(results):
        table = make_table(protocol, results, published)
        grid = lay_out(table)
        for suffix, text in ((".md", markdown(grid)), (".tex", latex(grid, label=f"tab:{protocol.name}"))):
            written.append(out / f"{protocol.name}{suffix}")
            with whole(written[-1]) as partial:
                partial.write_text(text, encoding="utf-8")
        written.append(out / f"{protocol.name}.csv")
        write_csv(as_frame(table), written[-1])
    return written


def as_frame(table: Table) -> pd.DataFrame:
    """One row a method, one column a number, four decimals; empty where there is none."""
    keys = [(part.name, metric) for part in table.protocol.parts for metric in table.protocol.metrics]
    records = []
    for row in table.rows:
        published = row.published.values if row.published else {}
        record = {"method": row.name, "model": row.model}
        record["selection"] = row.published.selection if row.published else ""
        for key in keys:
            record["published_" + "_".join(key)] = _text(published[key].shown if key in published else None)
        for key in keys:
            mean = row.measured.get(key)
            record["run_" + "_".join(key)] = _text(mean.value if mean else None)
            record["run_" + "_".join(key) + "_sd"] = _text(mean.sd if mean else None)
        notes = dict.fromkeys(note for value in published.values() for note in value.notes)
        record |= {
            "seeds": row.seeds or "",
            "run_corpora": table.run.corpora,
            "run_clips": table.coverage.clips,
            "full_clips": table.coverage.expected,
            "run_complete": "yes" if table.coverage.complete else "no",
            "notes": " | ".join(notes),
        }
        records.append(record)
    return pd.DataFrame(records)


def _text(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"


def _command(options: argparse.Namespace) -> list[Path]:
    return write_tables(options.results, options.published, options.out)


if __name__ == "__main__":
    run_command(
        __doc__,
        _command,
        published={"type": Path, "default": Path("results/published"), "help": "the papers' numbers"},
        out={"type": Path, "help": "where the tables go (default: <results>/tables)"},
    )
