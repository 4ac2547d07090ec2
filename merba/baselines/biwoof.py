"""Bi-WOOF: Liong, See, Wong, Phan, "Less Is More: Micro-expression Recognition from Video Using Apex Frame",
Signal Processing: Image Communication 62, 2018.

Histograms of the flow's orientation, weighted twice: each pixel votes with its magnitude, and each block
counts as its optical strain does. 5 x 5 blocks of 8 bins make 200 features, which a linear SVM with C = 1
classifies. Features are those of the first author's program, whose blocks overlap: they reach one pixel into
their neighbours. It leaves open, and here: the half turn of 180 degrees goes to the last bin (every bin holds
its lower edge), a block without motion is all zeros, and the SVM is scikit-learn's, one class against the
rest.

It needs the direction of motion, hence flow in pixels (`fixed_scale`, in which u and v share one scale; the
few components beyond three times the 99th percentile are cut off). In flow that was stretched to 0..255
(`minmax`, or `signed`) u and v have each lost their zero and their scale: the middle of the range is taken
for no motion, and directions are distorted. The model recognises the coding by the values it is fitted on.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from contracts.errors import InputError
from merba.classifier import Classifier
from merba.linear_svm import LinearSVM
from merba.paper import Paper
from merba.recipe import Positive, Recipe
from merba.registry import register_model

PAPER = Paper(
    cite="Liong, See, Wong, Phan. Less Is More: Micro-expression Recognition from Video Using Apex Frame. "
    "Signal Processing: Image Communication 62, 2018",
    url="https://doi.org/10.1016/j.image.2017.11.006",
    fidelity="published code",
    selection="no epochs",
)
RECIPE = Recipe(flip="none", channels=("u", "v", "strain"))

BLOCKS, BINS = 5, 8


@register_model("biwoof")
class BiWOOF(Classifier):
    """Input (n, 3, size, size), channels u, v, strain; output decision values (n, num_classes).

    Their softmax stands for probabilities.

    Args:
        num_classes: classes to tell apart.
        in_channels: 3.
        input_size: pixels, at least 5.
        c: the SVM's penalty on errors.

    Raises:
        InputError: not three channels, or fewer pixels than blocks.
    """

    fitted_at_once = True

    def __init__(self, num_classes: int, in_channels: int = 3, input_size: int = 28, *, c: Positive = 1.0):
        super().__init__()
        if in_channels != 3:
            cure = "set `channels: [u, v, strain]`"
            raise InputError(f"biwoof needs three channels, not {in_channels}", clip="channels", cure=cure)
        if input_size < BLOCKS:
            cure = f"use at least {BLOCKS}"
            raise InputError(f"{input_size} pixels for {BLOCKS} blocks", clip="input_size", cure=cure)
        self.svm = LinearSVM(BLOCKS**2 * BINS, num_classes, c)
        self.register_buffer("rest", torch.zeros(3, 1, 1))
        self.register_buffer("blocks", _membership(input_size), persistent=False)

    def features(self, x: Tensor) -> Tensor:
        """(n, 3, size, size) -> (n, 200) of length 1: block by block in reading order, bin by bin."""
        u, v, strain = (x - self.rest).unbind(1)
        turn = (torch.atan2(v, u) + math.pi) * BINS / (2 * math.pi)
        chosen = turn.floor().long().clamp(0, BINS - 1)
        votes = F.one_hot(chosen, BINS).movedim(3, 1) * torch.hypot(u, v)[:, None]
        histogram = self._sums(votes)
        share = histogram / histogram.sum(1, keepdim=True).clamp(min=torch.finfo(x.dtype).tiny)
        weighted = share * self._sums(strain[:, None])
        return F.normalize(weighted.movedim(1, 3).flatten(1), eps=torch.finfo(x.dtype).tiny)

    def fit(self, x: Tensor, y: Tensor) -> None:
        """Recognise the coding, then fit the SVM."""
        self.rest.copy_(_no_motion(x))
        self.svm.fit(self.features(x), y)

    def forward(self, x: Tensor) -> Tensor:
        """Decision values (n, num_classes)."""
        return self.svm(self.features(x))

    def _sums(self, maps: Tensor) -> Tensor:
        """Sums over the blocks: (n, k, size, size) -> (n, k, 5, 5)."""
        return self.blocks @ maps @ self.blocks.T


def _membership(size: int) -> Tensor:
    """Which pixels of a line belong to which block: (5, size) of zeros and ones."""
    step = size // BLOCKS
    inside = torch.zeros(BLOCKS, size)
    for k in range(BLOCKS):
        inside[k, max(0, k * step - 1) : size if k == BLOCKS - 1 else (k + 1) * step + 1] = 1
    return inside


def _no_motion(x: Tensor) -> Tensor:
    """The codes (3, 1, 1) from which u, v and strain are counted, see `merba.data.Normaliser`."""
    if x[:, :2].min() >= 0:
        codes = [127.5, 127.5, 0.0]  # minmax
    elif x[:, 2].min() < 0:
        codes = [0.0, 0.0, -1.0]  # signed: strain's least value
    else:
        codes = [0.0, 0.0, 0.0]  # fixed_scale
    return torch.tensor(codes)[:, None, None]
