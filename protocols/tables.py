"""The paper's tables with a run's own numbers beside the published ones, from `results/` alone.

    python -m protocols.tables --results results/demo [--published results/published] [--out
    results/demo/tables]

reads `scores/` (python -m protocols.scores writes it), `predictions/`, `labels/` and `run.json` under
`--results` and writes, each as `.md`, `.csv`, `.tex` and `.html`,

    <protocol>               all models beside the published methods (Tables IV and V)
    <outline>                some rows of the run in the paper's order (Tables VI and VII), where it has any
    <protocol>_comparisons   is a model better than the best floor, and than the first model?
    <protocol>_classes       clips of each class (Tables II and III)
    <protocol>_subjects      accuracy by subject
    <protocol>_strata        scores by a condition of recording (DFME's frame rates)

and `about.html`: what the run was made from, and whom to cite.
In the `.html` of the scores, a number leads to its clips. The same inputs give the same bytes.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from contracts.files import whole, write_csv
from protocols.about import about_page
from protocols.assemble import Table, make_table
from protocols.base import Protocol
from protocols.by_subject import lay_out_subjects
from protocols.classes import lay_out_classes
from protocols.cli import run_command
from protocols.clips import clips_behind
from protocols.comparisons import contrasts_frame, lay_out_contrasts, make_contrasts
from protocols.latex import latex
from protocols.layout import NONE, Grid, lay_out
from protocols.markdown import markdown
from protocols.outlines import FORMS, outlines_of
from protocols.page import page
from protocols.runs import find_predictions, found_protocols, read_coverage, read_run
from protocols.strata import lay_out_strata


def write_tables(results: str | Path, published: str | Path, out: str | Path | None = None) -> list[Path]:
    """Write every table in its four forms; returns the paths.

    Raises:
        InputError: scores, predictions, labels or published numbers are missing or malformed.
    """
    out = Path(out) if out else Path(results) / "tables"
    about = about_page(results)
    written = [
        path
        for protocol in found_protocols(results)
        for name, *forms in _tables(protocol, results, published)
        for path in write_table(out / name, *forms)
    ]
    with whole(out / "about.html") as partial:
        partial.write_text(about, encoding="utf-8")
    return [*written, out / "about.html"]


def write_table(stem: Path, grid: Grid, frame: pd.DataFrame, html: str) -> list[Path]:
    """Write one table in its four forms; returns the paths."""
    paths = [stem.with_name(f"{stem.name}.{form}") for form in FORMS]
    texts = {"md": markdown(grid), "tex": latex(grid, label=f"tab:{stem.name}"), "html": html}
    for form, path in zip(FORMS, paths, strict=True):
        if form == "csv":
            write_csv(frame, path)
            continue
        with whole(path) as partial:
            partial.write_text(texts[form], encoding="utf-8")
    return paths


def _tables(
    protocol: Protocol, results: str | Path, published: str | Path
) -> Iterator[tuple[str, Grid, pd.DataFrame, str]]:
    """Name, grid, frame and page of every table of one protocol."""
    for outline in outlines_of(protocol, find_predictions(results).get(protocol.name, ())):
        table = make_table(outline, results, published)
        grid = lay_out(table)
        below, places = clips_behind(protocol, {row.model: row.name for row in table.rows}, results)
        yield outline.name, grid, as_frame(table), page(grid, below, places)
    run, contrasts = read_run(results), make_contrasts(protocol, results)
    grid = lay_out_contrasts(protocol, run, read_coverage(results, protocol), contrasts)
    yield f"{protocol.name}_comparisons", grid, contrasts_frame(protocol, run, contrasts), page(grid)
    kinds = {"classes": lay_out_classes, "subjects": lay_out_subjects}
    if protocol.strata:
        kinds["strata"] = lay_out_strata
    for kind, lay in kinds.items():
        grid = lay(protocol, results)
        yield f"{protocol.name}_{kind}", grid, plain_frame(grid), page(grid)


def plain_frame(grid: Grid) -> pd.DataFrame:
    """A grid's own texts, the block's name before each heading; empty where there is no value."""
    blocks = [
        name.split(":")[0].lower().replace(" ", "_") for name, width in grid.blocks for _ in range(width)
    ]
    headings = [heading.lower().replace(" ", "_") for heading in grid.headings]
    columns = [
        f"{block}_{heading}" if block else heading for block, heading in zip(blocks, headings, strict=True)
    ]
    rows = [["" if cell.text == NONE else cell.text for cell in row] for row in grid.rows]
    return pd.DataFrame(rows, columns=columns)


def as_frame(table: Table) -> pd.DataFrame:
    """One row a method, one column a number, four decimals; empty where there is none."""
    keys = [(part.name, metric) for part in table.outline.parts for metric in table.outline.protocol.metrics]
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
            "run_selection": ("nested" if row.nested else "last") if row.seeds else "",
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
