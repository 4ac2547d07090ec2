"""The clips behind a table's numbers: what every model said of every one, subject by subject, as HTML."""

from collections.abc import Iterator, Mapping
from html import escape
from pathlib import Path

import pandas as pd

from protocols.base import Protocol, subject_of
from protocols.layout import place_of
from protocols.runs import find_predictions, read_labels
from protocols.scores import read_outcomes


def clips_behind(
    protocol: Protocol, models: Mapping[str, str], results: str | Path
) -> tuple[str, tuple[str, ...]]:
    """The lower part of a table's page, and the names of its places, see `protocols.layout.place_of`.

    Args:
        models: row of the run -> its title in the table.

    Raises:
        InputError: predictions or labels are missing or malformed.
    """
    files, labels = find_predictions(results).get(protocol.name, {}), read_labels(results, protocol)
    lines, places = [], []
    for model, title in models.items():
        if model not in files:
            continue
        outcomes = _outcomes(files[model], labels, protocol)
        places.append(place_of(model, ()))
        lines.append(f'<h2 id="{escape(places[-1])}">{escape(title)}: clip by clip</h2>')
        for group, clips in outcomes.groupby("part", sort=False):
            places.append(place_of(model, (group,)))
            lines.append(
                f'<h3 id="{escape(places[-1])}">{escape(protocol.group_titles.get(group, group))}</h3>'
            )
            lines += _subjects(clips, len(files[model]))
    if lines:
        lines.insert(0, _legend(max(map(len, files.values()))))
    return "\n".join(lines), tuple(places)


def _outcomes(by_seed: Mapping[int, Path], labels: pd.DataFrame, protocol: Protocol) -> pd.DataFrame:
    """One row a clip: `clip_id, part, actual`, and `predicted`, a tuple over seeds."""
    said = read_outcomes(by_seed, labels, protocol).groupby("clip_id")
    table = said[["part", "actual"]].first().assign(predicted=said.predicted.agg(tuple)).reset_index()
    order = {group: k for k, group in enumerate(protocol.counts)}
    return table.sort_values("part", key=lambda column: column.map(order), kind="stable")


def _legend(seeds: int) -> str:
    several = " In brackets: of how many seeds." if seeds > 1 else ""
    return (
        "<h2>The clips behind the numbers</h2>\n<p>Every number of this run above leads to its clips here. "
        "A subject's wrong clips are named, as <em>clip: class, what was said instead</em>; all others are "
        f"right.{several}</p>"
    )


def _subjects(clips: pd.DataFrame, seeds: int) -> Iterator[str]:
    heads = '<th class="text">Subject</th><th>Right</th><th>Clips</th><th></th>'
    yield f'<div class="scroll"><table><thead><tr>{heads}</tr></thead>'
    for subject, own in clips.groupby(clips.clip_id.map(subject_of)):
        right = sum(one == row.actual for row in own.itertuples() for one in row.predicted)
        shown = f"{right / seeds:g}" if right % seeds == 0 else f"{right / seeds:.1f}"
        wrong = "".join(_wrong(row) for row in own.itertuples())
        cells = f'<td class="text">{escape(subject)}</td><td>{shown}</td><td>{len(own)}</td>'
        yield f'<tr>{cells}<td class="text long">{wrong}</td></tr>'
    yield "</table></div>"


def _wrong(row) -> str:
    """What was said instead, most often said first; nothing where all seeds are right."""
    said = (
        pd.Series(row.predicted)
        .value_counts(sort=False)
        .sort_index()
        .sort_values(ascending=False, kind="stable")
    )
    said = said[said.index != row.actual]
    if said.empty:
        return ""
    several = len(row.predicted) > 1
    names = ", ".join(escape(name) + (f" ({count})" if several else "") for name, count in said.items())
    clip = escape(row.clip_id.rpartition("/")[2])
    return f'<span class="clip">{clip}: {escape(row.actual)}, <span class="wrong">{names}</span></span> '
