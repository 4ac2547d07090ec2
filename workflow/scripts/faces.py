"""Face and landmarks of each clip's onset frame."""

from pathlib import Path

import pandas as pd
from _job import clips_of, logged, progress

from contracts.errors import InputError
from contracts.files import write_csv
from preprocess.faces import LANDMARK_COLUMNS, find_face
from preprocess.frames import faults_of, list_frames, read_color

DETECTION = ["detector", "scale", "score", "candidates", "border", "decision"]
COLUMNS = ["clip_id", "frame", "width", "height", *DETECTION, *LANDMARK_COLUMNS]

with logged(snakemake):
    rows = []
    for clip in progress(clips_of(snakemake).itertuples(), "clip"):
        with faults_of(clip.clip_id):
            path = list_frames(Path(snakemake.params.root) / clip.frames_dir)[clip.onset]
            image = read_color(path)
            face = find_face(image, snakemake.params.detector)
            if face is not None:
                found = [getattr(face, name) for name in DETECTION]
                points = list(face.landmarks.ravel())
            elif clip.pictures == "cropped":
                # The owner has seen a face there: whether a detector sees it decides nothing.
                found = ["", "", "", 0, "", "no face seen; the owner's crop is kept"]
                points = [""] * len(LANDMARK_COLUMNS)
            else:
                raise InputError(
                    "no face found by MTCNN nor by dlib's HOG detector, at the frame's size nor at twice it",
                    file=path,
                    cure="look at the frame; if it shows no usable face, list the clip with a reason under "
                    f"corpora.{clip.corpus}.exclude in the configuration",
                )
        height, width = image.shape[:2]
        rows.append([clip.clip_id, path.name, width, height, *found, *points])
    write_csv(pd.DataFrame(rows, columns=COLUMNS), snakemake.output[0])
