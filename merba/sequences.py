"""Whole clips over time, for models that need more than the flow from onset to apex.

Only the files that are given are opened: a training job from which the test subject's file is withheld cannot
see it. A clip is decompressed when it is asked for and not kept, so memory holds what the caller holds.
"""

from collections.abc import Sequence as Several
from pathlib import Path

import numpy as np

from contracts.errors import InputError
from contracts.sequences import Sequence, read_contents, read_sequence


class Sequences:
    """The listed clips by position, in the list's order; a map-style dataset for torch's `DataLoader`.

    No file stays open between two clips, so that worker processes share no handle.

    Attributes:
        size: side of the frames in pixels.
        steps: length of every clip; None where each has all its own frames.
        flow: method of their flow, as the writer says it; None where it says none, or there are no files.
    """

    def __init__(self, clip_ids: Several[str], files: Several[str | Path], listed_in: str | Path):
        """Look into the files, without their pixels.

        Raises:
            InputError: a file is missing or unreadable, files differ in size, steps or flow method, or
                a listed clip is in none of them or in two.
        """
        holder: dict[str, str | Path] = {}
        shape = None
        for path in files:
            if not Path(path).is_file():
                raise InputError(
                    "no such sequence file", file=path, cure="give the files that the sequence rule wrote"
                )
            contents = read_contents(path)
            found = contents.size, contents.steps, contents.made_with.get("flow")
            shape = shape or found
            if found != shape:
                raise InputError(
                    f"{_said(*found)}; the others are {_said(*shape)}",
                    file=path,
                    cure="give files of one size, number of steps and flow method",
                )
            if repeated := holder.keys() & contents.clip_ids:
                raise InputError(
                    f"the clip is also in {holder[min(repeated)]}",
                    file=path,
                    clip=min(repeated),
                    cure="give each subject's file once",
                )
            holder |= dict.fromkeys(contents.clip_ids, path)
        for clip in clip_ids:
            if clip not in holder:
                raise InputError(
                    f"not in any of the {len(files)} files given",
                    file=listed_in,
                    clip=clip,
                    cure="add its subject's file, or take the clip off the list",
                )
        self.size, self.steps, self.flow = shape or (0, None, None)
        self._where = [(holder[clip], clip) for clip in clip_ids]

    def __len__(self) -> int:
        return len(self._where)

    def __getitem__(self, position: int) -> Sequence:
        return read_sequence(*self._where[position])

    def stacked(self) -> Sequence:
        """All at once: frames (n, t, size, size), flow (n, t, 3, size, size), position (n, t), apex (n,).

        Raises:
            ValueError: clips have all their frames, so their lengths differ; or the list is empty.
        """
        if self.steps is None:
            raise ValueError("clips with all their frames differ in length and cannot be stacked")
        clips = [self[position] for position in range(len(self))]
        return Sequence(*(np.stack(values) for values in zip(*clips, strict=True)))


def _said(size: int, steps: int | None, flow: str | None) -> str:
    return f"{steps or 'all'} frames of {size} px" + (f" with {flow} flow" if flow else "")
