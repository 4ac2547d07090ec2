"""Synthetic corpora in the owners' own layouts, for tests, for benchmarks and for the demo.

    plan(corpus, subjects, options)                  what will be there, without making it
    write_subject(root, truth, corpus, subject, ...) a subject's frames, and the planted truth beside the tree
    write_sheet(root, corpus, subjects, options)     the owner's workbook
    write_corpus(root, corpus, options)              both, for all subjects
    plan_sheet(corpus, subjects, options)            the workbook's cells, without writing it

    python -m preprocess.corpora.synthetic --list
    python -m preprocess.corpora.synthetic --corpus casme2 --out casme2 --scale true --blank --variant cropped

It is no corpus itself: it writes trees that the readers of the real corpora read. Everything follows from
the arguments; two runs on one machine give the same bytes.

Story: `layouts` say under which names a corpus lies on disk, `census` who is in the true one and `faults`
what can be wrong with it; `portraits` makes the faces, `action_units` and `motion` move them, `render` films
them, `pictures` saves them, and `truth` keeps what was planted.
"""

import contextlib
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from contracts.errors import InputError
from contracts.files import whole
from preprocess.corpora.synthetic import faults
from preprocess.corpora.synthetic.layouts import get_layout, list_layouts, place
from preprocess.corpora.synthetic.layouts.workbook import Workbook, write_workbook
from preprocess.corpora.synthetic.plan import Options, PlannedClip, check_name, with_rest

__all__ = [
    "Options",
    "PlannedClip",
    "list_layouts",
    "plan",
    "plan_sheet",
    "write_corpus",
    "write_sheet",
    "write_subject",
]

_MARK = "SYNTHETIC.txt"
_MARK_TEXT = (
    "Made by preprocess.corpora.synthetic from two public-domain portraits. No participant is shown.\n"
)


def plan(corpus: str, subjects: Sequence[str] | None, options: Options) -> list[PlannedClip]:
    """What will be on disk and in the sheet: the clips of these subjects, in the order of subjects.

    Folders that are no clips of the corpus, or are one for the second time, follow their subject's clips.

    Args:
        subjects: official spelling; None: everybody in the true corpus.

    Raises:
        InputError: the corpus cannot be synthesised, or it has no such variant, coding, fault or subject.
    """
    layout = get_layout(corpus)
    check_name(options.variant, layout.VARIANTS, f"variant of {corpus}", "synthetic.variant")
    check_name(options.coding, layout.CODINGS, f"coding of {corpus}", "synthetic.coding")
    for name in options.faults:
        check_name(name, layout.FAULTS, f"fault of {corpus}", "synthetic.faults")
    variant = layout.VARIANTS[options.variant or next(iter(layout.VARIANTS))]
    planned = []
    for subject in layout.SUBJECTS if subjects is None else subjects:
        clips = layout.clips(subject, options)
        if variant.whole:
            clips = [with_rest(clip, options, variant.first) for clip in clips]
        for name in options.faults:
            clips = faults.strike(clips, name, layout.FAULTS[name])
        placed = [place(layout, clip, variant) for clip in clips]
        for fault in (layout.FAULTS[name] for name in options.faults):
            if fault.more:
                placed += [place(layout, clip, where) for clip, where in fault.more(clips, variant)]
        for fault in (layout.FAULTS[name] for name in options.faults):
            if fault.every:
                placed = [fault.every(clip) for clip in placed]
        planned += placed
    return planned


def plan_sheet(corpus: str, subjects: Sequence[str] | None, options: Options) -> list[Workbook]:
    """The owner's workbooks cell by cell, faults included; empty where there is none.

    Raises:
        InputError: as `plan`.
    """
    layout = get_layout(corpus)
    books = layout.workbooks([clip for clip in plan(corpus, subjects, options) if clip.in_sheet], options)
    for fault in (layout.FAULTS[name] for name in options.faults):
        if fault.book:
            books = [changed for book in books if (changed := fault.book(book)) is not None]
    return books


