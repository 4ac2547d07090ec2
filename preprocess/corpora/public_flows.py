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
"""

import re
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from contracts.errors import InputError
from preprocess.corpora.corpus import Flows, Index, Report, Source, place_below
from preprocess.corpora.reading.sheets import Form, Sheet, read_sheets, spreadsheets
from preprocess.corpora.reading.tree import listing, survey

if TYPE_CHECKING:
    import numpy as np

FOLDER = "STSNet_whole_norm_u_v_os"
LIST = "combined_3_class2_for_optical_flow.csv"
EMOTIONS = {"0": "negative", "1": "positive", "2": "surprise"}
CHANNELS = ("u", "v", "strain")

_FORM = Form(
    headings={"corpus": "dataset", "subject": "sub", "clip": "filename_o", "label": "label"},
    clip=re.compile(r"ep[0-9_]+f?|(s[0-9]+_)?(ne|po|sur)_[0-9]+|[0-9]+(_[0-9]+)+", re.IGNORECASE),
)
_PNG = b"\x89PNG\r\n\x1a\n"
_OTHER_PICTURES = (".jpg", ".jpeg", ".bmp")
_FETCH = "fetch the repository again; docs/corpora/public_flows.md says how"
_ROOT = (
    "set corpora.public_flows.root to the repository's folder; "
    "docs/corpora/public_flows.md says how to fetch it"
)


class _Spelling(NamedTuple):
    """One corpus: frames per second; subject and clip in any spelling; the official one of each."""

    fps: float
    pattern: re.Pattern
    subject: str
    clip: str


# A clip's name may begin with the subject again.
_SPELLINGS = {
    "smic": _Spelling(
        100.0, re.compile(r"s0*([0-9]+)_(?:s0*\1_)?(ne|po|sur)_0*([0-9]+)"), "s{:0>2}", "{0}_{1}_{2:0>2}"
    ),
    "casme2": _Spelling(200.0, re.compile(r"sub0*([0-9]+)_ep([0-9_]+f?)"), "sub{:0>2}", "EP{1}"),
    "samm": _Spelling(200.0, re.compile(r"0*([0-9]+)_(?:0*\1_)?([0-9]+)_([0-9]+)"), "{:0>3}", "{0}_{1}_{2}"),
}

ClipKey = tuple[str, str]
"""(subject, clip) in the official lists' spelling."""


class _Row(NamedTuple):
    """One row of the list: its number there, and the label as written."""

    number: int
    label: str


