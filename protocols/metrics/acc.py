"""Accuracy: correct clips over all clips."""

import numpy as np


def acc(confusion: np.ndarray) -> float:
    """ACC in [0, 1]."""
    return float(confusion.trace() / confusion.sum())
