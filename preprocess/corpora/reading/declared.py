"""What a corpus of recordings declares about itself in its own file: its words, its names, its look.

Finding it (`finding`), reading its sheets (`annotations`) and joining both (`recordings`) follow from these.
"""

import re
from abc import abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from preprocess.corpora.corpus import Corpus
from preprocess.corpora.reading.sheets import Form

ClipKey = tuple[str, str]
"""(subject, clip) in the official lists' spelling; a clip name alone may occur under several subjects."""


@dataclass(frozen=True)
class Annotation:
    """What the owner says about one clip. None stands for a frame number the owner does not give.

    `said_apex` is the apex's cell as it stands; `sheet` and `row` say where, None and 0 for folder names;
    `repairs` are remarks on repaired cells.
    """

    subject: str
    clip: str
    onset: int | None
    apex: int | None
    offset: int | None
    fps: float
    emotion: str
    action_units: str = ""
    said_apex: str | None = None
    sheet: Path | None = None
    row: int = 0
    repairs: tuple[str, ...] = ()


class Declared(Corpus):
    """The facts and spellings of one corpus."""

    emotions: tuple[str, ...]
    """The owner's words, lower case."""
    form: Form | None = None
    """The annotation sheet; None where folders say everything."""
    fps: float | None = None
    """Frames per second; None where the sheet says it row by row."""
    usual_sheet: str = ""
    """What the owner calls the sheet."""
    aliases: Mapping[str, str] = {}
    """Other spellings of emotions."""
    ignored: Mapping[ClipKey, str] = {}
    """Clips on disk that are no part of the corpus, with the reason."""
    lookalikes: Mapping[str, tuple[str, str]] = {}
    """Regular expression on the name of a folder or file -> the release that it betrays, and what to do."""
    one_home: bool = True
    """Whether all clips lie below one folder; if so, a second such folder is another copy of the corpus."""

    @abstractmethod
    def is_home(self, folder: Path, children: list[Path]) -> bool:
        """Whether the corpus's clips lie in `folder`, whose visible subfolders are `children`."""

    @abstractmethod
    def clips_in(self, home: Path) -> Iterable[tuple[ClipKey, Path]]:
        """Every clip and its folder, by directory listing alone."""

    @abstractmethod
    def subject_of(self, cell: str) -> str:
        """The official spelling of a subject, from a cell that a spreadsheet may have robbed of its zeros."""

    def clip_of(self, name: str) -> str:
        """The official spelling of a clip, from a folder's name or from a cell."""
        return name

    def no_clips_in(self, home: Path) -> Iterable[tuple[Path, str]]:
        """Folders among the clips that are none, with the reason."""
        return ()

    def edition(self, annotations: Mapping[ClipKey, Annotation]) -> str:
        """Which version of the sheet this is, told by its content; empty where there is but one."""
        return ""

    def clip_id(self, subject: str, clip: str) -> str:
        """`<corpus>/<subject>/<clip>`."""
        return f"{self.name}/{subject}/{clip}"


def subject_spelling(template: str, cell: str) -> str:
    """The official spelling of a subject: `{:03d}` makes `006` of `6`, of `006` and of `6.0`."""
    digits = re.fullmatch(r"\D*0*([0-9]{1,6})(\.0*)?", cell)
    return template.format(int(digits[1])) if digits else cell
