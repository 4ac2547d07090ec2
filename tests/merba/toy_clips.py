"""Planted clips: the movements of `toy_flow` on a textured face, rising to an apex and falling again."""

import numpy as np
from scipy import ndimage
from toy_flow import planted

from contracts.sequences import Sequence


def planted_clips(number: int, steps: int | None, size: int, gain: float = 4.0):
    """Clips as `contracts.sequences.Sequence`, six of each person, and their labels (text).

    Args:
        number: of clips.
        steps: frames of a clip; None: 9 to 16, another number for each.
        size: side of the frames in pixels.
        gain: how much larger the movements are than in `toy_flow`, where they are about a pixel.
    """
    _, labels, flows = planted(subjects=-(-number // 6), noise=0.05)
    random = np.random.default_rng(0)
    faces = [ndimage.gaussian_filter(random.normal(size=(size, size)), size / 40) for _ in range(2)]
    faces = [np.interp(face, (face.min(), face.max()), (20, 235)) for face in faces]
    clips = []
    for k, flow in enumerate(flows[:number]):
        length = steps or 9 + 7 * k % 8
        apex = 0.6 * (length - 1)
        course = np.interp(np.arange(length), [0, apex, length - 1], [0, 1, 0.3])
        full = ndimage.zoom(gain * flow, (1, size / 28, size / 28), order=1)
        moving = (course[:, None, None, None] * full).astype(np.float32)
        rows, columns = np.mgrid[:size, :size]
        scale = size / 224  # flow is in pixels of the full crop
        frames = [
            ndimage.map_coordinates(
                faces[k // 6 % 2], [rows - v * scale, columns - u * scale], order=1, mode="nearest"
            )
            for u, v, _ in moving
        ]
        position = np.arange(length, dtype=np.float64) + 30
        clips.append(Sequence(np.rint(frames).astype(np.uint8), moving, position, 30 + apex))
    return clips, labels[:number]
