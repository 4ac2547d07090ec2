"""What a run says about itself: corpora, models, seeds, configuration, versions."""

import json

from _job import logged

from contracts.files import whole
from contracts.provenance import environment

with logged(snakemake), whole(snakemake.output[0]) as partial:
    record = {**snakemake.params.run, "environment": environment()}
    partial.write_text(json.dumps(record, indent=2, sort_keys=True) + "\n")