def write_subject(root: Path, truth: Path | None, corpus: str, subject: str, options: Options) -> list[Path]:
    """Write one subject's frames below `root`, then the planted truth to the HDF5 file `truth`.

    A clip's folder appears when all its frames are in it; what an earlier run left of the subject goes.

    Args:
        truth: None, or blank pictures, which show nothing: no truth is written.

    Returns:
        the frames' paths, in the order of clips and frame numbers.

    Raises:
        InputError: as `plan`, or files below `root` are not synthetic, or the disk is full.
    """
    from preprocess.corpora.synthetic.pictures import NO_PICTURE, perform, write_blank, write_rendered
    from preprocess.corpora.synthetic.truth import write_truth

    planned = plan(corpus, [subject], options)
    if not planned:
        return []
    performed = perform(planned, options) if options.pictures == "rendered" else []
    _claim(Path(root))
    _clear(Path(root), planned[0])
    written = []
    for position, clip in enumerate(planned):
        if not clip.on_disk:
            continue
        with whole(Path(root) / clip.folder, folder=True) as folder:
            if performed:
                write_rendered(folder, *performed[position], options)
            else:
                write_blank(folder, clip)
        for name in clip.strangers:
            (Path(root) / name).write_bytes(NO_PICTURE)
        written += [Path(root) / clip.folder / name for name in clip.files]
    if truth is not None and performed:
        write_truth(Path(truth), [one for one in performed if one[0].in_sheet])
    return written


def write_sheet(root: Path, corpus: str, subjects: Sequence[str] | None, options: Options) -> list[Path]:
    """Write the owner's workbook or workbooks for these subjects; returns their paths (none for SMIC).

    Raises:
        InputError: as `write_subject`, or .xls is asked for and xlwt is not installed.
    """
    books = plan_sheet(corpus, subjects, options)
    _claim(Path(root))
    return [write_workbook(Path(root), book, options.sheet) for book in books]


def write_corpus(
    root: Path,
    corpus: str,
    options: Options,
    subjects: Sequence[str] | None = None,
    truth: Path | None = None,
) -> list[PlannedClip]:
    """Write workbooks and all subjects' frames; the truth, if asked for, to `truth/<subject>.h5`.

    Returns:
        the plan.

    Raises:
        InputError: as `write_sheet`.
    """
    subjects = get_layout(corpus).SUBJECTS if subjects is None else subjects
    write_sheet(root, corpus, subjects, options)
    for subject in subjects:
        write_subject(root, truth and Path(truth) / f"{subject}.h5", corpus, subject, options)
    return plan(corpus, subjects, options)


def _clear(root: Path, clip: PlannedClip) -> None:
    """Remove what an earlier run left of a clip's subject, in whatever variant and case it wrote it.

    A subject's folders without clips go too: an empty `s3/micro` still looks like a copy of SMIC.
    """
    layout = get_layout(clip.corpus)
    some = replace(clip, clip=layout.ANY_CLIP.format(subject=clip.subject), emotion="*")
    beside = (variant for fault in layout.FAULTS.values() for variant in fault.beside)
    for variant in (*layout.VARIANTS.values(), *beside):
        pattern = place(layout, some, variant).folder
        for stale in {*root.glob(pattern), *root.glob(pattern.upper())}:
            shutil.rmtree(stale)
            for above in stale.parents[: variant.own_levels]:
                with contextlib.suppress(OSError):  # not empty yet
                    above.rmdir()


def _claim(root: Path) -> None:
    """Mark `root` as synthetic, so that recordings which cannot be made again are never written over."""
    mark = root / _MARK
    if mark.exists():
        return
    strangers = (path for path in root.rglob("*") if path.is_file() and not path.name.startswith("."))
    # Another job may have started on the same corpus meanwhile; it marks the root before it writes there.
    if (stranger := next(strangers, None)) and not mark.exists():
        raise InputError(
            "this file was not synthesised, so nothing is written beside it",
            file=stranger,
            cure=f"give the synthetic corpus a root of its own (one it made holds {_MARK})",
        )
    with whole(mark) as partial:
        partial.write_text(_MARK_TEXT)
