"""One fold of one model and seed: `python -m merba.train` with what the workflow knows."""

import json

from _job import logged, pixels

from merba.train import main

with logged(snakemake):
    overrides = dict(snakemake.params.recipe)
    model = overrides.pop("model")
    overrides.pop("size", None)
    files, params = snakemake.input, snakemake.params
    arguments = ["--model", model, "--overrides", json.dumps(overrides), "--classes", *params.classes]
    arguments += ["--fold", snakemake.wildcards.fold, "--list", files.labels, *pixels(files)]
    arguments += ["--seeds", snakemake.wildcards.seed, "--checkpoints", snakemake.output.checkpoint]
    main([*arguments, "--log", snakemake.output.curve, "--threads", str(snakemake.threads)])
