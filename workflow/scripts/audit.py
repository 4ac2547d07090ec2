"""Audited epochs and labels -> honest and leaky figures, and their table: `protocols.audit`, `.inflation`."""

from pathlib import Path

from _job import logged

from protocols.audit import audit_run
from protocols.inflation import write_inflation

with logged(snakemake):
    results = Path(snakemake.output[0]).parent.parent
    for path in [*audit_run(results), *write_inflation(results)]:
        print(path)
