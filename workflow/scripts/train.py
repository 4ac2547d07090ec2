"""One fold of one model, all seeds: `python -m merba.train` with what the workflow knows."""

import json

from _job import logged

from merba.train import main

with logged(snakemake):
    overrides = dict(snakemake.params.recipe)
    model = overrides.pop("model")
    overrides.pop("size", None)
    main(
        ["--model", model, "--overrides", json.dumps(overrides)]
        + ["--classes", *snakemake.params.classes, "--fold", snakemake.wildcards.fold]
        + ["--list", snakemake.input.labels, "--caches", *snakemake.input.caches]
        + ["--seeds", *map(str, snakemake.params.seeds), "--checkpoints", *snakemake.output.checkpoints]
        + ["--log", snakemake.output.curves, "--threads", str(snakemake.threads)]
    )
