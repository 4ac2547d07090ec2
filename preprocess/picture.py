"""Look at a clip: what was found, cropped and measured, on one sheet."""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from contracts.files import whole


def clip_sheet(
    title: str,
    raw: np.ndarray,
    raw_landmarks: np.ndarray,
    onset: np.ndarray,
    apex: np.ndarray,
    landmarks: np.ndarray,
    flow: np.ndarray,
    small: np.ndarray,
) -> Figure:
    """Ten panels: raw onset with landmarks, aligned onset and apex, their difference, and the flow twice.

    Args:
        title: printed above.
        raw, raw_landmarks: (H, W) uint8 onset frame and its (68, 2) landmarks.
        onset, apex, landmarks: (S, S) uint8 aligned crops and (68, 2) landmarks in crop pixels.
        flow: (3, S, S) u, v (crop pixels) and strain at crop size.
        small: (3, s, s) the same as the network sees it.
    """
    figure = Figure(figsize=(15, 6.2), layout="constrained")
    figure.suptitle(title, fontsize=12)
    axes = figure.subplots(2, 5)
    for ax in axes.flat:
        ax.set_axis_off()
    _face(axes[0, 0], "onset frame, 68 landmarks", raw, raw_landmarks)
    _face(axes[1, 0], "onset, aligned crop", onset, landmarks)
    _face(axes[0, 1], "apex, aligned crop", apex)
    difference = apex.astype(np.float32) - onset.astype(np.float32)
    _field(figure, axes[1, 1], "apex − onset (grey levels)", difference, 30.0)
    reach = float(np.quantile(np.abs(flow[:2]), 0.995)) or 1.0
    stretch = float(np.quantile(flow[2], 0.995)) or 1.0
    for row, field in enumerate((flow, small)):
        size = f"{field.shape[-1]}×{field.shape[-1]}"
        _field(figure, axes[row, 2], f"u, {size} (px, right is red)", field[0], reach)
        _field(figure, axes[row, 3], f"v, {size} (px, down is red)", field[1], reach)
        _field(figure, axes[row, 4], f"strain, {size}", field[2], stretch, signed=False)
    return figure


def save(figure: Figure, path: str | Path) -> None:
    """Write the sheet whole, as PNG without a date in it."""
    with whole(path) as partial:
        figure.savefig(partial, format="png", dpi=80, metadata={"Software": None})


def _face(ax, title, image, points=None):
    ax.imshow(image, cmap="gray", vmin=0, vmax=255)
    if points is not None:
        ax.plot(*points.T, ".", color="tab:orange", markersize=2.5)
        (left, top), (right, bottom) = points.min(axis=0), points.max(axis=0)
        margin = 0.35 * (right - left)
        ax.set_xlim(max(0, left - margin), min(image.shape[1], right + margin))
        ax.set_ylim(min(image.shape[0], bottom + margin), max(0, top - margin))
    ax.set_title(title, fontsize=10)


def _field(figure, ax, title, field, reach, signed=True):
    # RdBu and viridis stay readable for colour-blind eyes and in grey print.
    shown = ax.imshow(field, cmap="RdBu_r" if signed else "viridis", vmin=-reach if signed else 0, vmax=reach)
    figure.colorbar(shown, ax=ax, shrink=0.75)
    ax.set_title(title, fontsize=10)
