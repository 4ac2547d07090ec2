"""The 68 facial landmarks (iBUG 300-W order, as dlib's predictor gives them) and what is known about them.

0-16 jaw, 17-26 brows, 27-35 nose, 36-47 eyes, 48-67 mouth; each part from the image's left to its right.
"""

OUTER_EYE_CORNERS = (36, 45)

MIRRORED = (
    *range(16, -1, -1),
    *range(26, 16, -1),
    *(27, 28, 29, 30, 35, 34, 33, 32, 31),
    *(45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40),
    *(54, 53, 52, 51, 50, 49, 48, 59, 58, 57, 56, 55),
    *(64, 63, 62, 61, 60, 67, 66, 65),
)
"""Landmark k of a mirrored face is landmark MIRRORED[k] of the face, and the other way round."""
