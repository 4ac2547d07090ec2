"""What can be wrong with a corpus on disk and in its workbook: every fault in one place.

A fault does one or more of four things, each a function:

* `clip` strikes one clip of a subject; it returns None where the clip does not suit it;
* `every` changes the names of all placed clips, or what lies beside them;
* `more` adds folders that are no clips of the corpus, or clips once more, given a subject's clips and the
  variant they lie in; it returns them with the variants they are to lie in;
* `book` changes each workbook, or leaves it out (None).

What happens in a clip, what of it is on disk and what the workbook says are three things; a `PlannedClip` has
them all, so the plan stays the truth whatever a fault does.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass, replace

from preprocess.corpora.synthetic.layouts import Variant, get_layout
from preprocess.corpora.synthetic.layouts.workbook import Workbook
from preprocess.corpora.synthetic.plan import Options, PlannedClip

_FAR = 3000  # frames; farther than any clip is long


@dataclass(frozen=True)
class Fault:
    """What a fault does, in a line, and how; see above.

    `beside`: where `more` puts folders, if that is no variant of the corpus.
    """

    says: str
    clip: Callable[[PlannedClip], PlannedClip | None] | None = None
    every: Callable[[PlannedClip], PlannedClip] | None = None
    more: Callable[[list[PlannedClip], Variant], list[tuple[PlannedClip, Variant]]] | None = None
    book: Callable[[Workbook], Workbook | None] | None = None
    beside: tuple[Variant, ...] = ()


def strike(clips: list[PlannedClip], name: str, fault: Fault) -> list[PlannedClip]:
    """A subject's clips, the first one struck that the fault suits and that none has struck before."""
    if fault.clip is None:
        return clips
    for position, clip in enumerate(clips):
        if not clip.faults and (struck := fault.clip(clip)) is not None:
            return [*clips[:position], replace(struck, faults=(name,)), *clips[position + 1 :]]
    return clips


# Frames on disk.


def _missing_frame(clip: PlannedClip) -> PlannedClip:
    middle = next(n for n in clip.numbers if n > clip.onset and n != clip.apex)
    return clip.without({middle})


def _missing_apex(clip: PlannedClip) -> PlannedClip:
    return clip.without({clip.apex})


def _short_folder(clip: PlannedClip, kept: float) -> PlannedClip:
    last = clip.onset + int((clip.offset - clip.onset) * kept)
    return clip.without({n for n in clip.numbers if n > last})


def _runs_on(clip: PlannedClip, by: int = 17) -> PlannedClip:
    return replace(clip, numbers=(*clip.numbers, *range(clip.numbers[-1] + 1, clip.numbers[-1] + by + 1)))


def _no_overlap(clip: PlannedClip) -> PlannedClip:
    moved = clip.shifted(_FAR)
    return replace(
        clip, sheet_onset=moved.sheet_onset, sheet_apex=moved.sheet_apex, sheet_offset=moved.sheet_offset
    )


def _damaged(clip: PlannedClip, frame: str, how: str) -> PlannedClip:
    return replace(clip, damaged=((getattr(clip, frame), how),))


def _across_a_width(clip: PlannedClip) -> PlannedClip:
    """On the longer side of the apex, so that neither it nor onset or offset is skipped."""
    before = clip.onset if clip.apex - clip.onset >= clip.offset - clip.apex else clip.apex
    return clip.shifted(999_997 - before).without({999_999, 1_000_000})


# What the workbook says of a clip.


def _apex_cell(clip: PlannedClip, cell_of: Callable[[PlannedClip], str]) -> PlannedClip:
    return replace(clip, sheet_apex=cell_of(clip))


def _digits_swapped(clip: PlannedClip) -> PlannedClip | None:
    """5739 typed as 5793: the last two digits, where that makes the clip longer."""
    text = str(clip.sheet_offset)
    swapped = int(text[:-2] + text[:-3:-1])
    return replace(clip, sheet_offset=swapped) if swapped > clip.sheet_offset else None


# Spelling.


