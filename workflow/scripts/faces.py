"""Face and landmarks of each clip's onset frame."""

from pathlib import Path

import pandas as pd
from _job import clips_of, logged, progress

from contracts.errors import InputError
from contracts.files import write_csv
from preprocess.faces import LANDMARKS, find_face
from preprocess.frames import list_frames, read_color

COLUMNS = ["clip_id", "frame", "detector", "score", "candidates"]
COLUMNS += [f"{axis}{k}" for k in range(LANDMARKS) for axis in "xy"]

with logged(snakemake):
    rows = []
    for clip in progress(clips_of(snakemake).itertuples(), "clip"):
        frame = list_frames(Path(snakemake.params.root) / clip.frames_dir)[clip.onset]
        face = find_face(read_color(frame))
        if face is None:
            raise InputError(
                "no face found by MTCNN nor by dlib's HOG detector",
                file=frame,
                clip=clip.clip_id,
                cure="look at the frame; if it shows no usable face, list the clip with a reason under "
                f"corpora.{clip.corpus}.exclude in the configuration",
            )
        rows.append(
            [clip.clip_id, frame.name, face.detector, face.score, face.candidates, *face.landmarks.ravel()]
        )
    write_csv(pd.DataFrame(rows, columns=COLUMNS), snakemake.output[0])
