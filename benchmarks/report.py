"""What the programs of this folder share: which machine and code a figure is of, and how it is shown.

A program that takes `--json FILE` writes its figures there with a stamp (date, machine, versions, commit).
Under `headline` stand those few that `python -m benchmarks` shows in one table: triples of what, value, unit.
"""

import datetime
import json
import os
import platform
from collections.abc import Iterable, Sequence
from pathlib import Path

from contracts.files import whole
from contracts.provenance import environment

MISSED = 3
"""Exit status of a program that has measured everything, and whose figures miss its limit."""


def cpu() -> str:
    """Name of the processor."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next(
        (line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown"
    )


def stamp() -> dict:
    """Date, machine, versions and commit."""
    return {
        "date": datetime.date.today().isoformat(),
        "machine": {"cpu": cpu(), "cores": len(os.sched_getaffinity(0)), "system": platform.platform()},
        "environment": environment(),
    }


def write(path: str | Path, found: dict) -> None:
    """Write figures with their stamp, whole, as JSON."""
    with whole(path) as partial:
        partial.write_text(json.dumps({**found, **stamp()}, indent=2) + "\n")


def table(header: Sequence[str], rows: Iterable[Sequence], words: int = 1) -> str:
    """A table in Markdown; the first `words` columns are aligned left, those of numbers right."""
    ruler = "|".join(["---"] * words + ["---:"] * (len(header) - words))
    head, *body = (f"| {' | '.join(map(str, cells))} |" for cells in (header, *rows))
    return "\n".join([head, f"|{ruler}|", *body])
