"""What a run says about itself: corpora, models, seeds, configuration, versions, device."""

import json
import os
import subprocess

from _job import logged

from contracts.files import whole
from contracts.provenance import environment


def device():
    """The graphics processors of the machine that ends the run, or its cores where it has none."""
    command = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]
    try:
        found = subprocess.run(command, capture_output=True, text=True, check=True, timeout=30).stdout
    except (OSError, subprocess.SubprocessError):
        return f"{os.cpu_count()} CPU cores"
    return ", ".join(found.splitlines())


with logged(snakemake), whole(snakemake.output[0]) as partial:
    record = {**snakemake.params.run, "environment": {**environment(), "device": device()}}
    partial.write_text(json.dumps(record, indent=2, sort_keys=True) + "\n")
