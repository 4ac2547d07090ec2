"""Who is recorded, in which clips, doing what, and under which frame numbers. Pure: no pixels, no files.

Everything random is drawn from a generator seeded by the options' seed and the name of the thing itself, so
a subject's clips do not depend on which other subjects are asked for.
"""

import difflib
import zlib
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace

import numpy as np

from contracts.errors import InputError

SHEETS = ("", "xlsx", "xls", "csv", "csv_semicolon")
SCALES = ("small", "true")
PICTURES = ("rendered", "blank")


@dataclass(frozen=True)
class Options:
    """Size, difficulty and disorder of the synthetic corpora.

    Args:
        seed: of everything.
        clips_per_class: of negative, positive and surprise each, per subject of SMIC, CASME II and SAMM.
        clips_per_emotion: of each of the seven emotions, per subject of DFME.
        length: shortest and longest clip, onset to offset, in frames.
        amplitude: smallest and largest peak displacement, px at an outer-eye-corner distance of 95 px.
        noise: standard deviation of camera noise, grey levels.
        drift: standard deviation of the head's drift in px; its rotation is half as many degrees.
        variant: of the corpus's folders, a name from its layout's `VARIANTS`; empty: the first.
        coding: of its workbook, a name from its layout's `CODINGS`; empty: the first.
        faults: names from its layout's `FAULTS`. Each strikes the first clip of every subject that it suits
            and that no fault before it has struck, unless its description says otherwise.
        sheet: the workbook's format: `xlsx`, `xls`, `csv`, or `csv_semicolon` (`;` and a byte order mark,
            as European spreadsheet programs save); empty: as the owner ships it.
        scale: `small`, or `true` to the corpus: its clips, their names as far as public, and its counts.
        pictures: `rendered`, or `blank`: a clip's frames are one tiny picture under many names.
    """

    seed: int = 0
    clips_per_class: int = 2
    clips_per_emotion: int = 1
    length: tuple[int, int] = (24, 40)
    amplitude: tuple[float, float] = (1.8, 3.0)
    noise: float = 2.0
    drift: float = 0.4
    variant: str = ""
    coding: str = ""
    faults: tuple[str, ...] = ()
    sheet: str = ""
    scale: str = "small"
    pictures: str = "rendered"

    def __post_init__(self):
        for name in ("length", "amplitude"):
            low, high = pair = tuple(getattr(self, name))
            object.__setattr__(self, name, pair)
            if not 0 < low <= high:
                raise InputError(
                    f"{low} to {high} is no range",
                    clip=f"synthetic.{name}",
                    cure="give the smaller number first",
                )
        if self.length[0] < 8:
            raise InputError(
                f"clips of {self.length[0]} frames are too short to rise and fall",
                clip="synthetic.length",
                cure="use at least 8 frames",
            )
        object.__setattr__(self, "faults", tuple(self.faults))
        for name, known in (("sheet", SHEETS), ("scale", SCALES), ("pictures", PICTURES)):
            check_name(getattr(self, name), known, name, f"synthetic.{name}")


@dataclass(frozen=True)
class PlannedClip:
    """One clip as planned: what happens in it, what lies on disk, and what its owner says about it.

    `onset`, `apex` and `offset` are true, and so is `emotion`. `numbers` are the frame numbers on disk,
    ascending: onset to offset unless the camera skipped one, a fault took some or the variant shows the whole
    recording. `sheet_onset`, `sheet_apex` and `sheet_offset` are what the owner's workbook will say (None:
    nothing). `folder` and `files` are relative to the corpus root and to the folder; `digits` is the least
    width of a number in a file name. `action_units` is the owner's string; `strength` scales the amplitude.

    `in_sheet`: whether the owner says anything about it, in a row or, for SMIC, by its folder. Where it is
    false the folder is not to be taken for a clip of the corpus. `on_disk`: whether its folder is there.
    `damaged` are frames that are no pictures, as (number, `text` or `truncated`); `strangers` are files that
    are no frames, relative to the root. `faults` are those that struck it alone.
    """

    corpus: str
    subject: str
    clip: str
    emotion: str
    action_units: str
    fps: float
    numbers: tuple[int, ...]
    onset: int
    apex: int
    offset: int
    sheet_onset: int | None
    sheet_apex: str | None
    sheet_offset: int | None
    digits: int = 1
    strength: float = 1.0
    folder: str = ""
    files: tuple[str, ...] = ()
    cropped: bool = False
    in_sheet: bool = True
    on_disk: bool = True
    damaged: tuple[tuple[int, str], ...] = ()
    strangers: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()

    @property
    def clip_id(self) -> str:
        return f"{self.corpus}/{self.subject}/{self.clip}"

    @property
    def filmed(self) -> tuple[int, ...]:
        """The numbers on disk and those that matter though they may have been lost: onset, apex, offset."""
        return tuple(sorted({*self.numbers, self.onset, self.apex, self.offset}))

    def without(self, lost: Collection[int]) -> "PlannedClip":
        """The clip with some of its frames lost from the disk."""
        return replace(self, numbers=tuple(number for number in self.numbers if number not in lost))

    def shifted(self, by: int) -> "PlannedClip":
        """The clip under other frame numbers, on disk and in the sheet."""
        apex = self.sheet_apex
        return replace(
            self,
            numbers=tuple(number + by for number in self.numbers),
            onset=self.onset + by,
            apex=self.apex + by,
            offset=self.offset + by,
            sheet_onset=None if self.sheet_onset is None else self.sheet_onset + by,
            sheet_apex=str(int(apex) + by) if apex and apex.isdigit() else apex,
            sheet_offset=None if self.sheet_offset is None else self.sheet_offset + by,
        )


