"""What preprocessing did to a subject's first clip, on one sheet."""

from pathlib import Path

from _job import clips_of, logged

from contracts.cache import read_cache
from contracts.errors import InputError
from contracts.files import read_csv
from preprocess.align import crop, map_points, read_matrices
from preprocess.faces import read_landmarks
from preprocess.frames import list_frames, read_gray
from preprocess.picture import clip_sheet, save

with logged(snakemake):
    clip = next(clips_of(snakemake).itertuples(), None)
    if clip is None:
        raise InputError(
            "no clip of this subject is left to draw",
            clip=f"{snakemake.wildcards.corpus}/{snakemake.wildcards.subject}",
            cure="remove the subject from the configuration instead of excluding all its clips",
        )
    apex = read_csv(snakemake.input.apex).set_index("clip_id").loc[clip.clip_id]
    matrix = read_matrices(snakemake.input.align)[clip.clip_id]
    frames = list_frames(Path(snakemake.params.root) / clip.frames_dir)
    raw = {number: read_gray(frames[number]) for number in (clip.onset, int(apex.apex))}
    onset_crop, apex_crop = (crop(image, matrix, snakemake.params.size) for image in raw.values())

    def flow_in(path):
        cache = read_cache(path)
        return cache.flow[cache.clip_ids.index(clip.clip_id)]

    landmarks = read_landmarks(snakemake.input.faces)[clip.clip_id]
    figure = clip_sheet(
        f"{clip.clip_id}   {clip.emotion}   onset {clip.onset}, apex {apex.apex} ({apex.apex_source})",
        raw[clip.onset],
        landmarks,
        onset_crop,
        apex_crop,
        map_points(landmarks, matrix),
        flow_in(snakemake.input.flow),
        flow_in(snakemake.input.cache),
    )
    save(figure, snakemake.output[0])
