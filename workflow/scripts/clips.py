"""A corpus as its owner ships it -> the clip table, and the list of what was left out."""

from _job import logged

from contracts.clips import write_clips
from contracts.files import write_csv
from preprocess.corpora import Source, get_corpus

with logged(snakemake):
    where, corpus = dict(snakemake.params.source), snakemake.wildcards.corpus
    provider = get_corpus(where.pop("provider"))
    index = provider.index(Source(snakemake.params.root, **where), snakemake.params.subjects, corpus=corpus)
    write_csv(index.skipped, snakemake.output.skipped)
    write_csv(index.notes, snakemake.output.notes)
    write_clips(index.clips, snakemake.output.clips)
    for what, how in index.recognised.items():
        print(f"{what}: {', '.join(how)}")
    said = f"{len(index.clips)} clips of {index.clips.subject.nunique()} subjects"
    print(f"{said}, {len(index.skipped)} skipped, {len(index.notes)} notes")
