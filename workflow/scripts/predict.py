"""Every test clip with its own fold's model: `python -m merba.predict` with what the workflow knows."""

from _job import logged, pixels

from merba.predict import main

with logged(snakemake):
    files, threads = snakemake.input, str(snakemake.threads)
    arguments = ["--test", files.test, "--checkpoints", *files.checkpoints, *pixels(files)]
    main([*arguments, "--out", snakemake.output[0], "--threads", threads])
