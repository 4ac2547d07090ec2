"""SMIC-HS: spontaneous micro-expressions at 100 frames per second (short clips, raw).

Recording: 640x480 bmp, 100 fps; 20 people, 16 of whom showed 164 micro-expressions (70 negative, 51
    positive, 43 surprise).
Layout: `SMIC_all_raw/HS/s1/micro/negative/s1_ne_01/image034208.bmp`, and `SMIC_all_cropped/...` with
    `reg_image034208.bmp`; subjects unpadded on disk, padded (`s01`, `s01_ne_01`) in the official lists.
    Beside `HS` lie `VIS` and `NIR` (25 fps), beside `micro` lies `non_micro`.
Labels: the folder's name, which the clip's name repeats (`ne`, `po`, `sur`). Onset and offset are the first
    and last file. There is no apex and no action unit.
Quirks: the frame number is the camera's own counter, six digits at least; a few clips skip a number. The
    extended release, SMIC-E, has long clips, lost three of the 164 and merged four: it is no substitute.
Access: signed form, University of Oulu, Center for Machine Vision and Signal Analysis.
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from preprocess.corpora.corpus import Report
from preprocess.corpora.reading.declared import Annotation, ClipKey
from preprocess.corpora.reading.finding import Layout
from preprocess.corpora.reading.recordings import Recordings
from preprocess.corpora.reading.sheets import Sheet
from preprocess.corpora.reading.tree import peek, subfolders

_SHORT = {"negative": "ne", "positive": "po", "surprise": "sur"}
EMOTIONS = tuple(_SHORT)
_SUBJECT = re.compile(r"s0*(\d{1,2})", re.IGNORECASE)
_CLIP = re.compile(r"s0*(\d{1,2})_([a-z]+)_0*(\d{1,3})", re.IGNORECASE)
_CAMERA = re.compile(r"(?<![A-Z])(VIS|NIR)(?![A-Z])", re.IGNORECASE)
_NO_NAME = "its name is no clip's, as s1_ne_01 is"
_SHORT_CLIPS = "get the short clips, SMIC_all_raw or SMIC_all_cropped, from the same owner"


class Smic(Recordings):
    """SMIC-HS short clips, raw or cropped."""

    name = "smic"
    title = "SMIC-HS"
    cite = (
        "Li, Pfister, Huang, Zhao, Pietikäinen. A spontaneous micro-expression database: inducement, "
        "collection and baseline. FG 2013."
    )
    full = {"smic": (16, 164)}
    emotions = EMOTIONS
    fps = 100.0
    lookalikes = {
        r"(HS|VIS|NIR)_long|SMIC[-_](HS[-_])?E.*": ("SMIC-E, the release of long clips", _SHORT_CLIPS),
        r"VIS|NIR|SMIC[-_](VIS|NIR).*": ("SMIC-VIS or SMIC-NIR, at 25 fps", f"{_SHORT_CLIPS} (folder HS)"),
        r"SMIC[-_](sub|first).*": ("SMIC-sub, the first release of six subjects", _SHORT_CLIPS),
    }

    def is_home(self, folder: Path, children: list[Path]) -> bool:
        # `HS` says which camera it is, whatever cameras the folder above is named after (`smic_vis_nir_hs`).
        names = () if _is(folder, "hs") else (folder.name, folder.parent.name)
        return not any(map(_CAMERA.search, names)) and any(
            _SUBJECT.fullmatch(child.name) and any(_is(sub, "micro") for sub in peek(child))
            for child in children
        )

    def clips_in(self, home: Path) -> Iterable[tuple[ClipKey, Path]]:
        return (
            ((self.subject_of(subject.name), self.clip_of(clip.name)), clip)
            for subject in _subjects(home)
            for kind in subfolders(subject)
            if _is(kind, "micro")
            for emotion in subfolders(kind)
            for clip in subfolders(emotion)
            if _CLIP.fullmatch(clip.name)
        )

    def no_clips_in(self, home: Path) -> Iterable[tuple[Path, str]]:
        for subject in _subjects(home):
            for kind in subfolders(subject):
                if not _is(kind, "micro"):
                    yield from (
                        (clip, f"a {kind.name} clip: no micro-expression") for clip in subfolders(kind)
                    )
                    continue
                for emotion in subfolders(kind):
                    clips = subfolders(emotion)
                    if _CLIP.fullmatch(emotion.name):
                        yield emotion, "a clip outside the emotions' folders"
                    yield from ((clip, _NO_NAME) for clip in clips if not _CLIP.fullmatch(clip.name))

    def subject_of(self, cell: str) -> str:
        return f"s{int(_SUBJECT.fullmatch(cell)[1]):02d}"

    def clip_of(self, name: str) -> str:
        """`s1_ne_01` -> `s01_ne_01`."""
        match = _CLIP.fullmatch(name)
        return f"s{int(match[1]):02d}_{match[2].lower()}_{int(match[3]):02d}" if match else name

    def annotations(
        self, layout: Layout, sheets: list[Sheet], wanted: set[str], report: Report
    ) -> Iterator[Annotation]:
        for (subject, clip), folder in layout.folders.items():
            emotion = folder.parent.name.lower()
            if subject not in wanted:
                continue
            if emotion in EMOTIONS and clip.startswith(f"{subject}_{_SHORT[emotion]}_"):
                yield Annotation(subject, clip, None, None, None, self.fps, emotion)
                continue
            report.fault(
                f"folder and name contradict each other: {folder.name} lies under {subject}, {emotion}"
                if emotion in EMOTIONS
                else f"the emotion's folder is called {folder.parent.name!r}, not {', '.join(EMOTIONS)}",
                file=folder,
                clip=self.clip_id(subject, clip),
                cure="restore the owner's folder names",
            )


def _subjects(home: Path) -> list[Path]:
    return [folder for folder in subfolders(home) if _SUBJECT.fullmatch(folder.name)]


def _is(folder: Path, name: str) -> bool:
    return folder.name.lower() == name


CORPUS = Smic()
