"""Onset-to-apex flow and strain of each clip, at crop size."""

from pathlib import Path

import cv2
import numpy as np
from _job import clips_of, logged, progress

from contracts.cache import write_cache
from contracts.files import read_csv
from preprocess.align import crop, read_matrices, template
from preprocess.flow import TVL1, flow_and_strain
from preprocess.frames import list_frames, read_gray

with logged(snakemake):
    size, method, matched = (snakemake.params[key] for key in ("size", "method", "matched"))
    matrices = read_matrices(snakemake.input.align)
    apexes = read_csv(snakemake.input.apex).set_index("clip_id")
    flows = {}
    for clip in progress(clips_of(snakemake).itertuples(), "clip"):
        frames = list_frames(Path(snakemake.params.root) / clip.frames_dir)
        onset, apex = (
            crop(read_gray(frames[number]), matrices[clip.clip_id], size)
            for number in (clip.onset, int(apexes.apex[clip.clip_id]))
        )
        flows[clip.clip_id] = flow_and_strain(onset, apex, method, matched=matched)
    write_cache(
        snakemake.output[0],
        list(flows),
        np.stack(list(flows.values())) if flows else np.empty((0, 3, size, size), np.float32),
        {
            "crop_size": size,
            "crop_template": template(size),
            "flow": method,
            **({"tvl1": TVL1} if method == "tvl1" else {}),
            "brightness_matched": matched,
            "opencv": cv2.__version__,
            "units": "u, v: pixels of the aligned crop, onset to apex; strain: dimensionless",
            "apex": {clip_id: f"{row.apex} {row.apex_source}" for clip_id, row in apexes.iterrows()},
        },
    )
