"""One metric, one file: a function of the file's own name, from a confusion matrix to a number.

The matrix is (K, K) int, rows are the truth, columns the prediction, in the protocol's class order; it
holds at least one clip. A class that does not occur follows scikit-learn's `zero_division=nan`: what would
be 0/0 is left out of the mean. In the full protocols every part holds every class, so the convention
matters to partial runs only.
"""

from collections.abc import Callable

import numpy as np

from protocols import registry


def list_metrics() -> list[str]:
    """Names of all metrics, in alphabetical order."""
    return registry.names(__name__)


def get_metric(name: str) -> Callable[[np.ndarray], float]:
    """The metric of this name.

    Raises:
        InputError: no such metric; names the nearest one.
    """
    return getattr(registry.load(__name__, name, kind="metric"), name)
