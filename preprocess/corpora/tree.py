"""Finding a corpus below a root folder, however it was unpacked.

Owners' archives unpack with doubled levels (`SAMM/SAMM`) and in several spellings. A corpus therefore
describes what its folder of subjects looks like from above, and the search looks for that at most
three levels down.
"""

import os
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from contracts.errors import InputError

_DEPTH = 3


@dataclass(frozen=True)
class Survey:
    """What a search found: `homes`, the folders that look right, and `files`, everything lying on the way."""

    root: Path
    homes: list[Path]
    files: list[Path]


def survey(root: Path, looks_right: Callable[[Path, list[Path]], bool]) -> Survey:
    """Search `root` and three levels below it, never inside a folder that looks right.

    Args:
        looks_right: given a folder and its visible subfolders, whether the corpus's frames lie here.
    """
    homes, files, level = [], [], [root]
    for _ in range(_DEPTH + 1):
        below = []
        for folder in level:
            children, found = _listing(folder)
            files += found
            if looks_right(folder, children):
                homes.append(folder)
            else:
                below += children
        level = below
    return Survey(root, homes, files)


def subfolders(folder: Path) -> list[Path]:
    """Visible subfolders, sorted by name; a half-written clip is hidden by its leading dot."""
    return _listing(folder)[0]


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
                cure="remove one",
            )
        folders[key] = folder
    return folders


def one_home(found: Survey, title: str) -> Path | None:
    """The only home, or None.

    Raises:
        InputError: several variants (raw and cropped, say) lie below the root.
    """
    if len(found.homes) > 1:
        places = ", ".join(str(home.relative_to(found.root)) for home in found.homes)
        raise InputError(
            f"{title} is here more than once ({places})",
            file=found.root,
            cure="point the corpus's root at the one variant you mean",
        )
    return found.homes[0] if found.homes else None


def one_workbook(found: Survey, pattern: str, usual_name: str) -> Path:
    """The only .xlsx or .csv file whose name matches `pattern` (a regular expression, case ignored).

    Raises:
        InputError: there is none, or more than one.
    """
    matches = [
        path for path in found.files if re.fullmatch(f"{pattern}\\.(xlsx|csv)", path.name, re.IGNORECASE)
    ]
    if not matches:
        raise InputError(
            "the annotation workbook is missing",
            file=found.root / usual_name,
            cure="put the owner's workbook there (.xlsx; saved as .csv will do)",
        )
    if len(matches) > 1:
        places = ", ".join(str(path.relative_to(found.root)) for path in matches)
        raise InputError(
            f"several annotation workbooks ({places})",
            file=found.root,
            cure="keep the one you mean and move the others away",
        )
    return matches[0]


def _listing(folder: Path) -> tuple[list[Path], list[Path]]:
    with os.scandir(folder) as entries:
        visible = sorted((e.name, e.is_dir()) for e in entries if not e.name.startswith((".", "~")))
    return [folder / name for name, is_dir in visible if is_dir], [
        folder / name for name, is_dir in visible if not is_dir
    ]
