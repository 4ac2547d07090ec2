"""Landmarks -> one similarity matrix per clip."""

import pandas as pd
from _job import logged

from contracts.files import write_csv
from preprocess.align import MATRIX_COLUMNS, estimate
from preprocess.faces import read_landmarks

with logged(snakemake):
    rows = []
    for clip_id, landmarks in read_landmarks(snakemake.input.faces).items():
        matrix, residual = estimate(landmarks, snakemake.params.size)
        rows.append([clip_id, *matrix.ravel(), residual])
    write_csv(pd.DataFrame(rows, columns=["clip_id", *MATRIX_COLUMNS, "residual"]), snakemake.output[0])
