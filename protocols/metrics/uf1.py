"""Unweighted F1: the mean over classes of 2TP / (2TP + FP + FN).

Source: recognition guideline of MEGC 2019 (See et al., FG 2019). TP, FP and FN are the pooled matrix's.
"""

import numpy as np

from protocols.metrics import mean_ratio


def uf1(confusion: np.ndarray) -> np.ndarray:
    """UF1 in [0, 1]. A class predicted but never true counts as 0; one that is neither is left out."""
    return mean_ratio(
        2 * confusion.diagonal(axis1=-2, axis2=-1), confusion.sum(axis=-2) + confusion.sum(axis=-1)
    )
