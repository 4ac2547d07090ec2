"""The public 28x28 flow set: optical flow of the 442 clips of MEGC2019, with which STSTNet was published.

Pictures: one PNG a clip, 28x28, red, green and blue being u, v and optical strain from onset to apex. Each
    channel of each picture was stretched to 0..255 by itself, so the size of the motion and the value that
    stands for "no motion" are lost. Nothing in them shows a face.
Layout: `datasets/STSNet_whole_norm_u_v_os/sub01_EP02_01f .png`, in one folder. `three_norm_u_v_os` beside it
    holds the same pictures again, copied once a fold, and other folders hold face crops: neither is read.
Labels: `combined_3_class2_for_optical_flow.csv`, one row a clip, 0 negative, 1 positive, 2 surprise. Neither
    frame numbers nor action units.
Quirks: most names have a space before `.png`, some have none; SMIC clips are `s01_ne_01` in one column and
    `s01_s1_ne_01` in another; spreadsheet programs turn SAMM's `006` into 6. So ids are compared normalised.
Access: the public repository `wangzhifengharrison/HTNet`, under its own terms; see
    `docs/corpora/public_flows.md`.
Cite: Liong, Gan, See, Khor, Huang, "Shallow triple stream three-dimensional CNN (STSTNet) for
    micro-expression recognition", FG 2019, and the owners of SMIC, CASME II and SAMM.
"""

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from contracts.errors import InputError
from preprocess.corpora.corpus import Flows, Index, Report, Source
from preprocess.corpora.reading.sheets import Form, Sheet, read_sheet, spreadsheets
from preprocess.corpora.reading.tree import Survey, listing, survey

if TYPE_CHECKING:
    import numpy as np

FOLDER = "STSNet_whole_norm_u_v_os"
LIST = "combined_3_class2_for_optical_flow.csv"
EMOTIONS = {"0": "negative", "1": "positive", "2": "surprise"}

_FORM = Form(
    headings={"corpus": "dataset", "subject": "sub", "clip": "filename_o", "label": "label"},
    clip=re.compile(r"ep[0-9_]+f?|(s[0-9]+_)?(ne|po|sur)_[0-9]+|[0-9]+(_[0-9]+)+", re.IGNORECASE),
)
CHANNELS = ("u", "v", "strain")
_PNG = b"\x89PNG\r\n\x1a\n"
_FETCH = "fetch the repository again; docs/corpora/public_flows.md says how"


class _Spelling(NamedTuple):
    """How one corpus's ids are written: subject, then the clip, which may begin with the subject again."""

    fps: float
    subject: str
    pattern: re.Pattern
    clip: Callable[..., str]


_SPELLINGS = {
    "smic": _Spelling(
        100.0,
        "s{:02d}",
        re.compile(r"s0*([0-9]+)_(?:s0*\1_)?(ne|po|sur)_([0-9]+)"),
        lambda subject, emotion, number: f"{subject}_{emotion}_{int(number):02d}",
    ),
    "casme2": _Spelling(
        200.0,
        "sub{:02d}",
        re.compile(r"sub0*([0-9]+)_ep([0-9_]+f?)"),
        lambda subject, name: f"EP{name}",
    ),
    "samm": _Spelling(
        200.0,
        "{:03d}",
        re.compile(r"0*([0-9]+)_(?:0*\1_)?([0-9]+)_([0-9]+)"),
        lambda subject, video, number: f"{subject}_{video}_{number}",
    ),
}

ClipKey = tuple[str, str]
"""(subject, clip) in the official lists' spelling."""


class _Row(NamedTuple):
    """One row of the list: its number there, and the emotion."""

    number: int
    emotion: str


