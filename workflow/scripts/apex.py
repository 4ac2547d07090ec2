"""The apex frame of each clip, by the corpus's policy."""

from pathlib import Path

import numpy as np
import pandas as pd
from _job import clips_of, logged, progress

from contracts.files import write_csv
from preprocess import apex
from preprocess.align import crop, map_points, read_matrices
from preprocess.faces import read_landmarks
from preprocess.frames import list_frames, read_gray

with logged(snakemake):
    matrices = read_matrices(snakemake.input.align)
    landmarks = read_landmarks(snakemake.input.faces)

    def crops(clip, frames):
        """Aligned crops of the clip's frames, onset to offset."""
        size = snakemake.params.size
        return np.stack([crop(read_gray(path), matrices[clip.clip_id], size) for path in frames.values()])

    rows = []
    for clip in progress(clips_of(snakemake).itertuples(), "clip"):
        every = list_frames(Path(snakemake.params.root) / clip.frames_dir)
        frames = {number: path for number, path in every.items() if clip.onset <= number <= clip.offset}
        found = apex.locate(
            snakemake.params.policy,
            annotated=None if clip.apex_source == "none" else apex.Apex(clip.apex, clip.apex_source),
            numbers=list(frames),
            spotter=lambda clip=clip, frames=frames: apex.spot(
                crops(clip, frames),
                list(frames),
                map_points(landmarks[clip.clip_id], matrices[clip.clip_id]),
                clip.fps,
            ),
        )
        rows.append([clip.clip_id, found.frame, found.source])
    write_csv(pd.DataFrame(rows, columns=["clip_id", "apex", "apex_source"]), snakemake.output[0])
