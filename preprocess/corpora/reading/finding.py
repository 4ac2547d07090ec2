"""A corpus of recordings found below a root: its homes, its clips' folders, and what lies among them.

Directory listings alone; no frame and no sheet is opened.
"""

import contextlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from contracts.errors import InputError
from preprocess.corpora.corpus import Corpus, Source
from preprocess.corpora.reading.declared import ClipKey, Declared
from preprocess.corpora.reading.sheets import spreadsheets
from preprocess.corpora.reading.tree import Survey, listing, peek, survey
from preprocess.frames import SUFFIXES

_ARCHIVES = (".zip", ".rar", ".7z", ".gz", ".tar", ".z01")


@dataclass(frozen=True)
class Layout:
    """A corpus as found below a root.

    Attributes:
        source: where it was looked for.
        homes: the folders that hold subjects (or, in a flat corpus, clips).
        folders: every clip's folder.
        copies: further folders of clips that have one already.
        no_clips: folders among the clips that are none, as seen from their home, with the reason.
        files: files that lie on the way, the sheets among them.
    """

    source: Source
    homes: list[Path]
    folders: dict[ClipKey, Path]
    copies: list[tuple[ClipKey, Path]]
    no_clips: dict[str, str]
    files: list[Path]


class Finder(Declared):
    """Where a corpus lies."""

    def layout(self, source: Source) -> Layout:
        """Find the corpus, by directory listings alone.

        Raises:
            InputError: no root, nothing that looks like the corpus, or several copies and no choice.
        """
        if not source.root.is_dir():
            exists = source.root.exists()
            raise InputError(
                f"the root of {self.title} " + ("is a file, not a folder" if exists else "does not exist"),
                file=source.root,
                cure=f"unpack {self.title} there, or set corpora.{self.name}.root in the configuration",
            )
        found = self._survey(source.root)
        homes = self._homes(source, found)
        folders: dict[ClipKey, Path] = {}
        copies = []
        for key, folder in (one for home in homes for one in self.clips_in(home)):
            if folders.setdefault(key, folder) != folder:
                copies.append((key, folder))
        if not folders:
            raise self._nothing(source, found)
        no_clips = {one: why for home in homes for one, why in self._no_clips(home)}
        return Layout(source, homes, folders, copies, no_clips, found.files)

    def subject_paths(self, source: Source, corpus: str | None = None) -> dict[str, list[Path]]:
        if not source.root.is_dir():
            return {}
        found: dict[str, list[Path]] = {}
        for home in self._homes(source, self._survey(source.root)):
            for (subject, _), folder in self.clips_in(home):
                found.setdefault(subject, []).append(folder)
        return {subject: sorted(folders) for subject, folders in found.items()}

    def sheet_files(self, source: Source) -> list[Path]:
        if self.form is None or not source.root.is_dir():
            return []
        if source.sheets:
            return [self.chosen(source, "sheets", name) for name in source.sheets]
        return spreadsheets(self._survey(source.root).files)

    def _survey(self, root: Path) -> Survey:
        return survey(root, self.is_home, lambda home, children: self._own(home))

    def _own(self, home: Path) -> set[Path]:
        """The home's subfolders that have clips in them, or are clips."""
        found = [folder for _, folder in self.clips_in(home)] + [
            folder for folder, _ in self.no_clips_in(home)
        ]
        return {home / folder.relative_to(home).parts[0] for folder in found}

    def _no_clips(self, home: Path) -> Iterator[tuple[str, str]]:
        for folder, why in self.no_clips_in(home):
            yield folder.relative_to(home).as_posix(), why
        for folder in sorted(set(peek(home)) - self._own(home)):
            if not self.is_home(folder, peek(folder)) and _has_frames(folder):
                yield folder.name, "a folder of frames whose name is no subject's or clip's"

    def _homes(self, source: Source, found: Survey) -> list[Path]:
        homes = self._chosen_homes(source, found) if source.frames else found.homes
        if self.one_home and len(homes) > 1:
            raise self._ambiguous(source, homes)
        return homes

    def _chosen_homes(self, source: Source, found: Survey) -> list[Path]:
        folder = self.chosen(source, "frames", source.frames)
        if homes := self._survey(folder).homes:
            return homes
        raise InputError(
            f"no clip of {self.title} in the folder chosen as corpora.{self.name}.frames",
            file=folder,
            cure=f"use one of {places_of(source, found.homes)}" if found.homes else "remove the key",
        )

    def _ambiguous(self, source: Source, homes: list[Path]) -> InputError:
        places = places_of(source, homes)
        return InputError(
            f"{self.title} is here more than once ({places})",
            file=source.root,
            cure=f"set corpora.{self.name}.frames in the configuration to the one you mean",
        )

    def _nothing(self, source: Source, found: Survey) -> InputError:
        names = [path.name for path in [*found.passed, *found.files]]
        for pattern, (what, cure) in self.lookalikes.items():
            if any(re.fullmatch(pattern, name, re.IGNORECASE) for name in names):
                return InputError(f"this is {what}", file=source.root, cure=cure)
        if archives := [path.name for path in found.files if path.suffix.lower() in _ARCHIVES]:
            return InputError(
                f"no clip of {self.title} here, but {archives[0]}", file=source.root, cure="unpack it there"
            )
        if other := _other_corpus(self, source):
            return InputError(
                f"this is {other.title}, not {self.title}",
                file=source.root,
                cure=f"set it as corpora.{other.name}.root in the configuration",
            )
        return InputError(
            f"no clip of {self.title} within four levels below",
            file=source.root,
            cure=f"set corpora.{self.name}.root to the folder into which {self.title} was unpacked",
        )


def _has_frames(folder: Path, depth: int = 4) -> bool:
    try:
        folders, files = listing(folder)
    except InputError:
        return False
    if any(path.suffix.lower() in SUFFIXES for path in files):
        return True
    return depth > 0 and any(_has_frames(one, depth - 1) for one in folders)


def places_of(source: Source, homes: Iterable[Path]) -> str:
    """Folders as seen from the root, for messages."""
    return ", ".join(home.relative_to(source.root).as_posix() for home in homes)


def _other_corpus(mine: Corpus, source: Source) -> Corpus | None:
    from preprocess.corpora import get_corpus, list_corpora

    for name in list_corpora():
        other = get_corpus(name)
        if isinstance(other, Finder) and name != mine.name:
            with contextlib.suppress(InputError):
                if other.subject_paths(source):
                    return other
    return None
