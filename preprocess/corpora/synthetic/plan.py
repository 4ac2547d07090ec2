"""Who is recorded, in which clips, doing what, and under which frame numbers. Pure: no pixels, no files.

Everything random is drawn from a generator seeded by the options' seed and the name of the thing itself, so
a subject's clips do not depend on which other subjects are asked for.
"""

import zlib
from dataclasses import dataclass

import numpy as np

from contracts.errors import InputError


@dataclass(frozen=True)
class Options:
    """Size and difficulty of the synthetic corpora.

    Args:
        seed: of everything.
        clips_per_class: of negative, positive and surprise each, per subject of SMIC, CASME II and SAMM.
        clips_per_emotion: of each of the seven emotions, per subject of DFME.
        length: shortest and longest clip, onset to offset, in frames.
        amplitude: smallest and largest peak displacement, px at an outer-eye-corner distance of 95 px.
        noise: standard deviation of camera noise, grey levels.
        drift: standard deviation of the head's drift in px; its rotation is half as many degrees.
    """

    seed: int = 0
    clips_per_class: int = 2
    clips_per_emotion: int = 1
    length: tuple[int, int] = (24, 40)
    amplitude: tuple[float, float] = (1.8, 3.0)
    noise: float = 2.0
    drift: float = 0.4

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


@dataclass(frozen=True)
class PlannedClip:
    """One clip as planned.

    `numbers` are the frame numbers on disk from onset to offset, ascending (a camera may skip one); `apex` is
    the true one, `sheet_apex` what the owner's workbook will say (None: nothing). `folder` and `files` are
    relative to the corpus root and to the folder. `action_units` is the owner's string; `strength` scales the
    amplitude.
    """

    corpus: str
    subject: str
    clip: str
    emotion: str
    action_units: str
    fps: float
    numbers: tuple[int, ...]
    apex: int
    sheet_apex: str | None
    folder: str
    files: tuple[str, ...]
    strength: float = 1.0

    @property
    def clip_id(self) -> str:
        return f"{self.corpus}/{self.subject}/{self.clip}"

    @property
    def onset(self) -> int:
        return self.numbers[0]

    @property
    def offset(self) -> int:
        return self.numbers[-1]


def generator(options: Options, *names: str) -> np.random.Generator:
    """A random generator of its own for whatever `names` name, the same on every run."""
    return np.random.default_rng([options.seed, zlib.crc32("/".join(names).encode())])


def span(rng: np.random.Generator, options: Options, first: int) -> tuple[tuple[int, ...], int]:
    """Frame numbers of a clip that starts at `first`, and its apex at 30 to 70 % of the way."""
    length = int(rng.integers(options.length[0], options.length[1] + 1))
    apex = first + round((length - 1) * float(rng.uniform(0.3, 0.7)))
    return tuple(range(first, first + length)), apex


def pick(rng: np.random.Generator, menu: list[str]) -> str:
    """One string of a menu."""
    return menu[int(rng.integers(len(menu)))]


def number_of(subject: str) -> int:
    """The number in a subject's id: 3 for `s03`, 12 for `sub12`."""
    return int("".join(filter(str.isdigit, subject)))
