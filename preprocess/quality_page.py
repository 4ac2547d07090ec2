"""The quality table of a corpus as one figure: a small panel for each measure, outliers by name.

Dark bars are the corpus; the band is where a clip is not an outlier, the line in it the median. Outliers are
triangles with clip id and value. Colours differ in lightness, so that the page survives grey print.
"""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FormatStrFormatter, LogLocator, MaxNLocator, NullLocator

from contracts.files import whole
from preprocess.quality import CATEGORIES, FEWEST, MEASURES, RARE, THRESHOLD, category, usual_range

_BARS, _BAND, _MARK = "#0072b2", "0.92", "#d55e00"
_COLUMNS, _NAMED, _BINS, _KINDS = 4, 4, 24, 7
_DPI = 110


def quality_figure(title: str, table: pd.DataFrame) -> Figure:
    """All measures and categories of a table from `quality.measure`."""
    panels = [*MEASURES, *(name for name in CATEGORIES if (table[name] != "").any())]
    rows = -(-len(panels) // _COLUMNS)
    figure = Figure(figsize=(3.6 * _COLUMNS, 2.75 * rows + 0.9), layout="constrained")
    FigureCanvasAgg(figure)
    noted = int((table.outlier != "").sum())
    figure.suptitle(f"{title}: {len(table)} clips, {noted} to look at", fontsize=13)
    figure.supxlabel(_legend(len(table)), fontsize=9)
    axes = figure.subplots(rows, _COLUMNS, squeeze=False)
    for ax, name in zip(axes.flat, panels, strict=False):
        ax.spines[["top", "right"]].set_visible(False)
        ax.tick_params(labelsize=8)
        if name in MEASURES:
            _numbers(ax, name, table)
        else:
            _kinds(ax, name, table)
    for ax in axes.flat[len(panels) :]:
        ax.set_axis_off()
    return figure


def save(figure: Figure, path: str | Path) -> None:
    """Write the page whole, as PNG without a date in it."""
    with whole(path) as partial:
        figure.savefig(partial, format="png", dpi=_DPI, metadata={"Software": None})


def _legend(clips: int) -> str:
    if clips < FEWEST:
        return f"Clips a bin. Fewer than {FEWEST} clips: none of the numbers is called an outlier."
    return (
        f"Clips a bin. Band: within {THRESHOLD:g} robust standard deviations of the median (line); "
        f"triangles lie outside. Stars: kinds that at most {RARE:.0%} of the clips share, or several faces."
    )


def _numbers(ax, name: str, table: pd.DataFrame) -> None:
    what = MEASURES[name]
    ax.set_title(f"{what.title}{what.unit and f' ({what.unit})'}", fontsize=10)
    known = table[np.isfinite(table[name])]
    values = known[name].to_numpy(dtype=float)
    if not len(values):
        ax.text(0.5, 0.5, "not measured", ha="center", va="center", transform=ax.transAxes, fontsize=9)
        return
    logarithmic = what.sizes and values.min() > 0
    reach = _padded(values, logarithmic)
    edges = (np.geomspace if logarithmic else np.linspace)(*reach, min(_BINS, 6 + len(values) // 4) + 1)
    counts, *_ = ax.hist(values, bins=edges, color=_BARS, zorder=2)
    if logarithmic:
        ax.set_xscale("log")
        few = MaxNLocator(4, steps=[1, 2, 5, 10])
        ax.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)) if reach[1] > 5 * reach[0] else few)
        ax.xaxis.set_major_formatter(FormatStrFormatter("%g"))
        ax.xaxis.set_minor_locator(NullLocator())
    ax.set_xlim(*reach)
    # Room above the bars, where outliers are named.
    ax.set_ylim(0, 1.75 * counts.max())
    ax.yaxis.set_major_locator(MaxNLocator(3, integer=True))
    usual = usual_range(name, values)
    ax.axvspan(max(usual.low, reach[0]), min(usual.high, reach[1]), color=_BAND, zorder=0, linewidth=0)
    ax.axvline(usual.median, color="0.45", linewidth=1, zorder=1)
    _name(ax, known[(values < usual.low) | (values > usual.high)], name, usual.median)


def _padded(values: np.ndarray, logarithmic: bool) -> tuple[float, float]:
    """Both ends of the axis; a single value has some room around it too."""
    low, high = float(values.min()), float(values.max())
    if logarithmic:
        room = max(0.06 * np.log(high / low), 0.02)
        return low * np.exp(-room), high * np.exp(room)
    room = max(0.06 * (high - low), 0.02 * max(abs(low), abs(high)), 1e-3)
    return low - room, high + room


def _name(ax, odd: pd.DataFrame, name: str, median: float) -> None:
    """Triangles on the axis and, for those farthest out, clip id and value in the room above the bars."""
    top = ax.get_ylim()[1]
    ax.plot(odd[name], np.full(len(odd), 0.035 * top), "v", color=_MARK, markersize=6, zorder=4)
    by_ratio = MEASURES[name].sizes and (odd[name] > 0).all()
    away = np.log(odd[name] / median) if by_ratio else odd[name] - median
    farthest = odd.loc[away.abs().sort_values(ascending=False).index[:_NAMED]]
    lines = [(one[name], f"{_short(one.clip_id)}  {one[name]:.3g}") for _, one in farthest.iterrows()]
    for k, (value, text) in enumerate(lines):
        height = top * (0.96 - 0.1 * k)
        ax.plot([value, value], [0.07 * top, height], color=_MARK, linewidth=0.7, zorder=3)
        high = value > median
        ax.annotate(
            text,
            (value, height),
            xytext=(-3 if high else 3, 0),
            textcoords="offset points",
            ha="right" if high else "left",
            va="center",
            fontsize=7.5,
            zorder=5,
        )
    if len(odd) > _NAMED:
        ax.annotate(
            f"and {len(odd) - _NAMED} more (table)",
            (0.5, 0.56),
            xycoords="axes fraction",
            ha="center",
            va="center",
            fontsize=7.5,
        )


def _kinds(ax, name: str, table: pd.DataFrame) -> None:
    """One bar for each kind; those that are called outliers with the ids of their clips."""
    ax.set_title(CATEGORIES[name], fontsize=10)
    kinds = category(table, name)
    counts = kinds.value_counts(sort=False).sort_index().sort_values(ascending=False, kind="stable")[:_KINDS]
    ax.barh(np.arange(len(counts)), counts, color=_BARS, height=0.4)
    ax.set_ylim(max(len(counts), 3) - 0.4, -0.8)
    ax.set_yticks([])
    ax.set_xlim(0, counts.max())
    ax.xaxis.set_major_locator(MaxNLocator(3, integer=True))
    for k, (kind, count) in enumerate(counts.items()):
        several = name == "candidates" and kind.isdigit() and int(kind) > 1
        named = ""
        if several or count <= RARE * len(table):
            ids = [_short(one) for one in table.clip_id[kinds == kind]]
            named = f"  ★ {', '.join(ids[:2])}{', …' if len(ids) > 2 else ''}"
        ax.text(0, k - 0.28, f"{kind or 'nothing'}: {count}{named}", fontsize=8, va="bottom")


def _short(clip_id: str) -> str:
    """A clip id without its corpus, which stands above; SAMM's and DFME's clips repeat their subject."""
    _, subject, clip = clip_id.split("/")
    return clip if clip.startswith(subject) else f"{subject}/{clip}"
