"""Frames of one clip: which files they are, and their pixels.

Corpora number their frames in every possible way (`img46.jpg`, `006_05562.jpg`, `image034208.bmp`,
`00109.png`), so a folder is listed and the last run of digits read; a name is never built from a number.
"""

import contextlib
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from contracts.errors import InputError

SUFFIXES = (".bmp", ".jpg", ".jpeg", ".png")
_NUMBER = re.compile(r"(\d+)\D*$")
_COPY = re.compile(r"\(\d+\)$")  # `image034208 (1).bmp`, as file managers and browsers name copies
_DIGITS = 15
_EIGHT_BIT = {"1", "L", "LA", "P", "RGB", "RGBA"}
_FIRST_BYTES = (b"BM", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n")
_CURE = "unpack the clip again"


def list_frames(folder: Path) -> dict[int, Path]:
    """Frame number -> file, in ascending order of number.

    Raises:
        InputError: no such folder, no image in it, an image without a number, or a number that occurs twice.
    """
    frames: dict[int, Path] = {}
    for path in _pictures(Path(folder)):
        match = _NUMBER.search(path.stem)
        if match is None:
            raise InputError("an image without a frame number", file=path, cure="move it out of the clip")
        if _COPY.search(path.stem):
            raise InputError("a copy, by its name", file=path, cure="remove it")
        if len(match[1]) > _DIGITS:
            raise InputError(
                f"a frame number of {len(match[1])} digits", file=path, cure="restore the owner's file names"
            )
        number = int(match[1])
        if number in frames:
            both = f"{frames[number].name} and {path.name}"
            raise InputError(f"frame {number} is here twice, as {both}", file=folder, cure="remove the copy")
        frames[number] = path
    if not frames:
        raise InputError(
            f"no frame in this clip's folder (looked for {', '.join(SUFFIXES)})",
            file=folder,
            cure="unpack the clip again, or remove the empty folder, and its row if the corpus has a sheet",
        )
    return dict(sorted(frames.items()))


def looks_like_image(path: Path) -> bool:
    """Whether a file starts as a BMP, JPEG or PNG does; a cheap probe, no promise that it decodes.

    Raises:
        InputError: it cannot be opened.
    """
    try:
        with Path(path).open("rb") as file:
            return file.read(8).startswith(_FIRST_BYTES)
    except OSError as error:
        raise InputError(
            f"the frame cannot be opened ({error.strerror})", file=path, cure="check its permissions"
        ) from error


def _pictures(folder: Path) -> list[Path]:
    """Files by the names of pictures, sorted; a folder or a broken link by such a name is refused."""
    found = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                path = folder / entry.name
                if entry.name.startswith(".") or path.suffix.lower() not in SUFFIXES:
                    continue
                if not entry.is_file():
                    raise InputError("no file, or a broken link", file=path, cure=_CURE)
                found.append(path)
    except FileNotFoundError as error:
        raise InputError("no such folder of frames", file=folder, cure="unpack the corpus again") from error
    except OSError as error:
        raise InputError(
            f"the folder of frames cannot be read ({error.strerror})",
            file=folder,
            cure="check its permissions",
        ) from error
    return sorted(found)


def read_gray(path: Path) -> np.ndarray:
    """Luma of one frame, (H, W) uint8, by ITU-R 601 where the file is in colour.

    Raises:
        InputError: truncated, not an image, or more than 8 bits a channel.
    """
    return _pixels(path, "L")


def read_color(path: Path) -> np.ndarray:
    """One frame as RGB, (H, W, 3) uint8; a grey file gives three equal channels.

    Raises:
        InputError: truncated, not an image, or more than 8 bits a channel.
    """
    return _pixels(path, "RGB")


def read_clip(paths: Iterable[Path]) -> Iterator[np.ndarray]:
    """Luma of one clip's frames in turn, (H, W) uint8, each decoded once and all of one size.

    Raises:
        InputError: as `read_gray`, or a frame's size is not the first one's: one matrix serves them all.
    """
    first = None
    for path in paths:
        image = read_gray(path)
        first = first or (path.name, image.shape)
        if image.shape != first[1]:
            (tall, wide), (height, width) = first[1], image.shape
            raise InputError(
                f"frames of one clip differ in size ({first[0]} {wide}x{tall}, {path.name} {width}x{height})",
                file=path,
                cure=_CURE,
            )
        yield image


@contextlib.contextmanager
def faults_of(clip_id: str) -> Iterator[None]:
    """Name the clip in every `InputError` that its frames give rise to."""
    try:
        yield
    except InputError as error:
        raise InputError(error.problem, cure=error.cure, file=error.file, clip=clip_id) from error


def _pixels(path: Path, mode: str) -> np.ndarray:
    # Pillow refuses a file that ends early; OpenCV would fill the rest with grey and say nothing.
    try:
        with Image.open(path) as image:
            # Pillow reads 16-bit colour as if it had eight; only the raw mode of the data tells.
            raw_modes = [tile[-1] if isinstance(tile[-1], str) else str(tile[-1][0]) for tile in image.tile]
            if image.mode not in _EIGHT_BIT or any(";16" in mode for mode in raw_modes):
                raise InputError(
                    f"pixels are not 8-bit grey or RGB (mode {image.mode}, {image.format})",
                    file=path,
                    cure="give the frames as the owner ships them, 8 bits a channel",
                )
            return np.array(image.convert(mode))
    except FileNotFoundError as error:
        raise InputError("the frame is not on disk", file=path, cure=_CURE) from error
    except UnidentifiedImageError as error:
        raise InputError("not an image, whatever its name says", file=path, cure=_CURE) from error
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise InputError(f"the image is damaged ({error})", file=path, cure=_CURE) from error
