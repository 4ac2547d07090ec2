"""Folds and seeds of one model: `python -m merba.train` with what the workflow knows."""

from _job import fold_arguments, logged, pixels, several

from merba.train import main

with logged(snakemake):
    files, made = snakemake.input, snakemake.output
    arguments = [*fold_arguments(snakemake), *pixels(files)]
    arguments += ["--checkpoints", *several(made.checkpoints), "--log", *several(made.curves)]
    if snakemake.params.recipe.get("shuffle_labels"):
        arguments.append("--shuffle-labels")
    main([*arguments, "--threads", str(snakemake.threads)])
