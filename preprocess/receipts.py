"""What state a subject's frames are in, by names, sizes and times: an edited frame reruns its subject.

Snakemake would have to hold every frame of every clip as an input (290,000 of them in DFME); instead each job
on a subject carries this state as a parameter. Frames that the workflow generated itself come with a receipt,
so that "not yet generated" and "as generated" are the same state and a first run is not followed by a second.
"""

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path

from contracts.files import whole
from preprocess.frames import SUFFIXES

AS_GENERATED = "as generated"


def listing(files: Iterable[Path], root: Path) -> list[str]:
    """One line a file: path relative to `root`, bytes, modification time in ns; sorted.

    A broken link stands there without bytes: whoever reads it says what is wrong with it.
    """
    return sorted(f"{path.relative_to(root)}\t{_state(path)}" for path in files)


def _state(path: Path) -> str:
    try:
        stat = path.stat()
    except OSError:
        return "unreadable"
    return f"{stat.st_size}\t{stat.st_mtime_ns}"


def frames_below(folders: Iterable[Path]) -> list[Path]:
    """Every picture below the folders; what file managers leave (`Thumbs.db`, `.DS_Store`) is none.

    A path that is a file already stands for itself.
    """
    return [
        path
        for folder in folders
        for path in (folder.rglob("*") if folder.is_dir() else [folder])
        if path.suffix.lower() in SUFFIXES and not path.name.startswith(".")
    ]


def write_receipt(path: Path, files: Iterable[Path], root: Path) -> None:
    """Record the state of files just generated."""
    with whole(path) as partial:
        partial.write_text("".join(f"{line}\n" for line in listing(files, root)))


def read_receipt(path: Path, lines: list[str]) -> list[str]:
    """The listing that a generator recorded; `lines` itself while it has recorded none yet."""
    return path.read_text().splitlines() if path.exists() else lines


def state(lines: list[str], written: list[str] | None, *, times: bool = True) -> str:
    """Digest of a `listing`, or `AS_GENERATED` where it equals what the generator wrote.

    Args:
        lines: the listing as it is now.
        written: from `read_receipt`; None for recordings that no generator made.
        times: False to look at the names alone.
    """
    seen, made = (
        some if times or some is None else [line.split("\t")[0] for line in some] for some in (lines, written)
    )
    return AS_GENERATED if seen == made else hashlib.sha256(os.fsencode("\n".join(seen))).hexdigest()[:16]
