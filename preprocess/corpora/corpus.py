"""What every corpus offers: the folders of a subject, and the table of its clips.

A corpus answers two questions, each in its own file: which folder holds which clip (`clip_folders`), and
what the owner says about each clip (`annotations`). Joining the two, checking them against the files on
disk and listing what had to be left out is the same for all and is done here.

This module is imported while the DAG is built, so pandas is imported only where a table is made.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from contracts.errors import InputError
from preprocess.frames import list_frames

if TYPE_CHECKING:
    import pandas as pd

ClipKey = tuple[str, str]
"""(subject, clip) in the official lists' spelling; a clip name alone may occur under several subjects."""


@dataclass(frozen=True)
class Annotation:
    """What the owner says about one clip. None stands for a frame number the owner does not give."""

    subject: str
    clip: str
    onset: int | None
    apex: int | None
    offset: int | None
    fps: float
    emotion: str
    action_units: str = ""
    sheet: Path | None = None


@dataclass(frozen=True)
class Index:
    """The clips of a corpus: `clips` as in `contracts.clips`, `skipped` with columns clip_id and reason."""

    clips: "pd.DataFrame"
    skipped: "pd.DataFrame"


class Corpus(ABC):
    """One corpus in its owner's layout."""

    name: str
    """As in clip ids: `casme2`."""
    title: str
    """As in print: `CASME II`."""

    @abstractmethod
    def clip_folders(self, root: Path) -> dict[ClipKey, Path]:
        """Every clip folder below an existing root, by directory listing alone.

        Raises:
            InputError: more than one variant of the corpus lies below the root.
        """

    @abstractmethod
    def annotations(self, root: Path, folders: Mapping[ClipKey, Path]) -> Iterable[Annotation]:
        """The owner's word on every clip, from the workbook or from the folders' names.

        Raises:
            InputError: the workbook is missing or unreadable, lacks a column, or has an unreadable cell.
        """

    def not_clips(self, root: Path) -> dict[str, str]:
        """Clip-like folders that are none, as clip_id -> reason; listed among the skipped."""
        return {}

    def subject_folders(self, root: Path, subject: str) -> list[Path]:
        """The folders that hold one subject's frames, sorted; empty where root does not exist.

        Directory listings only. For one subject; for many, call `clip_folders` once.
        """
        if not Path(root).is_dir():
            return []
        folders = self.clip_folders(Path(root))
        return sorted(folder for (owner, _), folder in folders.items() if owner == subject)

    def index(self, root: Path, subjects: list[str] | None = None) -> Index:
        """The clip table of these subjects (default: everybody), checked against the files on disk.

        Args:
            root: folder into which the owner's archives were unpacked.
            subjects: official spelling (`s01`, `sub01`, `006`, `sub0003`).

        Raises:
            InputError: root or workbook missing or unreadable, a subject without any folder, an empty clip
                folder, or an annotated frame that is not on disk.
        """
        import pandas as pd

        from contracts.clips import COLUMNS

        root = Path(root)
        on_disk = self._existing_folders(root)
        wanted = self._wanted(root, {subject for subject, _ in on_disk}, subjects)
        folders = {key: folder for key, folder in on_disk.items() if key[0] in wanted}
        notes = self._notes(root, folders, None if subjects is None else wanted)
        digests = _digests({note.sheet for note in notes.values()})

        skipped = {name: why for name, why in self.not_clips(root).items() if name.split("/")[1] in wanted}
        for key, note in notes.items():
            if key not in folders:
                skipped[self.clip_id(*key)] = f"a row in {note.sheet.name}, but no folder on disk"
        for key in set(folders) - set(notes):
            skipped[self.clip_id(*key)] = "a folder on disk, but no row in the annotation workbook"
        rows = [
            self._row(root, folders[key], note, digests[note.sheet])
            for key, note in notes.items()
            if key in folders
        ]
        return Index(
            clips=pd.DataFrame(rows, columns=COLUMNS).sort_values("clip_id", ignore_index=True),
            skipped=pd.DataFrame(sorted(skipped.items()), columns=["clip_id", "reason"]),
        )

    def clip_id(self, subject: str, clip: str) -> str:
        """`<corpus>/<subject>/<clip>`."""
        return f"{self.name}/{subject}/{clip}"

    def _existing_folders(self, root: Path) -> dict[ClipKey, Path]:
        if not root.is_dir():
            raise InputError(
                f"the root folder of {self.title} does not exist",
                file=root,
                cure=f"unpack {self.title} there, or set the corpus's root in the config",
            )
        if folders := self.clip_folders(root):
            return folders
        raise InputError(
            f"no clip of {self.title} within three levels below",
            file=root,
            cure=f"set the corpus's root to the folder into which {self.title} was unpacked",
        )

    def _wanted(self, root: Path, present: set[str], subjects: list[str] | None) -> set[str]:
        if subjects is None:
            return present
        if absent := sorted(set(subjects) - present):
            raise InputError(
                f"no folder of frames for subject {absent[0]} (found: {', '.join(sorted(present))})",
                file=root,
                clip=f"{self.name}/{absent[0]}",
                cure=f"unpack that subject's clips below the root, or do not ask for {absent[0]}",
            )
        return set(subjects)

    def _notes(
        self, root: Path, folders: Mapping[ClipKey, Path], only: set[str] | None
    ) -> dict[ClipKey, Annotation]:
        notes: dict[ClipKey, Annotation] = {}
        for note in self.annotations(root, folders):
            key = (note.subject, note.clip)
            if only is not None and note.subject not in only:
                continue
            if key in notes:
                where = {"file": note.sheet, "clip": self.clip_id(*key)}
                raise InputError("annotated twice", cure="remove the wrong row", **where)
            notes[key] = note
        return notes

    def _row(self, root: Path, folder: Path, note: Annotation, digest: str) -> dict:
        clip_id = self.clip_id(note.subject, note.clip)
        return {
            "clip_id": clip_id,
            "corpus": self.name,
            "subject": note.subject,
            "clip": note.clip,
            "frames_dir": folder.relative_to(root).as_posix(),
            "fps": note.fps,
            "emotion": note.emotion.lower(),
            "action_units": note.action_units,
            "sheet_sha256": digest,
            **_range(note, clip_id, folder),
        }


