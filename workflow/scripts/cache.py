"""Flow at crop size -> the size a network takes."""

import numpy as np
from _job import logged

from contracts.cache import read_cache, write_cache
from preprocess.flow import shrink

with logged(snakemake):
    size = int(snakemake.wildcards.size)
    cache = read_cache(snakemake.input.flow)
    small = (
        np.stack([shrink(one, size) for one in cache.flow])
        if cache.clip_ids
        else np.empty((0, 3, size, size), np.float32)
    )
    made_with = {**cache.made_with, "size": size, "shrunk_by": "area average"}
    write_cache(snakemake.output[0], cache.clip_ids, small, made_with, cache.coding)
