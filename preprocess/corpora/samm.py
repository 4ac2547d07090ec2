"""SAMM: spontaneous actions and micro-movements at 200 frames per second.

Recording: Basler Ace acA2000-340km, 2040x1088 grey, 200 fps; on disk 960x650 jpg. 29 subjects with
    micro-expressions, 159 clips, thirteen ethnicities.
Layout: `SAMM/006/006_1_2/006_05562.jpg`; one more `SAMM/` level is common.
Labels: `SAMM_Micro_FACS_Codes_v2.xlsx`, sheet `MICRO_ONLY`, thirteen lines of preamble, then one row a clip:
    onset, apex, offset, action units, estimated emotion (eight classes, `Other` in the singular),
    objective class. Three certified FACS coders.
Quirks: frame numbers have four digits in most recordings and five in some, both within one subject. Ids
    lose their zeros in re-saved copies. The apex lies outside the range in `028_4_1` and `032_3_1`.
Access: signed form, Manchester Metropolitan University.
Cite: Davison, Lansley, Costen, Tan, Yap, "SAMM: a spontaneous micro-facial movement dataset", IEEE
    Transactions on Affective Computing 9(1), 2018.
"""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from preprocess.corpora.corpus import Annotation, ClipKey, Corpus
from preprocess.corpora.sheets import annotations, subject_spelling
from preprocess.corpora.tree import Survey, keyed, one_home, one_workbook, subfolders, survey

FPS = 200.0
SHEET = "SAMM_Micro_FACS_Codes_v2.xlsx"
HEADINGS = {
    "subject": "Subject",
    "clip": "Filename",
    "onset": "Onset Frame",
    "apex": "Apex Frame",
    "offset": "Offset Frame",
    "action_units": "Action Units",
    "emotion": "Estimated Emotion",
}
_SUBJECT = re.compile(r"\d{3}")
_CLIP = re.compile(r"\d{3}_\d+_\d+")


class Samm(Corpus):
    """SAMM micro-movements, by version 2 of the FACS codes."""

    name = "samm"
    title = "SAMM"

    def clip_folders(self, root: Path) -> dict[ClipKey, Path]:
        home = one_home(_survey(root), self.title)
        return keyed(
            ((subject.name, clip.name), clip)
            for subject in (subfolders(home) if home else [])
            if _SUBJECT.fullmatch(subject.name)
            for clip in subfolders(subject)
        )

    def annotations(self, root: Path, folders: Mapping[ClipKey, Path]) -> Iterable[Annotation]:
        sheet = one_workbook(_survey(root), r"SAMM(_(\d+_)?Micro.*)?", SHEET)
        return annotations(sheet, HEADINGS, subject_spelling("{:03d}"), corpus=self.name, fps=FPS)


def _survey(root: Path) -> Survey:
    return survey(root, _holds_subjects)


def _holds_subjects(folder: Path, children: list[Path]) -> bool:
    return any(
        _SUBJECT.fullmatch(child.name) and any(_CLIP.fullmatch(clip.name) for clip in subfolders(child))
        for child in children
    )


CORPUS = Samm()
