"""One metric, one file: a function of the file's own name, from confusion matrices to numbers.

A matrix is (K, K), rows are the truth, columns the prediction, in the protocol's class order; it holds at
least one clip. Metrics take any stack of them, (..., K, K), and return (...): the thousands of replicates
behind an interval are one call. A class that does not occur follows scikit-learn's `zero_division=nan`: what
would be 0/0 is left out of the mean. In the full protocols every part holds every class, so the convention
matters to partial runs, and to replicates that happen to draw no subject with a rare class.
"""

from collections.abc import Callable

import numpy as np

from protocols import registry


def list_metrics() -> list[str]:
    """Names of all metrics, in alphabetical order."""
    return registry.names(__name__)


def get_metric(name: str) -> Callable[[np.ndarray], np.ndarray]:
    """The metric of this name.

    Raises:
        InputError: no such metric; names the nearest one.
    """
    return getattr(registry.load(__name__, name, kind="metric"), name)


def mean_ratio(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    """Mean over the last axis, the classes, of numerator / denominator; without those where it is 0/0."""
    occurs = denominator > 0
    ratios = np.divide(numerator, denominator, out=np.zeros(denominator.shape), where=occurs)
    return ratios.sum(axis=-1) / occurs.sum(axis=-1)
