"""A corpus as its owner ships it -> the clip table, and the list of what was left out."""

from pathlib import Path

from _job import logged

from contracts.clips import write_clips
from contracts.files import write_csv
from preprocess.corpora import get_corpus

with logged(snakemake):
    params = snakemake.params
    index = get_corpus(snakemake.wildcards.corpus).index(Path(params.root), params.subjects)
    write_csv(index.skipped, snakemake.output.skipped)
    write_clips(index.clips, snakemake.output.clips)
    print(
        f"{len(index.clips)} clips of {index.clips.subject.nunique()} subjects, {len(index.skipped)} skipped"
    )
