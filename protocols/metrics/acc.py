"""Accuracy: correct clips over all clips."""

import numpy as np


def acc(confusion: np.ndarray) -> np.ndarray:
    """ACC in [0, 1]."""
    return confusion.trace(axis1=-2, axis2=-1) / confusion.sum(axis=(-2, -1))
