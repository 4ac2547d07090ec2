"""What a model is shown of the listed clips: flow from caches, or what it makes of whole clips."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from contracts.errors import InputError
from contracts.made_with import made_alike
from merba.data import load_flow
from merba.registry import Clips, declaration, model_entry
from merba.sequences import Sequences

CLIPS = "clips"


@dataclass
class Inputs:
    """The listed clips in their order, before anything is fitted on them.

    Attributes:
        x: flow (n, 3, size, size) float32 from caches, or (n, ...) as the model's `see` has it.
        kind: coding of the caches, `physical` or `minmax`; `clips` for a model of whole clips.
        size: side of the pictures in pixels.
        made_with: what shaped the pixels of all of them, as their files say it.
    """

    x: np.ndarray
    kind: str
    size: int
    made_with: dict


def load_inputs(
    model: str,
    clip_ids: Sequence[str],
    caches: Sequence[str | Path] | None,
    sequences: Sequence[str | Path] | None,
    listed_in: str | Path,
) -> Inputs:
    """Read what a model needs, from flow caches or from sequence files; only those given are opened.

    Raises:
        InputError: files of the other kind were given, were not made alike, or do not hold what the model
            needs of the clips, or hold numbers that are none.
    """
    clips = declaration(model).clips
    if clips is None:
        if caches is None:
            raise InputError(f"{model} learns from flow", clip="--sequences", cure="give --caches")
        flow, coding = load_flow(clip_ids, caches, listed_in)
        _check_finite(flow, clip_ids)
        return Inputs(flow, coding, flow.shape[-1], made_alike(caches))
    if sequences is None:
        cure = f"give --sequences, files of {_said(clips)}"
        raise InputError(f"{model} learns from whole clips", clip="--caches", cure=cure)
    files = Sequences(clip_ids, sequences, listed_in)
    found = Clips(files.steps, files.size, files.flow)
    if found != clips:
        raise InputError(
            f"{_said(found)}, but {model} learns from {_said(clips)}",
            file=sequences[0],
            cure="give the files that the workflow makes for this model",
        )
    see = model_entry(model).build.see
    # One clip in memory at a time: all frames of all clips would not fit.
    seen = np.stack([see(files[k]) for k in range(len(files))])
    _check_finite(seen, clip_ids)
    return Inputs(seen, CLIPS, clips.size, made_alike(sequences))


def _check_finite(x: np.ndarray, clip_ids: Sequence[str]) -> None:
    for clip, one in zip(clip_ids, x, strict=True):
        # The writer refuses them, so the file was changed or damaged since.
        if not np.isfinite(one).all():
            cure = "delete its subject's file and run snakemake again; it will be rebuilt"
            raise InputError("holds a number that is not finite", clip=clip, cure=cure)


def _said(clips: Clips) -> str:
    return f"{clips.steps or 'all'} frames of {clips.size} px with {clips.flow} flow"