def _digests(sheets: set[Path | None]) -> dict[Path | None, str]:
    from contracts.files import sha256

    return {sheet: sha256(sheet) if sheet else "" for sheet in sheets}


def _range(note: Annotation, clip_id: str, folder: Path) -> dict:
    """Onset, apex and offset of one clip, with their sources, checked against the files."""
    from contracts.clips import NO_APEX

    numbers = list(list_frames(folder))
    onset = numbers[0] if note.onset is None else note.onset
    offset = numbers[-1] if note.offset is None else note.offset
    where = {"file": note.sheet or folder, "clip": clip_id}
    if onset >= offset:
        cure = "correct the row, or unpack the clip again if frames are missing"
        raise InputError(f"onset {onset} is not before offset {offset}", cure=cure, **where)
    # An apex on or outside the borders is a slip of the sheet; the apex stage finds one from the frames.
    apex = note.apex if note.apex is not None and onset < note.apex < offset else None
    for name, number in (("onset", onset), ("apex", apex), ("offset", offset)):
        if number is not None and number not in numbers:
            cure = "unpack the clip again, or correct or remove its row in the annotation workbook"
            has = f"{folder} has {numbers[0]} to {numbers[-1]}"
            raise InputError(f"annotated {name} frame {number} is not on disk ({has})", cure=cure, **where)
    return {
        "onset": onset,
        "apex": NO_APEX if apex is None else apex,
        "offset": offset,
        "apex_source": "none" if apex is None else "annotated",
        "range_source": "folder" if note.onset is None else "annotated",
    }
