"""CASME II: spontaneous micro-expressions at 200 frames per second.

Recording: 640x480 colour jpg, 200 fps; 35 people, of whom 26 are in the data with 255 annotated clips.
Layout: `CASME2_RAW_selected/sub01/EP02_01f/img46.jpg` (onset to offset, original frame numbers);
    `CASME2-RAW` holds whole recordings from `img1.jpg`, `Cropped` registered faces (`reg_img46.jpg`).
    Archives often unpack doubled.
Labels: `CASME2-coding-20140508.xlsx`, one row a clip: onset, apex, offset, action units, estimated emotion
    (happiness, disgust, surprise, repression, sadness, fear, others). A second coding, 20190701, is known
    through public derivatives only: they call three clips of sub24 surprise instead of sadness, end
    `sub16/EP01_08` earlier and edit about 60 action units. Not confirmed on the workbook itself.
Quirks: clip names repeat across subjects and follow no grammar. The apex of `sub04/EP12_01f` is `/`; in
    five more rows it equals onset or offset. The ranges of five clips probably do not match their files
    (not confirmed). Two folders have no row (`sub09/EP02_02f`, `sub24/EP02_07`).
Access: signed form, Institute of Psychology, Chinese Academy of Sciences.
"""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from preprocess.corpora.reading.declared import Annotation, ClipKey, subject_spelling
from preprocess.corpora.reading.recordings import Recordings
from preprocess.corpora.reading.sheets import Form
from preprocess.corpora.reading.tree import peek, subfolders

SHEET = "CASME2-coding-20140508.xlsx"
_SUBJECT = re.compile(r"sub0*(\d{1,2})", re.IGNORECASE)
_OTHER_RELEASE = re.compile(r"CASME[ _-]?(raw|sel|crop)", re.IGNORECASE)
_UNLABELLED = "no row in the owners' sheets: the clip was never labelled"
_RECODED = [("sub24", clip) for clip in ("EP07_01", "EP07_04f", "EP10_03")]


class Casme2(Recordings):
    """CASME II, raw, selected or cropped, by the 2014 or the 2019 coding."""

    name = "casme2"
    title = "CASME II"
    cite = (
        "Yan, Li, Wang, Zhao, Liu, Chen, Fu. CASME II: an improved spontaneous micro-expression database "
        "and the baseline evaluation. PLoS ONE 9(1), 2014."
    )
    full = {"casme2": (26, 255)}
    emotions = ("others", "disgust", "happiness", "repression", "surprise", "sadness", "fear")
    fps = 200.0
    usual_sheet = SHEET
    form = Form(
        headings={
            "subject": "Subject",
            "clip": "Filename",
            "onset": "OnsetFrame",
            "apex": "ApexFrame",
            "offset": "OffsetFrame",
            "action_units": "Action Units",
            "emotion": "Estimated Emotion",
        },
        clip=re.compile(r"ep\d+.*", re.IGNORECASE),
        optional=frozenset({"action_units"}),
    )
    lookalikes = {
        r"CASME[ _-]?(raw|sel|crop).*": ("CASME, an earlier corpus", "get CASME II from the same owner")
    }
    ignored = {("sub09", "EP02_02f"): _UNLABELLED, ("sub24", "EP02_07"): _UNLABELLED}

    def is_home(self, folder: Path, children: list[Path]) -> bool:
        return not _OTHER_RELEASE.match(folder.name) and any(
            _SUBJECT.fullmatch(child.name) and any(clip.name.upper().startswith("EP") for clip in peek(child))
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
        return subject_spelling("sub{:02d}", cell)

    def clip_of(self, name: str) -> str:
        """`ep02_01F` -> `EP02_01f`."""
        return name[:2].upper() + name[2:].lower() if name[:2].upper() == "EP" else name

    def edition(self, annotations: Mapping[ClipKey, Annotation]) -> str:
        """The two codings differ in the emotion of three clips; a third, of users, has a row more."""
        if any(key in annotations for key in self.ignored):
            return "a users' copy with an unlabelled clip added"
        codings = {"sadness": "the 2014 coding", "surprise": "the 2019 coding"}
        said = {annotations[key].emotion for key in _RECODED if key in annotations}
        return codings.get(said.pop(), "") if len(said) == 1 else ""


CORPUS = Casme2()
