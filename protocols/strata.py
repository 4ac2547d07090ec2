"""The same scores on parts of the clips that differ in one condition of recording: DFME's frame rates."""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from protocols.assemble import Estimate
from protocols.base import Protocol, subject_of
from protocols.layout import INTERVAL, NONE, OVER_SEEDS, Cell, Grid, alarm_remark, estimates_text, heading
from protocols.runs import find_predictions, read_coverage, read_labels, read_run
from protocols.scores import read_outcomes
from protocols.subjects import make_sample, uncertainty


def lay_out_strata(protocol: Protocol, results: str | Path) -> Grid:
    """Model | a column for each stratum of each part that has clips, seeds.

    Raises:
        InputError: predictions or labels are missing or malformed.
    """
    run, labels = read_run(results), read_labels(results, protocol)
    files = find_predictions(results)[protocol.name]
    stratum = labels.clip_id.map(subject_of).map(_stratum_of(protocol))
    sizes = labels.groupby(["part", stratum]).size()
    columns = [
        (part, name)
        for part in protocol.parts
        for name in protocol.strata
        if any((group, name) in sizes.index for group in part.groups)
    ]
    rows = []
    for model in (run.models or {}).get(protocol.name, list(files)):
        estimates = _estimates(read_outcomes(files[model], labels, protocol), protocol)
        cells = [estimates.get((name, part.name)) for part, name in columns]
        texts = [estimates_text(one) if one else NONE for one in cells]
        rows.append([Cell(model), *map(Cell, texts), Cell(str(len(files[model])))])
    metrics = " / ".join(map(str.upper, protocol.metrics))
    headings = [
        f"{part.title}, {name} (n={sum(sizes.get((group, name), 0) for group in part.groups)})"
        for part, name in columns
    ]
    return Grid(
        title=f"{protocol.title}: by {protocol.strata_are}",
        remarks=[
            run.remark,
            read_coverage(results, protocol).remark,
            f"Cells are {metrics}, {OVER_SEEDS}, of the subjects of one {protocol.strata_are}, who differ "
            "from the others in more than that: a difference between columns is no effect of it alone.",
            INTERVAL,
            *alarm_remark(run, protocol),
        ],
        blocks=[("", 1), (heading(run), len(columns) + 1)],
        headings=["Model", *headings, "Seeds"],
        rows=rows,
        footnotes=[],
    )


def _stratum_of(protocol: Protocol) -> dict[str, str]:
    return {subject: name for name, subjects in protocol.strata.items() for subject in subjects}


def _estimates(outcomes: pd.DataFrame, protocol: Protocol) -> Mapping[tuple[str, str], list[Estimate]]:
    """(stratum, part) -> an estimate for each of the protocol's metrics, of one model."""
    estimates: dict[tuple[str, str], list[Estimate]] = {}
    subjects = outcomes.clip_id.map(subject_of)
    for name, members in protocol.strata.items():
        own = outcomes[subjects.isin(members)]
        if own.empty:
            continue
        intervals, _ = uncertainty(make_sample({"": own}, protocol), protocol)
        found = intervals.set_index(["part", "metric"])
        for part in dict.fromkeys(intervals.part):
            estimates[name, part] = [Estimate.of(found.loc[(part, metric)]) for metric in protocol.metrics]
    return estimates
