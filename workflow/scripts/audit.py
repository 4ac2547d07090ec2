"""Audited epochs and labels -> honest and leaky figures: `python -m protocols.audit`."""

from pathlib import Path

from _job import logged

from protocols.audit import audit_run

with logged(snakemake):
    for path in audit_run(Path(snakemake.output[0]).parent.parent):
        print(path)
