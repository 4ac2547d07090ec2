"""The run's networks, described by merba -> tables: Table I."""

from pathlib import Path

from _job import logged, overrides_of, progress

from merba.describe import describe
from merba.registry import declaration
from protocols.architecture import Described, lay_out_models, lay_out_stages
from protocols.page import page
from protocols.runs import read_run
from protocols.tables import plain_frame, write_table


def described(protocol, row, recipe, classes):
    """One row of the configuration, as `protocols.architecture` takes it."""
    table, _ = describe(recipe["model"], recipe.get("size"), classes, overrides_of(recipe))
    paper = declaration(recipe["model"]).paper
    return Described(protocol, row, recipe["model"], paper.fidelity, paper.cite, table)


with logged(snakemake):
    run = read_run(Path(snakemake.input.run).parent)
    rows = [described(*one) for one in progress(snakemake.params.rows, "row")]
    for stem, lay_out in zip(snakemake.params.stems, (lay_out_models, lay_out_stages), strict=True):
        grid = lay_out(run, rows)
        for path in write_table(Path(stem), grid, plain_frame(grid), page(grid)):
            print(path)
