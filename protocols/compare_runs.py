"""Several runs side by side: the same models under settings that differ, the apex's say.

    python -m protocols.compare_runs results/annotated results/spotted results/midpoint --out results/apex

reads `predictions/`, `labels/` and `run.json` of each and writes `<protocol>` as `.md`, `.csv`, `.tex` and
`.html` under `--out` for every protocol that all of them have. Runs whose test clips are the first's are
tested against it, pairwise by clip and over subjects, on the seeds that both have (`protocols.statistics`).
"""

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from contracts.errors import InputError
from protocols import get_protocol
from protocols.assemble import Estimate
from protocols.base import Protocol
from protocols.layout import INTERVAL, NONE, OVER_SEEDS, Cell, Grid, bracket, estimates_text, number
from protocols.page import page
from protocols.runs import find_predictions, read_coverage, read_labels, read_record, read_run
from protocols.scores import read_outcomes
from protocols.subjects import make_sample, uncertainty
from protocols.tables import plain_frame, write_table

# What two runs need not have in common to be called the same but for one setting.
_BESIDE = ("run", "root")


@dataclass(frozen=True)
class _Model:
    """One model in several runs, by run name: the statistics, and the number of seeds.

    `paired`: whether all runs have the first one's clips, with its labels.
    """

    paired: bool
    seeds: Mapping[str, int]
    intervals: pd.DataFrame
    comparisons: pd.DataFrame


def compare_runs(folders: Sequence[str | Path], out: str | Path) -> list[Path]:
    """Write the tables; returns their paths.

    Raises:
        InputError: fewer than two runs, two of one name, or no protocol and model in common; or as
            `protocols.scores`.
    """
    runs = {read_run(folder).name: Path(folder) for folder in folders}
    if len(runs) < 2 or len(runs) < len(folders):
        raise InputError(
            "fewer than two runs, or two of one name",
            clip=", ".join(map(str, folders)),
            cure="name each once",
        )
    files = {name: find_predictions(folder) for name, folder in runs.items()}
    written = []
    for protocol in map(get_protocol, _common(files.values())):
        models = _common(one[protocol.name] for one in files.values())
        if models:
            grid = lay_out_runs(protocol, runs, {model: _compared(protocol, model, runs) for model in models})
            written += write_table(Path(out) / protocol.name, grid, plain_frame(grid), page(grid))
    if not written:
        raise InputError(
            "no protocol and model in common", clip=", ".join(runs), cure="compare runs of the same models"
        )
    return written


def lay_out_runs(protocol: Protocol, runs: Mapping[str, Path], models: Mapping[str, _Model]) -> Grid:
    """Model | run | a column a part, seeds | against the first run: difference, p, Holm's p, shared seeds.

    The comparison is by the first metric on the parts that no other part contains.
    """
    first, metric, parts = next(iter(runs)), protocol.metrics[0], protocol.widest
    rows = []
    for model, found in models.items():
        for name in runs:
            cells = [
                Cell(_score(found.intervals, name, one.name, protocol.metrics)) for one in protocol.parts
            ]
            cells.append(Cell(str(found.seeds[name])))
            against = found.comparisons[found.comparisons.metric == metric]
            for part in parts:
                cells += map(Cell, _difference(against[against.part == part.name], name, first))
            rows.append([Cell(model), Cell(name), *cells])
    covered = [f"{name}: {read_coverage(folder, protocol).text()}." for name, folder in runs.items()]
    remarks = [" ".join(dict.fromkeys(read_run(folder).remark for folder in runs.values())), *settings(runs)]
    if not all(found.paired for found in models.values()):
        remarks.append("Not all runs have the first one's test clips: those that have others are not tested.")
    metrics = " / ".join(map(str.upper, protocol.metrics))
    titles = [one.title for one in protocol.parts]
    columns = (f"{metric.upper()} difference", "p", "Holm p", "seeds")
    compared = [f"{part.title} {column}" for part in parts for column in columns]
    return Grid(
        title=f"{protocol.title}: runs side by side",
        remarks=[
            *remarks,
            *covered,
            f"Cells are {metrics}, pooled over folds, {OVER_SEEDS}.",
            INTERVAL,
            f"Difference: a run minus {first}, mean over the seeds that both have, with p of a paired "
            "permutation test over subjects; Holm p is corrected over all pairs of runs of one model.",
        ],
        blocks=[("", 2), ("Scores", len(titles) + 1), (f"Against {first}", len(compared))],
        headings=["Model", "Run", *titles, "Seeds", *compared],
        rows=rows,
        footnotes=[],
        words=frozenset({0, 1}),
    )


