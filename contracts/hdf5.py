"""HDF5 files that count only when they are complete: caches and sequences alike."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import h5py

from contracts.errors import InputError

CURE = "delete the file and run snakemake again; it will be rebuilt from the frames"


def finish(file: h5py.File, version: int) -> None:
    """Mark a file as complete, as the last thing that is written to it."""
    file.attrs["format_version"] = version
    file.attrs["complete"] = True


@contextlib.contextmanager
def opened(path: str | Path, kind: str, version: int) -> Iterator[h5py.File]:
    """Open a complete file of one format version for reading.

    Args:
        kind: what it is, for messages: `flow cache`.

    Raises:
        InputError: not HDF5, another format version, not complete, or without what is read from it.
    """
    try:
        with h5py.File(path, "r") as file:
            if not file.attrs.get("complete", False):
                raise InputError(f"the {kind} is not complete", file=path, cure=CURE)
            if file.attrs["format_version"] != version:
                found = file.attrs["format_version"]
                raise InputError(f"{kind} format {found}, this code reads {version}", file=path, cure=CURE)
            yield file
    except FileNotFoundError:
        raise
    except (OSError, KeyError, ValueError) as error:
        raise InputError(f"not a readable {kind} ({error})", file=path, cure=CURE) from error
