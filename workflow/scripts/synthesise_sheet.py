"""A synthetic corpus's annotation sheets, as its owner ships them."""

from pathlib import Path

from _job import logged

from preprocess.corpora.synthetic import Options, write_sheet
from preprocess.receipts import write_receipt

with logged(snakemake):
    root = Path(snakemake.params.root)
    options = Options(**snakemake.params.options)
    sheets = write_sheet(root, snakemake.wildcards.corpus, snakemake.params.subjects, options)
    write_receipt(Path(snakemake.output.receipt), sheets, root)