def settings(runs: Mapping[str, Path]) -> Iterator[str]:
    """In what the later runs' configurations differ from the first's, one sentence each."""
    configs = {name: dict(_flat(read_record(folder).get("config", {}))) for name, folder in runs.items()}
    (first, basis), *others = configs.items()
    for name, config in others:
        keys = sorted(key for key in {*basis, *config} if basis.get(key) != config.get(key))
        shown = "; ".join(
            f"{key} {config.get(key, 'absent')} instead of {basis.get(key, 'absent')}" for key in keys
        )
        yield f"{name} differs from {first} in: {shown}." if shown else f"{name} has the settings of {first}."


def _flat(config: Mapping, above: str = "") -> Iterator[tuple[str, str]]:
    for key, value in config.items():
        if key in _BESIDE:
            continue
        if isinstance(value, Mapping) and value:
            yield from _flat(value, f"{above}{key}.")
        else:
            yield f"{above}{key}", str(value)


def _common(found: Iterator[Mapping]) -> list[str]:
    """The keys that all have, in the order of the first."""
    first, *others = found
    return [key for key in first if all(key in one for one in others)]


def _compared(protocol: Protocol, model: str, runs: Mapping[str, Path]) -> _Model:
    outcomes = {}
    for name, folder in runs.items():
        by_seed = find_predictions(folder)[protocol.name][model]
        outcomes[name] = read_outcomes(by_seed, read_labels(folder, protocol), protocol)
    alike: dict[frozenset, dict[str, pd.DataFrame]] = {}
    for name, one in outcomes.items():
        alike.setdefault(frozenset(zip(one.clip_id, one.actual, strict=True)), {})[name] = one
    # The first group is the first run's; pairs within another are shown nowhere.
    found = [uncertainty(make_sample(group, protocol), protocol) for group in alike.values()]
    seeds = {name: one.seed.nunique() for name, one in outcomes.items()}
    return _Model(len(alike) == 1, seeds, pd.concat([intervals for intervals, _ in found]), found[0][1])


def _score(intervals: pd.DataFrame, run: str, part: str, metrics: Sequence[str]) -> str:
    own = intervals[(intervals.model == run) & (intervals.part == part)].set_index("metric")
    if own.empty:
        return NONE
    return estimates_text([Estimate.of(own.loc[metric]) for metric in metrics])


def _difference(pairs: pd.DataFrame, run: str, first: str) -> list[str]:
    """Of `run` minus `first`; the file has each pair once, in alphabetical order."""
    for row in pairs.to_dict("records"):
        if {row["first"], row["second"]} == {run, first} and run != first:
            sign = 1 if row["first"] == run else -1
            text = number(sign * row["difference"])
            if not pd.isna(row["low"]):
                text += " " + bracket(tuple(sorted((sign * row["low"], sign * row["high"]))))
            return [text, number(row["p"]), number(row["p_holm"]), str(row["seeds"])]
    return [NONE] * 4


def main(argv: Sequence[str] | None = None) -> None:
    """The command line; a fault the user can cure is one line and exit status 1."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("results", nargs="+", type=Path, help="the runs' folders; the first is the reference")
    parser.add_argument("--out", type=Path, required=True, help="where the tables go")
    options = parser.parse_args(argv)
    try:
        for path in compare_runs(options.results, options.out):
            print(path)
    except InputError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
