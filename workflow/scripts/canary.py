"""A protocol's wiring under invented pictures: `python -m merba.canary` with what the workflow knows."""

import json
from pathlib import Path

from _job import logged

from contracts.files import whole
from merba.canary import main
from protocols.alarms import alarms_page

with logged(snakemake):
    files, made, folds = snakemake.input, snakemake.output, snakemake.params.folds
    arguments = [word for fold, given in folds.items() for word in ("--fold", fold, *given)]
    arguments += ["--test", files.test, "--caches", *files.caches, "--out", made.record]
    arguments += ["--packed"] * snakemake.params.packed
    main([*arguments, "--threads", str(snakemake.threads)])
    with whole(made.page) as partial:
        found = json.loads(Path(made.record).read_text())
        partial.write_text(alarms_page(snakemake.params.title, found), encoding="utf-8")
