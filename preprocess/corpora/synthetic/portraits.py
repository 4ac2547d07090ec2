"""Two public-domain portraits made into many people.

The portraits are `astronaut` (Eileen Collins; NASA, ships with scikit-image) and `grace_hopper` (US Navy,
ships with matplotlib). A person is one of them under a fixed smooth warp, a stretch, perhaps a mirror,
another tone and another place in the frame. They still look like two people: good for pipelines, folds and
leaks, no ground for claims about unseen faces.

`portraits.json` holds their 68 landmarks, x and y in pixels, found once with dlib's shape predictor.
"""

import functools
import json
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from preprocess.corpora.synthetic.landmarks import MIRRORED, OUTER_EYE_CORNERS
from preprocess.corpora.synthetic.plan import Options, generator, number_of
from preprocess.frames import read_color

# Patch around the middle of the eyes, in outer-eye-corner distances: left, top, right, bottom.
_PATCH = (-1.65, -1.65, 1.65, 1.95)


@dataclass(frozen=True)
class Person:
    """A subject at rest in front of the camera.

    Args:
        scene: (H, W, 3) float32 RGB, the whole frame without noise.
        origin: x, y of the patch that moves, in the frame.
        size: width, height of the patch.
        landmarks: (68, 2) x, y in pixels of the frame.
    """

    scene: np.ndarray
    origin: tuple[int, int]
    size: tuple[int, int]
    landmarks: np.ndarray

    @property
    def eyes(self) -> float:
        """Distance of the outer eye corners in pixels."""
        left, right = (self.landmarks[k] for k in OUTER_EYE_CORNERS)
        return float(np.hypot(*(right - left)))


def person(corpus: str, subject: str, width: int, height: int, options: Options) -> Person:
    """The subject's face in a frame of that size; even numbers are made of one portrait, odd of the other."""
    rng = generator(options, "person", corpus, subject)
    image, marks = _portrait(("astronaut", "grace_hopper")[number_of(subject) % 2])
    eyes = float(rng.uniform(97, 112))
    left, top, right, bottom = (round(side * eyes) for side in _PATCH)
    size = (right - left, bottom - top)
    room_x, room_y = width - size[0], height - size[1]
    origin = (
        round(room_x / 2 + float(rng.uniform(-0.25, 0.25)) * room_x),
        round(room_y / 2 + float(rng.uniform(-0.25, 0.25)) * room_y),
    )
    face = np.stack(np.meshgrid(np.arange(left, right), np.arange(top, bottom)), axis=-1) / eyes

    mirror = bool(rng.integers(2))
    to_portrait = _Warp(rng, marks, mirror)
    source = to_portrait(face).astype(np.float32)
    patch = cv2.remap(image, source, None, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101)
    patch = _retone(patch, rng)

    landmarks = marks[list(MIRRORED)] if mirror else marks
    landmarks = to_portrait.inverse(landmarks) * eyes + np.array([origin[0] - left, origin[1] - top])

    scene = _backdrop(rng, width, height)
    window = scene[origin[1] : origin[1] + size[1], origin[0] : origin[0] + size[0]]
    alpha = _vignette(face)[..., None]
    window += alpha * (patch - window)
    return Person(scene, origin, size, landmarks)


class _Warp:
    """From the face's frame (origin between the eyes, unit E) to pixels of the portrait."""

    def __init__(self, rng: np.random.Generator, marks: np.ndarray, mirror: bool):
        left, right = (marks[k] for k in OUTER_EYE_CORNERS)
        self.middle, self.eyes = (left + right) / 2, float(np.hypot(*(right - left)))
        roll = float(np.arctan2(*(right - left)[::-1])) + float(np.deg2rad(rng.uniform(-3, 3)))
        turn = np.array([[np.cos(roll), -np.sin(roll)], [np.sin(roll), np.cos(roll)]])
        stretch = np.diag(rng.uniform(0.92, 1.08, size=2) * (-1.0 if mirror else 1.0, 1.0))
        self.linear = turn @ stretch
        # A handful of slow waves: smooth everywhere and, at this height and length, without folds.
        self.waves = rng.uniform(1.2, 3.2, size=(6, 2)) * rng.choice([-1, 1], size=(6, 2))
        self.phases = rng.uniform(0, 2 * np.pi, size=6)
        self.heights = rng.normal(0, 0.0155, size=(6, 2))

    def __call__(self, face: np.ndarray) -> np.ndarray:
        bent = face @ self.linear.T
        for wave, phase, height in zip(self.waves, self.phases, self.heights, strict=True):
            bent += np.sin(face @ wave + phase)[..., None] * height
        return bent * self.eyes + self.middle

    def inverse(self, portrait: np.ndarray) -> np.ndarray:
        """Points of the portrait in the face's frame, by fixed-point steps."""
        back = np.linalg.inv(self.linear * self.eyes)
        face = (portrait - self.middle) @ back.T
        for _ in range(30):
            face = face + (portrait - self(face)) @ back.T
        return face


@functools.cache
def _portrait(name: str) -> tuple[np.ndarray, np.ndarray]:
    if name == "astronaut":
        import skimage.data

        image = skimage.data.astronaut()
    else:
        import matplotlib.cbook

        image = read_color(Path(matplotlib.cbook.get_sample_data(f"{name}.jpg", asfileobj=False)))
    marks = json.loads(Path(__file__).with_name("portraits.json").read_text())
    return image.astype(np.float32), np.array(marks[name])


def _retone(patch: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Another skin and light: a shift in CIELAB."""
    lab = cv2.cvtColor(np.clip(patch, 0, 255).astype(np.float32) / 255, cv2.COLOR_RGB2Lab)
    contrast, light = float(rng.uniform(0.82, 1.0)), float(rng.uniform(-6, 4))
    lab[..., 0] = np.clip((lab[..., 0] - 55) * contrast + 55 + light, 3, 97)
    lab[..., 1:] = lab[..., 1:] * float(rng.uniform(0.6, 1.0)) + rng.uniform(-4, 4, size=2).astype(np.float32)
    return np.clip(cv2.cvtColor(lab, cv2.COLOR_Lab2RGB), 0, 1) * 255


def _backdrop(rng: np.random.Generator, width: int, height: int) -> np.ndarray:
    """A wall with light falling on it from one side."""
    xs, ys = np.meshgrid(
        np.linspace(-1, 1, width, dtype=np.float32), np.linspace(-1, 1, height, dtype=np.float32)
    )
    slope = rng.uniform(-14, 14, size=2).astype(np.float32)
    grey = float(rng.uniform(95, 150)) + slope[0] * xs + slope[1] * ys
    return grey[..., None] + rng.uniform(-6, 6, size=3).astype(np.float32)


def _vignette(face: np.ndarray) -> np.ndarray:
    """1 on the face, 0 at the patch's border, in between a smooth fall over a rounded rectangle.

    An ellipse would do too, but landmark predictors take its outline for a jaw now and then.
    """
    left, top, right, bottom = _PATCH
    middle, half = ((left + right) / 2, (top + bottom) / 2), ((right - left) / 2, (bottom - top) / 2)
    across, along = (face[..., 0] - middle[0]) / half[0], (face[..., 1] - middle[1]) / half[1]
    ramp = np.clip((0.99 - (across**4 + along**4) ** 0.25) / 0.4, 0, 1)
    return (ramp * ramp * (3 - 2 * ramp)).astype(np.float32)
