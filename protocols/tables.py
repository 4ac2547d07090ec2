"""The paper's tables with a run's own numbers beside the published ones, from `results/` alone.

    python -m protocols.tables --results results/demo [--published results/published] [--out
    results/demo/tables]

reads `scores/` (python -m protocols.scores writes it), `labels/` and `run.json` under `--results` and writes
`<protocol>.md`, `.csv` and `.tex`, and the same of `<protocol>_comparisons`. The same inputs give the same
bytes.
"""

import argparse
from pathlib import Path

import pandas as pd

from contracts.files import whole, write_csv
from protocols.assemble import Table, make_table
from protocols.cli import run_command
from protocols.comparisons import contrasts_frame, lay_out_contrasts, make_contrasts
from protocols.layout import Grid, lay_out
from protocols.render import latex, markdown
from protocols.runs import found_protocols, read_run


def write_tables(results: str | Path, published: str | Path, out: str | Path | None = None) -> list[Path]:
    """Write every protocol's table in its three forms; returns the paths.

    Raises:
        InputError: as `make_table`.
    """
    out = Path(out) if out else Path(results) / "tables"
    run, written = read_run(results), []
    for protocol in found_protocols(results):
        table, contrasts = make_table(protocol, results, published), make_contrasts(protocol, results)
        written += _write(out / protocol.name, lay_out(table), as_frame(table))
        written += _write(
            out / f"{protocol.name}_comparisons",
            lay_out_contrasts(protocol, run, contrasts),
            contrasts_frame(protocol, run, contrasts),
        )
    return written


def _write(stem: Path, grid: Grid, frame: pd.DataFrame) -> list[Path]:
    texts = {".md": markdown(grid), ".tex": latex(grid, label=f"tab:{stem.name}")}
    for suffix, text in texts.items():
        with whole(stem.with_suffix(suffix)) as partial:
            partial.write_text(text, encoding="utf-8")
    write_csv(frame, stem.with_suffix(".csv"))
    return [stem.with_suffix(suffix) for suffix in (*texts, ".csv")]


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
            one, column = row.measured.get(key), "run_" + "_".join(key)
            low, high = (one and one.bounds) or (None, None)
            record[column] = _text(one and one.value)
            record[f"{column}_sd"] = _text(one and one.sd)
            record[f"{column}_low"], record[f"{column}_high"] = _text(low), _text(high)
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
