"""LBP-TOP, the MEGC2019 baseline: local binary patterns on three orthogonal planes, and a linear SVM.

Features: Zhao & Pietikainen, "Dynamic Texture Recognition Using Local Binary Patterns with an Application to
Facial Expressions", TPAMI 2007; settings: the MEGC2019 guideline: radii R_X = R_Y = 1 and R_T = 4, four
neighbours on every plane, 5 x 5 blocks, 10 frames interpolated in time.

Silent, and how it is read:

* Size of the face: 112 px. Inside the border of one pixel 110 remain, blocks of 22 x 22; each histogram of 16
  bins counts 22 x 22 codes in the two frames that have neighbours at a distance of 4, i.e. 60 a bin.
* The four neighbours of a point lie on the grid, so that nothing is interpolated. A code is a sum of
  1 [x + 1], 2 [second axis + 1], 4 [x - 1], 8 [second axis - 1]; on YT, y takes the place of x. A bit is set
  where the neighbour is not darker than the point.
* Histograms sum to 1 each. The SVM's penalty is C = 1, one class against the rest.

Its published SMIC row cannot be: UF1 .2000 with UAR .5280 (`results/published/README.md`).
"""

import numpy as np
from torch import Tensor

from contracts.sequences import Sequence
from merba.classifier import ClipClassifier
from merba.linear_svm import LinearSVM
from merba.paper import Paper
from merba.recipe import Positive, Recipe
from merba.registry import Clips, register_model

PAPER = Paper(
    cite="Zhao, Pietikainen. Dynamic Texture Recognition Using Local Binary Patterns with an Application to "
    "Facial Expressions. TPAMI 2007; settings of the MEGC2019 baseline",
    url="https://doi.org/10.1109/TPAMI.2007.1110",
    fidelity="paper",
    selection="no epochs",
)
# The baseline uses frames alone; DIS is the cheapest of the flows that come with them.
CLIPS = Clips(steps=10, size=112, flow="dis")
RECIPE = Recipe(flip="none")

RADIUS, RADIUS_T = 1, 4
BLOCKS, BINS = 5, 16
_PLANES = ((2, 1), (2, 0), (1, 0))  # XY, XT, YT: the two axes of each in a volume (t, y, x)


def codes(frames: np.ndarray) -> np.ndarray:
    """Patterns of a grey volume (t, y, x) -> (3, t - 8, y - 2, x - 2) uint8 below 16: planes XY, XT, YT."""
    reach = (RADIUS_T, RADIUS, RADIUS)
    inside = [slice(r, n - r) for r, n in zip(reach, frames.shape, strict=True)]
    centre = frames[tuple(inside)]
    found = np.zeros((len(_PLANES), *centre.shape), np.uint8)
    for plane, (first, second) in enumerate(_PLANES):
        for bit, (axis, sign) in enumerate(((first, 1), (second, 1), (first, -1), (second, -1))):
            beside = list(inside)
            shift = sign * reach[axis]
            beside[axis] = slice(reach[axis] + shift, frames.shape[axis] - reach[axis] + shift)
            found[plane] |= (frames[tuple(beside)] >= centre).astype(np.uint8) << bit
    return found


def histograms(patterns: np.ndarray) -> np.ndarray:
    """Codes (3, t, y, x) -> (5 * 5 * 3 * 16,) float32: block by block in reading order, plane by plane."""
    planes, _, height, width = patterns.shape
    row, column = (np.arange(n) * BLOCKS // n for n in (height, width))
    block = row[:, None] * BLOCKS + column
    # One bin number for every code of every block and plane, so that one count does all.
    cell = (block * planes + np.arange(planes).reshape(-1, 1, 1, 1)) * BINS + patterns
    count = np.bincount(cell.ravel(), minlength=BLOCKS**2 * planes * BINS).reshape(-1, BINS)
    return (count / count.sum(1, keepdims=True)).astype(np.float32).ravel()


@register_model("lbp_top")
class LBPTOP(ClipClassifier):
    """Features (n, 1200) -> decision values (n, num_classes); their softmax stands for probabilities.

    Args:
        num_classes: classes to tell apart.
        in_channels, input_size: any; the features are as long at every size.
        c: the SVM's penalty on errors.
    """

    fitted_at_once = True

    def __init__(self, num_classes: int, in_channels: int = 1, input_size: int = 112, *, c: Positive = 1.0):
        super().__init__()
        self.svm = LinearSVM(BLOCKS**2 * len(_PLANES) * BINS, num_classes, c)

    @staticmethod
    def see(clip: Sequence) -> np.ndarray:
        """The 1200 features of ten frames."""
        return histograms(codes(clip.frames))

    def fit(self, x: Tensor, y: Tensor) -> None:
        """Fit the SVM."""
        self.svm.fit(x, y)

    def forward(self, x: Tensor) -> Tensor:
        """Decision values (n, num_classes)."""
        return self.svm(x)
