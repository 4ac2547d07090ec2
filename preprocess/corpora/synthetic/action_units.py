"""Action units as displacement fields on a face with 68 landmarks.

An action unit pulls a few landmarks in fixed directions (Ekman, Friesen, Hager, "Facial Action Coding
System", 2002, says which muscle pulls where). Around them the skin follows, less with distance:

    d(x) = sum_i g_i(x) v_i / sum_i g_i(x) * (1 - prod_i (1 - g_i(x))),   g_i(x) = exp(-|x - p_i|^2 / 2 s^2)

which is smooth, equals v_i at a lone landmark and is never longer than the longest v_i. Lengths are in
units of E, the distance of the outer eye corners; directions are in the face's own frame, x along the eyes
to the image's right, y downwards.
"""

import re
from collections.abc import Iterator

import numpy as np

from preprocess.corpora.synthetic.landmarks import MIRRORED, OUTER_EYE_CORNERS

# Two points that no landmark marks, each the middle of two landmarks: the cheeks, under the eyes.
_CHEEKS = {68: (41, 48), 69: (46, 54)}
_OTHER_SIDE = {k: other for k, other in enumerate((*MIRRORED, 69, 68)) if k != other}

# For each unit: spread s, then the points on the image's left (the subject's right) and in the middle, with
# the direction each is pulled in, x > 0 being outwards. The other side mirrors them.
_UNITS = {
    1: (0.15, {20: (0, -0.8), 21: (0, -1)}),
    2: (0.15, {17: (0, -0.8), 18: (0, -1), 19: (0, -0.8)}),
    4: (0.14, {19: (-0.2, 0.6), 20: (-0.4, 0.9), 21: (-0.6, 1)}),
    5: (0.08, {37: (0, -0.8), 38: (0, -0.8)}),
    6: (0.18, {68: (0.1, -0.7), 41: (0, -0.5), 40: (0, -0.4)}),
    7: (0.09, {41: (0, -0.7), 40: (0, -0.7), 37: (0, 0.5), 38: (0, 0.5)}),
    9: (0.14, {31: (0.1, -1), 30: (0, -0.8), 21: (-0.3, 0.6)}),
    10: (0.13, {50: (0, -1), 51: (0, -0.9), 61: (0, -0.9), 49: (0, -0.7), 32: (0, -0.5)}),
    12: (0.17, {48: (0.7, -0.8), 60: (0.6, -0.6), 59: (0.4, -0.4)}),
    14: (0.14, {48: (-0.9, 0.1), 60: (-0.6, 0)}),
    15: (0.15, {48: (0.1, 1), 59: (0, 0.7)}),
    17: (0.17, {8: (0, -0.9), 7: (0, -0.7), 57: (0, -0.8), 58: (0, -0.7)}),
    20: (0.16, {48: (1, 0.15), 60: (0.7, 0.1), 59: (0.6, 0.2)}),
    26: (0.20, {8: (0, 1), 7: (0, 1), 6: (0, 0.7), 57: (0, 0.9), 58: (0, 0.8), 66: (0, 0.7)}),
}


def parse(action_units: str) -> list[tuple[int, str]]:
    """Units and sides (`L`, `R`: the subject's own; empty: both) of a string such as `4+L10` or `12B`.

    Units that have no field here are left out.
    """
    found = re.findall(r"([LR]?)(\d+)", action_units)
    return [(int(unit), side) for side, unit in found if int(unit) in _UNITS]


def field(
    pulls: list[tuple[int, str, float, float]], landmarks: np.ndarray, shape: tuple[int, int]
) -> np.ndarray:
    """Displacement of several action units at once.

    Args:
        pulls: unit, side, weight and a turn of its directions in radians.
        landmarks: (68, 2) x, y in pixels of the field.
        shape: height and width of the field.

    Returns:
        (height, width, 2) float32, scaled so that the longest displacement is 1.
    """
    left, right = landmarks[OUTER_EYE_CORNERS[0]], landmarks[OUTER_EYE_CORNERS[1]]
    eyes = float(np.hypot(*(right - left)))
    along = (right - left) / eyes
    down = np.array([-along[1], along[0]])
    points = np.vstack([landmarks, *((landmarks[a] + landmarks[b])[None] / 2 for a, b in _CHEEKS.values())])
    total = np.zeros((*shape, 2), np.float32)
    ys, xs = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
    for unit, side, weight, turn in pulls:
        spread, anchors = _UNITS[unit]
        cos, sin = float(np.cos(turn)), float(np.sin(turn))
        near, pulled, free = (
            np.full(shape, 1e-6, np.float32),
            np.zeros_like(total),
            np.ones(shape, np.float32),
        )
        for point, (rightward, downward) in _both_sides(anchors, side):
            pull = (cos * rightward - sin * downward) * along + (sin * rightward + cos * downward) * down
            x, y = (float(value) for value in points[point])
            g = np.exp(-((xs - x) ** 2 + (ys - y) ** 2) / float(2 * (spread * eyes) ** 2))
            near += g
            pulled += g[..., None] * pull.astype(np.float32)
            free *= 1 - g
        total += np.float32(weight) * pulled * ((1 - free) / near)[..., None]
    return total / max(float(np.hypot(total[..., 0], total[..., 1]).max()), 1e-6)


def _both_sides(anchors: dict, side: str) -> Iterator[tuple[int, tuple[float, float]]]:
    """Points and pulls, now with x to the image's right: of one side of the face or of both."""
    for point, (outward, downward) in anchors.items():
        # The subject's right is on the image's left.
        if side != "L" or point not in _OTHER_SIDE:
            yield point, (-outward, downward)
        if side != "R" and point in _OTHER_SIDE:
            yield _OTHER_SIDE[point], (outward, downward)
