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
from preprocess.corpora.frames import list_frames

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
            InputError: the workbook is missing, unreadable, lacks a column, or has a cell that cannot be read.
        """

    def not_clips(self, root: Path) -> dict[str, str]:
        """Clip-like folders that are none, as clip_id -> reason; listed among the skipped."""
        return {}

    def subject_folders(self, root: Path, subject: str) -> list[Path]:
        """The folders that hold one subject's frames, sorted; empty where root does not exist.

        Cheap: directory listings only. Used while the DAG is built.
        """
        if not Path(root).is_dir():
            return []
        return sorted(
            folder for (owner, _), folder in self.clip_folders(Path(root)).items() if owner == subject
        )

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
        from contracts.files import sha256

        root = Path(root)
        folders = self._existing_folders(root)
        wanted = {subject for subject, _ in folders} if subjects is None else set(subjects)
        if absent := sorted(wanted - {subject for subject, _ in folders}):
            present = sorted({subject for subject, _ in folders})
            raise InputError(
                f"no folder of frames for subject {absent[0]} (found: {', '.join(present) or 'none'})",
                file=root,
                clip=f"{self.name}/{absent[0]}",
                cure=f"unpack that subject's clips below the root, or leave {absent[0]} out of the subjects asked for",
            )
        asked = {key: folder for key, folder in folders.items() if key[0] in wanted}
        skipped = {
            clip_id: reason
            for clip_id, reason in self.not_clips(root).items()
            if clip_id.split("/")[1] in wanted
        }
        rows, annotated, digests = [], set(), {None: ""}
        for note in self.annotations(root, asked):
            key, clip_id = (note.subject, note.clip), self.clip_id(note.subject, note.clip)
            if subjects is not None and note.subject not in wanted:
                continue
            if key in annotated:
                raise InputError(
                    "annotated twice", file=note.sheet, clip=clip_id, cure="remove the wrong row"
                )
            annotated.add(key)
            if key not in folders:
                skipped[clip_id] = f"a row in {note.sheet.name}, but no folder on disk"
                continue
            if note.sheet not in digests:
                digests[note.sheet] = sha256(note.sheet)
            frames = list_frames(folders[key])
            frames_dir = folders[key].relative_to(root).as_posix()
            rows.append(
                {"clip_id": clip_id, "corpus": self.name, "subject": note.subject, "clip": note.clip}
                | {"frames_dir": frames_dir, "fps": note.fps, "emotion": note.emotion.lower()}
                | {"action_units": note.action_units, "sheet_sha256": digests[note.sheet]}
                | _range(note, clip_id, folders[key], list(frames))
            )
        for subject, clip in sorted(set(asked) - annotated):
            skipped[self.clip_id(subject, clip)] = "a folder on disk, but no row in the annotation workbook"
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


def _range(note: Annotation, clip_id: str, folder: Path, numbers: list[int]) -> dict:
    """Onset, apex and offset of one clip, with their sources."""
    from contracts.clips import NO_APEX

    onset = numbers[0] if note.onset is None else note.onset
    offset = numbers[-1] if note.offset is None else note.offset
    if onset >= offset:
        raise InputError(
            f"onset {onset} is not before offset {offset}",
            file=note.sheet or folder,
            clip=clip_id,
            cure="correct the row, or unpack the clip again if frames are missing",
        )
    # An apex on or outside the borders is a slip of the sheet; the apex stage finds one from the frames.
    apex = note.apex if note.apex is not None and onset < note.apex < offset else None
    for name, number in (("onset", onset), ("apex", apex), ("offset", offset)):
        if number is not None and number not in set(numbers):
            raise InputError(
                f"annotated {name} frame {number} is not on disk ({folder} has {numbers[0]} to {numbers[-1]})",
                file=note.sheet or folder,
                clip=clip_id,
                cure="unpack the clip again, or correct or remove its row in the annotation workbook",
            )
    return {
        "onset": onset,
        "apex": NO_APEX if apex is None else apex,
        "offset": offset,
        "apex_source": "none" if apex is None else "annotated",
        "range_source": "folder" if note.onset is None else "annotated",
    }
