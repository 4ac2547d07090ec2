"""Training logs of all folds -> one learning curve per model, over folds and seeds (training part only)."""

import pandas as pd
from _job import logged

from contracts.files import write_csv
from protocols.curves import summarise

with logged(snakemake):
    write_csv(summarise(map(pd.read_csv, snakemake.input)).round(6), snakemake.output[0])
