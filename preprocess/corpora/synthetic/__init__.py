"""Synthetic corpora in the owners' own layouts, for tests and for the demo.

    plan(corpus, subjects, options)                  what will be there, without making it
    write_subject(root, truth, corpus, subject, ...) a subject's frames, and the planted truth beside the tree
    write_sheet(root, corpus, subjects, options)     the owner's workbook

It is no corpus itself: it writes trees that the readers of the real corpora read. Everything follows from
the arguments; two runs on one machine give the same bytes.

Story: `plan` and `layouts` say who does what under which names; `portraits` makes the faces, `action_units`
and `motion` move them, `render` films them, `truth` keeps what was planted.
"""

import shutil
from pathlib import Path

from contracts.errors import InputError
from contracts.files import whole
from preprocess.corpora import get_corpus
from preprocess.corpora.synthetic.layouts import get_layout, list_layouts
from preprocess.corpora.synthetic.plan import Options, PlannedClip

__all__ = ["Options", "PlannedClip", "list_layouts", "plan", "write_sheet", "write_subject"]


_MARK = "SYNTHETIC.txt"
_MARK_TEXT = (
    "Made by preprocess.corpora.synthetic from two public-domain portraits. No participant is shown.\n"
)


def plan(corpus: str, subjects: list[str], options: Options) -> list[PlannedClip]:
    """The clips of these subjects (official spelling), in the order of subjects.

    Raises:
        InputError: the corpus cannot be synthesised.
    """
    layout = get_layout(corpus)
    return [clip for subject in subjects for clip in layout.clips(subject, options)]


def write_subject(root: Path, truth: Path, corpus: str, subject: str, options: Options) -> list[Path]:
    """Write one subject's frames below `root`, then the planted truth to the HDF5 file `truth`.

    A clip's folder appears when all its frames are in it; what an earlier run left of the subject goes.

    Returns:
        the frames' paths, in the order of clips and frame numbers.

    Raises:
        InputError: no such corpus to synthesise, files below `root` are not synthetic, or the disk is full.
    """
    from PIL import Image

    from preprocess.corpora.synthetic.motion import motion
    from preprocess.corpora.synthetic.portraits import person
    from preprocess.corpora.synthetic.render import frames
    from preprocess.corpora.synthetic.truth import write_truth

    frame = get_layout(corpus).FRAME
    face = person(corpus, subject, frame.width, frame.height, options)
    planned = [(clip, motion(clip, face, options)) for clip in plan(corpus, [subject], options)]
    _claim(Path(root))
    for stale in get_corpus(corpus).subject_folders(Path(root), subject):
        shutil.rmtree(stale)
    written = []
    for clip, moves in planned:
        with whole(Path(root) / clip.folder, folder=True) as folder:
            for name, picture in zip(
                clip.files, frames(clip, face, moves, options, frame.color), strict=True
            ):
                Image.fromarray(picture).save(folder / name, **frame.save)
        written += [Path(root) / clip.folder / name for name in clip.files]
    write_truth(Path(truth), face, planned)
    return written


def write_sheet(root: Path, corpus: str, subjects: list[str], options: Options) -> list[Path]:
    """Write the owner's workbook or workbooks for these subjects; returns their paths (none for SMIC).

    Raises:
        InputError: as `write_subject`.
    """
    _claim(Path(root))
    return get_layout(corpus).write_sheet(Path(root), plan(corpus, subjects, options))


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
