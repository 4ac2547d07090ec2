"""The numbers of every clip of a corpus, and the page that shows them."""

from _job import logged

from contracts.clips import read_clips
from contracts.files import write_csv
from preprocess.quality import measure
from preprocess.quality_page import quality_figure, save

with logged(snakemake):
    files = snakemake.input
    table = measure(read_clips(files.clips), files.faces, files.align, files.apex, files.flow)
    save(quality_figure(snakemake.params.title, table), snakemake.output.page)
    write_csv(table, snakemake.output.table)
    print(f"{len(table)} clips, {int((table.outlier != '').sum())} unlike the others")
