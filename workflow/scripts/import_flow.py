"""Flow that others have computed -> one subject's cache, every value as it was published."""

from pathlib import Path

import numpy as np
from _job import clips_of, logged, progress

from contracts.cache import write_cache
from preprocess.corpora import get_corpus

with logged(snakemake):
    provider, root = get_corpus(snakemake.params.source["provider"]), Path(snakemake.params.root)
    clips = clips_of(snakemake)
    flows = [provider.read_flow(root / picture) for picture in progress(clips.frames_dir, "clip")]
    write_cache(
        snakemake.output[0],
        list(clips.clip_id),
        np.stack(flows) if flows else np.empty((0, 3, provider.size, provider.size), np.float32),
        {
            "flow": f"published: {provider.title}, from its public repository",
            "units": "u, v, strain: values 0..255 as published, one stretch per channel and clip",
            "list_sha256": sorted(set(clips.sheet_sha256)),
            "size": provider.size,
        },
        provider.coding,
    )
