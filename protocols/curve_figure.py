"""How every model of a run learned: loss and accuracy over epochs, and inner UF1 where it chose the epoch."""

import pandas as pd
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from protocols.base import Protocol
from protocols.interval_figure import OURS, PRINTED
from protocols.runs import Run

_ACROSS = 4
# Line and dashes stay apart in grey print, where the two colours are nearly one.
_LINES = {
    "loss": {"color": OURS, "linestyle": "-"},
    "accuracy": {"color": OURS, "linestyle": "-"},
    "inner_uf1": {"color": PRINTED, "linestyle": "--"},
}
_NAMES = {
    "loss": "training part",
    "accuracy": "training part",
    "inner_uf1": "inner UF1, which chose the epoch",
}
_BAND = "half of all folds and seeds"


def learns_by_epochs(curve: pd.DataFrame) -> bool:
    """Whether there is anything to see: a model that is fitted at once has no loss."""
    return bool(curve.loss.notna().any())


def curve_figure(protocol: Protocol, curves: dict[str, pd.DataFrame], run: Run) -> Figure:
    """For each model two panels, loss above accuracy: the median and the quartiles over folds and seeds.

    Models have scales of their own, for losses differ in kind and recipes in epochs.

    Args:
        curves: model -> its curve, see `protocols.curves`, one or more that `learns_by_epochs`.
    """
    across = min(_ACROSS, len(curves))
    down = -(-len(curves) // across)
    figure = Figure(figsize=(2.4 * across + 0.6, 3.0 * down + 1.0), layout="constrained")
    FigureCanvasAgg(figure)
    corpora = "" if run.corpora == "licensed" else f"\n({run.made_from})"
    figure.suptitle(f"Learning curves on {protocol.name}{corpora}", fontsize=11)
    panels = figure.subplots(2 * down, across, squeeze=False)
    for k in range(across * down):
        above, below = (panels[2 * (k // across) + one, k % across] for one in (0, 1))
        if k < len(curves):
            model, curve = list(curves.items())[k]
            alarm = " (alarm)" if model in run.alarms.get(protocol.name, ()) else ""
            above.set_title(f"{model}{alarm}", fontsize=9)
            _draw(above, curve, ["loss"])
            _draw(below, curve, ["accuracy", "inner_uf1"])
            above.set_ylim(bottom=0)
            below.set_ylim(0, 1.02)
            below.set_xlabel("epoch", fontsize=8)
            above.tick_params(labelbottom=False)
            if not k % across:
                above.set_ylabel("loss", fontsize=8)
                below.set_ylabel("accuracy", fontsize=8)
        else:
            above.remove()
            below.remove()
    found = {}
    for axes in figure.axes:
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            found.setdefault(label, handle)
    style = {"loc": "outside lower center", "fontsize": 8, "frameon": False}
    figure.legend(found.values(), found, ncols=min(across, len(found)), **style)
    return figure


def _draw(axes, curve: pd.DataFrame, measures: list[str]) -> None:
    for one in measures:
        known = curve[curve[one].notna()]
        if known.empty:
            continue
        # A single epoch makes no line.
        mark = "o" if len(known) == 1 else ""
        line = {"marker": mark, "markersize": 4, "linewidth": 1.0, "label": _NAMES[one], **_LINES[one]}
        axes.plot(known.epoch, known[one], **line)
        band = {"alpha": 0.3, "linewidth": 0, "color": _LINES[one]["color"], "label": _BAND}
        axes.fill_between(known.epoch, known[f"{one}_low"], known[f"{one}_high"], **band)
    axes.set_xlim(0, max(curve.epoch) + 1)
    axes.tick_params(labelsize=7)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=4, integer=True))
    axes.grid(color="0.9", linewidth=0.6)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
