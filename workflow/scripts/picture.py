"""What preprocessing did to a subject's first clip, on one sheet."""

from pathlib import Path

from _job import clips_of, logged

from contracts.errors import InputError
from preprocess.picture import clip_sheet, save
from preprocess.view import read_view

with logged(snakemake):
    files = dict(snakemake.input.items())
    clip = next(clips_of(snakemake).itertuples(), None)
    if clip is None:
        raise InputError(
            "no clip of this subject is left to draw",
            clip=f"{snakemake.wildcards.corpus}/{snakemake.wildcards.subject}",
            cure="remove the subject from the configuration instead of excluding all its clips",
        )
    stages = {name: files[name] for name in ("faces", "align", "apex", "flow")}
    view = read_view(
        clip, files["cache"], root=Path(snakemake.params.root), truth=files.get("truth") or None, **stages
    )
    save(clip_sheet(view), snakemake.output[0])
