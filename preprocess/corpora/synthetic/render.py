"""Frames of one clip: the person in motion, seen by a camera with noise and flickering light."""

from collections.abc import Iterator

import cv2
import numpy as np

from preprocess.corpora.synthetic.motion import Motion
from preprocess.corpora.synthetic.plan import Options, PlannedClip, generator
from preprocess.corpora.synthetic.portraits import Person

_FLICKER = 0.01


def frames(
    clip: PlannedClip, person: Person, motion: Motion, options: Options, color: bool
) -> Iterator[np.ndarray]:
    """(H, W, 3) or, without colour, (H, W) uint8 frames, in the order of the clip's numbers.

    Only the patch around the face moves, flickers and is noisy; what surrounds it is a still wall, which
    keeps rendering fast and files small.
    """
    cv2.setNumThreads(1)
    rng = generator(options, "camera", clip.clip_id)
    scene = person.scene if color else cv2.cvtColor(person.scene, cv2.COLOR_RGB2GRAY)
    (x, y), (width, height) = person.origin, person.size
    patch = np.ascontiguousarray(scene[y : y + height, x : x + width])
    soft = _soft_border(height, width)
    still = _to_bytes(scene)
    for frame, number in enumerate(clip.filmed):
        if number not in clip.numbers:
            continue
        source = motion.source(frame)
        moved = cv2.remap(
            patch, source[..., 0], source[..., 1], cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
        )
        gain = 1 + _FLICKER * soft * np.float32(rng.normal())
        noise = soft * (np.float32(options.noise) * rng.standard_normal((height, width), dtype=np.float32))
        moved = moved * gain[..., None] + noise[..., None] if color else moved * gain + noise
        picture = still.copy()
        picture[y : y + height, x : x + width] = _to_bytes(moved)
        yield picture


def _to_bytes(image: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(image), 0, 255).astype(np.uint8)


def _soft_border(height: int, width: int) -> np.ndarray:
    """1 inside, falling to 0 over the outer 5 %, so that noise and flicker end without an edge."""
    ramps = [
        np.clip(np.minimum(np.arange(n), np.arange(n)[::-1]) / (0.05 * n), 0, 1) for n in (height, width)
    ]
    return np.outer(*ramps).astype(np.float32)