def _upper_case(clip: PlannedClip) -> PlannedClip:
    files, strangers = (tuple(name.upper() for name in names) for names in (clip.files, clip.strangers))
    return replace(clip, folder=clip.folder.upper(), files=files, strangers=strangers)


# More files and folders.


def with_strangers(clip: PlannedClip) -> PlannedClip:
    """A thumbnail cache among the frames, a document in the topmost folder."""
    top = clip.folder.split("/")[0]
    return replace(clip, strangers=(f"{clip.folder}/Thumbs.db", f"{top}/agreement.pdf"))


def _copies(
    clips: list[PlannedClip], lies: Variant, variants: tuple[Variant, Variant]
) -> list[tuple[PlannedClip, Variant]]:
    other = variants[lies is variants[0]]
    return [(replace(clip, in_sheet=False, faults=("both",)), other) for clip in clips]


def stranger(clip: PlannedClip, name: str, fault: str) -> PlannedClip:
    """A folder of another name, with a clip's frames, that the workbook does not mention."""
    return replace(clip, clip=name, in_sheet=False, faults=(fault,), damaged=())


def _folder_without_row(clips: list[PlannedClip], lies: Variant) -> list[tuple[PlannedClip, Variant]]:
    # One more digit makes a take that no clip has, in every corpus's grammar.
    return [(stranger(clips[-1], f"{clips[-1].clip.rstrip('f')}9", "folder_without_row"), lies)]


# Whole workbooks.


def _column(book: Workbook, heading: str) -> int | None:
    keys = ["".join(str(one or "").split()).lower() for one in book.headings]
    return keys.index(heading) if heading in keys else None


def _each_cell(book: Workbook, change: Callable[[object], object], heading: str | None = None) -> Workbook:
    """Change every cell of the data, or of one column."""
    only = None if heading is None else _column(book, heading)
    if heading is not None and only is None:
        return book
    data = [[change(one) if only in (None, x) else one for x, one in enumerate(row)] for row in book.data]
    return book.with_rows(book.headings, data)


def _number_for_text(one: object) -> object:
    return int(one) if isinstance(one, str) and one.isdigit() else one


def _text_for_number(one: object) -> object:
    return str(one) if isinstance(one, int) else one


def _decimal_for_number(one: object) -> object:
    return f"{one}.0" if isinstance(one, int) else one


def _duplicate_row(book: Workbook) -> Workbook:
    return book.with_rows(book.headings, [*book.data, *book.data[:1]])


def _missing_column(book: Workbook) -> Workbook:
    gone = next(x for x, one in enumerate(book.headings) if str(one or "").lower().startswith("onset"))
    without = [[*row[:gone], *row[gone + 1 :]] for row in [book.headings, *book.data]]
    return book.with_rows(without[0], without[1:])


def _empty_sheet(book: Workbook) -> Workbook:
    return book.with_rows(book.headings, [])


def _foreign_sheet(book: Workbook) -> Workbook:
    other = get_layout("casme2" if "samm" in book.path.lower() else "samm")
    theirs = other.workbooks(other.clips(other.SUBJECTS[0], Options()), Options())[0]
    return replace(theirs, path=book.path, suffix=book.suffix)


def _row_out_of_place(book: Workbook) -> Workbook:
    """As `sub0043_13` in the owner's training sheet: the first row comes last among its frame rate's."""
    rate = _column(book, "fps")
    first, *others = book.data or [[]]
    end = sum(row[rate] == first[rate] for row in others) if first else 0
    return book.with_rows(book.headings, [*others[:end], *([first] if first else []), *others[end:]])


COMMON = {
    "missing_frame": Fault("a frame between onset and apex or offset is not on disk", clip=_missing_frame),
    "missing_apex": Fault("the apex frame is not on disk", clip=_missing_apex),
    "empty_folder": Fault("a clip's folder has no frame", clip=lambda clip: replace(clip, numbers=())),
    "text_frame": Fault(
        "the onset frame is a text file by a picture's name",
        clip=lambda clip: _damaged(clip, "onset", "text"),
    ),
    "truncated_frame": Fault(
        "the apex frame's file ends half-way", clip=lambda clip: _damaged(clip, "apex", "truncated")
    ),
    "upper_case": Fault("every folder and file name is in upper case", every=_upper_case),
    "strangers": Fault("a Thumbs.db lies in every clip's folder, a pdf in the topmost", every=with_strangers),
}
"""Faults that every corpus can have."""

