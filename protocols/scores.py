"""Scores of a run, pooled over all folds: where labels first meet predictions, after all training.

    python -m protocols.scores --results results/demo

writes, from `predictions/` and `labels/` under that folder,

    scores/<protocol>.csv                     model, seed, part, metric, value, n
    scores/metrics.json                       protocol -> model -> part -> metric: means over seeds, for DVC
    scores/confusion_<protocol>_<model>.csv   actual, predicted, part, seed: a row per clip, for DVC plots
    scores/intervals_<protocol>.csv           model, part, metric: mean and sd over seeds, 95 % interval
    scores/comparisons_<protocol>.csv         every two models: difference, interval, effect size, p, Holm's p
    scores/subjects_<protocol>.csv            model, subject: accuracy, mean over seeds

TP, FP and FN are summed over folds before any ratio is taken; a mean of per-fold scores is never computed.
Intervals and tests are over subjects (`protocols.statistics`).
"""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from contracts.errors import InputError
from contracts.files import whole, write_csv
from contracts.predictions import classes_of, read_predictions
from protocols import get_protocol
from protocols.base import Protocol
from protocols.cli import run_command
from protocols.metrics import get_metric, list_metrics
from protocols.runs import find_predictions, read_labels
from protocols.subjects import make_sample, subject_table, uncertainty

DECIMALS = 6


def score(predictions: pd.DataFrame, labels: pd.DataFrame, protocol: Protocol) -> pd.DataFrame:
    """Every registered metric on every part of the protocol.

    Args:
        predictions: one seed of one model (`contracts.predictions`).
        labels: columns `clip_id, label, fold, part`.

    Returns:
        Columns `part, metric, value, n`: value in [0, 1], n the clips it rests on. A part without any clip
        (of a partial run) has no row.

    Raises:
        InputError: a clip is missing, predicted twice or not in the protocol's lists, stands under another
            fold than its own, or the classes are not the protocol's; names the clip.
    """
    return _measure(join(predictions, labels, protocol).rename(columns={"label": "actual"}), protocol)


def count(truth: pd.Series, predicted: pd.Series, protocol: Protocol) -> np.ndarray:
    """Confusion matrix (K, K) int, rows the truth, in the protocol's class order."""
    codes = {name: k for k, name in enumerate(protocol.classes)}
    found = np.zeros((len(codes), len(codes)), dtype=int)
    np.add.at(found, tuple(one.map(codes).to_numpy(int) for one in (truth, predicted)), 1)
    return found


def join(predictions: pd.DataFrame, labels: pd.DataFrame, protocol: Protocol) -> pd.DataFrame:
    """Labels with a column `predicted`, sorted by clip_id; every test clip exactly once, or `score`'s
    error."""
    if tuple(classes_of(predictions)) != protocol.classes:
        raise InputError(
            f"classes are {classes_of(predictions)}, those of {protocol.name} are {list(protocol.classes)}",
            cure="predict again with this protocol",
        )
    for problem, clips in (
        ("predicted twice", predictions.clip_id[predictions.clip_id.duplicated()]),
        ("labelled twice", labels.clip_id[labels.clip_id.duplicated()]),
        ("not predicted", sorted(set(labels.clip_id) - set(predictions.clip_id))),
        ("predicted, but no test clip of the run", sorted(set(predictions.clip_id) - set(labels.clip_id))),
    ):
        if len(clips):
            more = f" (and {len(clips) - 1} more)" if len(clips) > 1 else ""
            raise InputError(
                f"{problem}{more}",
                clip=next(iter(clips)),
                cure="delete the prediction file and run snakemake again",
            )
    joined = labels.merge(
        predictions[["clip_id", "fold", "predicted"]], on="clip_id", suffixes=("", "_used"), validate="1:1"
    )
    strayed = joined[joined.fold != joined.fold_used]
    if len(strayed):
        row = strayed.iloc[0]
        raise InputError(
            f"predicted by fold {row.fold_used}, perhaps trained on its subject; its fold is {row.fold}",
            clip=row.clip_id,
            cure="delete the prediction file and run snakemake again",
        )
    return joined.drop(columns="fold_used").sort_values("clip_id", ignore_index=True)


def read_outcomes(by_seed: Mapping[int, Path], labels: pd.DataFrame, protocol: Protocol) -> pd.DataFrame:
    """What one model said of every clip: columns `clip_id, actual, predicted, fold, part, seed`.

    Raises:
        InputError: as `score`, with the prediction file's name.
    """
    outcomes = []
    for seed, path in by_seed.items():
        predictions = read_predictions(path)
        try:
            outcomes.append(join(predictions, labels, protocol).assign(seed=seed))
        except InputError as error:
            raise InputError(error.problem, cure=error.cure, file=path, clip=error.clip) from error
    return pd.concat(outcomes).rename(columns={"label": "actual"})


def score_run(results: str | Path) -> list[Path]:
    """Score the run's prediction files and write the files named at the top; returns their paths.

    Raises:
        InputError: as `score`, with the prediction file's name; or there are no predictions or no labels.
    """
    folder = Path(results) / "scores"
    written, summary = [], {}
    for name, by_model in find_predictions(results).items():
        protocol = get_protocol(name)
        labels = read_labels(results, protocol)
        scored, all_outcomes = [], {}
        for model, by_seed in by_model.items():
            outcomes = read_outcomes(by_seed, labels, protocol)
            for seed, clips in outcomes.groupby("seed", sort=False):
                scored.append(_measure(clips, protocol).assign(model=model, seed=seed))
            all_outcomes[model] = outcomes
            written.append(folder / f"confusion_{name}_{model}.csv")
            write_csv(outcomes[["actual", "predicted", "part", "seed"]], written[-1])
        table = pd.concat(scored)[["model", "seed", "part", "metric", "value", "n"]]
        sample = make_sample(all_outcomes, protocol)
        intervals, comparisons = uncertainty(sample, protocol)
        for file, rows in (
            (name, table),
            (f"intervals_{name}", intervals),
            (f"comparisons_{name}", comparisons),
            (f"subjects_{name}", subject_table(sample)),
        ):
            written.append(folder / f"{file}.csv")
            write_csv(rows.round(DECIMALS), written[-1])
        summary[name] = _means(table)
    written.append(folder / "metrics.json")
    with whole(written[-1]) as partial:
        partial.write_text(json.dumps(summary, indent=2) + "\n")
    return written


def _measure(outcomes: pd.DataFrame, protocol: Protocol) -> pd.DataFrame:
    """`score` of clips with columns `actual, predicted, part`."""
    rows = []
    for part in protocol.parts:
        clips = outcomes[outcomes.part.isin(part.groups)]
        if len(clips):
            matrix = count(clips.actual, clips.predicted, protocol)
            rows += [(part.name, name, get_metric(name)(matrix), len(clips)) for name in list_metrics()]
    return pd.DataFrame(rows, columns=["part", "metric", "value", "n"])


def _means(scores: pd.DataFrame) -> dict:
    """model -> part -> metric -> mean over seeds."""
    means: dict = {}
    for (model, part, metric), value in (
        scores.groupby(["model", "part", "metric"], sort=False).value.mean().items()
    ):
        means.setdefault(model, {}).setdefault(part, {})[metric] = round(float(value), DECIMALS)
    return means


if __name__ == "__main__":
    run_command(__doc__, lambda options: score_run(options.results))
