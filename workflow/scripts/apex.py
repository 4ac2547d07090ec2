"""The apex frame of each clip, by the corpus's policy."""

from pathlib import Path

import numpy as np
import pandas as pd
from _job import clips_of, logged, progress

from contracts.files import write_csv
from preprocess import apex
from preprocess.align import crop, map_points, read_matrices
from preprocess.faces import read_landmarks
from preprocess.frames import faults_of, list_frames, read_clip

with logged(snakemake):
    matrices = read_matrices(snakemake.input.align)
    landmarks = read_landmarks(snakemake.input.faces)

    def spotted(clip, frames):
        """Decodes the whole clip. Without landmarks, as in some owners' crops, there are no regions."""
        if clip.clip_id not in landmarks:
            return apex.midpoint(list(frames))
        matrix = matrices[clip.clip_id]
        crops = [crop(image, matrix, snakemake.params.size) for image in read_clip(frames.values())]
        points = map_points(landmarks[clip.clip_id], matrix)
        return apex.spot(np.stack(crops), list(frames), points, clip.fps)

    rows = []
    for clip in progress(clips_of(snakemake).itertuples(), "clip"):
        with faults_of(clip.clip_id):
            every = list_frames(Path(snakemake.params.root) / clip.frames_dir)
            frames = {number: path for number, path in every.items() if clip.onset <= number <= clip.offset}
            found = apex.locate(
                snakemake.params.policy,
                annotated=None if clip.apex_source == "none" else apex.Apex(clip.apex, clip.apex_source),
                numbers=list(frames),
                spotter=lambda clip=clip, frames=frames: spotted(clip, frames),
            )
        rows.append([clip.clip_id, found.frame, found.source])
    write_csv(pd.DataFrame(rows, columns=["clip_id", "apex", "apex_source"]), snakemake.output[0])
