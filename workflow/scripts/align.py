"""One raw-to-crop matrix per clip: from its landmarks, or from the size of the owner's crop."""

import pandas as pd
from _job import clips_of, logged

from contracts.files import read_csv, write_csv
from preprocess.align import MATRIX_COLUMNS, OWNER_CROP, TEMPLATE, estimate, fit
from preprocess.faces import read_landmarks

with logged(snakemake):
    size = snakemake.params.size
    landmarks = read_landmarks(snakemake.input.faces)
    pictures = read_csv(snakemake.input.faces).set_index("clip_id")
    rows = []
    for clip in clips_of(snakemake).itertuples():
        if clip.pictures == "cropped":
            width, height = (int(pictures.at[clip.clip_id, side]) for side in ("width", "height"))
            rule, matrix, residual = OWNER_CROP, fit(width, height, size), ""
        else:
            rule, (matrix, residual) = TEMPLATE, estimate(landmarks[clip.clip_id], size)
        rows.append([clip.clip_id, rule, *matrix.ravel(), residual])
    write_csv(
        pd.DataFrame(rows, columns=["clip_id", "rule", *MATRIX_COLUMNS, "residual"]), snakemake.output[0]
    )
