"""Confusion matrices: `python -m protocols.figures`."""

from _job import logged

from protocols.figures import write_figures

with logged(snakemake):
    for path in write_figures(snakemake.params.results, "png"):
        print(path)