class PublicFlows(Flows):
    """Flow of SMIC-HS, CASME II and SAMM, each asked for by its name."""

    name = "public_flows"
    title = "the public 28x28 flow set"
    cite = (
        "Liong, Gan, See, Khor, Huang. Shallow Triple Stream Three-dimensional CNN (STSTNet) for "
        "Micro-expression Recognition. FG 2019. https://arxiv.org/abs/1902.03634; as carried by "
        "https://github.com/wangzhifengharrison/HTNet."
    )
    full = {"smic": (16, 164), "casme2": (24, 145), "samm": (28, 133)}
    size = 28
    coding = "minmax"

    def subject_paths(self, source: Source, corpus: str | None = None) -> dict[str, list[Path]]:
        corpus, home = self.part(corpus), self._home(source)
        found: dict[str, list[Path]] = {}
        for (subject, _), paths in (_by_clip(home, corpus) if home else {}).items():
            found.setdefault(subject, []).extend(paths)
        return found

    def sheet_files(self, source: Source) -> list[Path]:
        if not source.root.is_dir():
            return []
        if source.sheets:
            return [self.chosen(source, "sheets", name) for name in source.sheets]
        return spreadsheets(survey(source.root, _is_home).files)

    def places(self, source: Source) -> list[Path]:
        home, sheet = self._find(source)
        return [home, sheet.path]

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

        corpus = self.part(corpus)
        home, sheet = self._find(source)
        report = Report()
        if corpus == self.provides[0]:
            # What is no corpus's is said once.
            report.skipped |= {f"{self.name}/{name}": why for name, why in _strangers(home).items()}
        rows, pictures = self._rows(sheet, corpus, report), _by_clip(home, corpus)
        digest = sha256(sheet.path)
        clips, told = [], set()
        for key in sorted(rows.keys() | pictures.keys()):
            subject, clip_id = key[0], "/".join((corpus, *key))
            if subjects is not None and subject not in subjects:
                continue
            if key not in pictures:
                where = f"row {rows[key][0].number} of {sheet.path.name}"
                report.skipped[clip_id] = f"{where}, but no picture on disk"
            elif key not in rows:
                report.skipped[clip_id] = f"a picture on disk, but no row in {sheet.path.name}"
            else:
                told.add(subject)
                try:
                    own = self._clip(source, sheet, rows[key], pictures[key])
                except InputError as error:
                    report.fault(error.problem, cure=error.cure, file=error.file, clip=clip_id)
                else:
                    names = {"clip_id": clip_id, "corpus": corpus, "subject": subject, "clip": key[1]}
                    clips.append(names | own | {"fps": _SPELLINGS[corpus].fps, "sheet_sha256": digest})
        for subject in sorted(set(subjects or ()) - told):
            report.fault(
                "this subject has no clip in the list and on disk",
                file=home,
                clip=f"{corpus}/{subject}",
                cure=f"do not ask for it, or {_FETCH}",
            )
        return report.index(clips, self._recognised(source, home, sheet, corpus, pictures))

    # Finding

    def _find(self, source: Source) -> tuple[Path, Sheet]:
        """The folder of pictures and the list."""
        if home := self._home(source):
            return home, self._list(source)
        if not source.root.is_dir():
            raise InputError(f"the root folder of {self.title} does not exist", file=source.root, cure=_ROOT)
        chosen = f"set corpora.{self.name}.frames to the folder of pictures, or remove the key"
        raise InputError(
            f"no folder {FOLDER!r} with PNG pictures within four levels below",
            file=source.root / source.frames,
            cure=chosen if source.frames else _ROOT,
        )

    def _home(self, source: Source) -> Path | None:
        """The folder of pictures, by directory listing alone; None while there is none."""
        if not source.root.is_dir():
            return None
        folder = self.chosen(source, "frames", source.frames) if source.frames else source.root
        if source.frames and _pictures(folder):
            # Chosen by name, so it may be called anything.
            return folder
        homes = survey(folder, _is_home, lambda home, children: set()).homes
        if len(homes) > 1:
            raise InputError(
                f"{self.title} is here more than once ({_below(source, homes)})",
                file=folder,
                cure=f"set corpora.{self.name}.frames in the configuration to the one you mean",
            )
        return homes[0] if homes else None

    def _list(self, source: Source) -> Sheet:
        sheets: list[Sheet] = []
        refused = []
        for path in self.sheet_files(source):
            try:
                sheets += read_sheets(path, _FORM)
            except InputError as error:
                if source.sheets:
                    raise
                refused.append(f"; {path.name}: {error.problem}")
        if not sheets:
            columns = ", ".join(_FORM.headings.values())
            raise InputError(
                f"the list of clips is missing (a table with the columns {columns}{''.join(refused)})",
                file=source.root / LIST,
                cure=_ROOT,
            )
        if any(sheet.rows != sheets[0].rows for sheet in sheets):
            raise InputError(
                f"several lists contradict each other ({_below(source, [one.path for one in sheets])})",
                file=source.root,
                cure=f"set corpora.{self.name}.sheets in the configuration to the one you mean",
            )
        return sheets[0]

    # Joining

    def _rows(self, sheet: Sheet, corpus: str, report: Report) -> dict[ClipKey, list[_Row]]:
        """One corpus's rows of the list by clip; a row that cannot be told is a fault, whoever's it is."""
        rows: dict[ClipKey, list[_Row]] = {}
        for number, cells in sheet.rows:
            owner = cells["corpus"].casefold()
            if owner not in self.full:
                report.fault(
                    f"dataset {cells['corpus']!r} in row {number} is none of {', '.join(self.full)}",
                    file=sheet.path,
                    cure="correct the cell or remove the row",
                )
            elif owner != corpus:
                continue
            elif key := official(corpus, f"{cells['subject']}_{cells['clip']}"):
                rows.setdefault(key, []).append(_Row(number, cells["label"]))
            else:
                report.fault(
                    f"row {number} names no clip of {corpus} ({cells['subject']!r}, {cells['clip']!r})",
                    file=sheet.path,
                    cure="correct sub and filename_o or remove the row",
                )
        return rows

    def _clip(self, source: Source, sheet: Sheet, rows: list[_Row], pictures: list[Path]) -> dict:
        """What list and picture say of a clip.

        Raises:
            InputError: either is there twice, the label is none, or the picture is none of this set.
        """
        from contracts.clips import NO_FRAME

        if len(rows) > 1:
            numbers = " and ".join(str(row.number) for row in rows)
            raise InputError(f"listed twice, in rows {numbers}", file=sheet.path, cure="remove the wrong row")
        if len(pictures) > 1:
            names = " and ".join(repr(path.name) for path in pictures)
            raise InputError(f"it has two pictures, {names}", file=pictures[0].parent, cure="remove one")
        (row,), (picture,) = rows, pictures
        # A spreadsheet program may have made a number of it.
        emotion = EMOTIONS.get(re.sub(r"\.0*$", "", row.label))
        if emotion is None:
            raise InputError(
                f"label {row.label!r} in row {row.number} is none of {', '.join(EMOTIONS)}",
                file=sheet.path,
                cure="correct the cell",
            )
        self.read_flow(picture)
        return {
            "frames_dir": place_below(source.root, picture),
            "onset": NO_FRAME,
            "apex": NO_FRAME,
            "offset": NO_FRAME,
            "emotion": emotion,
            "action_units": "",
            "apex_source": "none",
            "range_source": "none",
            "pictures": "flow",
            "sheet_row": row.number,
        }

    def _recognised(
        self, source: Source, home: Path, sheet: Sheet, corpus: str, pictures: Collection[ClipKey]
    ) -> dict[str, list[str]]:
        subjects, clips = self.full[corpus]
        present = len({subject for subject, _ in pictures})
        size = f"{len(pictures)} of {clips} clips, {present} of {subjects} subjects of {corpus}"
        return {
            "frames": [f"{_below(source, [home])}: flow pictures, {size}"],
            "sheet": [f"{_below(source, [sheet.path])}: {len(sheet.rows)} rows"],
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
    subject = spelling.subject.format(match[1])
    return subject, spelling.clip.format(subject, *match.groups()[1:])


def _is_home(folder: Path, _children: list[Path]) -> bool:
    return folder.absolute().name.casefold() == FOLDER.casefold() and bool(_pictures(folder))


def _pictures(home: Path) -> list[Path]:
    return [path for path in listing(home)[1] if path.suffix.lower() == ".png"]


def _by_clip(home: Path, corpus: str) -> dict[ClipKey, list[Path]]:
    """One corpus's pictures by clip."""
    pictures: dict[ClipKey, list[Path]] = {}
    for path in _pictures(home):
        if key := official(corpus, path.stem):
            pictures.setdefault(key, []).append(path)
    return pictures


def _strangers(home: Path) -> dict[str, str]:
    """Names of pictures that are no clip's, with the reason."""
    found = {}
    for path in listing(home)[1]:
        if path.suffix.lower() in _OTHER_PICTURES:
            found[path.name] = "not a PNG, so not the published values"
        elif path.suffix.lower() == ".png" and not any(official(one, path.stem) for one in _SPELLINGS):
            found[path.name] = "a picture whose name is no clip's"
    return found


def _below(source: Source, paths: Iterable[Path]) -> str:
    return ", ".join(path.relative_to(source.root).as_posix() for path in paths)


CORPUS = PublicFlows()
