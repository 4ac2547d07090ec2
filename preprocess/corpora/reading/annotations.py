"""What the owner says about each clip: the rows of the annotation sheets, one after the other.

A row that cannot be read becomes a fault and the next one is read. Everything about a corpus that is needed
here (headings, emotions, spelling of ids) is declared in its own file.
"""

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from contracts.errors import InputError
from preprocess.corpora.corpus import Report
from preprocess.corpora.reading.repairs import repaired
from preprocess.corpora.reading.sheets import Sheet, whole_number

if TYPE_CHECKING:
    from preprocess.corpora.reading.recordings import Recordings

ClipKey = tuple[str, str]
"""(subject, clip) in the official lists' spelling; a clip name alone may occur under several subjects."""


@dataclass(frozen=True)
class Annotation:
    """What the owner says about one clip. None stands for a frame number the owner does not give.

    `said_apex` is the apex's cell as it stands; `sheet` and `row` say where, None and 0 for folder names.
    """

    subject: str
    clip: str
    onset: int | None
    apex: int | None
    offset: int | None
    fps: float
    emotion: str
    action_units: str = ""
    said_apex: str = ""
    sheet: Path | None = None
    row: int = 0


def read_rows(
    corpus: "Recordings", sheets: Iterable[Sheet], wanted: set[str], report: Report
) -> Iterator[Annotation]:
    """The annotations of the wanted subjects; a row of theirs that cannot be read is a fault."""
    for sheet in sheets:
        for number, cells in sheet.rows:
            try:
                one = _annotation(corpus, sheet, number, cells, report)
            except InputError as fault:
                if fault.clip is None or fault.clip.split("/")[1] in wanted:
                    report.faults.append(fault)
                continue
            if one.subject in wanted:
                yield one


def by_clip(
    corpus: "Recordings", annotations: Iterable[Annotation], report: Report
) -> dict[ClipKey, Annotation]:
    """Annotations by clip; a clip's second one is a fault."""
    notes: dict[ClipKey, Annotation] = {}
    for note in annotations:
        key = (note.subject, note.clip)
        if key in notes:
            report.fault(
                f"annotated twice, in rows {notes[key].row} and {note.row}",
                file=note.sheet,
                clip=corpus.clip_id(*key),
                cure="remove the wrong row",
            )
            continue
        notes[key] = note
    return notes


def without_copies(corpus: "Recordings", root: Path, sheets: list[Sheet]) -> list[Sheet]:
    """The sheets with every row that stands in two of them left in the first alone.

    Raises:
        InputError: two sheets say different things of a clip.
    """
    read: dict[ClipKey, tuple[dict[str, str], Path]] = {}
    kept = []
    for sheet in sheets:
        fresh = []
        for number, cells in sheet.rows:
            key = key_of(corpus, cells)
            known, where = read.get(key, (None, sheet.path))
            if where != sheet.path and known != cells:
                names = ", ".join(str(one.path.relative_to(root)) for one in sheets)
                raise InputError(
                    f"{where.name} and {sheet.path.name} contradict each other",
                    file=sheet.path,
                    clip=corpus.clip_id(*key),
                    cure=f"set corpora.{corpus.name}.sheets in the configuration to yours ({names})",
                )
            if where == sheet.path:
                fresh.append((number, cells))
                read[key] = (cells, sheet.path)
        if fresh:
            kept.append(Sheet(sheet.path, tuple(fresh)))
    return kept


def key_of(corpus: "Recordings", cells: Mapping[str, str]) -> ClipKey:
    """Whom a row is about; copies without a column of subjects have them in the clips' names."""
    return corpus.subject_of(cells["subject"] or cells["clip"]), corpus.clip_of(cells["clip"])


def subject_spelling(template: str, cell: str) -> str:
    """The official spelling of a subject: `{:03d}` makes `006` of `6`, of `006` and of `6.0`."""
    digits = re.search(r"([0-9]{1,6})(\.0*)?$", cell)
    return template.format(int(digits[1])) if digits else cell


def _annotation(
    corpus: "Recordings", sheet: Sheet, number: int, cells: dict[str, str], report: Report
) -> Annotation:
    if not cells["clip"] or not (cells["subject"] or "subject" in corpus.form.optional):
        said = ", ".join(repr(cell) for cell in cells.values() if cell)
        raise InputError(
            f"row {number} names no {'clip' if not cells['clip'] else 'subject'} ({said})",
            file=sheet.path,
            cure="complete the row or remove it",
        )
    subject, clip = key_of(corpus, cells)
    clip_id = corpus.clip_id(subject, clip)
    cells, remarks = repaired(cells, corpus.name, subject, clip)
    report.notes += [(clip_id, "repair", remark) for remark in remarks]

    def whole(name: str) -> int:
        if (value := whole_number(cells[name])) is None:
            raise InputError(
                f"{corpus.form.headings[name]} in row {number} is {cells[name]!r}, not a number",
                file=sheet.path,
                clip=clip_id,
                cure="correct the cell or remove the row; if it is a formula, save the sheet once more",
            )
        return value

    emotion = cells["emotion"].lower()
    emotion = corpus.aliases.get(emotion, emotion)
    if emotion not in corpus.emotions:
        near = difflib.get_close_matches(emotion, corpus.emotions, n=1)
        raise InputError(
            f"emotion {cells['emotion']!r} in row {number} is none of {', '.join(corpus.emotions)}",
            file=sheet.path,
            clip=clip_id,
            cure=f"correct the cell{f' to {near[0]!r}' if near else ''} or remove the row",
        )
    if corpus.fps is None and not whole("fps"):
        raise InputError(
            f"0 frames per second in row {number}", file=sheet.path, clip=clip_id, cure="correct the cell"
        )
    return Annotation(
        subject=subject,
        clip=clip,
        onset=whole("onset"),
        apex=whole_number(cells["apex"]),
        offset=whole("offset"),
        fps=float(corpus.fps or whole("fps")),
        emotion=emotion,
        action_units=cells["action_units"],
        said_apex=cells["apex"],
        sheet=sheet.path,
        row=number,
    )
