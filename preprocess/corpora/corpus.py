"""What every corpus offers: where it lies (`Source`), and what was found there (`Index`).

Two kinds exist: recordings in their owner's layout (`preprocess.corpora.reading.recordings.Recordings`) and
flow that others have computed (`Flows`). This module is imported while the DAG is built, so pandas and numpy
are imported only where they are needed.
"""

import os
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from contracts.errors import InputError, printable

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


@dataclass(frozen=True)
class Source:
    """Where a corpus lies, and which of several copies the user means.

    Attributes:
        root: folder into which the owner's archives were unpacked.
        frames: folder below `root` with the clips to read; empty where there is only one set of them.
        sheets: annotation sheets below `root` to read; empty to find them by their content.
        pictures: `raw` or `cropped`, where names do not tell or tell wrongly; empty to go by names.
    """

    root: Path
    frames: str = ""
    sheets: tuple[str, ...] = ()
    pictures: str = ""

    def __post_init__(self):
        object.__setattr__(self, "root", Path(os.path.normpath(Path(self.root).expanduser())))
        object.__setattr__(self, "sheets", tuple(self.sheets))


@dataclass(frozen=True)
class Index:
    """The clips of a corpus.

    Attributes:
        clips: as in `contracts.clips`.
        skipped: columns clip_id, reason: what is on disk or in a sheet and not among `clips`.
        notes: columns clip_id, about, note: what was decided about a clip that is among `clips`; `about` is
            `range`, `apex`, `frames` or `repair`.
        faults: what the user has to mend first; empty in an Index that `Corpus.index` returns.
        recognised: what (`frames`, `sheet`, ...) -> lines on how it was recognised, for a person to read.
    """

    clips: "pd.DataFrame"
    skipped: "pd.DataFrame"
    notes: "pd.DataFrame"
    faults: tuple[InputError, ...] = ()
    recognised: dict[str, list[str]] = field(default_factory=dict)


@dataclass
class Report:
    """What is collected while clips are read: skipped (clip_id -> reason), notes and faults as in `Index`."""

    skipped: dict[str, str] = field(default_factory=dict)
    notes: list[tuple[str, str, str]] = field(default_factory=list)
    faults: list[InputError] = field(default_factory=list)

    def fault(self, problem: str, *, cure: str, file: Path | None, clip: str | None = None) -> None:
        """Collect an InputError."""
        self.faults.append(InputError(problem, cure=cure, file=file, clip=clip))

    def index(self, rows: list[dict], recognised: dict[str, list[str]]) -> Index:
        """The Index of clip-table rows and of all that was collected."""
        import pandas as pd

        from contracts.clips import COLUMNS

        return Index(
            clips=pd.DataFrame(rows, columns=COLUMNS).sort_values("clip_id", ignore_index=True),
            skipped=pd.DataFrame(
                sorted((printable(clip), printable(why)) for clip, why in self.skipped.items()),
                columns=["clip_id", "reason"],
            ),
            notes=pd.DataFrame(sorted(set(self.notes)), columns=["clip_id", "about", "note"]),
            faults=tuple(self.faults),
            recognised={what: [printable(line) for line in how] for what, how in recognised.items()},
        )


def place_below(root: Path, path: Path, clip_id: str | None = None) -> str:
    """A clip's folder or file as the clip table has it: as seen from the root.

    Raises:
        InputError: a name on the way is not UTF-8, as tables are.
    """
    place = path.relative_to(root)
    for part in (*reversed(place.parents), place):
        if printable(part.name) != part.name:
            raise InputError("its name is not UTF-8", file=root / part, clip=clip_id, cure="rename it")
    return place.as_posix()


