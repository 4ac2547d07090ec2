"""Whom do the models read? Accuracy of every model on every subject, as a heat map."""

import numpy as np
import pandas as pd
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from protocols.base import Protocol
from protocols.runs import Run

# One hue from light to dark: keeps its order in greyscale print and under every kind of colour blindness.
COLOURS = "Blues"
_CELL = 0.15


def subject_figure(protocol: Protocol, subjects: pd.DataFrame, run: Run) -> Figure:
    """Models from the best to the worst down, subjects across by group; bars above count a subject's clips.

    Args:
        subjects: columns `model, subject, part, clips, accuracy`, see `protocols.subjects.subject_table`.
    """
    order = {group: k for k, group in enumerate(protocol.counts)}
    across = subjects.drop_duplicates("subject")
    across = across.assign(place=across.part.map(order)).sort_values(["place", "subject"])
    right = (subjects.accuracy * subjects.clips).groupby(subjects.model).sum()
    models = right.sort_values(ascending=False, kind="stable").index
    shares = subjects.pivot(index="model", columns="subject", values="accuracy").loc[models, across.subject]
    size = (max(_CELL * len(across), 4.5) + 2.4, 0.24 * len(models) + 1.9)
    figure = Figure(figsize=size, layout="constrained")
    FigureCanvasAgg(figure)
    corpora = "" if run.corpora == "licensed" else f" ({run.made_from})"
    figure.suptitle(f"Accuracy by subject on {protocol.name}{corpora}", fontsize=11)
    bars, cells = figure.subplots(2, 1, sharex=True, gridspec_kw={"height_ratios": [0.6, 0.24 * len(models)]})
    bars.bar(range(len(across)), across.clips, width=0.7, color="0.45")
    bars.set_ylabel("clips", fontsize=8)
    bars.yaxis.set_major_locator(MaxNLocator(nbins=3, integer=True))
    bars.tick_params(axis="y", labelsize=7)
    bars.tick_params(axis="x", length=0)
    image = cells.imshow(shares, cmap=COLOURS, vmin=0, vmax=1, aspect="auto", interpolation="nearest")
    kinds = dict.fromkeys(run.floors.get(protocol.name, ()), " (floor)")
    kinds |= dict.fromkeys(run.alarms.get(protocol.name, ()), " (alarm)")
    names = [model + kinds.get(model, "") for model in models]
    cells.set_yticks(range(len(models)), names, fontsize=8)
    own = [subject.rpartition("/")[2] for subject in across.subject]
    cells.set_xticks(range(len(own)), own, rotation=90, fontsize=6)
    cells.tick_params(length=0)
    _separate(bars, cells, across, protocol)
    bar = figure.colorbar(image, ax=[bars, cells], pad=0.01, fraction=0.03)
    bar.ax.tick_params(labelsize=7)
    bar.set_label("share of clips right", fontsize=8)
    for axes in (bars, cells):
        for side in ("top", "right"):
            axes.spines[side].set_visible(False)
    return figure


def _separate(bars, cells, across: pd.DataFrame, protocol: Protocol) -> None:
    """A line between groups, and each group's title over its subjects."""
    groups = across.part.to_numpy()
    for group in dict.fromkeys(groups):
        members = np.flatnonzero(groups == group)
        bars.annotate(
            protocol.group_titles.get(group, group),
            (members.mean(), 1.05),
            xycoords=("data", "axes fraction"),
            ha="center",
            fontsize=8,
        )
        if members[0]:
            for axes in (bars, cells):
                axes.axvline(members[0] - 0.5, color="black", linewidth=0.8)