class PublicFlows(Flows):
    """Flow of SMIC-HS, CASME II and SAMM, each asked for by its name."""

    name = "public_flows"
    title = "the public 28x28 flow set"
    full = {"smic": (16, 164), "casme2": (24, 145), "samm": (28, 133)}
    size = 28
    coding = "minmax"

    def subject_paths(self, source: Source, corpus: str | None = None) -> dict[str, list[Path]]:
        if not source.root.is_dir():
            return {}
        homes = self._homes(source, survey(source.root, _is_home))
        found: dict[str, list[Path]] = {}
        for path in _pictures(homes[0]) if homes else ():
            key = official(corpus or self.provides[0], path.stem)
            if key:
                found.setdefault(key[0], []).append(path)
        return found

    def sheet_files(self, source: Source) -> list[Path]:
        if not source.root.is_dir():
            return []
        return _candidates(source, survey(source.root, _is_home))

    def read_flow(self, path: Path) -> "np.ndarray":
        import numpy as np

        from preprocess.frames import read_color

        try:
            with Path(path).open("rb") as file:
                if file.read(len(_PNG)) != _PNG:
                    raise InputError("not a PNG, whatever its name says", file=path, cure=_FETCH)
            pixels = read_color(path)
        except FileNotFoundError as error:
            raise InputError("the flow picture is not on disk", file=path, cure=_FETCH) from error
        except InputError as error:
            raise InputError(error.problem, cure=_FETCH, file=path) from error
        if pixels.shape[:2] != (self.size, self.size):
            height, width = pixels.shape[:2]
            raise InputError(f"{width}x{height} pixels, not {self.size}x{self.size}", file=path, cure=_FETCH)
        flow = np.moveaxis(pixels, -1, 0).astype(np.float32)
        for channel, plane in zip(CHANNELS, flow, strict=True):
            # True of all 442, and hardly of a face crop, or of a picture that was resized or coded again.
            if (plane.min(), plane.max()) != (0, 255):
                span = f"{channel} spans {plane.min():g} to {plane.max():g}, not 0 to 255"
                raise InputError(f"no flow picture of this set: {span}", file=path, cure=_FETCH)
        return flow

    def examine(
        self, source: Source, subjects: list[str] | None = None, *, corpus: str | None = None
    ) -> Index:
        from contracts.files import sha256

        corpus = self._provided(corpus)
        home, sheet = self._find(source)
        report = Report()
        rows = self._rows(sheet, corpus, report)
        pictures = self._by_clip(home, corpus, report)
        clips = []
        for key, row in rows.items():
            clip_id = "/".join((corpus, *key))
            if key not in pictures:
                report.skipped[clip_id] = f"row {row.number} of {sheet.path.name}, but no picture on disk"
            elif len(pictures[key]) > 1:
                names = " and ".join(repr(path.name) for path in pictures[key])
                report.fault(f"it has two pictures, {names}", file=home, clip=clip_id, cure="remove one")
            elif subjects is None or key[0] in subjects:
                try:
                    self.read_flow(pictures[key][0])
                except InputError as error:
                    report.fault(error.problem, cure=error.cure, file=error.file, clip=clip_id)
                else:
                    clips.append(self._clip(source, corpus, key, row, pictures[key][0]))
        faulty = {fault.clip for fault in report.faults}
        for key in pictures:
            if key not in rows and (clip_id := "/".join((corpus, *key))) not in faulty:
                report.skipped[clip_id] = f"a picture on disk, but no row in {sheet.path.name}"
        if subjects is not None:
            _restrict(report, corpus, subjects)
            self._miss(report, home, corpus, set(subjects) - {clip["subject"] for clip in clips})
        digest = sha256(sheet.path)
        return report.index(
            [clip | {"sheet_sha256": digest} for clip in clips],
            self._recognised(source, home, sheet, corpus, pictures),
        )

    # Finding

    def _provided(self, corpus: str | None) -> str:
        if corpus is None:
            return self.provides[0]
        if corpus in self.full:
            return corpus
        raise InputError(
            f"{self.title} has no clips of {corpus!r}",
            clip=f"corpora.{self.name}",
            cure=f"use it for {', '.join(self.provides)}",
        )

    def _find(self, source: Source) -> tuple[Path, Sheet]:
        """The folder of pictures and the list."""
        if not source.root.is_dir():
            raise InputError(
                f"the root folder of {self.title} does not exist",
                file=source.root,
                cure="fetch the repository there (docs/corpora/public_flows.md says how), or set "
                f"corpora.{self.name}.root in the configuration",
            )
        found = survey(source.root, _is_home)
        if homes := self._homes(source, found):
            return homes[0], self._list(source, found)
        raise InputError(
            f"no folder {FOLDER!r} with PNG pictures within four levels below",
            file=source.root,
            cure=f"set corpora.{self.name}.root to the folder into which the repository was fetched",
        )

    def _homes(self, source: Source, found: Survey) -> list[Path]:
        if source.frames:
            return [self._chosen(source)]
        homes = [home for home in found.homes if _pictures(home)]
        if len(homes) > 1:
            raise InputError(
                f"{self.title} is here more than once ({_places(source, homes)})",
                file=source.root,
                cure=f"set corpora.{self.name}.frames in the configuration to the one you mean",
            )
        return homes

    def _chosen(self, source: Source) -> Path:
        """The folder that the user named, whatever it is called, or the one with the pictures below it."""
        folder = self.chosen(source, "frames", source.frames)
        if folder.is_dir():
            for home in (folder, *survey(folder, _is_home).homes):
                if _pictures(home):
                    return home
        raise InputError(
            f"no PNG picture in the folder chosen as corpora.{self.name}.frames",
            file=folder,
            cure=f"name the folder {FOLDER!r} as seen from the root, or remove the key",
        )

    def _list(self, source: Source, found: Survey) -> Sheet:
        chosen = [self.chosen(source, "sheets", name) for name in source.sheets]
        sheets: list[Sheet] = []
        refused = []
        for path in chosen or _candidates(source, found):
            try:
                sheets.append(read_sheet(path, _FORM))
            except InputError as error:
                if chosen:
                    raise
                refused.append(f"; {path.name}: {error.problem}")
        if not sheets:
            columns = ", ".join(_FORM.headings.values())
            raise InputError(
                f"the list of clips is missing (a table with the columns {columns}{''.join(refused)})",
                file=source.root / LIST,
                cure="fetch it together with the pictures; docs/corpora/public_flows.md says how",
            )
        if any(sheet.rows != sheets[0].rows for sheet in sheets):
            raise InputError(
                f"several lists contradict each other ({_places(source, [one.path for one in sheets])})",
                file=source.root,
                cure=f"set corpora.{self.name}.sheets in the configuration to the one you mean",
            )
        return sheets[0]

    # Joining

    def _rows(self, sheet: Sheet, corpus: str, report: Report) -> dict[ClipKey, _Row]:
        """One corpus's rows of the list by clip; a row that cannot be told is a fault, whoever's it is."""
        rows: dict[ClipKey, _Row] = {}
        for number, cells in sheet.rows:
            owner = cells["corpus"].casefold()
            if owner not in self.full:
                report.fault(
                    f"dataset {cells['corpus']!r} in row {number} is none of {', '.join(self.full)}",
                    file=sheet.path,
                    cure="correct the cell or remove the row",
                )
                continue
            if owner != corpus:
                continue
            key = official(corpus, f"{cells['subject']}_{cells['clip']}")
            if key is None:
                report.fault(
                    f"row {number} names no clip of {corpus} ({cells['subject']!r}, {cells['clip']!r})",
                    file=sheet.path,
                    cure="correct sub and filename_o or remove the row",
                )
                continue
            clip_id = "/".join((corpus, *key))
            # A spreadsheet program may have made a number of it.
            emotion = EMOTIONS.get(re.sub(r"\.0*$", "", cells["label"]))
            if emotion is None:
                report.fault(
                    f"label {cells['label']!r} in row {number} is none of {', '.join(EMOTIONS)}",
                    file=sheet.path,
                    clip=clip_id,
                    cure="correct the cell",
                )
            if key in rows:
                report.fault(
                    f"listed twice, in rows {rows[key].number} and {number}",
                    file=sheet.path,
                    clip=clip_id,
                    cure="remove the wrong row",
                )
            elif emotion is not None:
                rows[key] = _Row(number, emotion)
        return rows

    def _by_clip(self, home: Path, corpus: str, report: Report) -> dict[ClipKey, list[Path]]:
        """One corpus's pictures by clip; files beside them that are none are among the skipped."""
        pictures: dict[ClipKey, list[Path]] = {}
        png = set(_pictures(home))
        for path in listing(home)[1]:
            if path.suffix.lower() in (".png", ".jpg", ".jpeg", ".bmp") and _owner(path.stem) == corpus:
                key = official(corpus, path.stem)
                if path not in png:
                    report.skipped[f"{corpus}/{path.name}"] = "not a PNG, so not the published values"
                elif key is None:
                    report.skipped[f"{corpus}/{path.name}"] = "a picture whose name is no clip's"
                else:
                    pictures.setdefault(key, []).append(path)
        return pictures

    def _clip(self, source: Source, corpus: str, key: ClipKey, row: _Row, picture: Path) -> dict:
        from contracts.clips import NO_FRAME

        return {
            "clip_id": "/".join((corpus, *key)),
            "corpus": corpus,
            "subject": key[0],
            "clip": key[1],
            "frames_dir": picture.relative_to(source.root).as_posix(),
            "onset": NO_FRAME,
            "apex": NO_FRAME,
            "offset": NO_FRAME,
            "fps": _SPELLINGS[corpus].fps,
            "emotion": row.emotion,
            "action_units": "",
            "apex_source": "none",
            "range_source": "none",
            "pictures": "flow",
            "sheet_row": row.number,
        }

    def _miss(self, report: Report, home: Path, corpus: str, subjects: set[str]) -> None:
        """A subject without any clip is a fault, unless one of its own explains it."""
        explained = {fault.clip.split("/")[1] for fault in report.faults if fault.clip}
        for subject in sorted(subjects - explained):
            report.fault(
                "this subject has no clip in the list and on disk",
                file=home,
                clip=f"{corpus}/{subject}",
                cure=f"do not ask for it, or {_FETCH}",
            )

    def _recognised(
        self, source: Source, home: Path, sheet: Sheet, corpus: str, pictures: dict[ClipKey, list[Path]]
    ) -> dict[str, str]:
        subjects, clips = self.full[corpus]
        present = len({subject for subject, _ in pictures})
        size = f"{len(pictures)} of {clips} clips, {present} of {subjects} subjects of {corpus}"
        return {
            "frames": f"{_places(source, [home])}: flow pictures, {size}",
            "sheet": f"{_places(source, [sheet.path])}: {len(sheet.rows)} rows",
        }


