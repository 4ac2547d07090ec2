"""Finding a corpus below a root folder, however it was unpacked.

Owners' archives unpack with doubled levels (`SAMM/SAMM`), in several spellings, raw and cropped. A corpus
therefore describes what its folder of subjects looks like from above, and the search looks for that a few
levels down.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from contracts.errors import InputError

_DEPTH = 4
"""Enough for `SMIC/SMIC_all_raw/SMIC_all_raw/HS` below a root that holds several corpora."""
# What file managers and archivers leave; Mac archives bring every folder a second time, without its frames.
_HIDDEN = (".", "~", "__MACOSX", "$RECYCLE", "System Volume Information")


@dataclass(frozen=True)
class Survey:
    """What a search found.

    Attributes:
        root: where it began.
        homes: folders that look right.
        files: everything that is no folder and lies on the way.
        passed: folders that do not look right, those that cannot be listed among them.
    """

    root: Path
    homes: list[Path]
    files: list[Path]
    passed: list[Path]


def survey(
    root: Path,
    looks_right: Callable[[Path, list[Path]], bool],
    belongs: Callable[[Path, list[Path]], set[Path]] = lambda folder, children: set(children),
) -> Survey:
    """Search `root` and four levels below it, never inside what belongs to a folder that looks right.

    Args:
        looks_right: given a folder and its visible subfolders, whether the corpus's clips lie here.
        belongs: given a folder that looks right and its visible subfolders, those that are the corpus's;
            default: all.

    Raises:
        InputError: the root cannot be listed.
    """
    homes, files, passed, level = [], [], [], [root]
    seen: set[str] = set()
    for depth in range(_DEPTH + 1):
        below = []
        for folder in level:
            # A link may lead back to a folder above it, or a second time to one beside it.
            if (real := os.path.realpath(folder)) in seen:
                continue
            seen.add(real)
            try:
                children, found = listing(folder)
            except InputError:
                if not depth:
                    raise
                passed.append(folder)
                continue
            files += found
            if looks_right(folder, children):
                homes.append(folder)
                children = sorted(set(children) - belongs(folder, children))
            else:
                passed.append(folder)
            below += children
        level = below
    return Survey(root, homes, files, passed)


def subfolders(folder: Path) -> list[Path]:
    """Visible subfolders, sorted by name; a half-written clip is hidden by its leading dot.

    Raises:
        InputError: the folder cannot be listed.
    """
    return listing(folder)[0]


def peek(folder: Path) -> list[Path]:
    """As `subfolders`, but none where the folder cannot be listed: for looking around."""
    try:
        return subfolders(folder)
    except InputError:
        return []


def listing(folder: Path) -> tuple[list[Path], list[Path]]:
    """Visible subfolders and other visible entries, each sorted by name; locks of open workbooks are hidden.

    Raises:
        InputError: the folder cannot be listed.
    """
    try:
        with os.scandir(folder) as entries:
            visible = sorted((e.name, _is_folder(e)) for e in entries if not e.name.startswith(_HIDDEN))
    except OSError as error:
        raise InputError(
            f"the folder cannot be listed ({error.strerror})",
            file=folder,
            cure="check what it is, and its permissions",
        ) from error
    folders = [folder / name for name, is_dir in visible if is_dir]
    return folders, [folder / name for name, is_dir in visible if not is_dir]


def _is_folder(entry: os.DirEntry) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads to itself
        return False
