"""Do intervals hold the truth, and which differences does a comparison see? In simulations, which know it.

    python -m benchmarks.intervals [--draws 1000] [--spread 0.8]

A draw is a benchmark of 3DB with as many other subjects a corpus: each has the clips of a subject of the
protocol, drawn with replacement, and an ability of its own, normal with standard deviation `--spread`, which
is added to the logit of every class's recall. So clips of a person are alike: on the public flow set subjects
vary as with 0.4 for Bi-WOOF and as with 1.2 for kernel ridge. The true UF1 follows from the protocol's counts
and the mean recalls. Printed are, from the very functions that score a run,

* for each part, the share of draws whose 95 % interval holds the true UF1, and the intervals' mean width;
* for two models that are equally good, and for two that differ by `GAPS` in recall, the share of draws in
  which the paired permutation test of the composite has p <= .05, and the share in which the 95 % interval of
  their difference holds the true one.

The exit status is 1 where the composite or a difference is missed too often, or equal models differ too
often.
"""

import argparse
import sys

import numpy as np

from contracts.errors import InputError
from merba.commands import report
from protocols import get_protocol
from protocols.base import corpus_of
from protocols.metrics import get_metric
from protocols.statistics import draw_subjects, interval, replicate, swap_test

PROTOCOL, METRIC = "megc2019", "uf1"
# Of a method as they are printed, UF1 about .7; what a class loses goes to the others by their frequency.
RECALLS = (0.82, 0.65, 0.70)
GAPS = (0.05, 0.07, 0.06)
LEAST_COVERAGE, MOST_ALARMS = 0.92, 0.075
_CURE = "see protocols/statistics.py"


def main(argv: list[str] | None = None) -> None:
    """Draw, count, print.

    Raises:
        InputError: a share is beyond its bound; which one.
    """
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--draws", type=int, default=1000, help="benchmarks to draw (default: 1000)")
    parser.add_argument("--spread", type=float, default=0.8, help="of subjects, in logits (default: 0.8)")
    args = parser.parse_args(argv)
    world = World(args.spread)
    lower = np.subtract(RECALLS, GAPS)
    first, equal, worse = world.draw(args.draws, RECALLS, RECALLS, lower)
    print(
        f"{args.draws} draws, subjects spread by {args.spread}: true UF1 and how often its interval holds it"
    )
    shares = {}
    for part in get_protocol(PROTOCOL).parts:
        own = np.isin(world.corpora, part.groups)
        truth = world.truth(RECALLS, own)
        shares[part.name], width = covered(first[:, own], world.corpora[own], truth)
        print(f"{part.title:10} UF1 {truth:.3f}  covered {shares[part.name]:.1%}  mean width {width:.3f}")
    alarms, seen = (significant(first, other) for other in (equal, worse))
    everyone = np.ones(len(world.corpora), dtype=bool)
    gap = world.truth(RECALLS, everyone) - world.truth(lower, everyone)
    print(f"p <= .05: {alarms:.1%} of two equal models; {seen:.1%} of two whose true UF1 differ by {gap:.3f}")
    none, own = (
        covered_difference(first, other, world.corpora, truth) for other, truth in ((equal, 0), (worse, gap))
    )
    print(
        f"interval of the difference holds the true one: {none:.1%} of equal models, {own:.1%} of the others"
    )
    held = {"composites": shares["combined"], "equal models' differences": none, "others' differences": own}
    for what, share in held.items():
        if share < LEAST_COVERAGE:
            raise InputError(f"intervals hold {share:.1%} of {what}, not {LEAST_COVERAGE:.0%}", cure=_CURE)
    if alarms > MOST_ALARMS:
        raise InputError(f"{alarms:.1%} of equal models differ, more than {MOST_ALARMS:.1%}", cure=_CURE)


class World:
    """Whom benchmarks are drawn from.

    Attributes:
        corpora: of the subjects of a draw, (subjects,).
        clips: of the protocol's subjects, (subjects, classes).
    """

    def __init__(self, spread: float):
        counts = get_protocol(PROTOCOL).subject_counts
        self.spread = spread
        self.corpora = np.array([corpus_of(subject) for subject in counts])
        self.clips = np.array(list(counts.values()))
        totals = self.clips.sum(axis=0)
        lost = np.where(np.eye(len(totals), dtype=bool), 0, totals)
        # Where the clips of a class (rows) go that are not recognised.
        self.lost = lost / lost.sum(axis=1, keepdims=True)

    def draw(self, draws: int, *models) -> list[np.ndarray]:
        """Confusion counts of models with these recalls, on the same subjects: (draws, subjects, K, K)."""
        random = np.random.default_rng(0)
        who = np.empty((draws, len(self.corpora)), dtype=int)
        for corpus in sorted(set(self.corpora)):
            own = np.flatnonzero(self.corpora == corpus)
            who[:, own] = random.choice(own, (draws, len(own)))
        ability = random.normal(scale=self.spread, size=(*who.shape, 1))
        return [random.multinomial(self.clips[who], self._rows(one, ability)) for one in models]

    def truth(self, recalls, own: np.ndarray) -> float:
        """UF1 of the subjects at `own` in the mean over all abilities."""
        nodes, weights = np.polynomial.hermite_e.hermegauss(61)
        rows = self._rows(recalls, self.spread * nodes[:, None])
        mean = np.tensordot(weights / weights.sum(), rows, axes=1)
        return float(get_metric(METRIC)(self.clips[own].sum(axis=0)[:, None] * mean))

    def _rows(self, recalls, ability: np.ndarray) -> np.ndarray:
        """What becomes of a clip of each class: (..., 1) -> (..., K, K)."""
        recalls = np.asarray(recalls)
        known = 1 / (1 + np.exp(-(np.log(recalls / (1 - recalls)) + ability)))
        return known[..., None] * np.eye(len(recalls)) + (1 - known[..., None]) * self.lost


def covered(counts: np.ndarray, groups: np.ndarray, truth: float) -> tuple[float, float]:
    """Share of draws whose interval holds the truth, and the mean width. Counts (draws, subjects, K, K)."""
    weights = draw_subjects(groups)
    bounds = np.array([interval(_replicates(one, weights)) for one in counts])
    return _held(bounds, truth), float(np.diff(bounds).mean())


def covered_difference(first: np.ndarray, second: np.ndarray, groups: np.ndarray, truth: float) -> float:
    """Share of draws where the interval of a difference holds the truth. Counts (draws, subjects, K, K)."""
    weights = draw_subjects(groups)
    pairs = zip(first, second, strict=True)
    bounds = [interval(_replicates(one, weights) - _replicates(other, weights)) for one, other in pairs]
    return _held(np.array(bounds), truth)


def _replicates(counts: np.ndarray, weights: np.ndarray) -> np.ndarray:
    return replicate(counts[None], weights, [METRIC])[METRIC]


def _held(bounds: np.ndarray, truth: float) -> float:
    return float(((bounds[:, 0] <= truth) & (truth <= bounds[:, 1])).mean())


def significant(first: np.ndarray, second: np.ndarray) -> float:
    """Share of draws in which two models differ with p <= .05. Both (draws, subjects, K, K)."""
    p_values = [swap_test(a[None], b[None], [METRIC])[METRIC] for a, b in zip(first, second, strict=True)]
    return float(np.mean(np.array(p_values) <= 0.05))


if __name__ == "__main__":
    sys.exit(report(main))
