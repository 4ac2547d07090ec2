"""What every script of the workflow does before and after its own few lines."""

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from contracts.clips import read_clips
from contracts.errors import InputError


@contextlib.contextmanager
def logged(snakemake) -> Iterator[None]:
    """Send everything the job prints to its log; a fault the user can cure is one line there.

    File descriptors are redirected, so that what compiled libraries print arrives there too. Snakemake shows
    the log of a failed job (`show-failed-logs` in the profile).
    """
    log = Path(snakemake.log[0])
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    try:
        yield
    except InputError as error:
        print(f"error: {error}", file=sys.stderr, flush=True)
        sys.exit(1)


def clips_of(snakemake) -> pd.DataFrame:
    """The rows of the job's subject in its corpus's clip table, without those the configuration excludes."""
    clips = read_clips(snakemake.input.clips)
    own = clips.subject == snakemake.wildcards.subject
    return clips[own & ~clips.clip_id.isin(snakemake.params.exclude)]


def progress(items, what: str):
    """Iterate over `items` with one line per item in the log: long jobs show that they live."""
    items = list(items)
    for k, item in enumerate(items, 1):
        print(f"{what} {k} of {len(items)}", flush=True)
        yield item
