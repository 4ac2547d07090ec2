"""Training logs of all folds -> one curve per model, mean over folds and seeds (training part only)."""

import pandas as pd
from _job import logged

from contracts.files import write_csv

with logged(snakemake):
    logs = pd.concat([pd.read_csv(path) for path in snakemake.input])
    means = logs.groupby("epoch")[["lr", "loss", "accuracy"]].mean().reset_index()
    write_csv(means.round(6), snakemake.output[0])