SHEET = {
    "row_without_folder": Fault(
        "a clip has a row and no folder", clip=lambda clip: replace(clip, on_disk=False, numbers=())
    ),
    "short_folder": Fault(
        "the last fifth of the annotated frames is not on disk",
        clip=functools.partial(_short_folder, kept=0.8),
    ),
    "stub_folder": Fault(
        "only the first third of the annotated frames is on disk",
        clip=functools.partial(_short_folder, kept=0.33),
    ),
    "runs_on": Fault("the folder goes on 17 frames past the offset, as DFME's sub0593_09", clip=_runs_on),
    "no_overlap": Fault("the annotated range and the numbers on disk have none in common", clip=_no_overlap),
    "apex_slash": Fault(
        "the apex cell is `/`, as of CASME II's sub04/EP12_01f",
        clip=lambda clip: _apex_cell(clip, lambda _: "/"),
    ),
    "apex_is_onset": Fault(
        "the apex cell repeats the onset, as of CASME II's sub05/EP09_05f",
        clip=lambda clip: _apex_cell(clip, lambda clip: str(clip.sheet_onset)),
    ),
    "apex_is_offset": Fault(
        "the apex cell repeats the offset, as of CASME II's sub20/EP16_01",
        clip=lambda clip: _apex_cell(clip, lambda clip: str(clip.sheet_offset)),
    ),
    "apex_outside": Fault(
        "the apex cell lies past the offset, as SAMM's 028_4_1 lies outside",
        clip=lambda clip: _apex_cell(clip, lambda clip: str(clip.sheet_offset + 40)),
    ),
    "offset_swapped": Fault(
        "the offset's last two digits change places, as 5793 for 5739 in SAMM's 013_1_9", clip=_digits_swapped
    ),
    "duplicate_row": Fault("the first row comes once more at the end", book=_duplicate_row),
    "folder_without_row": Fault(
        "one folder more, with the last clip's frames, has no row", more=_folder_without_row
    ),
    "missing_sheet": Fault("no workbook", book=lambda book: None),
    "missing_column": Fault("the workbook has no column for the onset", book=_missing_column),
    "empty_sheet": Fault("the workbook has headings and no row", book=_empty_sheet),
    "foreign_sheet": Fault("another corpus's table under the workbook's name", book=_foreign_sheet),
    "text_cells": Fault(
        "every number in the workbook is typed as text",
        book=functools.partial(_each_cell, change=_text_for_number),
    ),
    "decimal_cells": Fault(
        "every number in the workbook is text with decimals, 46.0",
        book=functools.partial(_each_cell, change=_decimal_for_number),
    ),
}
"""Faults of corpora with a workbook."""

ACROSS_A_WIDTH = Fault(
    "the camera's counter gains a digit within the clip, image999998 to image1000001", clip=_across_a_width
)
NUMERIC_SUBJECTS = Fault(
    "subject ids are numbers that lost their zeros, 6 for 006",
    book=functools.partial(_each_cell, change=_number_for_text, heading="subject"),
)
OTHERS_PLURAL = Fault(
    "the emotion Other is spelled Others",
    book=functools.partial(
        _each_cell, change=lambda one: "Others" if one == "Other" else one, heading="estimatedemotion"
    ),
)
ROW_OUT_OF_PLACE = Fault(
    "in each workbook the first row comes last among those of its frame rate", book=_row_out_of_place
)


def both(variants: dict[str, Variant], first: str, second: str) -> Fault:
    """Every clip once more, as the second variant, or as the first where it lies as the second."""
    return Fault(
        f"every clip lies in two trees, as {first} and as {second}",
        more=functools.partial(_copies, variants=(variants[first], variants[second])),
    )
