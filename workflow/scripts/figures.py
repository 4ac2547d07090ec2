"""Scores and learning curves -> figures: `python -m protocols.figures`."""

from pathlib import Path

from _job import logged

from protocols.figures import write_figures

with logged(snakemake):
    results, published = (Path(file).parent for file in (snakemake.input.run, snakemake.input.published[0]))
    for path in write_figures(results, published):
        print(path)
