"""The owners' layouts, one corpus a file, found by file name.

A layout is a module here, named like its corpus, that defines `FRAME` (a `Frame`), `clips(subject, options)`
and `write_sheet(root, planned)`.
"""

import importlib
import pkgutil
from dataclasses import dataclass

from contracts.errors import InputError


@dataclass(frozen=True)
class Frame:
    """What a corpus's pictures are: size in pixels, colour or grey, and how Pillow is to save them."""

    width: int
    height: int
    color: bool
    save: dict


def list_layouts() -> list[str]:
    """Corpora that can be synthesised, sorted."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__) if module.name != "workbook")


def get_layout(corpus: str):
    """The layout module of one corpus.

    Raises:
        InputError: there is none.
    """
    if corpus not in list_layouts():
        raise InputError(
            f"corpus {corpus!r} cannot be synthesised", cure=f"use one of {', '.join(list_layouts())}"
        )
    return importlib.import_module(f"{__name__}.{corpus}")
