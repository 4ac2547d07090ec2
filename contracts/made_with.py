"""What shaped the numbers of several caches or sequence files, as far as it holds for all of their clips."""

import json
from collections.abc import Iterable
from pathlib import Path

import h5py

from contracts.errors import InputError


def made_alike(paths: Iterable[str | Path]) -> dict:
    """The `made_with` that complete files share, without what it says of single clips.

    A file without clips, of a subject of whom all are excluded, was made of nothing and shares with all.

    Raises:
        InputError: two files were made differently; names the first parameter.
    """
    first: tuple[str | Path, dict] | None = None
    for path in paths:
        found = _of_all_clips(path)
        if found is None:
            continue
        first = first or (path, found)
        for name in sorted(first[1].keys() | found.keys()):
            mine, others = found.get(name), first[1].get(name)
            if mine != others:
                raise InputError(
                    f"made with {name} {mine}, {first[0]} with {others}",
                    file=path,
                    cure="give files that were made alike: run snakemake for all of them again",
                )
    return first[1] if first else {}


def _of_all_clips(path: str | Path) -> dict | None:
    """None where there are none."""
    with h5py.File(path, "r") as file:
        clips = {name.decode() for name in file["clip_id"][:]}
        made_with = json.loads(file.attrs["made_with"])
    if not clips:
        return None
    return {
        name: value
        for name, value in made_with.items()
        if not (isinstance(value, dict) and value.keys() <= clips)
    }