def official(corpus: str, name: str) -> ClipKey | None:
    """(subject, clip) in the official spelling, from any spelling in use; None where it is no clip's name.

    Args:
        corpus: whose clip it is.
        name: subject and clip with `_` between, without suffix: `s01_s1_ne_01`, `6_006_1_2`.
    """
    spelling = _SPELLINGS[corpus]
    match = spelling.pattern.fullmatch(name.strip().casefold())
    if match is None:
        return None
    subject = spelling.subject.format(int(match[1]))
    return subject, spelling.clip(subject, *match.groups()[1:])


def _owner(stem: str) -> str:
    """Whose picture this is; every name is somebody's, so that none is passed over."""
    return next((corpus for corpus in _SPELLINGS if official(corpus, stem)), next(iter(_SPELLINGS)))


def _is_home(folder: Path, children: list[Path]) -> bool:
    # Of a doubled level, the inner one holds the pictures.
    return _is_named(folder) and not any(_is_named(child) for child in children)


def _is_named(folder: Path) -> bool:
    return folder.absolute().name.casefold() == FOLDER.casefold()


def _pictures(home: Path) -> list[Path]:
    return [path for path in listing(home)[1] if path.suffix.lower() == ".png"]


def _candidates(source: Source, found: Survey) -> list[Path]:
    """Where the list may be: on the way to the pictures, or above, if the folder itself was given as root."""
    files = spreadsheets(found.files)
    if files or source.root not in found.homes:
        return files
    above = (source.root / "..", source.root / "../..")
    return [path for folder in above for path in spreadsheets(listing(folder)[1])]


def _restrict(report: Report, corpus: str, subjects: list[str]) -> None:
    """Leave out what concerns other subjects."""

    def concerns(clip_id: str | None) -> bool:
        parts = (clip_id or "").split("/")
        return len(parts) != 3 or parts[1] in subjects

    report.skipped = {clip_id: why for clip_id, why in report.skipped.items() if concerns(clip_id)}
    report.faults = [fault for fault in report.faults if concerns(fault.clip)]


def _places(source: Source, paths: list[Path]) -> str:
    return ", ".join(Path(os.path.relpath(path, source.root)).as_posix() for path in paths)


CORPUS = PublicFlows()
