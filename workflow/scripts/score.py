"""Predictions and labels -> scores: `python -m protocols.scores`."""

from _job import logged

from protocols.scores import score_run

with logged(snakemake):
    for path in score_run(snakemake.params.results):
        print(path)
