"""Unweighted average recall: the mean over classes of TP / n.

Source: recognition guideline of MEGC 2019 (See et al., FG 2019).
"""

import numpy as np


def uar(confusion: np.ndarray) -> float:
    """UAR in [0, 1], over the classes that occur in the truth."""
    truth = confusion.sum(axis=1)
    occurs = truth > 0
    return float((confusion.diagonal()[occurs] / truth[occurs]).mean())
