"""Aligned crops of each clip over time and their flow against the onset, at the asked steps and size."""

from pathlib import Path

import cv2
from _job import clips_of, logged, progress

from contracts.files import read_csv
from contracts.sequences import write_sequences
from preprocess.align import crop, read_matrices, template
from preprocess.frames import faults_of, list_frames, read_clip
from preprocess.sequences import make_sequence
from preprocess.tvl1 import TVL1

with logged(snakemake):
    crop_size, matched = (snakemake.params[key] for key in ("size", "matched"))
    method, size = snakemake.wildcards.flow, int(snakemake.wildcards.size)
    steps = None if snakemake.wildcards.steps == "all" else int(snakemake.wildcards.steps)
    matrices = read_matrices(snakemake.input.align)
    rules = read_csv(snakemake.input.align).set_index("clip_id").rule
    apexes = read_csv(snakemake.input.apex).set_index("clip_id")

    def sequence(clip):
        every = list_frames(Path(snakemake.params.root) / clip.frames_dir)
        frames = {number: path for number, path in every.items() if clip.onset <= number <= clip.offset}

        def crops(numbers):
            for image in read_clip(frames[number] for number in numbers):
                yield crop(image, matrices[clip.clip_id], crop_size)

        with faults_of(clip.clip_id):
            apex = int(apexes.apex[clip.clip_id])
            return make_sequence(list(frames), crops, apex, size, steps, method, matched=matched)

    clips = clips_of(snakemake)
    write_sequences(
        snakemake.output[0],
        ((clip.clip_id, sequence(clip)) for clip in progress(clips.itertuples(), "clip")),
        size,
        steps,
        {
            "crop_size": crop_size,
            "crop_template": template(crop_size),
            "crop_rule": {clip_id: rules[clip_id] for clip_id in clips.clip_id},
            "size": size,
            "shrunk_by": "area average",
            "steps": steps or "all",
            "interpolated": "linearly in time" if steps else "no",
            "flow": method,
            **({"tvl1": TVL1} if method == "tvl1" else {}),
            "brightness_matched": matched,
            "opencv": cv2.__version__,
            "units": "u, v: pixels of the aligned crop, onset to each step; strain: dimensionless",
            "apex": {
                clip_id: f"{row.apex} {row.apex_source}"
                for clip_id, row in apexes.loc[list(clips.clip_id)].iterrows()
            },
        },
    )
