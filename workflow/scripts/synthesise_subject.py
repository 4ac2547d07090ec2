"""One synthetic subject's recordings, in the layout of one corpus's owner."""

from pathlib import Path

from _job import logged

from preprocess.corpora.synthetic import Options, write_subject
from preprocess.receipts import write_receipt

with logged(snakemake):
    root = Path(snakemake.params.root)
    frames = write_subject(
        root,
        Path(snakemake.output.truth),
        snakemake.wildcards.corpus,
        snakemake.wildcards.subject,
        Options(**snakemake.params.options),
    )
    write_receipt(Path(snakemake.output.receipt), frames, root)
    print(f"{len(frames)} frames")
