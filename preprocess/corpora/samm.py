"""SAMM: spontaneous actions and micro-movements at 200 frames per second.

Recording: 2040x1088 grey, 200 fps; on disk jpg, 960x650 by one public loader (not confirmed). 29 subjects
    with micro-expressions, 159 clips.
Layout: `SAMM/006/006_1_2/006_05562.jpg`; one more `SAMM/` level is common.
Labels: `SAMM_Micro_FACS_Codes_v2.xlsx`, sheet `MICRO_ONLY`, thirteen lines of preamble, then one row a clip:
    onset, apex, offset, action units, estimated emotion (eight classes, `Other` in the singular),
    objective class.
Quirks: frame numbers have four digits in most recordings and five in some, both within one subject. Ids
    lose their zeros in re-saved copies. The apex lies outside the range in `028_4_1` and `032_3_1`;
    what exactly their cells say is not confirmed, as public copies disagree.
Access: signed form, Manchester Metropolitan University.
"""

import re
from collections.abc import Iterable
from pathlib import Path

from preprocess.corpora.reading.declared import ClipKey, subject_spelling
from preprocess.corpora.reading.recordings import Recordings
from preprocess.corpora.reading.sheets import Form
from preprocess.corpora.reading.tree import peek, subfolders

SHEET = "SAMM_Micro_FACS_Codes_v2.xlsx"
_SUBJECT = re.compile(r"0*\d{1,3}")
_CLIP = re.compile(r"(\d{1,3})_\d+_\d+")


class Samm(Recordings):
    """SAMM micro-movements, by version 2 of the FACS codes."""

    name = "samm"
    title = "SAMM"
    cite = (
        "Davison, Lansley, Costen, Tan, Yap. SAMM: a spontaneous micro-facial movement dataset. IEEE "
        "Transactions on Affective Computing 9(1), 2018."
    )
    full = {"samm": (29, 159)}
    emotions = ("anger", "happiness", "other", "surprise", "contempt", "disgust", "fear", "sadness")
    aliases = {"others": "other"}
    fps = 200.0
    usual_sheet = SHEET
    form = Form(
        headings={
            "subject": "Subject",
            "clip": "Filename",
            "onset": "Onset Frame",
            "apex": "Apex Frame",
            "offset": "Offset Frame",
            "action_units": "Action Units",
            "emotion": "Estimated Emotion",
        },
        clip=_CLIP,
        optional=frozenset({"subject", "action_units"}),
    )
    lookalikes = {
        r"SAMM_?Long_?Videos.*|\d{3}_\d+": (
            "SAMM Long Videos, another release",
            "get SAMM (micro-movements), folders such as 006/006_1_2, from the same owner",
        )
    }

    def is_home(self, folder: Path, children: list[Path]) -> bool:
        return any(
            _SUBJECT.fullmatch(child.name) and any(_CLIP.fullmatch(clip.name) for clip in peek(child))
            for child in children
        )

    def clips_in(self, home: Path) -> Iterable[tuple[ClipKey, Path]]:
        return (
            ((self.subject_of(subject.name), self.clip_of(clip.name)), clip)
            for subject in subfolders(home)
            if _SUBJECT.fullmatch(subject.name)
            for clip in subfolders(subject)
        )

    def subject_of(self, cell: str) -> str:
        """`006` of `006`, `6`, `6.0`, and of the clip `006_1_2` where a copy of the sheet has no subjects."""
        return subject_spelling("{:03d}", cell.split("_")[0])

    def clip_of(self, name: str) -> str:
        """`6_1_2` -> `006_1_2`."""
        subject, mark, rest = name.partition("_")
        return f"{self.subject_of(subject)}{mark}{rest}"


CORPUS = Samm()
