"""Finding a corpus below a root folder, however it was unpacked.

Owners' archives unpack with doubled levels (`SAMM/SAMM`), in several spellings, raw and cropped. A corpus
therefore describes what its folder of subjects looks like from above, and the search looks for that a few
levels down.
"""

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from contracts.errors import InputError

_DEPTH = 4
"""Enough for `SMIC/SMIC_all_raw/SMIC_all_raw/HS` below a root that holds several corpora."""


@dataclass(frozen=True)
class Survey:
    """What a search found.

    Attributes:
        root: where it began.
        homes: folders that look right.
        files: everything that is no folder and lies on the way, not inside a home.
        passed: folders that do not look right.
    """

    root: Path
    homes: list[Path]
    files: list[Path]
    passed: list[Path]


def survey(root: Path, looks_right: Callable[[Path, list[Path]], bool]) -> Survey:
    """Search `root` and four levels below it, never inside a folder that looks right.

    Args:
        looks_right: given a folder and its visible subfolders, whether the corpus's clips lie here.

    Raises:
        InputError: a folder cannot be listed.
    """
    homes, files, passed, level = [], [], [], [root]
    for _ in range(_DEPTH + 1):
        below = []
        for folder in level:
            children, found = listing(folder)
            files += found
            if looks_right(folder, children):
                homes.append(folder)
            else:
                passed.append(folder)
                below += children
        level = below
    return Survey(root, homes, files, passed)


def subfolders(folder: Path) -> list[Path]:
    """Visible subfolders, sorted by name; a half-written clip is hidden by its leading dot."""
    return listing(folder)[0]


def listing(folder: Path) -> tuple[list[Path], list[Path]]:
    """Visible subfolders and other visible entries, each sorted by name; locks of open workbooks are hidden.

    Raises:
        InputError: the folder cannot be listed.
    """
    try:
        with os.scandir(folder) as entries:
            visible = sorted((e.name, e.is_dir()) for e in entries if not e.name.startswith((".", "~")))
    except OSError as error:
        raise InputError(
            f"the folder cannot be listed ({error.strerror})", file=folder, cure="check its permissions"
        ) from error
    folders = [folder / name for name, is_dir in visible if is_dir]
    return folders, [folder / name for name, is_dir in visible if not is_dir]


def keyed(found: Iterable[tuple[tuple[str, str], Path]]) -> dict[tuple[str, str], Path]:
    """The found clip folders by (subject, clip).

    Raises:
        InputError: a clip lies in two folders.
    """
    folders: dict[tuple[str, str], Path] = {}
    for key, folder in found:
        if key in folders:
            raise InputError(
                f"this clip is on disk twice (also {folders[key]})",
                file=folder,
                clip="/".join(key),
                cure="remove one, or name the folder you mean as the corpus's `frames` in the configuration",
            )
        folders[key] = folder
    return folders
