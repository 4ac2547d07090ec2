"""Look at a clip: what was found, cropped and measured, on one sheet.

Pictures to the left; to the right u, v and strain, one row each: at crop size, as a network takes them, and
for a synthetic clip as they were planted. A row has one scale.
"""

from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from contracts.files import whole
from preprocess.view import Pictures, Planted, View

# Both stay readable for colour-blind eyes; viridis keeps its order in grey print. Grey: nothing is known.
_SIGNED, _UNSIGNED = (matplotlib.colormaps[name].with_extremes(bad="0.8") for name in ("RdBu_r", "viridis"))
_FOUND, _TRUE = "#e69f00", "#56b4e9"  # orange and sky blue of Okabe and Ito; the marks differ in shape too
_GREY_LEVELS = 30.0
_DPI = 80


def clip_sheet(view: View) -> Figure:
    """One sheet of what a `View` holds."""
    planted = view.planted is not None
    left = 2 if view.pictures else 1
    columns = left + len(view.fields) + planted
    figure = Figure(figsize=(3.15 * columns + 0.5, 9.8), layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(view.clip_id, fontsize=14)
    axes = figure.subplots(3, columns, squeeze=False)
    for ax in axes.flat:
        ax.set_axis_off()
    if view.pictures:
        _faces(figure, axes[:, :2], view.pictures, view.planted)
    facts = axes[2, left - 1] if view.pictures else axes[0, 0]
    text = facts.text(0, 1, "\n".join(view.facts), va="top", fontsize=9, linespacing=1.35)
    text.set(transform=facts.transAxes, in_layout=False)
    _fields(figure, axes[:, left:], view)
    return figure


def save(figure: Figure, path: str | Path) -> None:
    """Write the sheet whole, as PNG without a date in it."""
    with whole(path) as partial:
        figure.savefig(partial, format="png", dpi=_DPI, metadata={"Software": None})


def _faces(figure: Figure, axes: np.ndarray, pictures: Pictures, planted: Planted | None) -> None:
    window = _window(pictures.landmarks, pictures.onset.shape)
    marks = "" if pictures.landmarks is None else ", the onset's landmarks"
    _face(axes[0, 0], "onset frame", pictures.onset, pictures.landmarks, window)
    _face(axes[0, 1], f"apex frame{marks}", pictures.apex, pictures.landmarks, window)
    if planted is not None:
        axes[0, 0].plot(
            *planted.landmarks.T, "o", color=_TRUE, markersize=5, fillstyle="none", markeredgewidth=0.8
        )
        axes[0, 0].set_title("onset: dots found, circles planted", fontsize=10)
    _face(axes[1, 0], "onset, aligned crop", pictures.onset_crop, pictures.crop_landmarks)
    _face(axes[1, 1], "apex, aligned crop", pictures.apex_crop)
    difference = pictures.apex_crop.astype(np.float32) - pictures.onset_crop.astype(np.float32)
    shown = axes[2, 0].imshow(difference, cmap=_SIGNED, vmin=-_GREY_LEVELS, vmax=_GREY_LEVELS)
    axes[2, 0].set_title("apex − onset, grey levels", fontsize=10)
    figure.colorbar(shown, ax=axes[2, 0], location="bottom", shrink=0.75, extend="both")


def _face(ax, title, image, points=None, window=None):
    ax.imshow(image, cmap="gray", vmin=0, vmax=255)
    if points is not None:
        ax.plot(*points.T, ".", color=_FOUND, markersize=3)
    if window is not None:
        (left, right), (bottom, top) = window
        ax.set_xlim(left, right)
        ax.set_ylim(bottom, top)
    ax.set_title(title, fontsize=10)


def _window(points: np.ndarray | None, shape: tuple[int, int]):
    """The face with some of what is around it, inside of the frame; None: the whole frame."""
    if points is None:
        return None
    (left, top), (right, bottom) = points.min(axis=0), points.max(axis=0)
    margin = 0.35 * (right - left)
    height, width = shape
    columns = max(-0.5, left - margin), min(width - 0.5, right + margin)
    return columns, (min(height - 0.5, bottom + margin), max(-0.5, top - margin))


def _fields(figure: Figure, axes: np.ndarray, view: View) -> None:
    titles = [f"{field.shape[-1]}×{field.shape[-1]}" for field in view.fields]
    fields = list(view.fields)
    if view.planted:
        titles.append(f"planted, at frame {view.planted.apex}")
        fields.append(view.planted.field)
    if view.coding == "physical":
        reach = _reach(fields[0][:2])
        scales = [(_SIGNED, -reach, reach, "both"), (_SIGNED, -reach, reach, "both")]
        scales.append((_UNSIGNED, 0, _reach(fields[0][2]), "max"))
        names = ["u, px (right is red)", "v, px (down is red)", "strain"]
    else:
        scales = [(_UNSIGNED, 0, 255, "neither")] * 3
        names = [f"{name}, stretched to 0–255" for name in ("u", "v", "strain")]
    for channel, ((colours, low, high, extend), name) in enumerate(zip(scales, names, strict=True)):
        row = axes[channel]
        for ax, title, field in zip(row, titles, fields, strict=True):
            shown = ax.imshow(field[channel], cmap=colours, vmin=low, vmax=high, interpolation="nearest")
            ax.set_title(f"{name.split(',')[0]}, {title}", fontsize=10)
        figure.colorbar(shown, ax=list(row), shrink=0.8, extend=extend, label=name)


def _reach(field: np.ndarray) -> float:
    """Where a colour scale ends: the few largest values would leave the rest pale."""
    return float(np.quantile(np.abs(field), 0.995)) or 1.0
