"""What the owner says about each clip: the rows of the annotation sheets, one after the other.

A row that cannot be read becomes a fault and the next one is read. Everything about a corpus that is needed
here (headings, emotions, spelling of ids) is declared in its own file.
"""

import difflib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from contracts.errors import InputError
from preprocess.corpora.corpus import Report
from preprocess.corpora.reading.declared import Annotation, ClipKey, Declared
from preprocess.corpora.reading.repairs import repaired
from preprocess.corpora.reading.sheets import Sheet, whole_number


def read_rows(
    corpus: Declared, sheets: Iterable[Sheet], wanted: set[str], report: Report
) -> Iterator[Annotation]:
    """The annotations of the wanted subjects; a row of theirs that cannot be read is a fault."""
    for sheet in sheets:
        for number, cells in sheet.rows:
            try:
                one = _annotation(corpus, sheet, number, cells)
            except InputError as fault:
                if fault.clip is None or fault.clip.split("/")[1] in wanted:
                    report.faults.append(fault)
                continue
            if one.subject in wanted:
                yield one


def by_clip(corpus: Declared, annotations: Iterable[Annotation], report: Report) -> dict[ClipKey, Annotation]:
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


def without_copies(corpus: Declared, root: Path, sheets: list[Sheet]) -> list[Sheet]:
    """The sheets with every row that stands in two of them left in the first alone.

    Raises:
        InputError: two sheets say different things of a clip.
    """
    read: dict[ClipKey, tuple[dict[str, str], Sheet]] = {}
    kept = []
    for sheet in sheets:
        fresh = []
        for number, cells in sheet.rows:
            key = key_of(corpus, cells)
            known, first = read.get(key, (cells, sheet))
            if first is not sheet and not _alike(corpus, known, cells):
                raise _contradiction(corpus, root, corpus.clip_id(*key), first, sheet)
            if first is sheet:
                fresh.append((number, cells))
                read[key] = (cells, sheet)
        if fresh:
            kept.append(replace(sheet, rows=tuple(fresh)))
    return kept


def _contradiction(corpus: Declared, root: Path, clip_id: str, one: Sheet, other: Sheet) -> InputError:
    where = {"file": other.path, "clip": clip_id}
    if one.path == other.path:
        tabs = f"sheets {one.tab + 1} and {other.tab + 1} of the file"
        return InputError(f"{tabs} contradict each other", cure="remove the wrong one", **where)
    names = ", ".join(sheet.path.relative_to(root).as_posix() for sheet in (one, other))
    return InputError(
        f"{one.path.name} and {other.path.name} contradict each other",
        cure=f"set corpora.{corpus.name}.sheets in the configuration to yours ({names})",
        **where,
    )


def _alike(corpus: Declared, one: Mapping[str, str], other: Mapping[str, str]) -> bool:
    """Whether two rows on a clip say the same: `01` is 1, `Others` may be `Other`, and a stripped copy may
    lack what is optional.
    """

    def meant(field: str, cell: str) -> object:
        if field in ("subject", "clip"):
            return None
        if (number := whole_number(cell)) is not None:
            return number
        return _emotion(corpus, cell) if field == "emotion" else cell.lower()

    return all(
        meant(field, one[field]) == meant(field, other[field])
        or (field in corpus.form.optional and not (one[field] and other[field]))
        for field in corpus.form.headings
    )


def _emotion(corpus: Declared, cell: str) -> str:
    """The owner's word, from whatever spelling of it."""
    word = cell.lower()
    return corpus.aliases.get(word, word)


def key_of(corpus: Declared, cells: Mapping[str, str]) -> ClipKey:
    """Whom a row is about; copies without a column of subjects have them in the clips' names."""
    return corpus.subject_of(cells["subject"] or cells["clip"]), corpus.clip_of(cells["clip"])


def _annotation(corpus: Declared, sheet: Sheet, number: int, cells: dict[str, str]) -> Annotation:
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

    def whole(name: str) -> int:
        if (value := whole_number(cells[name])) is None:
            raise InputError(
                f"{corpus.form.headings[name]} in row {number} is {cells[name]!r}, not a number",
                file=sheet.path,
                clip=clip_id,
                cure="correct the cell or remove the row; if it is a formula, save the sheet once more",
            )
        return value

    onset, offset = whole("onset"), whole("offset")
    if onset >= offset:
        raise InputError(
            f"onset {onset} is not before offset {offset} in row {number}",
            file=sheet.path,
            clip=clip_id,
            cure="correct the cells or remove the row",
        )
    emotion = _emotion(corpus, cells["emotion"])
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
        onset=onset,
        apex=whole_number(cells["apex"]),
        offset=offset,
        fps=float(corpus.fps or whole("fps")),
        emotion=emotion,
        action_units=cells["action_units"],
        said_apex=cells["apex"],
        sheet=sheet.path,
        row=number,
        repairs=tuple(remarks),
    )
