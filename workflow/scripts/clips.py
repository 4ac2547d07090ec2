"""A corpus as its owner ships it -> the clip table, and the list of what was left out."""

from pathlib import Path

import pandas as pd
from _job import logged

from contracts.clips import write_clips
from contracts.errors import InputError
from contracts.files import write_csv
from preprocess.corpora import get_corpus

with logged(snakemake):
    params = snakemake.params
    index = get_corpus(snakemake.wildcards.corpus).index(Path(params.root), params.subjects)
    if unknown := set(params.exclude) - set(index.clips.clip_id):
        raise InputError(
            "excluded clip is not in the corpus",
            file=params.root,
            clip=min(unknown),
            cure=f"correct it under corpora.{snakemake.wildcards.corpus}.exclude",
        )
    excluded = pd.DataFrame(
        [(clip_id, f"excluded in the configuration: {reason}") for clip_id, reason in params.exclude.items()],
        columns=["clip_id", "reason"],
    )
    kept = index.clips[~index.clips.clip_id.isin(list(params.exclude))]
    write_csv(pd.concat([index.skipped, excluded]).sort_values("clip_id"), snakemake.output.skipped)
    write_clips(kept, snakemake.output.clips)
    skipped = len(index.skipped) + len(excluded)
    print(f"{len(kept)} clips of {kept.subject.nunique()} subjects, {skipped} skipped")
