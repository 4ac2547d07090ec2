"""Audited epochs and labels -> honest and leaky figures, and their table: `protocols.audit`, `.inflation`."""

from pathlib import Path

from _job import logged

from protocols.audit import audit_run
from protocols.inflation import write_inflation

with logged(snakemake):
    results = Path(snakemake.output[0]).parent.parent
    # The file run.json is of the last run that ended, if any; this one's configuration may be another.
    record = snakemake.params.record
    for path in [*audit_run(results, record), *write_inflation(results, record)]:
        print(path)
