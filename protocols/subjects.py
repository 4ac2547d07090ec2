"""What a run's scores say subject by subject, and what that says of the scores: intervals and comparisons."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd

from protocols import statistics
from protocols.base import Part, Protocol, subject_of
from protocols.metrics import list_metrics

INTERVAL_COLUMNS = [
    *("model", "part", "metric", "mean", "sd", "low", "high"),
    *("seeds", "subjects", "clips"),
]
COMPARISON_COLUMNS = [
    *("first", "second", "part", "metric", "difference", "low", "high", "effect", "p", "p_holm"),
    *("seeds", "subjects"),
]
SUBJECT_COLUMNS = ["model", "subject", "part", "clips", "accuracy"]


@dataclass(frozen=True)
class Sample:
    """Confusion counts of all models of one protocol, subject by subject.

    Attributes:
        subjects: namespaced, sorted within their group.
        groups: of each subject, see `Protocol.group`.
        counts: model -> (seeds, subjects, K, K) int, rows the truth.
        seeds: model -> its seeds, ascending, as in `counts`.
    """

    subjects: tuple[str, ...]
    groups: tuple[str, ...]
    counts: Mapping[str, np.ndarray]
    seeds: Mapping[str, tuple[int, ...]]

    def of_part(self, part: Part) -> "Sample":
        """Restricted to the subjects of one part."""
        inside = [k for k, group in enumerate(self.groups) if group in part.groups]
        return Sample(
            tuple(self.subjects[k] for k in inside),
            tuple(self.groups[k] for k in inside),
            {model: counts[:, inside] for model, counts in self.counts.items()},
            self.seeds,
        )


def make_sample(outcomes: Mapping[str, pd.DataFrame], protocol: Protocol) -> Sample:
    """Count, whatever the order of the rows.

    Args:
        outcomes: model -> columns `clip_id, actual, predicted, part, seed`, all clips of the run for each
            seed.
    """
    clips = next(iter(outcomes.values()))
    pairs = sorted(set(zip(clips.part, clips.clip_id.map(subject_of), strict=True)))
    classes = {name: k for k, name in enumerate(protocol.classes)}
    counts, seeds = {}, {}
    for model, rows in outcomes.items():
        seeds[model] = tuple(sorted(set(rows.seed)))
        counts[model] = np.zeros((len(seeds[model]), len(pairs), len(classes), len(classes)), dtype=int)
        at = (
            rows.seed.map(seeds[model].index),
            [pairs.index(pair) for pair in zip(rows.part, rows.clip_id.map(subject_of), strict=True)],
            rows.actual.map(classes),
            rows.predicted.map(classes),
        )
        np.add.at(counts[model], at, 1)
    return Sample(tuple(name for _, name in pairs), tuple(group for group, _ in pairs), counts, seeds)


def subject_table(sample: Sample) -> pd.DataFrame:
    """Accuracy of every model on every subject, mean over seeds."""
    rows = []
    for model, counts in sample.counts.items():
        clips = counts[0].sum(axis=(1, 2))
        accuracy = counts.trace(axis1=2, axis2=3).mean(axis=0) / clips
        rows += zip([model] * len(clips), sample.subjects, sample.groups, clips, accuracy, strict=True)
    return pd.DataFrame(rows, columns=SUBJECT_COLUMNS)


def uncertainty(sample: Sample, protocol: Protocol) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Intervals of every model and comparisons of every two, for every part with clips and every metric.

    `sd` is the sample standard deviation over seeds, empty for a single one. Two models are compared on the
    seeds that both have, and not at all where they have none in common. `p_holm` is corrected over all
    pairs of models within one part and metric.
    """
    intervals, comparisons = [], []
    for part in protocol.parts:
        inside = sample.of_part(part)
        if not inside.subjects:
            continue
        weights = statistics.draw_subjects(inside.groups)
        metrics = list_metrics()
        replicates = None
        if weights is not None:
            replicates = {
                model: statistics.replicate(counts, weights, metrics)
                for model, counts in inside.counts.items()
            }
        for model, counts in inside.counts.items():
            size = (counts.shape[0], counts.shape[1], int(counts[0].sum()))
            for metric in metrics:
                values = statistics.estimate(counts, metric)
                sd = values.std(ddof=1) if len(values) > 1 else np.nan
                bounds = statistics.interval(replicates[model][metric]) if replicates else (np.nan, np.nan)
                intervals.append((model, part.name, metric, values.mean(), sd, *bounds, *size))
        comparisons += _comparisons(inside, part.name, replicates, metrics)
    estimated = pd.DataFrame(intervals, columns=INTERVAL_COLUMNS).sort_values("model", kind="stable")
    compared = pd.DataFrame(comparisons, columns=[name for name in COMPARISON_COLUMNS if name != "p_holm"])
    families = compared.groupby(["part", "metric"]).p
    compared["p_holm"] = families.transform(statistics.holm) if len(compared) else compared.p
    return estimated, compared[COMPARISON_COLUMNS]


def _comparisons(
    sample: Sample, part: str, replicates: Mapping[str, Mapping[str, np.ndarray]] | None, metrics: list[str]
) -> Iterator[tuple]:
    for first, second in combinations(sorted(sample.counts), 2):
        if not (seeds := sorted(set(sample.seeds[first]) & set(sample.seeds[second]))):
            continue
        common = {model: [sample.seeds[model].index(seed) for seed in seeds] for model in (first, second)}
        found = statistics.compare(
            tuple(sample.counts[model][at] for model, at in common.items()),
            replicates
            and tuple(
                {metric: values[:, at] for metric, values in replicates[model].items()}
                for model, at in common.items()
            ),
            metrics,
        )
        for metric, one in found.items():
            numbers = (one.value, one.low, one.high, one.effect, one.p)
            yield (first, second, part, metric, *numbers, len(seeds), len(sample.subjects))
