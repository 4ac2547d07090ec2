"""A protocol's wiring under invented pictures: `python -m merba.canary` with what the workflow knows."""

from _job import logged

from merba.canary import main

with logged(snakemake):
    files, folds = snakemake.input, snakemake.params.folds
    arguments = [word for fold, given in folds.items() for word in ("--fold", fold, *given)]
    arguments += ["--test", files.test, "--caches", *files.caches, "--out", snakemake.output[0]]
    main([*arguments, "--threads", str(snakemake.threads)])
