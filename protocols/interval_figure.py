"""Scores of all models with their intervals, and the published ones beside them, as a figure."""

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from protocols.assemble import Row
from protocols.base import Part, Protocol
from protocols.comparisons import best_floor
from protocols.coverage import Coverage
from protocols.runs import Run

# Okabe and Ito's colours, which stay apart for every kind of colour vision; the shapes stay apart in print.
OURS, FLOOR, PRINTED = "#0072B2", "#555555", "#D55E00"
_OURS = "this run"
_FLOOR = "this run, floor"
_ALARM = "this run, alarm: shuffled labels"
_LINE = "best floor"
_PUBLISHED = "published"
_LEAKY = "published, leaky: epoch chosen on the test subject"
_MARKS = {
    _OURS: {"marker": "o", "color": OURS},
    _FLOOR: {"marker": "s", "color": FLOOR},
    _ALARM: {"marker": "x", "color": PRINTED},
    _LINE: {"linestyle": "--", "linewidth": 0.8, "color": FLOOR},
    _PUBLISHED: {"marker": "D", "s": 26, "edgecolors": PRINTED},
    _LEAKY: {"marker": "X", "s": 46, "edgecolors": PRINTED},
}


def interval_figure(protocol: Protocol, rows: list[Row], run: Run, coverage: Coverage) -> Figure:
    """One panel a part, one line a method: the protocol's first metric, 95 % intervals over subjects.

    A dashed line marks the best floor of the part. Published numbers are left out of a synthetic run's
    figure, for nothing there may be compared with them. The title says where the clips are not all.
    """
    metric, printed = protocol.metrics[0], run.corpora != "synthetic"
    rows = [row for row in rows if row.measured or (row.published and printed)]
    size = (2.1 * len(protocol.parts) + 2.0, 0.27 * len(rows) + 1.5)
    figure = Figure(figsize=size, layout="constrained")
    FigureCanvasAgg(figure)
    corpora = "" if run.corpora == "licensed" else f" ({run.made_from})"
    bounded = any(one.bounds for row in rows for one in row.measured.values())
    meant = "95 % intervals over subjects" if bounded else "too few subjects for intervals"
    covered = "" if coverage.complete else "\n" + coverage.text().partition(" (")[0]
    figure.suptitle(f"{metric.upper()} on {protocol.name}{corpora}, {meant}{covered}", fontsize=11)
    panels = figure.subplots(1, len(protocol.parts), sharey=True, squeeze=False)[0]
    for axes, part in zip(panels, protocol.parts, strict=True):
        _panel(axes, protocol, part, rows, run, printed)
    panels[0].set_yticks(range(len(rows)), [row.name for row in rows], fontsize=8)
    panels[0].set_ylim(len(rows) - 0.4, -0.6)
    found = {
        label: handle
        for axes in panels
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)
    }
    labels = [label for label in _MARKS if label in found]
    handles = [found[label] for label in labels]
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), fontsize=8, frameon=False)
    return figure


def _panel(axes, protocol: Protocol, part: Part, rows: list[Row], run: Run, printed: bool) -> None:
    key = part.name, protocol.metrics[0]
    kinds = dict.fromkeys(run.floors.get(protocol.name, ()), _FLOOR)
    kinds |= dict.fromkeys(run.alarms.get(protocol.name, ()), _ALARM)
    scores = {row.model: row.measured[key].value for row in rows if key in row.measured}
    if floor := best_floor(run, protocol, scores):
        axes.axvline(scores[floor], zorder=1, label=_LINE, **_MARKS[_LINE])
    for y, row in enumerate(rows):
        if one := row.measured.get(key):
            label = kinds.get(row.model, _OURS)
            reach = None
            if one.bounds:
                # A percentile interval may end short of the mean, and a bar has no negative length.
                reach = [[max(one.value - one.bounds[0], 0)], [max(one.bounds[1] - one.value, 0)]]
            style = {"linestyle": "", "markersize": 5, "capsize": 2.5, "linewidth": 1.3}
            axes.errorbar(one.value, y, xerr=reach, label=label, **style, **_MARKS[label])
        if printed and row.published and key in row.published.values:
            label = _LEAKY if row.published.selection == "best-on-test-subject" else _PUBLISHED
            below = y + (0.25 if key in row.measured else 0)
            shown = row.published.values[key].shown
            axes.scatter(shown, below, facecolors="none", zorder=3, label=label, **_MARKS[label])
    axes.set_title(part.title, fontsize=9)
    axes.set_xlim(0, 1.02)
    axes.set_xlabel(protocol.metrics[0].upper(), fontsize=8)
    axes.tick_params(axis="x", labelsize=8)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x", color="0.9", linewidth=0.6)
    axes.set_axisbelow(True)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
