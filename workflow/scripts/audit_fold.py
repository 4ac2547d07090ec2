"""Folds of the audit: `python -m merba.audit` with what the workflow knows."""

from _job import fold_arguments, logged, pixels

from merba.audit import main

with logged(snakemake):
    files = snakemake.input
    arguments = [*fold_arguments(snakemake), *pixels(files), "--test", files.test]
    main([*arguments, "--out", *snakemake.output, "--threads", str(snakemake.threads)])
