"""Frames of a clip as files: rendered or blank, in the owner's format, some of them damaged on purpose."""

import functools
import io
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from preprocess.corpora.synthetic import render
from preprocess.corpora.synthetic.layouts import get_layout
from preprocess.corpora.synthetic.motion import Motion, motion
from preprocess.corpora.synthetic.plan import Options, PlannedClip
from preprocess.corpora.synthetic.portraits import Person, person

_FORMATS = {
    ".bmp": {"format": "BMP"},
    ".jpg": {"format": "JPEG", "quality": 95},
    ".png": {"format": "PNG", "compress_level": 1},
}
NO_PICTURE = b"This is text, whatever the file is called.\n"


def perform(planned: Sequence[PlannedClip], options: Options) -> list[tuple[PlannedClip, Person, Motion]]:
    """Who is seen in each of one subject's clips, and how they move."""
    frame = get_layout(planned[0].corpus).FRAME
    face = person(planned[0].corpus, planned[0].subject, frame.width, frame.height, options)
    close = _close_up(face)
    faces = [close if clip.cropped else face for clip in planned]
    return [(clip, who, motion(clip, who, options)) for clip, who in zip(planned, faces, strict=True)]


def write_rendered(folder: Path, clip: PlannedClip, who: Person, moves: Motion, options: Options) -> None:
    """Write a clip's frames as the camera saw them."""
    pictures = render.frames(clip, who, moves, options, get_layout(clip.corpus).FRAME.color)
    for name, picture in zip(clip.files, pictures, strict=True):
        (folder / name).write_bytes(_encoded(picture, Path(name).suffix))
    _spoil(folder, clip)


def write_blank(folder: Path, clip: PlannedClip) -> None:
    """Write a clip's frames as one tiny picture: one file by all their names, where the disk allows."""
    if clip.files:
        first, *others = (folder / name for name in clip.files)
        content = _blank(first.suffix, get_layout(clip.corpus).FRAME.color)
        first.write_bytes(content)
        for path in others:
            try:
                os.link(first, path)
            except OSError:
                path.write_bytes(content)
    _spoil(folder, clip)


def _spoil(folder: Path, clip: PlannedClip) -> None:
    """Put damaged files in the place of some frames."""
    names = dict(zip(clip.numbers, clip.files, strict=True))
    for number, how in clip.damaged:
        path = folder / names[number]
        content = path.read_bytes()
        path.unlink()  # a blank frame shares its bytes with the others
        path.write_bytes(NO_PICTURE if how == "text" else content[: len(content) // 2])


def _close_up(face: Person) -> Person:
    """The same person on a picture that shows the moving patch alone, as the owners' cropped releases do."""
    (x, y), (width, height) = face.origin, face.size
    scene = face.scene[y : y + height, x : x + width]
    return replace(face, scene=scene, origin=(0, 0), landmarks=face.landmarks - np.array(face.origin))


def _encoded(picture: np.ndarray, suffix: str) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, **_FORMATS[suffix.lower()])
    return buffer.getvalue()


@functools.cache
def _blank(suffix: str, color: bool) -> bytes:
    return _encoded(np.full((8, 8, 3) if color else (8, 8), 128, np.uint8), suffix)
