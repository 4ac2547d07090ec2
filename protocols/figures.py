"""Figures from `results/` alone: confusion matrices, intervals, accuracy by subject, learning curves.

    python -m protocols.figures --results results/demo [--published results/published] [--format png pdf]

reads `scores/` and `curves/` and writes under `figures/`, in every format asked for,

    confusion_<protocol>_<model>   one panel a part, counts summed over seeds, with each row's shares
    intervals_<protocol>           one panel a part, all models, published numbers as hollow marks
    subjects_<protocol>            accuracy of every model on every subject
    curves_<protocol>              loss and accuracy of every model that learns by epochs

The same inputs give the same bytes.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from contracts.files import read_csv, whole
from protocols.assemble import make_rows
from protocols.base import Protocol
from protocols.cli import run_command
from protocols.curve_figure import curve_figure, learns_by_epochs
from protocols.curves import read_curve
from protocols.interval_figure import interval_figure
from protocols.outlines import own_outline
from protocols.runs import Run, found_protocols, read_coverage, read_run, read_scored
from protocols.scores import count
from protocols.subject_figure import COLOURS, subject_figure
from protocols.subjects import SUBJECT_COLUMNS

FORMS = ("png", "pdf")


def confusion_figure(protocol: Protocol, model: str, outcomes: pd.DataFrame, run: Run) -> Figure:
    """One panel for each part that has clips, rows the truth; the shade is the share of the row.

    Args:
        outcomes: columns `actual, predicted, part, seed`, one row per clip and seed.
    """
    panels = []
    for part in protocol.parts:
        clips = outcomes[outcomes.part.isin(part.groups)]
        if len(clips):
            panels.append((part.title, count(clips.actual, clips.predicted, protocol)))
    size = len(protocol.classes) * (0.75 if len(protocol.classes) < 5 else 0.55)
    figure = Figure(figsize=((size + 1.05) * len(panels) + 0.2, size + 1.7), layout="constrained")
    FigureCanvasAgg(figure)
    seeds = outcomes.seed.nunique()
    remarks = [] if run.corpora == "licensed" else [run.made_from]
    remarks += [f"{seeds} seeds summed"] if seeds > 1 else []
    # In lines of their own: one panel alone is narrower than a title in one line.
    figure.suptitle("\n".join([model, f"on {protocol.name}", ", ".join(remarks)]).rstrip(), fontsize=10)
    for axes, (title, matrix) in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True):
        _panel(axes, title, matrix, protocol.classes)
    return figure


def write_figures(results: str | Path, published: str | Path, forms: Sequence[str] = FORMS) -> list[Path]:
    """Draw every scored protocol; returns the paths.

    Raises:
        InputError: scores, learning curves or published numbers are missing or malformed.
    """
    results, written = Path(results), []
    run = read_run(results)
    for protocol in found_protocols(results):
        subjects = read_scored(results, f"subjects_{protocol.name}", SUBJECT_COLUMNS, ("clips", "accuracy"))
        models = sorted(set(subjects.model))
        figures = {
            f"intervals_{protocol.name}": interval_figure(
                protocol,
                make_rows(own_outline(protocol), results, published),
                run,
                read_coverage(results, protocol),
            ),
            f"subjects_{protocol.name}": subject_figure(protocol, subjects, run),
        }
        for model in models:
            name = f"confusion_{protocol.name}_{model}"
            outcomes = read_csv(results / "scores" / f"{name}.csv")
            figures[name] = confusion_figure(protocol, model, outcomes, run)
        if curves := _curves(results, protocol, (run.models or {}).get(protocol.name, models)):
            figures[f"curves_{protocol.name}"] = curve_figure(protocol, curves, run)
        for name, figure in figures.items():
            for form in forms:
                written.append(results / "figures" / f"{name}.{form}")
                _save(figure, written[-1], form)
    return written


def _curves(results: Path, protocol: Protocol, models: list[str]) -> dict[str, pd.DataFrame]:
    """Model -> its curve, in the order given, of those that learn by epochs; nothing where none was kept."""
    folder = results / "curves"
    if not folder.exists():
        return {}
    curves = {model: read_curve(folder / f"{protocol.name}_{model}.csv") for model in models}
    return {model: curve for model, curve in curves.items() if learns_by_epochs(curve)}


def _panel(axes, title: str, matrix: np.ndarray, classes: tuple[str, ...]) -> None:
    totals = matrix.sum(axis=1, keepdims=True)
    shares = np.divide(matrix, totals, out=np.zeros(matrix.shape), where=totals > 0)
    axes.imshow(shares, cmap=COLOURS, vmin=0, vmax=1)
    for i, j in np.ndindex(*matrix.shape):
        text = f"{matrix[i, j]}\n{shares[i, j]:.0%}" if matrix[i, j] else "0"
        colour = ("white" if shares[i, j] > 0.55 else "black") if matrix[i, j] else "0.6"
        axes.text(j, i, text, ha="center", va="center", fontsize=8, color=colour)
    axes.set_title(f"{title}, {matrix.sum()} predictions", fontsize=9)
    axes.set_xticks(range(len(classes)), classes, rotation=45, ha="right", rotation_mode="anchor", fontsize=8)
    axes.set_yticks(range(len(classes)), classes, fontsize=8)
    axes.set_xlabel("predicted", fontsize=8)
    axes.set_ylabel("actual", fontsize=8)
    axes.tick_params(length=0)
    for spine in axes.spines.values():
        spine.set_color("0.6")


def _save(figure: Figure, path: Path, form: str) -> None:
    # Without these, SVG ids are random and files carry a date or a program version.
    metadata = {
        "svg": {"Date": None, "Creator": None},
        "png": {"Software": None},
        "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
    }
    # Type 42 fonts keep the text of a PDF searchable, and publishers refuse type 3.
    style = {"svg.hashsalt": path.stem, "svg.fonttype": "path", "pdf.fonttype": 42}
    # As large as what is drawn: the layout does not see all of what is rotated beside a square panel.
    size = {"dpi": 150, "bbox_inches": "tight", "pad_inches": 0.05}
    with matplotlib.rc_context(style), whole(path) as partial:
        figure.savefig(partial, format=form, metadata=metadata[form], **size)


def _command(options: argparse.Namespace) -> list[Path]:
    return write_figures(options.results, options.published, options.format)


if __name__ == "__main__":
    run_command(
        __doc__,
        _command,
        published={"type": Path, "default": Path("results/published"), "help": "the papers' numbers"},
        format={
            "nargs": "+",
            "choices": ["png", "pdf", "svg"],
            "default": FORMS,
            "help": f"one or more; default: {' '.join(FORMS)}",
        },
    )
