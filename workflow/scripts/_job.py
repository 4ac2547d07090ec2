"""What every script of the workflow does before and after its own few lines."""

import contextlib
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import threadpoolctl

from contracts.errors import InputError
from workflow.lease import leased

# Snakemake lets scripts import their neighbours by putting their folder first, as it is and as a copy in its
# cache. This file is the only one they want: another package that looks for one named apex or audit must not
# find, and run, a script of ours.
sys.path[:] = [one for one in sys.path if Path(os.path.normpath(one)).parts[-2:] != ("workflow", "scripts")]


@contextlib.contextmanager
def logged(snakemake) -> Iterator[None]:
    """Send everything the job prints to its log; a fault the user can cure is one line there.

    File descriptors are redirected, so that what compiled libraries print arrives there too. Snakemake shows
    the log of a failed job (`show-failed-logs` in the profile). A job whose rule asks for a GPU holds one
    meanwhile.
    """
    _limit_threads(snakemake.threads)
    log = Path(snakemake.log[0])
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    try:
        with leased(snakemake.resources.get("gpu", 0)):
            yield
    except InputError as error:
        print(f"error: {error}", file=sys.stderr, flush=True)
        sys.exit(1)


def _limit_threads(threads: int) -> None:
    """Keep what computes in this process to the job's cores; Snakemake fills the machine with jobs.

    OpenCV takes every core unless told, in resizing and warping too, and NumPy's BLAS has started its threads
    by now. Libraries that are loaded later read the environment, whatever the user's own says.
    """
    for library in ("OMP", "OPENBLAS", "MKL"):
        os.environ[f"{library}_NUM_THREADS"] = str(threads)
    threadpoolctl.threadpool_limits(threads)
    if "cv2" in sys.modules:
        sys.modules["cv2"].setNumThreads(threads)
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(threads)


def clips_of(snakemake) -> pd.DataFrame:
    """The rows of the job's subject in its corpus's clip table, without those the configuration excludes."""
    # What checks a clip table takes long to import, and most jobs read none.
    from contracts.clips import read_clips

    clips = read_clips(snakemake.input.clips)
    own = clips.subject == snakemake.wildcards.subject
    return clips[own & ~clips.clip_id.isin(snakemake.params.exclude)]


def overrides_of(recipe: dict) -> dict:
    """What a row of the configuration says of its model, without what it says of itself."""
    return {key: value for key, value in recipe.items() if key not in ("model", "size", "shuffle_labels")}


def fold_arguments(snakemake) -> list[str]:
    """Folds and seeds of which model a job trains, as arguments of `merba.train` and `merba.audit`."""
    recipe, labels, seeds = snakemake.params.recipe, snakemake.input.labels, snakemake.params.seeds
    arguments = ["--model", recipe["model"], "--overrides", json.dumps(overrides_of(recipe))]
    arguments += ["--classes", *snakemake.params.classes, "--fold", *snakemake.params.folds]
    return [*arguments, "--list", *several(labels), "--seeds", *map(str, seeds)]


def several(files) -> list[str]:
    """A named input or output as a list; Snakemake gives a single file as its name."""
    return [files] if isinstance(files, str) else list(files)


def pixels(files) -> list[str]:
    """What a job's model sees, as arguments of `merba.train` and `merba.predict`."""
    if clips := files.get("sequences"):
        return ["--sequences", *several(clips)]
    return ["--caches", *several(files.caches)]


def progress(items, what: str):
    """Iterate over `items` with one line per item in the log: long jobs show that they live."""
    items = list(items)
    for k, item in enumerate(items, 1):
        print(f"{what} {k} of {len(items)}", flush=True)
        yield item
