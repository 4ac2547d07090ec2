"""Is a model better than the best floor, and than the run's first model? One protocol's answers as a table.

All pairs of models, on every part and metric, stand in `scores/comparisons_<protocol>.csv`; p values are
corrected over all of them, whichever are shown here.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from protocols.base import Part, Protocol
from protocols.coverage import Coverage
from protocols.layout import NONE, Cell, Grid, alarm_remark, bracket, heading, number
from protocols.runs import Run, read_run, read_scored
from protocols.subjects import COMPARISON_COLUMNS, INTERVAL_COLUMNS

_NUMBERS = ("difference", "low", "high", "effect", "p", "p_holm", "seeds", "subjects")


@dataclass(frozen=True)
class Contrast:
    """`model` minus `against` on one part: per metric, the row of the comparisons' table as a dict.

    `numbers` is empty where the two have no seed in common.
    """

    model: str
    against: str
    part: Part
    numbers: dict[str, dict[str, float]]


def make_contrasts(protocol: Protocol, results: str | Path) -> list[Contrast]:
    """Every model against the best floor and the first model, on the parts that no other part contains.

    The best floor is the one with the highest mean of the protocol's first metric on that part; the first
    model is the first of the run's configuration that is no floor.

    Raises:
        InputError: the scores are missing or malformed.
    """
    run = read_run(results)
    means = read_scored(results, f"intervals_{protocol.name}", INTERVAL_COLUMNS, INTERVAL_COLUMNS[3:])
    pairs = read_scored(results, f"comparisons_{protocol.name}", COMPARISON_COLUMNS, _NUMBERS)
    contrasts = []
    for part in protocol.widest:
        here = means[(means.part == part.name) & (means.metric == protocol.metrics[0])]
        scores = dict(zip(here.model, here["mean"], strict=True))
        compared = pairs[pairs.part == part.name]
        for against in _references(run, protocol, scores):
            for model in scores:
                if model != against and not _is_repeated(contrasts, model, against, part):
                    numbers = dict(_oriented(compared, model, against))
                    contrasts.append(Contrast(model, against, part, numbers))
    return contrasts


def lay_out_contrasts(protocol: Protocol, run: Run, coverage: Coverage, contrasts: list[Contrast]) -> Grid:
    """Part | model | against | per metric: difference with its interval, p, Holm's p, effect size | seeds.

    The seeds that both have are told where not all models have all of them.
    """
    fewer = bool(run.fewer.get(protocol.name))
    columns = ("difference", "p", "Holm p", "effect")
    headings = [f"{metric.upper()} {column}" for metric in protocol.metrics for column in columns]
    rows = []
    for one in contrasts:
        role = " (best floor)" if one.against in run.floors.get(protocol.name, ()) else ""
        cells = [Cell(one.part.title), Cell(one.model), Cell(one.against + role)]
        for metric in protocol.metrics:
            cells += map(Cell, _texts(one.numbers[metric]) if one.numbers else [NONE] * len(columns))
        rows.append([*cells, Cell(str(_seeds(protocol, one)))] if fewer else cells)
    remarks = [
        run.remark,
        coverage.remark,
        "Every model stands against the part's best floor, and against the first model of the configuration "
        "that is no floor; all pairs and all parts are in scores/.",
        "Difference: model minus the one it stands against, with its 95 % interval by a bootstrap over "
        "subjects that both share; pooled over folds, mean over "
        + ("the seeds that both have; their number is the last column." if fewer else "seeds."),
        "p: paired permutation test that swaps the two models' predictions subject by subject, two-sided; "
        "Holm p: corrected over all pairs of models within this part and metric.",
        "Where subjects have very different numbers of clips, the interval is narrower than the test allows, "
        "and may leave out 0 at a p above .05: p decides.",
        "Effect: the difference in standard deviations of a subject's contribution to it; 0.2 is small, 0.8 "
        "large.",
        *alarm_remark(run, protocol),
    ]
    if not contrasts:
        remarks.append("This run has nothing to compare: fewer than two models.")
    return Grid(
        title=f"{protocol.title}: comparisons",
        remarks=remarks,
        blocks=[("", 3), (heading(run), len(headings) + fewer)],
        headings=["Part", "Model", "Against", *headings, *(["Seeds"] if fewer else [])],
        rows=rows,
        footnotes=[],
        words=frozenset({0, 1, 2}),
    )


def _seeds(protocol: Protocol, contrast: Contrast) -> int:
    return int(contrast.numbers[protocol.metrics[0]]["seeds"]) if contrast.numbers else 0


def contrasts_frame(protocol: Protocol, run: Run, contrasts: list[Contrast]) -> pd.DataFrame:
    """One row a contrast, six columns a metric; these are empty where the two have no seed in common."""
    names = [name for name in _NUMBERS if name not in ("seeds", "subjects")]
    columns = [f"{metric}_{name}" for metric in protocol.metrics for name in names]
    rows = []
    for one in contrasts:
        found = [one.numbers.get(metric, {}) for metric in protocol.metrics]
        numbers = [values.get(name, "") for values in found for name in names]
        sizes = _seeds(protocol, one), int(found[0].get("subjects", 0))
        rows.append((one.part.name, one.model, one.against, *numbers, *sizes, run.corpora))
    headings = ["part", "model", "against", *columns, "seeds", "subjects", "run_corpora"]
    return pd.DataFrame(rows, columns=headings)


def best_floor(run: Run, protocol: Protocol, scores: dict[str, float]) -> str | None:
    """The floor with the highest score; None where the run has, or names, none."""
    floors = [model for model in run.floors.get(protocol.name, ()) if model in scores]
    return max(floors, key=scores.get, default=None)


def _references(run: Run, protocol: Protocol, scores: dict[str, float]) -> list[str]:
    floors = run.floors.get(protocol.name, ())
    ordered = (run.models or {}).get(protocol.name, sorted(scores))
    aside = {*floors, *run.alarms.get(protocol.name, ())}
    first = next((model for model in ordered if model in scores and model not in aside), None)
    return [one for one in (best_floor(run, protocol, scores), first) if one]


def _oriented(pairs: pd.DataFrame, model: str, against: str) -> Iterator[tuple[str, dict[str, float]]]:
    """Metric -> numbers of model minus against, whichever stands first in the file."""
    for row in pairs.to_dict("records"):
        if (row["first"], row["second"]) == (model, against):
            yield row["metric"], row
        elif (row["first"], row["second"]) == (against, model):
            turned = {name: -row[name] for name in ("difference", "effect")}
            yield row["metric"], row | turned | {"low": -row["high"], "high": -row["low"]}


def _is_repeated(contrasts: list[Contrast], model: str, against: str, part: Part) -> bool:
    """Whether the pair is there already, the other way round."""
    return any((one.model, one.against, one.part) == (against, model, part) for one in contrasts)


def _texts(numbers: dict[str, float]) -> list[str]:
    difference = number(numbers["difference"])
    if not pd.isna(numbers["low"]):
        difference += " " + bracket((numbers["low"], numbers["high"]))
    effect = NONE if pd.isna(numbers["effect"]) else number(numbers["effect"], 2)
    return [difference, number(numbers["p"]), number(numbers["p_holm"]), effect]
