"""Intervals and tests over subjects, from confusion counts alone.

Clips of one subject are not independent: a subject is drawn, or swapped, with all clips and all seeds'
predictions. Counts are pooled before any metric is taken, as for the scores themselves; the metric is taken
seed by seed and then averaged.

Both methods are written here and not taken from SciPy, against which the tests hold them:
`scipy.stats.bootstrap` draws neither within strata nor one set of replicates for several models, which is
what makes a difference paired; `scipy.stats.permutation_test` would draw the same swaps again for each metric
and call it back with samples instead of counts, whose swap is one matrix product here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from protocols.metrics import get_metric

REPLICATES = 10_000
SWAPS = 10_000
LEVEL = 0.95
# Below, replicates take so few values that the percentiles of a bootstrap say nothing.
MIN_SUBJECTS = 8
_SEED = 0


@dataclass(frozen=True)
class Difference:
    """The first model's metric minus the second's.

    Attributes:
        value: mean over seeds.
        low, high: interval from replicates that both models share; nan where there are none.
        effect: `value` over the standard deviation of a subject's contribution to it, `sqrt(subjects)`
            times the bootstrap's standard error. It is Cohen's d_z where the metric is a mean over
            subjects and, unlike a z, does not grow with their number. nan where nothing varies.
        p: of the paired permutation test, two-sided.
    """

    value: float
    low: float
    high: float
    effect: float
    p: float


def draw_subjects(groups: Sequence[str], replicates: int = REPLICATES) -> np.ndarray | None:
    """How often each replicate draws each subject: (replicates, subjects), seeded.

    Subjects are drawn with replacement within their group, a corpus of a composite, so that every replicate
    has the composite's proportions. None if a group has a single subject: nothing could vary in it.

    Args:
        groups: the group of each subject; subjects in a fixed order, for it decides who is drawn.
    """
    groups = np.asarray(groups)
    rng = np.random.default_rng(_SEED)
    weights = np.zeros((replicates, len(groups)))
    if len(groups) < MIN_SUBJECTS:
        return None
    for group in sorted(set(groups)):
        members = np.flatnonzero(groups == group)
        if len(members) < 2:
            return None
        weights[:, members] = rng.multinomial(
            len(members), np.full(len(members), 1 / len(members)), replicates
        )
    return weights


def estimate(counts: np.ndarray, metric: str) -> np.ndarray:
    """A metric of the pooled counts, per seed.

    Args:
        counts: (seeds, subjects, K, K), rows the truth.

    Returns:
        (seeds,).
    """
    return get_metric(metric)(counts.sum(axis=1))


def replicate(counts: np.ndarray, weights: np.ndarray, metrics: Sequence[str]) -> dict[str, np.ndarray]:
    """The metrics of every replicate and seed, each (replicates, seeds).

    A replicate may draw no subject with some class; the metric then means over the others, as it does for
    the scores of a partial run.
    """
    pooled = _weighted(weights, counts)
    return {name: get_metric(name)(pooled) for name in metrics}


def interval(values: np.ndarray) -> tuple[float, float]:
    """Percentile interval (`LEVEL`) of the mean over seeds. Values (replicates, seeds)."""
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(values.mean(axis=1), [tail, 1 - tail])
    return float(low), float(high)


def compare(
    counts: tuple[np.ndarray, np.ndarray],
    replicates: tuple[Mapping[str, np.ndarray], Mapping[str, np.ndarray]] | None,
    metrics: Sequence[str],
) -> dict[str, Difference]:
    """Two models on the same subjects and seeds.

    Args:
        counts: of the first and the second model, both (seeds, subjects, K, K).
        replicates: of both, by `replicate` with the same weights; None where there are none.
    """
    first, second = counts
    p_values = swap_test(first, second, metrics)
    compared = {}
    for metric in metrics:
        value = float((estimate(first, metric) - estimate(second, metric)).mean())
        low = high = effect = np.nan
        if replicates:
            differences = replicates[0][metric] - replicates[1][metric]
            low, high = interval(differences)
            error = differences.mean(axis=1).std()
            effect = value / (error * np.sqrt(first.shape[1])) if error > 1e-12 else np.nan
        compared[metric] = Difference(value, low, high, float(effect), p_values[metric])
    return compared


def swap_test(first: np.ndarray, second: np.ndarray, metrics: Sequence[str]) -> dict[str, float]:
    """Paired permutation test: p of the difference if, subject by subject, the models' names were arbitrary.

    Two-sided; the statistic is the difference of the pooled metric, mean over seeds. A subject whose counts
    are the same in both cannot change it and is passed over. Every assignment is tried where there are no
    more than `SWAPS`; otherwise that many are drawn, seeded, and the observed one is counted among them.

    Args:
        first, second: (seeds, subjects, K, K), subjects in a fixed order.
    """
    differs = (first != second).any(axis=(0, 2, 3))
    swaps, exact = _assignments(int(differs.sum()))
    moved = _weighted(swaps, (second - first)[:, differs])
    sums = first.sum(axis=1), second.sum(axis=1)
    p_values = {}
    for name in metrics:
        metric = get_metric(name)
        observed = abs((metric(sums[0]) - metric(sums[1])).mean())
        permuted = abs((metric(sums[0] + moved) - metric(sums[1] - moved)).mean(axis=1))
        # Equal differences may differ in their last bit.
        as_large = int((permuted >= observed - 1e-12).sum())
        p_values[name] = as_large / len(swaps) if exact else (as_large + 1) / (len(swaps) + 1)
    return p_values


def holm(p_values: Sequence[float]) -> np.ndarray:
    """Holm's step-down correction of a family of p values: adjusted, in the order given.

    Source: Holm, "A simple sequentially rejective multiple test procedure", Scand. J. Statistics 6, 1979.
    """
    p_values = np.asarray(p_values, dtype=float)
    order = np.argsort(p_values, kind="stable")
    stepped = p_values[order] * np.arange(len(p_values), 0, -1)
    adjusted = np.empty(len(p_values))
    adjusted[order] = np.minimum(np.maximum.accumulate(stepped), 1)
    return adjusted


def _assignments(subjects: int) -> tuple[np.ndarray, bool]:
    """Which subjects are swapped, (assignments, subjects) of 0 and 1, and whether these are all there are."""
    if 2**subjects <= SWAPS:
        return (np.arange(2**subjects)[:, None] >> np.arange(subjects) & 1).astype(float), True
    return np.random.default_rng(_SEED).integers(0, 2, (SWAPS, subjects)).astype(float), False


def _weighted(weights: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Sums over subjects: (n, subjects) and (seeds, subjects, K, K) -> (n, seeds, K, K), whole numbers."""
    return np.tensordot(weights, counts, axes=(1, 1))
