"""Unweighted F1: the mean over classes of 2TP / (2TP + FP + FN).

Source: recognition guideline of MEGC 2019 (See et al., FG 2019). TP, FP and FN are the pooled matrix's.
"""

import numpy as np


def uf1(confusion: np.ndarray) -> float:
    """UF1 in [0, 1]. A class predicted but never true counts as 0; one that is neither is left out."""
    denominator = confusion.sum(axis=0) + confusion.sum(axis=1)
    occurs = denominator > 0
    return float((2 * confusion.diagonal()[occurs] / denominator[occurs]).mean())
