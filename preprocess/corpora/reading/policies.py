"""Which onset, apex and offset count where the sheet and the files on disk disagree.

Range: the annotated one, cut to the frames on disk; the whole folder where fewer than half of the annotated
frames exist, because then sheet and folder number different recordings.
Apex: the annotated one if it lies strictly inside the range; the nearest frame inside if that very frame is
missing; none otherwise, and the apex stage takes the middle of the clip's frames.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

ENOUGH = 0.5
"""Share of the annotated frames that must be on disk for the annotated range to be believed."""


@dataclass(frozen=True)
class Span:
    """Onset, apex (None: to be found) and offset of one clip; sources as in `contracts.clips`.

    `remarks` are (about, text) pairs, `about` being `range`, `apex` or `frames`.
    """

    onset: int
    apex: int | None
    offset: int
    apex_source: str
    range_source: str
    remarks: tuple[tuple[str, str], ...]


def settle(
    numbers: Sequence[int],
    onset: int | None,
    apex: int | None,
    offset: int | None,
    said: str | None = None,
) -> Span:
    """Settle one clip.

    Args:
        numbers: frame numbers on disk, ascending, at least two.
        onset, apex, offset: as annotated; None where the owner gives none.
        said: the apex as the sheet has it, for the remark where it is no number; None without a sheet.
    """
    first, last, range_source, remarks = _range(numbers, onset, offset)
    inside = numbers[bisect_left(numbers, first) : bisect_right(numbers, last)]
    if missing := last - first + 1 - len(inside):
        remarks.append(("frames", f"{missing} of {last - first + 1} frame numbers are not on disk"))
    found, apex_source, remark = _apex(inside, apex, said)
    if found is not None and range_source == "folder":
        remark = f"the annotated apex {apex} is used, though the annotated range is not"
    if remark:
        remarks.append(("apex", remark))
    return Span(first, found, last, apex_source, range_source, tuple(remarks))


def _apex(inside: Sequence[int], apex: int | None, said: str | None) -> tuple[int | None, str, str]:
    """The apex among the frames from onset to offset, its source, and what is to be said about it."""
    first, *between, last = inside
    if apex is None:
        return None, "none", "" if said is None else f"the apex is given as {said!r}: none is used"
    if not first < apex < last:
        where = "on the border of" if apex in (first, last) else "outside"
        return None, "none", f"the annotated apex {apex} lies {where} {first} to {last}: not used"
    if apex in between:
        return apex, "annotated", ""
    missing = f"the annotated apex {apex} is not on disk"
    if not between:
        return None, "none", f"{missing}, nor is any frame near it: none is used"
    nearest = min(between, key=lambda number: (abs(number - apex), number))
    return nearest, "nearest-on-disk", f"{missing}: the nearest frame, {nearest}, is used"


def _range(
    numbers: Sequence[int], onset: int | None, offset: int | None
) -> tuple[int, int, str, list[tuple[str, str]]]:
    if onset is None or offset is None:
        return numbers[0], numbers[-1], "folder", []
    inside = numbers[bisect_left(numbers, onset) : bisect_right(numbers, offset)]
    if len(inside) < 2 or len(inside) < ENOUGH * (offset - onset + 1):
        has = f"the folder has {numbers[0]} to {numbers[-1]}, {len(inside)} of these frames"
        remark = f"annotated as {onset} to {offset}, but {has}: the whole folder is used"
        return numbers[0], numbers[-1], "folder", [("range", remark)]
    if (inside[0], inside[-1]) == (onset, offset):
        return onset, offset, "annotated", []
    remark = f"annotated as {onset} to {offset}, on disk are {inside[0]} to {inside[-1]} of it"
    return inside[0], inside[-1], "on-disk", [("range", remark)]
