"""Clips of each class, in the full protocol and in a run: the paper's Tables II and III."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from protocols.base import Protocol
from protocols.layout import NONE, Cell, Grid, heading
from protocols.runs import read_coverage, read_labels, read_run


def lay_out_classes(protocol: Protocol, results: str | Path) -> Grid:
    """Group | published: a column a class, total | this run: the same; then parts of several groups.

    Raises:
        InputError: the labels are missing or malformed.
    """
    run, coverage = read_run(results), read_coverage(results, protocol)
    # The account of an older run lacks the classes; test clips can be counted, training clips no longer.
    tested = {
        group: [int((labels == name).sum()) for name in protocol.classes]
        for group, labels in read_labels(results, protocol).groupby("part").label
    }
    rows = []
    for name, groups in _lines(protocol):
        here = {group: coverage.groups[group] for group in groups}
        full = [sum(counts) for counts in zip(*(protocol.counts[group] for group in groups), strict=True)]
        counts = [one.counts or tested.get(group) for group, one in here.items()]
        found = [sum(column) for column in zip(*counts, strict=True)] if all(counts) else None
        total = sum(one.clips for one in here.values())
        cells = [*_texts(full, sum(full)), *_texts(found or [None] * len(full), total)]
        rows.append([Cell(name), *map(Cell, cells)])
    columns = [*protocol.classes, "total"]
    remarks = [run.remark, coverage.remark]
    if coverage.differences:
        remarks.append("What is missing or different: " + "; ".join(coverage.differences) + ".")
    return Grid(
        title=f"{protocol.title}: clips of each class",
        remarks=[*remarks, f"Published counts: {protocol.source}."],
        blocks=[
            ("", 1),
            ("Published", len(columns)),
            (heading(run), len(columns)),
        ],
        headings=["Part", *columns, *columns],
        rows=rows,
        footnotes=[],
    )


def _lines(protocol: Protocol) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The groups in the protocol's order, and below them the parts that unite several."""
    for group in protocol.counts:
        yield protocol.group_titles.get(group, group.capitalize()), (group,)
    for part in protocol.parts:
        if len(part.groups) > 1:
            yield part.title, part.groups


def _texts(counts: Iterable[int | None], total: int) -> list[str]:
    return [NONE if count is None else str(count) for count in (*counts, total)]
