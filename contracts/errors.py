"""The exception for faults that a user can cure, and what a mistyped name is answered with."""

import difflib
from collections.abc import Iterable
from pathlib import Path


class InputError(Exception):
    """Something the user gave is wrong: says where, what, and how to cure it.

    Args:
        problem: what is wrong, one clause, no full stop.
        cure: what to do about it, an imperative clause.
        file: the file or folder at fault.
        clip: the clip id, sheet row or config key at fault.
    """

    def __init__(self, problem: str, *, cure: str, file: str | Path | None = None, clip: str | None = None):
        self.problem, self.cure, self.file, self.clip = problem, cure, file, clip
        where = ": ".join(str(part) for part in (file, clip) if part is not None)
        stop = "" if problem.endswith("?") else "."
        text = f"{where + ': ' if where else ''}{problem}{stop} {cure[:1].upper()}{cure[1:]}."
        super().__init__(printable(text))

    def __reduce__(self):
        # Keyword-only arguments do not survive the default pickling between worker processes.
        return _rebuild, (self.problem, self.cure, self.file, self.clip)


def _rebuild(problem, cure, file, clip):
    return InputError(problem, cure=cure, file=file, clip=clip)


def printable(text: str) -> str:
    r"""Text that can be written as UTF-8: bytes of a file name that are none are escaped, as `\udce9`."""
    return text.encode(errors="backslashreplace").decode()


def nearest(name: str, known: Iterable) -> str:
    """A clause that helps a user who mistyped `name`: the closest known name, or all of them."""
    known = sorted(map(str, known))
    close = difflib.get_close_matches(str(name), known, n=1, cutoff=0.5)
    return f"did you mean {close[0]!r}?" if close else f"known are {', '.join(known)}"


def unknown(kind: str, name: str, known: Iterable[str]) -> InputError:
    """The error for a name that is not among `known`, with the closest one and all of them as its cure."""
    known = sorted(known)
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.4)
    hint = f"did you mean {close[0]!r}? " if close else ""
    return InputError(f"unknown {kind} {name!r}", cure=f"{hint}known: {', '.join(known) or 'none'}")
