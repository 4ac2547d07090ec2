"""Confusion matrices: `python -m protocols.figures`."""

from pathlib import Path

from _job import logged

from protocols.figures import write_figures

with logged(snakemake):
    for path in write_figures(Path(snakemake.input.run).parent, "png"):
        print(path)
