"""Footage of one clip that belongs to no corpus: a folder of frames, or a video file, with one face.

Frame numbers are those in the names of a folder's files; frames of a video are counted from 1. A video is
read forwards from its beginning, because seeking lands on another frame in many files, and one frame of it is
in memory at a time. Its luma is computed as that of a picture file: the same pixels give the same numbers.
"""

import contextlib
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from contracts.errors import InputError
from preprocess.frames import SUFFIXES, list_frames, read_clip, read_color

_CURE = "play it, and copy or convert it again if it is damaged"


@dataclass(frozen=True)
class Folder:
    """A folder of pictures; `files` by frame number, ascending."""

    path: Path
    files: dict[int, Path]
    fps: None = None

    @property
    def numbers(self) -> list[int]:
        """Frame numbers, ascending."""
        return list(self.files)

    def color(self, number: int) -> np.ndarray:
        """One frame as RGB, (H, W, 3) uint8."""
        return read_color(self.files[number])

    def grays(self, numbers: Iterable[int]) -> Iterator[np.ndarray]:
        """Luma of these frames (ascending numbers) in turn, (H, W) uint8, all of one size."""
        return read_clip(self.files[number] for number in numbers)


@dataclass(frozen=True)
class Video:
    """A video file; `fps` is what its header says, which for slowed-down footage is not how it was filmed."""

    path: Path
    numbers: Sequence[int]
    fps: float | None

    def color(self, number: int) -> np.ndarray:
        """One frame as RGB, (H, W, 3) uint8."""
        return next(self._frames([number]))

    def grays(self, numbers: Iterable[int]) -> Iterator[np.ndarray]:
        """Luma of these frames (ascending numbers) in turn, (H, W) uint8."""
        for picture in self._frames(numbers):
            yield np.array(Image.fromarray(picture).convert("L"))

    def _frames(self, numbers: Iterable[int]) -> Iterator[np.ndarray]:
        with _opened(self.path) as video:
            at = 0
            for number in numbers:
                while at < number:
                    grabbed = video.grab()
                    at += 1
                    if not grabbed:
                        raise InputError(f"frame {at} cannot be decoded", file=self.path, cure=_CURE)
                _, picture = video.retrieve()
                yield cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)


def open_footage(path: str | Path) -> Folder | Video:
    """Look what is there; a video is decoded once to count its frames.

    Raises:
        InputError: nothing there, a folder without frames, or a file that is no video.
    """
    path = Path(path)
    if path.is_dir():
        with contextlib.suppress(OSError):  # what cannot be listed is told below
            if not any(one.suffix.lower() in SUFFIXES for one in path.iterdir()):
                raise InputError(
                    f"no frame in this folder (looked for {', '.join(SUFFIXES)})",
                    file=path,
                    cure="give the folder that holds the frames themselves, or a video file",
                )
        return Folder(path, list_frames(path))
    if not path.is_file():
        raise InputError("no such folder or file", file=path, cure="give a folder of frames or a video file")
    with _opened(path) as video:
        fps = video.get(cv2.CAP_PROP_FPS)
        # The header's own count is a guess in many files.
        count = 0
        while video.grab():
            count += 1
    if not count:
        raise InputError("no frame of this video can be decoded", file=path, cure=_CURE)
    return Video(path, range(1, count + 1), fps if math.isfinite(fps) and fps > 0 else None)


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[cv2.VideoCapture]:
    with _quietly():
        # Absolute, so that no file's name is taken for an address on the network.
        video = cv2.VideoCapture(str(path.absolute()), cv2.CAP_FFMPEG)
    try:
        if not video.isOpened():
            raise InputError(
                "not a video that can be read",
                file=path,
                cure="convert it, to .avi or .mp4 for instance, or give a folder of its frames",
            )
        yield video
    finally:
        video.release()


@contextlib.contextmanager
def _quietly() -> Iterator[None]:
    """Without OpenCV's own warnings: what it cannot open is told by an `InputError`."""
    logging = cv2.utils.logging
    level = logging.getLogLevel()
    logging.setLogLevel(logging.LOG_LEVEL_SILENT)
    try:
        yield
    finally:
        logging.setLogLevel(level)
