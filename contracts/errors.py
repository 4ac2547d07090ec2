"""The exception for faults that a user can cure."""

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
        super().__init__(f"{where + ': ' if where else ''}{problem}{stop} {cure[:1].upper()}{cure[1:]}.")

    def __reduce__(self):
        # Keyword-only arguments do not survive the default pickling between worker processes.
        return _rebuild, (self.problem, self.cure, self.file, self.clip)


def _rebuild(problem, cure, file, clip):
    return InputError(problem, cure=cure, file=file, clip=clip)
