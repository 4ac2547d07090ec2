"""The owners' layouts, one corpus a file, found by file name.

A layout is a module here, named like its corpus, that defines

* `FRAME`: its pictures, a `Frame`;
* `SUBJECTS`: ids of the whole corpus, in the order of its sheet;
* `ANY_CLIP`: glob pattern of a subject's clips, in the official spelling;
* `VARIANTS`: name -> `Variant`, the folders it is met in, the usual one first;
* `CODINGS`: name -> `Coding`, the workbooks it is met with, the usual one first; empty without a workbook;
* `FAULTS`: name -> `preprocess.corpora.synthetic.faults.Fault`, what can be wrong with it;
* `clips(subject, options)`: what a subject does, not yet placed in folders;
* `words(clip)`: what a variant's templates name besides the clip's own fields;
* `workbooks(planned, options)`: the sheets of the clips that are in them, a list of `workbook.Workbook`.
"""

import importlib
import pkgutil
from dataclasses import dataclass, replace
from types import ModuleType

from contracts.errors import InputError
from preprocess.corpora.synthetic.plan import PlannedClip, number_of

_SHARED = ("workbook",)


@dataclass(frozen=True)
class Frame:
    """What a corpus's pictures are: size in pixels, colour or grey."""

    width: int
    height: int
    color: bool


@dataclass(frozen=True)
class Variant:
    """One way a corpus lies on disk.

    Args:
        says: what it is, in a line.
        folder: template of a clip's folder below the root, from the clip's fields, its subject's number
            `person`, and the layout's `words`.
        file: template of a frame's name, from `frame`, the clip's `digits` and fields.
        cropped: the pictures show the face alone.
        whole: frames at rest surround the clip: the recording is not cut to onset and offset.
        first: the number of a whole recording's first frame; None where it starts anywhere.
        other_release: another corpus by the same owner, which the reader is to refuse by its name.
    """

    says: str
    folder: str
    file: str
    cropped: bool = False
    whole: bool = False
    first: int | None = None
    other_release: bool = False

    @property
    def own_levels(self) -> int:
        """How many of the folders above a clip's are its subject's alone."""
        above = self.folder.split("/")[:-1]
        own = [k for k, part in enumerate(above) if "{subject}" in part or "{person}" in part]
        return len(above) - own[0] if own else 0


@dataclass(frozen=True)
class Coding:
    """One edition of a corpus's workbook: what it is, its name without suffix, the suffix it ships with."""

    says: str
    name: str
    suffix: str = "xlsx"


def place(layout: ModuleType, clip: PlannedClip, variant: Variant) -> PlannedClip:
    """The clip with its folder and files, as the variant has them."""
    words = {
        "subject": clip.subject,
        "clip": clip.clip,
        "emotion": clip.emotion,
        "digits": clip.digits,
        "person": number_of(clip.subject),
        **layout.words(clip),
    }
    return replace(
        clip,
        folder=variant.folder.format(**words),
        files=tuple(variant.file.format(frame=number, **words) for number in clip.numbers),
        cropped=variant.cropped,
    )


def list_layouts() -> list[str]:
    """Corpora that can be synthesised, sorted."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__) if module.name not in _SHARED)


def get_layout(corpus: str) -> ModuleType:
    """The layout module of one corpus.

    Raises:
        InputError: there is none.
    """
    if corpus not in list_layouts():
        raise InputError(
            f"corpus {corpus!r} cannot be synthesised", cure=f"use one of {', '.join(list_layouts())}"
        )
    return importlib.import_module(f"{__name__}.{corpus}")
