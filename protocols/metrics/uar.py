"""Unweighted average recall: the mean over classes of TP / n.

Source: recognition guideline of MEGC 2019 (See et al., FG 2019).
"""

import numpy as np

from protocols.metrics import mean_ratio


def uar(confusion: np.ndarray) -> np.ndarray:
    """UAR in [0, 1], over the classes that occur in the truth."""
    return mean_ratio(confusion.diagonal(axis1=-2, axis2=-1), confusion.sum(axis=-1))
