"""Every test clip with its own fold's model: `python -m merba.predict` with what the workflow knows."""

from _job import logged

from merba.predict import main

with logged(snakemake):
    main(
        ["--test", snakemake.input.test, "--checkpoints", *snakemake.input.checkpoints]
        + ["--caches", *snakemake.input.caches, "--out", snakemake.output[0]]
        + ["--threads", str(snakemake.threads)]
    )
