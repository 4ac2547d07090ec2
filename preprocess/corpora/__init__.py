"""The corpora, one file each, found by file name.

A corpus is a module beside this one that defines `CORPUS`, a `Recordings` (frames in
their owner's layout) or a `Flows` (flow that others have computed).
Adding a corpus is adding that file: nothing here names one. Getting one corpus imports no other.
"""

import difflib
import importlib
import pkgutil

from contracts.errors import InputError
from preprocess.corpora.corpus import Corpus, Flows, Index, Source

__all__ = ["Corpus", "Flows", "Index", "Source", "get_corpus", "list_corpora"]

_SHARED = {"corpus"}


def list_corpora() -> list[str]:
    """Names of all corpora that `get_corpus` knows, sorted."""
    modules = pkgutil.iter_modules(__path__)
    return sorted(module.name for module in modules if not module.ispkg and module.name not in _SHARED)


def get_corpus(name: str) -> Corpus:
    """The reader of one corpus.

    Raises:
        InputError: no corpus has this name.
    """
    known = list_corpora()
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        raise InputError(
            f"no corpus is called {name!r}",
            cure=f"use {near[0]!r}" if near else f"use one of {', '.join(known)}",
        )
    return importlib.import_module(f"{__name__}.{name}").CORPUS
