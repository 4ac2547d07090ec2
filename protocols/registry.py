"""Entries found by file name: one module of a package is one entry."""

import difflib
import importlib
import importlib.util
import pkgutil
from collections.abc import Iterable
from types import ModuleType

from contracts.errors import InputError


def names(package: str) -> list[str]:
    """The public modules of `package`, in alphabetical order, none of them imported."""
    folders = importlib.util.find_spec(package).submodule_search_locations
    return sorted(module.name for module in pkgutil.iter_modules(folders) if not module.name.startswith("_"))


def load(package: str, name: str, kind: str) -> ModuleType:
    """Import one entry and no other.

    Raises:
        InputError: there is no such entry; names the nearest one.
    """
    known = names(package)
    if name not in known:
        raise InputError(f"there is no {kind} {name!r}", cure=nearest(name, known))
    return importlib.import_module(f"{package}.{name}")


def nearest(word: str, known: Iterable[str]) -> str:
    """A cure for a misspelt word: the nearest known one, or all of them if they are few."""
    known = list(known)
    close = difflib.get_close_matches(str(word), known, n=1, cutoff=0.6)
    if close:
        return f"did you mean {close[0]!r}? Use that, or remove {word!r}"
    return f"use one of {', '.join(known)}" if len(known) <= 12 else f"use one of the {len(known)} known ones"
