"""From an owner's folders and annotations to the clip table, with everything left out or decided listed.

A corpus says in its own file what its folders look like and what its sheet is called; finding both, joining
them, and settling what they disagree about is the same for all and is done here. Every clip folder on disk
and every row of the sheet ends up among the clips, among the skipped, or in a fault.
"""

from collections.abc import Iterator
from pathlib import Path

from contracts.errors import InputError
from preprocess.corpora.corpus import Index, Report, Source, place_below
from preprocess.corpora.reading.annotations import by_clip, key_of, read_rows, without_copies
from preprocess.corpora.reading.declared import Annotation, ClipKey
from preprocess.corpora.reading.finding import Finder, Layout, places_of
from preprocess.corpora.reading.pictures import kind_of
from preprocess.corpora.reading.policies import settle
from preprocess.corpora.reading.sheets import UNREAD, Sheet, read_sheets, spreadsheets
from preprocess.frames import list_frames


class Recordings(Finder):
    """A corpus of frames in its owner's layout."""

    def sheets(self, layout: Layout) -> tuple[list[Sheet], list[InputError]]:
        """The annotation sheets to read, a row that stands in two only once; and why others were not.

        Raises:
            InputError: there is none, or two contradict each other.
        """
        if self.form is None:
            if layout.source.sheets:
                raise InputError(
                    f"{self.title} has no annotation sheet",
                    file=layout.source.root,
                    clip=f"corpora.{self.name}.sheets",
                    cure="remove the key",
                )
            return [], []
        chosen = list(
            dict.fromkeys(self.chosen(layout.source, "sheets", name) for name in layout.source.sheets)
        )
        sheets, refused = [], []
        for path in chosen or spreadsheets(layout.files):
            try:
                sheets += read_sheets(path, self.form)
            except InputError as error:
                if chosen:
                    raise
                refused.append(error)
        if not sheets:
            raise self._no_sheet(layout, refused)
        return without_copies(self, layout.source.root, sheets), refused

    def annotations(
        self, layout: Layout, sheets: list[Sheet], wanted: set[str], report: Report
    ) -> Iterator[Annotation]:
        """The owner's word on every clip of the wanted subjects; rows that cannot be read become faults."""
        return read_rows(self, sheets, wanted, report)

    def places(self, source: Source) -> list[Path]:
        layout = self.layout(source)
        return [*layout.homes, *(sheet.path for sheet in self.sheets(layout)[0])]

    def examine(
        self, source: Source, subjects: list[str] | None = None, *, corpus: str | None = None
    ) -> Index:
        from contracts.files import sha256

        self.part(corpus)
        layout, report = self.layout(source), Report()
        present = {subject for subject, _ in layout.folders}
        wanted = set(present if subjects is None else subjects)
        self._check_folders(layout, wanted - present, wanted, report)
        folders = {key: folder for key, folder in layout.folders.items() if key[0] in wanted}
        report.skipped |= {f"{self.name}/{where}": why for where, why in layout.no_clips.items()}
        for key in self.ignored.keys() & folders.keys():
            del folders[key]
            report.skipped[self.clip_id(*key)] = self.ignored[key]
        sheets, refused = self.sheets(layout)
        if subjects is None:
            # Subjects without any folder have rows to be listed, too.
            wanted |= {key_of(self, cells)[0] for sheet in sheets for _, cells in sheet.rows}
        notes = by_clip(self, self.annotations(layout, sheets, wanted, report), report)
        digests = {None: ""} | {sheet.path: sha256(sheet.path) for sheet in sheets}
        rows = []
        for key, note in notes.items():
            if key in folders:
                try:
                    row = self._row(layout, folders[key], note, report)
                    rows.append(row | {"sheet_sha256": digests[note.sheet]})
                except InputError as fault:
                    report.faults.append(fault)
            elif self.clip_id(*key) not in report.skipped:
                where = f"row {note.row} of {note.sheet.name}"
                report.skipped[self.clip_id(*key)] = f"{where}, but no folder on disk"
        faulty = {fault.clip for fault in report.faults}
        for key in folders:
            if key not in notes and self.clip_id(*key) not in faulty:
                report.skipped[self.clip_id(*key)] = "a folder on disk, but no row in the annotation sheet"
        if len(pictures := {row["pictures"] for row in rows}) > 1:
            report.fault(
                "raw and cropped pictures lie among each other",
                file=layout.source.root,
                cure=f"keep them apart, and set corpora.{self.name}.frames to the folder you mean, or say by "
                f"corpora.{self.name}.pictures what all of them are",
            )
        recognised = self._recognised(layout, notes, pictures)
        return report.index(rows, recognised | _passed_over(layout, refused))

    def _check_folders(self, layout: Layout, absent: set[str], wanted: set[str], report: Report) -> None:
        """Subjects without a folder, and clips with two."""
        if absent:
            here = ", ".join(sorted({subject for subject, _ in layout.folders}))
            report.fault(
                f"no folder of frames for {_few(sorted(absent), 'subject')}",
                file=layout.source.root,
                clip=f"{self.name}/{min(absent)}",
                cure=f"unpack their clips there, or set corpora.{self.name}.subjects to those found: {here}",
            )
        for key, folder in layout.copies:
            if key[0] in wanted:
                report.fault(
                    f"this clip is on disk twice (also {layout.folders.get(key)})",
                    file=folder,
                    clip=self.clip_id(*key),
                    cure=f"remove one, or set corpora.{self.name}.frames to a folder that has it once",
                )

    def _no_sheet(self, layout: Layout, refused: list[InputError]) -> InputError:
        seen = [f"{_place(layout, error.file)}: {error.problem}" for error in refused]
        seen += [
            f"{_place(layout, path)}: not read, save it as .xlsx"
            for path in layout.files
            if path.suffix.lower() in UNREAD
        ]
        return InputError(
            f"the annotation sheet of {self.title} is missing" + (f" ({'; '.join(seen)})" if seen else ""),
            file=layout.source.root / self.usual_sheet,
            cure="put the owner's sheet there or anywhere beside the frames (.xlsx, .xls, or saved as .csv)",
        )

    def _row(self, layout: Layout, folder: Path, note: Annotation, report: Report) -> dict:
        from contracts.clips import NO_FRAME

        clip_id = self.clip_id(note.subject, note.clip)
        try:
            frames = list_frames(folder)
        except InputError as error:
            raise InputError(error.problem, cure=error.cure, file=error.file, clip=clip_id) from error
        if len(frames) < 2:
            raise InputError("one frame is no clip", file=folder, clip=clip_id, cure="unpack the clip again")
        place = place_below(layout.source.root, folder, clip_id)
        pictures = kind_of(layout.source, list(frames.values()), clip_id)
        span = settle(list(frames), note.onset, note.apex, note.offset, note.said_apex)
        report.notes += [(clip_id, "repair", text) for text in note.repairs]
        report.notes += [(clip_id, about, text) for about, text in span.remarks]
        return {
            "clip_id": clip_id,
            "corpus": self.name,
            "subject": note.subject,
            "clip": note.clip,
            "frames_dir": place,
            "onset": span.onset,
            "apex": NO_FRAME if span.apex is None else span.apex,
            "offset": span.offset,
            "fps": note.fps,
            "emotion": note.emotion,
            "action_units": note.action_units,
            "apex_source": span.apex_source,
            "range_source": span.range_source,
            "pictures": pictures,
            "sheet_row": note.row,
        }

    def _recognised(
        self, layout: Layout, notes: dict[ClipKey, Annotation], pictures: set[str]
    ) -> dict[str, list[str]]:
        kinds = " and ".join(sorted(pictures)) or "no"
        subjects, full = len({subject for subject, _ in layout.folders}), self.full[self.name]
        size = f"{len(layout.folders)} of {full[1]} clips, {subjects} of {full[0]} subjects"
        found = {"frames": [f"{places_of(layout.source, layout.homes)}: {kinds} pictures, {size}"]}
        for sheet in sorted({note.sheet for note in notes.values() if note.sheet}):
            own = {key: note for key, note in notes.items() if note.sheet == sheet}
            said = f"{_place(layout, sheet)}: {len(own)} rows"
            found.setdefault("sheet", []).append(", ".join(filter(None, [said, self.edition(own)])))
        return found


def _place(layout: Layout, file: Path) -> str:
    return file.relative_to(layout.source.root).as_posix()


def _passed_over(layout: Layout, refused: list[InputError]) -> dict[str, list[str]]:
    said = [f"{_place(layout, error.file)}: {error.problem.partition(' (found:')[0]}" for error in refused]
    return {"passed over": said} if said else {}


def _few(names: list[str], what: str, shown: int = 4) -> str:
    """`subject s01`, `2 subjects (s01, s02)`, `22 subjects (s01, s02, s03, s04, ...)`."""
    if len(names) == 1:
        return f"{what} {names[0]}"
    return f"{len(names)} {what}s ({', '.join(names[:shown])}{', ...' if len(names) > shown else ''})"
