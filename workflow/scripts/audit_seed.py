"""Audited epochs of all folds -> one file for a model and seed."""

import pandas as pd
from _job import logged

from contracts.files import read_csv, write_csv

with logged(snakemake):
    folds = pd.concat([read_csv(path) for path in snakemake.input])
    write_csv(folds.sort_values("clip_id", ignore_index=True), snakemake.output[0])
