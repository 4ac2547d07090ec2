"""Flow at crop size -> the size a network takes."""

import numpy as np
from _job import logged

from contracts.cache import read_cache, write_cache
from preprocess.flow import shrink

with logged(snakemake):
    size = int(snakemake.wildcards.size)
    clip_ids, flow, made_with = read_cache(snakemake.input.flow)
    small = (
        np.stack([shrink(one, size) for one in flow])
        if clip_ids
        else np.empty((0, 3, size, size), np.float32)
    )
    write_cache(
        snakemake.output[0], clip_ids, small, {**made_with, "size": size, "shrunk_by": "area average"}
    )
