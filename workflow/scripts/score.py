"""Predictions and labels -> scores: `python -m protocols.scores`."""

from pathlib import Path

from _job import logged

from protocols.scores import score_run

with logged(snakemake):
    for path in score_run(Path(snakemake.input.run).parent):
        print(path)
