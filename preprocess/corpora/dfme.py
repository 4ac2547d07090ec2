"""DFME, public part: spontaneous facial micro-expressions at 200, 300 or 500 frames per second.

Recording: png, neither cropped nor aligned, one frame rate a subject; the size (1024x768) and whether they
    are grey or in colour are not confirmed. 259 subjects, 2629 clips in three subject-disjoint sets: train
    (1856 clips), Test A (474), Test B (299).
Layout: `train_data/train_data/sub0003_01/00109.png`, `test_data_A/...`, `test_data_B/...`; flat, no subject
    folder; doubled by unpacking. A folder holds onset to offset under original numbers, often from 0.
Labels: `training_full_with_AU.xlsx`, `testA_full_with_AU.xlsx`, `testB_full_with_AU.xlsx` in
    `full_release_annotation/`: onset, apex, offset, emotion (seven classes), fps, action units.
Quirks: frame rate goes with subject number and so with the split; rows are ordered by frame rate, then
    name. The folder of `sub0593_09` runs on past the annotated offset.
Access: signed licence of USTC / MEA-LAB; no redistribution in any form.
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from contracts.errors import InputError
from preprocess.corpora.corpus import Report
from preprocess.corpora.facts.dfme import EMOTIONS, NEVER_SHOWN, PART_OF, SHEETS
from preprocess.corpora.reading.declared import Annotation, ClipKey, subject_spelling
from preprocess.corpora.reading.finding import Layout
from preprocess.corpora.reading.recordings import Recordings
from preprocess.corpora.reading.sheets import Form, Sheet
from preprocess.corpora.reading.tree import subfolders

_CLIP = re.compile(r"(sub\d{4})_\d+", re.IGNORECASE)


class Dfme(Recordings):
    """The public part of DFME: train, Test A and Test B."""

    name = "dfme"
    title = "DFME"
    cite = (
        "Zhao, Tang, Mao, et al. DFME: a new benchmark for dynamic facial micro-expression recognition. "
        "IEEE Transactions on Affective Computing 15(3), 2024; arXiv 2301.00985."
    )
    full = {"dfme": (259, 2629)}
    emotions = EMOTIONS
    usual_sheet = f"full_release_annotation/{SHEETS['train']}"
    form = Form(
        headings={
            "subject": "Subject",
            "clip": "Filename",
            "onset": "OnsetFrame",
            "apex": "ApexFrame",
            "offset": "OffsetFrame",
            "emotion": "Emotion",
            "fps": "Fps",
            "action_units": "AU",
        },
        clip=_CLIP,
        optional=frozenset({"subject", "action_units"}),
    )
    one_home = False
    never_shown = NEVER_SHOWN

    def is_home(self, folder: Path, children: list[Path]) -> bool:
        return any(_CLIP.fullmatch(child.name) for child in children)

    def clips_in(self, home: Path) -> Iterable[tuple[ClipKey, Path]]:
        return (
            ((self.subject_of(clip.name), self.clip_of(clip.name)), clip)
            for clip in subfolders(home)
            if _CLIP.fullmatch(clip.name)
        )

    def subject_of(self, cell: str) -> str:
        """`sub0003` of `sub0003`, `3`, and of the clip `sub0003_01` where a copy has no subjects."""
        return subject_spelling("sub{:04d}", cell.split("_")[0])

    def clip_of(self, name: str) -> str:
        return name.lower()

    def annotations(
        self, layout: Layout, sheets: list[Sheet], wanted: set[str], report: Report
    ) -> Iterator[Annotation]:
        described = {self.subject_of(cells["clip"]) for sheet in sheets for _, cells in sheet.rows}
        for part, usual_name in SHEETS.items():
            present = {subject for subject, _ in layout.folders if PART_OF.get(subject) == part} & wanted
            if present and not present & described:
                raise InputError(
                    f"the annotation sheet of {part} is missing: none has a row of {min(present)}",
                    file=layout.source.root / "full_release_annotation" / usual_name,
                    cure="put the owner's sheet there or anywhere beside the frames",
                )
        return super().annotations(layout, sheets, wanted, report)


CORPUS = Dfme()
