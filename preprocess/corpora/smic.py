"""SMIC-HS: spontaneous micro-expressions at 100 frames per second (short clips, raw).

Recording: PixeLINK camera, 640x480 colour, 100 fps; 20 people, 16 of whom showed 164 micro-expressions
    (70 negative, 51 positive, 43 surprise).
Layout: `SMIC_all_raw/HS/s1/micro/negative/s1_ne_01/image034208.bmp`; subjects unpadded on disk, padded
    (`s01`, `s01_ne_01`) in the official lists. Beside `HS` lie `VIS` and `NIR` (25 fps), beside `micro` lies
    `non_micro`.
Labels: the folder's name; self-report while watching films. Onset and offset are the first and last file.
    There is no apex and no action unit.
Quirks: the frame number is the camera's own counter, six digits at least; a few clips skip a number.
Access: signed form, University of Oulu, Center for Machine Vision and Signal Analysis.
Cite: Li, Pfister, Huang, Zhao, Pietikäinen, "A spontaneous micro-expression database: inducement,
    collection and baseline", FG 2013.
"""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from contracts.errors import InputError
from preprocess.corpora.corpus import Annotation, ClipKey, Corpus
from preprocess.corpora.tree import keyed, one_home, subfolders, survey

FPS = 100.0
EMOTIONS = ("negative", "positive", "surprise")
_SUBJECT = re.compile(r"s0*(\d+)", re.IGNORECASE)
_CLIP = re.compile(r"s0*(\d+)_([a-z]+)_0*(\d+)", re.IGNORECASE)


class Smic(Corpus):
    """SMIC-HS short clips."""

    name = "smic"
    title = "SMIC-HS"

    def clip_folders(self, root: Path) -> dict[ClipKey, Path]:
        return keyed(
            ((subject, official(folder.name)), folder)
            for subject, kind, folder in _folders(root)
            if kind == "micro"
        )

    def not_clips(self, root: Path) -> dict[str, str]:
        return {
            self.clip_id(subject, official(folder.name)): f"a {kind} clip: no micro-expression"
            for subject, kind, folder in _folders(root)
            if kind == "non_micro"
        }

    def annotations(self, root: Path, folders: Mapping[ClipKey, Path]) -> Iterable[Annotation]:
        for (subject, clip), folder in folders.items():
            if folder.parent.name.lower() not in EMOTIONS:
                raise InputError(
                    f"the emotion's folder is called {folder.parent.name!r}, not {', '.join(EMOTIONS)}",
                    file=folder,
                    clip=self.clip_id(subject, clip),
                    cure="restore the owner's folder names",
                )
            yield Annotation(subject, clip, None, None, None, FPS, folder.parent.name)


def official(name: str) -> str:
    """The official lists' spelling of a clip's folder: `s1_ne_01` -> `s01_ne_01`."""
    match = _CLIP.fullmatch(name)
    return f"s{int(match[1]):02d}_{match[2].lower()}_{int(match[3]):02d}" if match else name


def _folders(root: Path) -> list[tuple[str, str, Path]]:
    """(subject, `micro` or `non_micro`, folder) of everything below one HS folder."""
    home = one_home(survey(root, _is_high_speed), Smic.title)
    return [
        (f"s{int(_SUBJECT.fullmatch(subject.name)[1]):02d}", kind.name.lower(), folder)
        for subject in (subfolders(home) if home else [])
        if _SUBJECT.fullmatch(subject.name)
        for kind in subfolders(subject)
        for folder in _leaves(kind)
    ]


def _leaves(kind: Path) -> list[Path]:
    """Clip folders: one level further down, below the emotion, for micro-expressions only."""
    if kind.name.lower() != "micro":
        return subfolders(kind)
    return [clip for emotion in subfolders(kind) for clip in subfolders(emotion)]


def _is_high_speed(folder: Path, children: list[Path]) -> bool:
    return folder.name.upper() not in ("VIS", "NIR") and any(
        _SUBJECT.fullmatch(child.name) and any(sub.name.lower() == "micro" for sub in subfolders(child))
        for child in children
    )


CORPUS = Smic()
