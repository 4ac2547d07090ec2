"""One similarity transform per clip: landmarks of the onset frame to a fixed template, then a square crop.

The procedure of the DFME paper (arXiv 2301.00985) as far as it is recorded: the transform is estimated on the
onset frame and applied unchanged to every frame of the clip, so that head and detector jitter add no motion.
A similarity (rotation, scale, shift) keeps the face's own proportions; flow in the crop stays comparable
between people in units of the eye distance.

Pictures that the owner has already aligned and cropped are not aligned a second time: landmarks on a tight
crop would add their error to the owner's work, and detection would decide which clips count. One uniform
scale fits the picture's longer side into the square, centred; the alignment table says which of the two
rules a clip was given.
"""

from pathlib import Path

import cv2
import numpy as np

from contracts.files import read_csv

CROP_SIZE = 224
TEMPLATE, OWNER_CROP = "template", "owner crop"
"""The rules, as the alignment table has them."""
MATRIX_COLUMNS = ["m00", "m01", "m02", "m10", "m11", "m12"]

# Anchors that facial action units move least: eye corners and nose base (iBUG 300-W numbering). Positions in
# outer-eye distances, origin midway between the outer eye corners: a symmetric, frontal, neutral face.
_ANCHORS = {
    36: (-0.5, 0.0),
    39: (-0.22, 0.025),
    42: (0.22, 0.025),
    45: (0.5, 0.0),
    31: (-0.175, 0.455),
    33: (0.0, 0.505),
    35: (0.175, 0.455),
}
EYE_DISTANCE = 0.42  # outer eye corners, in crop widths: brows and chin stay inside the crop
_EYE_LINE = 0.36  # height of the eye line, in crop widths
_SAMPLED = 0.75  # crop pixels per frame pixel: from here on, bilinear samples fold little


def template(size: int = CROP_SIZE) -> dict[int, tuple[float, float]]:
    """Where each anchor landmark belongs in a crop of `size` pixels: {landmark index: (x, y)}."""
    unit = EYE_DISTANCE * size
    return {k: (size / 2 + x * unit, _EYE_LINE * size + y * unit) for k, (x, y) in _ANCHORS.items()}


def estimate(landmarks: np.ndarray, size: int = CROP_SIZE) -> tuple[np.ndarray, float]:
    """Least-squares similarity (Umeyama 1991) from 68 raw landmarks to the template.

    Args:
        landmarks: (68, 2) raw pixels, x right and y down.
        size: side of the crop in pixels.

    Returns:
        The 2x3 matrix that maps raw pixels to crop pixels, and the root-mean-square distance of the mapped
        anchors from the template in crop pixels (large: a turned head or a wrong face).
    """
    # It brings SciPy along, and most who crop pictures only apply a transform.
    from skimage.transform import SimilarityTransform

    goal = template(size)
    raw = landmarks[list(goal)]
    wanted = np.array(list(goal.values()))
    transform = SimilarityTransform.from_estimate(raw, wanted)
    if not transform:
        raise ValueError(f"landmarks span no face: {transform}")
    residual = np.linalg.norm(transform(raw) - wanted, axis=1)
    return transform.params[:2], float(np.sqrt(np.mean(residual**2)))


def fit(width: int, height: int, size: int = CROP_SIZE) -> np.ndarray:
    """The owner-crop rule: the 2x3 matrix that fits a picture's longer side into the square, centred.

    Outer pixel edges meet the square's; what the shorter side leaves free repeats the picture's border.

    Args:
        width, height: of the picture, pixels.
        size: side of the crop in pixels.
    """
    scale = size / max(width, height)
    shift = [(size - 1) / 2 - scale * (side - 1) / 2 for side in (width, height)]
    return np.array([[scale, 0.0, shift[0]], [0.0, scale, shift[1]]])


def crop(image: np.ndarray, matrix: np.ndarray, size: int = CROP_SIZE) -> np.ndarray:
    """Warp a raw frame into its aligned crop (size, size), same dtype; outside pixels repeat the border.

    Bilinear samples alone would fold texture finer than the crop's pixels, and what is folded may move
    against the face: below `_SAMPLED` crop pixels a frame pixel the frame is warped at a multiple of the size
    and averaged.
    """
    scale = np.sqrt(abs(np.linalg.det(matrix[:, :2])))
    if scale >= _SAMPLED:
        return _warped(image, matrix, size)
    times = int(np.ceil(1 / scale))
    finer = times * matrix
    # Pixel centres: those of the crop lie in the middle of `times` finer ones.
    finer[:, 2] += (times - 1) / 2
    return cv2.resize(_warped(image, finer, times * size), (size, size), interpolation=cv2.INTER_AREA)


def _warped(image: np.ndarray, matrix: np.ndarray, size: int) -> np.ndarray:
    return cv2.warpAffine(
        image, matrix, (size, size), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )


def map_points(points: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Map (n, 2) raw points into the crop."""
    return points @ matrix[:, :2].T + matrix[:, 2]


def read_matrices(path: str | Path) -> dict[str, np.ndarray]:
    """Raw-to-crop matrices by clip from an alignment table: {clip_id: (2, 3)}."""
    table = read_csv(path).set_index("clip_id")
    return {
        clip_id: row.to_numpy(dtype=np.float64).reshape(2, 3)
        for clip_id, row in table[MATRIX_COLUMNS].iterrows()
    }
