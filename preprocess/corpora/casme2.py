"""CASME II: spontaneous micro-expressions at 200 frames per second.

Recording: Point Grey GRAS-03K2C, 640x480 colour, 200 fps; 26 subjects, 255 annotated clips.
Layout: `CASME2_RAW_selected/sub01/EP02_01f/img46.jpg` (onset to offset, original frame numbers);
    `CASME2-RAW` holds whole recordings, `Cropped` registered faces. Archives often unpack doubled.
Labels: `CASME2-coding-20140508.xlsx`, one row a clip: onset, apex, offset, action units, estimated emotion
    (happiness, disgust, surprise, repression, sadness, fear, others) by two coders.
Quirks: clip names repeat across subjects and follow no grammar. The apex of `sub04/EP12_01f` is `/`; in
    five more rows it equals onset or offset. Two folders have no row (`sub09/EP02_02f`, `sub24/EP02_07`).
Access: signed form, Institute of Psychology, Chinese Academy of Sciences.
Cite: Yan, Li, Wang, Zhao, Liu, Chen, Fu, "CASME II: an improved spontaneous micro-expression database and
    the baseline evaluation", PLoS ONE 9(1), 2014.
"""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from preprocess.corpora.corpus import Annotation, ClipKey, Corpus
from preprocess.corpora.sheets import annotations, subject_spelling
from preprocess.corpora.tree import Survey, keyed, one_home, one_workbook, subfolders, survey

FPS = 200.0
SHEET = "CASME2-coding-20140508.xlsx"
HEADINGS = {
    "subject": "Subject",
    "clip": "Filename",
    "onset": "OnsetFrame",
    "apex": "ApexFrame",
    "offset": "OffsetFrame",
    "action_units": "Action Units",
    "emotion": "Estimated Emotion",
}
_SUBJECT = re.compile(r"sub(\d{2})", re.IGNORECASE)


class Casme2(Corpus):
    """CASME II, raw or cropped, by the 20140508 coding."""

    name = "casme2"
    title = "CASME II"

    def clip_folders(self, root: Path) -> dict[ClipKey, Path]:
        home = one_home(_survey(root), self.title)
        return keyed(
            ((subject.name.lower(), clip.name), clip)
            for subject in (subfolders(home) if home else [])
            if _SUBJECT.fullmatch(subject.name)
            for clip in subfolders(subject)
        )

    def annotations(self, root: Path, folders: Mapping[ClipKey, Path]) -> Iterable[Annotation]:
        sheet = one_workbook(_survey(root), r"CASME2.*coding.*", SHEET)
        return annotations(sheet, HEADINGS, subject_spelling("sub{:02d}"), corpus=self.name, fps=FPS)


def _survey(root: Path) -> Survey:
    return survey(root, _holds_subjects)


def _holds_subjects(folder: Path, children: list[Path]) -> bool:
    return any(
        _SUBJECT.fullmatch(child.name)
        and any(clip.name.upper().startswith("EP") for clip in subfolders(child))
        for child in children
    )


CORPUS = Casme2()
