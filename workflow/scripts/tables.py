"""Scores and published numbers -> tables: `python -m protocols.tables`."""

from pathlib import Path

from _job import logged

from protocols.tables import write_tables

with logged(snakemake):
    for path in write_tables(Path(snakemake.input.run).parent, Path(snakemake.input.published[0]).parent):
        print(path)
