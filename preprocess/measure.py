"""One clip of new footage through all stages, by the same functions as the clips of a run.

A run keeps what each stage finds out in files; here it stays in memory, and a frame is decoded at most once a
stage.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import pandas as pd

from contracts.errors import InputError
from contracts.sequences import Sequence
from preprocess import apex
from preprocess.align import CROP_SIZE, MATRIX_COLUMNS, OWNER_CROP, TEMPLATE, crop, estimate, fit, map_points
from preprocess.faces import Face, find_face
from preprocess.flow import flow_and_strain, shrink
from preprocess.footage import Folder, Video
from preprocess.sequences import make_sequence
from preprocess.view import View, facts_of, pictures_of

# A micro-expression lasts half a second; this is four times as long at 500 frames a second.
MOST_FRAMES = 1000
_DETECTION = ("detector", "score", "candidates", "border", "decision")


@dataclass(frozen=True)
class Asked:
    """Which frames are wanted; None: the first, the apex by `policy` of `preprocess.apex`, the last.

    `fps`: frames a second as filmed; None: what the footage says.
    """

    onset: int | None = None
    apex: int | None = None
    offset: int | None = None
    policy: str = "spotted"
    fps: float | None = None


@dataclass(frozen=True)
class Pixels:
    """How frames become flow, in the words of the configuration.

    `cropped`: the footage shows a face crop already and is not aligned a second time.
    """

    crop_size: int = CROP_SIZE
    method: str = "tvl1"
    matched: bool = True
    detector: str = "mtcnn"
    cropped: bool = False


@dataclass(frozen=True)
class Measured:
    """What the stages made of one clip.

    Attributes:
        numbers: frame numbers from onset to offset.
        apex: its number and where it comes from.
        face: None in a crop in which none was seen.
        rule, matrix, residual: as in the alignment table; no residual (None) by the owner-crop rule.
        onset, peak: the two frames as recorded, (H, W) uint8.
        flow: (3, S, S) float32 at crop size, physical.
    """

    footage: Folder | Video
    asked: Asked
    pixels: Pixels
    numbers: list[int]
    apex: apex.Apex
    face: Face | None
    rule: str
    matrix: np.ndarray
    residual: float | None
    onset: np.ndarray
    peak: np.ndarray
    flow: np.ndarray

    def sequence(self, size: int, steps: int | None) -> Sequence:
        """The clip over time, as `preprocess.sequences` makes it.

        Raises:
            InputError: all frames are asked for, and they are too many, or `size` exceeds the crop's.
        """
        if steps is None:
            _check_length(self.footage, self.numbers, "every one of them would be kept")
        pixels = self.pixels
        return make_sequence(
            self.numbers,
            lambda numbers: _crops(self.footage.grays(numbers), self.matrix, pixels.crop_size),
            self.apex.frame,
            size,
            steps,
            pixels.method,
            matched=pixels.matched,
        )

    def facts(self) -> list[str]:
        """What was found, as on the sheet of a run's clip."""
        ends = ("first frame", self.asked.onset), ("last frame", self.asked.offset)
        clip = SimpleNamespace(
            onset=self.numbers[0],
            offset=self.numbers[-1],
            fps=self.asked.fps or self.footage.fps,
            range_source=" to ".join(end if number is None else "given" for end, number in ends),
            pictures="cropped" if self.pixels.cropped else "raw",
        )
        found = ["", "", 0, "", "no face seen; the crop is kept"]
        if self.face is not None:
            found = [getattr(self.face, name) for name in _DETECTION]
        alignment = dict(zip(MATRIX_COLUMNS, self.matrix.ravel(), strict=True))
        alignment |= {"rule": self.rule, "residual": "" if self.residual is None else self.residual}
        return facts_of(
            clip,
            pd.Series(dict(zip(_DETECTION, found, strict=True))),
            pd.Series(alignment),
            SimpleNamespace(apex=self.apex.frame, apex_source=self.apex.source),
            self.pixels.method,
            self.flow,
        )

    def view(self, title: str, said: list[str], size: int) -> View:
        """What `preprocess.picture` draws: these lines and the facts, flow at crop size and at `size`."""
        largest = self.flow.shape[-1]
        fields = [self.flow] if size == largest else [self.flow, shrink(self.flow, size)]
        landmarks = None if self.face is None else self.face.landmarks
        pictures = pictures_of(self.onset, self.peak, self.matrix, landmarks, largest)
        return View(title, [*said, *self.facts()], fields, "physical", pictures)


