"""Onset-to-apex flow and strain of each clip, at crop size."""

from pathlib import Path

import numpy as np
from _job import clips_of, logged, progress

from contracts.cache import write_cache
from contracts.errors import InputError
from contracts.files import read_csv
from preprocess.align import crop, read_matrices, template
from preprocess.flow import flow_and_strain, made_by
from preprocess.frames import faults_of, list_frames, read_clip

with logged(snakemake):
    size, method, matched = (snakemake.params[key] for key in ("size", "method", "matched"))
    matrices = read_matrices(snakemake.input.align)
    rules = read_csv(snakemake.input.align).set_index("clip_id").rule
    faces = read_csv(snakemake.input.faces).set_index("clip_id")
    apexes = read_csv(snakemake.input.apex).set_index("clip_id")
    pairs = {}
    for clip in progress(clips_of(snakemake).itertuples(), "clip"):
        with faults_of(clip.clip_id):
            apex = int(apexes.apex[clip.clip_id])
            frames = list_frames(Path(snakemake.params.root) / clip.frames_dir)
            if apex == clip.onset:
                raise InputError(
                    "the apex is the onset frame, so that there is no motion to measure",
                    file=frames[apex],
                    cure=f"correct the apex, or set corpora.{clip.corpus}.apex to spotted or midpoint",
                )
            pair = read_clip([frames[clip.onset], frames[apex]])
            pairs[clip.clip_id] = [crop(image, matrices[clip.clip_id], size) for image in pair]
    crops = np.array(list(pairs.values()), np.uint8).reshape(-1, 2, size, size)
    write_cache(
        snakemake.output[0],
        list(pairs),
        flow_and_strain(crops[:, 0], crops[:, 1], method, matched=matched),
        {
            "crop_size": size,
            "crop_template": template(size),
            "crop_rule": {clip_id: rules[clip_id] for clip_id in pairs},
            "face": {
                clip_id: ": ".join(filter(None, faces.loc[clip_id, ["detector", "decision"]]))
                for clip_id in pairs
            },
            **made_by(method),
            "brightness_matched": matched,
            "units": "u, v: pixels of the aligned crop, onset to apex; strain: dimensionless",
            "apex": {clip_id: f"{row.apex} {row.apex_source}" for clip_id, row in apexes.iterrows()},
        },
    )