@dataclass(frozen=True)
class Role:
    """A clip of the true corpus before its motion is drawn.

    `frames` are onset, apex and offset as the owner's sheet has them, empty where no public page prints them;
    `lost` is how many frame numbers the camera skipped, `digits` the least width of a number in a file name.
    """

    clip: str
    emotion: str
    frames: tuple[str, str, str] = ("", "", "")
    lost: int = 0
    digits: int = 0


def generator(options: Options, *names: str) -> np.random.Generator:
    """A random generator of its own for whatever `names` name, the same on every run."""
    return np.random.default_rng([options.seed, zlib.crc32("/".join(names).encode())])


def span(rng: np.random.Generator, options: Options, first: int) -> tuple[tuple[int, ...], int]:
    """Frame numbers of a clip that starts at `first`, and its apex at 30 to 70 % of the way."""
    length = int(rng.integers(options.length[0], options.length[1] + 1))
    apex = first + round((length - 1) * float(rng.uniform(0.3, 0.7)))
    return tuple(range(first, first + length)), apex


def known_span(
    rng: np.random.Generator, options: Options, first: int, frames: tuple[str, str, str]
) -> tuple[tuple[int, ...], int, str]:
    """As `span`, but through what is known of onset, apex and offset; third, the apex as the sheet has it.

    A sheet's apex that is no frame between onset and offset is kept for the sheet; the true one is drawn.
    """
    onset, apex, offset = (int(cell) if cell.isdigit() else None for cell in frames)
    numbers, drawn = span(rng, options, first)
    length, rise = len(numbers), drawn - first
    if onset is None and offset is None:
        onset = first if apex is None else max(1, apex - rise)
    if onset is None:
        onset = max(1, offset - length + 1)
    if offset is None:
        offset = max(onset + length - 1, (apex or 0) + 2)
    inside = apex is not None and onset < apex < offset
    drawn = apex if inside else onset + max(1, round((offset - onset) * rise / (length - 1)))
    return tuple(range(onset, offset + 1)), drawn, frames[1] or str(drawn)


def with_rest(clip: PlannedClip, options: Options, first: int | None) -> PlannedClip:
    """The whole recording: frames at rest from `first` (None: a few before the onset) and past the offset."""
    rng = generator(options, "rest", clip.clip_id)
    before, after = (int(rng.integers(10, 31)) for _ in range(2))
    first = max(0, clip.onset - before) if first is None else first
    numbers = {*range(first, clip.onset), *clip.numbers, *range(clip.offset, clip.offset + after + 1)}
    return replace(clip, numbers=tuple(sorted(numbers)))


def pick(rng: np.random.Generator, menu: list[str]) -> str:
    """One string of a menu."""
    return menu[int(rng.integers(len(menu)))]


def number_of(subject: str) -> int:
    """The number in a subject's id: 3 for `s03`, 12 for `sub12`."""
    return int("".join(filter(str.isdigit, subject)))


def check_name(name: str, known: Iterable[str], what: str, key: str | None = None) -> None:
    """Refuse a name that is not among the known ones.

    Raises:
        InputError: names the nearest, or else all.
    """
    known = [one for one in known if one]
    if not name or name in known:
        return
    near = difflib.get_close_matches(name, known, n=1)
    cure = f"use {near[0]!r}" if near else f"use one of {', '.join(known)}" if known else "leave it out"
    raise InputError(f"no {what} is called {name!r}", clip=key, cure=cure)