def measure(footage: Folder | Video, asked: Asked, pixels: Pixels) -> Measured:
    """Face, alignment, apex and flow of one clip.

    Raises:
        InputError: frames that are not there, no motion between them, no face, an unknown detector or method.
    """
    numbers = _numbers(footage, asked)
    image = footage.color(numbers[0])
    face = find_face(image, pixels.detector)
    if pixels.cropped:
        rule, matrix, residual = OWNER_CROP, fit(*image.shape[1::-1], pixels.crop_size), None
    elif face is None:
        raise InputError(
            f"no face found in frame {numbers[0]}, by MTCNN nor by dlib's HOG detector",
            file=footage.path,
            cure="give another --onset, or --cropped if the frames are face crops already",
        )
    else:
        rule, (matrix, residual) = TEMPLATE, estimate(face.landmarks, pixels.crop_size)
    found = _apex(footage, numbers, asked, face, matrix, pixels.crop_size)
    onset, peak = footage.grays([numbers[0], found.frame])
    pair = _crops((onset, peak), matrix, pixels.crop_size)
    flow = flow_and_strain(*pair, pixels.method, matched=pixels.matched)
    return Measured(footage, asked, pixels, numbers, found, face, rule, matrix, residual, onset, peak, flow)


def _numbers(footage: Folder | Video, asked: Asked) -> list[int]:
    """Frame numbers from onset to offset, two at least."""
    there = footage.numbers
    for option, number in (("--onset", asked.onset), ("--offset", asked.offset)):
        if number is not None and number not in there:
            raise InputError(
                f"frame {number} is not there (the first is {there[0]}, the last {there[-1]})",
                file=footage.path,
                clip=option,
                cure="give the number of a frame that is there",
            )
    onset = there[0] if asked.onset is None else asked.onset
    offset = there[-1] if asked.offset is None else asked.offset
    numbers = [number for number in there if onset <= number <= offset]
    if len(numbers) < 2:
        raise InputError(
            f"no motion can be seen from frame {onset} to frame {offset}",
            file=footage.path,
            cure="give two frames or more, the onset before the offset",
        )
    return numbers


def _apex(footage, numbers: list[int], asked: Asked, face: Face | None, matrix, size: int) -> apex.Apex:
    """The apex that was given, or by the policy."""
    if asked.apex is not None:
        if asked.apex not in numbers[1:]:
            raise InputError(
                f"frame {asked.apex} is none of those after the onset {numbers[0]}, up to {numbers[-1]}",
                file=footage.path,
                clip="--apex",
                cure="give the number of a frame that is there, or leave it to the spotter",
            )
        return apex.Apex(asked.apex, "given")

    def spotted():
        if face is None:
            return apex.midpoint(numbers)
        _check_length(footage, numbers, "the spotter would look at each")
        fps = footage.fps if asked.fps is None else asked.fps
        if not (fps and fps > 0):
            raise InputError(
                "the spotter has to know how many frames there are a second",
                file=footage.path,
                cure="give --fps as filmed, or --apex, or --midpoint",
            )
        crops = np.stack(list(_crops(footage.grays(numbers), matrix, size)))
        return apex.spot(crops, numbers, map_points(face.landmarks, matrix), fps)

    return apex.locate(asked.policy, annotated=None, numbers=numbers, spotter=spotted)


def _check_length(footage: Folder | Video, numbers: list[int], why: str) -> None:
    if len(numbers) > MOST_FRAMES:
        raise InputError(
            f"{len(numbers)} frames are more than a micro-expression has, and {why}",
            file=footage.path,
            cure=f"give --onset and --offset around the movement, at most {MOST_FRAMES} frames",
        )


def _crops(images: Iterable[np.ndarray], matrix: np.ndarray, size: int) -> Iterator[np.ndarray]:
    return (crop(image, matrix, size) for image in images)
