"""What a clip's face does: action units over time, and a head that does not keep quite still.

A frame shows I_t(y) = I_0(z - e(t) d(y)), z = D_t^-1(y): the person at rest I_0, displaced by the planted
field d with envelope e, seen under the head's drift D_t, a small rigid motion. At the onset e = 0 and D is
the identity, so the onset frame is I_0 itself.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from preprocess.corpora.synthetic import action_units
from preprocess.corpora.synthetic.plan import Options, PlannedClip, generator
from preprocess.corpora.synthetic.portraits import Person


@dataclass(frozen=True)
class Motion:
    """One clip's motion.

    Args:
        field: d, (h, w, 2) float32, pixels, on the person's patch.
        envelope: e, (n,) for the n frames filmed: 0 until the onset, 1 at the apex, near 0 from the offset.
        drift: (n, 3) shift in x and y (pixels) and rotation (radians) of the head about `pivot`.
        pivot: x, y in pixels of the patch.
    """

    field: np.ndarray
    envelope: np.ndarray
    drift: np.ndarray
    pivot: np.ndarray

    def source(self, frame: int) -> np.ndarray:
        """Where on the person at rest each pixel of the patch shows: (h, w, 2) float32."""
        height, width = self.field.shape[:2]
        ys, xs = np.mgrid[:height, :width].astype(np.float32)
        shift_x, shift_y, angle = (float(value) for value in self.drift[frame])
        cos, sin = float(np.cos(angle)), float(np.sin(angle))
        px, py = (float(value) for value in self.pivot)
        x, y = xs - (px + shift_x), ys - (py + shift_y)
        amount = float(self.envelope[frame])
        source = np.empty_like(self.field)
        source[..., 0] = cos * x + sin * y + px - amount * self.field[..., 0]
        source[..., 1] = -sin * x + cos * y + py - amount * self.field[..., 1]
        return source


def motion(clip: PlannedClip, person: Person, options: Options) -> Motion:
    """Draw the motion of one clip: how strong, how lopsided, and what else the face does besides."""
    rng = generator(options, "motion", clip.clip_id)
    landmarks = person.landmarks - np.array(person.origin)
    shape = (person.size[1], person.size[0])
    pulls = []
    for unit, side in action_units.parse(clip.action_units):
        weight, turn = float(rng.lognormal(0, 0.25)), float(rng.normal(0, 0.17))
        halves = {"": {"L": 1.0, "R": float(rng.uniform(0.7, 1.3))}, "L": {"L": 1.0}, "R": {"R": 1.0}}[side]
        pulls += [
            (unit, half, weight * share, turn * (1 if half == "L" else -1)) for half, share in halves.items()
        ]
    amplitude = float(rng.uniform(*options.amplitude)) * clip.strength * person.eyes / 95
    field = amplitude * action_units.field(pulls, landmarks, shape)
    # A face never does one thing only: some other unit, much weaker, at the same time.
    other = int(rng.choice([5, 6, 7, 10, 14, 17, 20]))
    field += (
        0.2
        * amplitude
        * action_units.field([(other, str(rng.choice(["L", "R"])), 1.0, 0.0)], landmarks, shape)
    )
    field *= _inside(shape)[..., None]
    times = np.array(clip.filmed) - clip.onset
    apex, offset = clip.apex - clip.onset, clip.offset - clip.onset
    return Motion(
        field=field.astype(np.float32),
        envelope=_envelope(times, apex, offset, rng),
        drift=_drift(times, offset, options.drift, rng),
        pivot=landmarks[27:36].mean(axis=0),
    )


def true_flow(motion: Motion, frame: int, drift: bool = True) -> np.ndarray:
    """Displacement u from the onset to a frame, so that I_t(x + u(x)) = I_0(x): (h, w, 2) float32.

    Solves y = D_t(x + e(t) d(y)) by fixed-point steps; `drift=False` leaves the head still (D the identity).
    """
    height, width = motion.field.shape[:2]
    start = np.stack(np.meshgrid(np.arange(width), np.arange(height)), axis=-1).astype(np.float32)
    shift_x, shift_y, angle = (float(value) if drift else 0.0 for value in motion.drift[frame])
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]], np.float32)
    pivot = motion.pivot.astype(np.float32)
    offset = pivot + np.array([shift_x, shift_y], np.float32)
    end = start
    for _ in range(8):
        moved = cv2.remap(
            motion.field, end[..., 0], end[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        end = (start + float(motion.envelope[frame]) * moved - pivot) @ turn.T + offset
    return end - start


def _envelope(times: np.ndarray, apex: int, offset: int, rng: np.random.Generator) -> np.ndarray:
    """A raised cosine up and another down, sharpened a little; what is left at the offset is 0 to 6 %."""
    rest, sharpness = float(rng.uniform(0, 0.06)), float(rng.uniform(1.0, 1.5))
    rise = 0.5 - 0.5 * np.cos(np.pi * np.clip(times / apex, 0, 1))
    fall = 0.5 + 0.5 * np.cos(np.pi * np.clip((times - apex) / (offset - apex), 0, 1))
    return np.where(times <= apex, rise**sharpness, rest + (1 - rest) * fall**sharpness)


def _drift(times: np.ndarray, offset: int, size: float, rng: np.random.Generator) -> np.ndarray:
    """Two slow waves for each of shift x, shift y and rotation, measured from the onset."""
    scale = np.array([size, size, np.deg2rad(size / 2)])
    phase = rng.uniform(0, 2 * np.pi, size=(2, 3))
    turns = np.array([[0.5], [1.2]]) * rng.uniform(0.7, 1.3, size=(2, 3))
    waves = np.sin(2 * np.pi * (times / offset)[:, None, None] * turns + phase).sum(axis=1)
    return (waves - waves[times == 0]) * scale * rng.normal(0, 0.7, size=3)


def _inside(shape: tuple[int, int]) -> np.ndarray:
    """1 inside, falling to 0 over the outer tenth, so that nothing is torn at the patch's border."""
    ramps = [np.clip(np.minimum(np.arange(n), np.arange(n)[::-1]) / (0.1 * n), 0, 1) for n in shape]
    return np.outer(*(ramp * ramp * (3 - 2 * ramp) for ramp in ramps)).astype(np.float32)
