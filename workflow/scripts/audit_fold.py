"""One fold of the audit: `python -m merba.audit` with what the workflow knows."""

from _job import fold_arguments, logged, pixels

from merba.audit import main

with logged(snakemake):
    files, seed = snakemake.input, snakemake.wildcards.seed
    arguments = [*fold_arguments(snakemake), *pixels(files), "--test", files.test, "--seed", seed]
    main([*arguments, "--out", snakemake.output[0], "--threads", str(snakemake.threads)])