class Corpus(ABC):
    """One corpus; what is fixed about it are class attributes."""

    name: str
    """As in clip ids and configurations: `casme2`."""
    title: str
    """As in print: `CASME II`."""
    cite: str
    """Whom to cite: authors, title, where and when, ending in a full stop."""
    full: dict[str, tuple[int, int]]
    """For each corpus whose clips it provides, by name: subjects and clips of the whole release."""

    never_shown: frozenset[str] = frozenset()
    """Subjects of whom the licence forbids every picture; the workflow draws none of them."""

    @property
    def citation(self) -> str:
        """A line in a list of references: `CASME II: Yan, ...`."""
        return f"{self.title[0].upper()}{self.title[1:]}: {self.cite}"

    @property
    def provides(self) -> tuple[str, ...]:
        """Corpora whose clips it has; its own name alone, unless others' clips are collected in it."""
        return tuple(self.full)

    def part(self, corpus: str | None) -> str:
        """The one of `provides` that is meant; None will do where there is only one.

        Raises:
            ValueError: none is named, and there are several (a fault of the caller).
            InputError: the named one is not provided.
        """
        if corpus is None:
            if len(self.provides) > 1:
                raise ValueError(f"{self.name} provides {', '.join(self.provides)}: name one of them")
            return self.provides[0]
        if corpus in self.provides:
            return corpus
        raise InputError(
            f"{self.title} has no clips of {corpus!r}",
            clip=f"corpora.{self.name}",
            cure=f"use it for {', '.join(self.provides)}",
        )

    def showable(self, subject: str) -> str:
        """The subject, if pictures of them may be drawn.

        Raises:
            InputError: the licence forbids it.
        """
        if subject not in self.never_shown:
            return subject
        raise InputError(
            f"the licence of {self.title} forbids every picture of this subject",
            clip=f"{self.name}/{subject}",
            cure="look at another subject; numbers of this one are in the corpus's quality table",
        )

    @abstractmethod
    def subject_paths(self, source: Source, corpus: str | None = None) -> dict[str, list[Path]]:
        """What holds each subject's pictures, by directory listing alone: folders of frames, or flow files.

        Empty while nothing is there.

        Raises:
            InputError: several copies are there and none is chosen.
        """

    @abstractmethod
    def sheet_files(self, source: Source) -> list[Path]:
        """Files that may be annotation sheets, by directory listing alone; if sheets are chosen, just those.

        Raises:
            InputError: a chosen one is not there.
        """

    @abstractmethod
    def places(self, source: Source) -> list[Path]:
        """What is read: the folders that hold the clips, and the sheets.

        Raises:
            InputError: nothing can be read at all.
        """

    @abstractmethod
    def examine(
        self, source: Source, subjects: list[str] | None = None, *, corpus: str | None = None
    ) -> Index:
        """As `index`, but faults of single clips are collected in the Index instead of raised.

        Raises:
            InputError: nothing can be read at all.
        """

    def chosen(self, source: Source, key: str, name: str) -> Path:
        """What the user named below the root under a key of the configuration.

        By its written path: links inside may lead anywhere.

        Raises:
            InputError: nothing of that name is there.
        """
        path = Path(os.path.normpath(source.root / name))
        if path.is_relative_to(source.root) and (path.is_dir() if key == "frames" else path.is_file()):
            return path
        raise InputError(
            f"there is no {'folder' if key == 'frames' else 'file'} {name!r} below the root",
            file=source.root,
            clip=f"corpora.{self.name}.{key}",
            cure="give a path as seen from the root, or remove the key",
        )

    def index(self, source: Source, subjects: list[str] | None = None, *, corpus: str | None = None) -> Index:
        """The clip table of these subjects (default: everybody), checked against the files on disk.

        Args:
            source: where the corpus lies.
            subjects: official spelling (`s01`, `sub01`, `006`, `sub0003`).
            corpus: one of `provides`; may be left out where there is only one.

        Raises:
            ValueError: as `part`.
            InputError: a root, sheet or frame is missing, unreadable or ambiguous, or a subject has no clip.
        """
        found = self.examine(source, subjects, corpus=corpus)
        if found.faults:
            first = found.faults[0]
            others = f" (and {len(found.faults) - 1} more faults; merba-check lists all)"
            raise InputError(
                first.problem + (others if len(found.faults) > 1 else ""),
                cure=first.cure,
                file=first.file,
                clip=first.clip,
            )
        return found


class Flows(Corpus):
    """Optical flow that others have computed: no frames, so neither faces nor apexes to find."""

    size: int
    """Side of a flow picture in pixels."""
    coding: str
    """What its numbers are, as in `contracts.cache`."""

    @abstractmethod
    def read_flow(self, path: Path) -> "np.ndarray":
        """u, v and strain of one clip: (3, size, size) float32 in `coding`.

        Raises:
            InputError: the file is missing, damaged, or of another size.
        """
