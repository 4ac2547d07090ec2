"""A clip over time: aligned crops and the flow of each against the onset, at n equidistant instants or all.

Instants are equidistant in time, and frame numbers are time: a recording that skipped frames is interpolated
across the gap by the numbers on disk, not by their rank. Between two frames a crop is their linear blend: at
100 to 500 frames per second a micro-expression moves well under a pixel from one frame to the next, and over
so short a way a blend looks like the motion.

Flow is computed between these crops at their full size, then averaged down with them: as in the flow cache,
it is in pixels of the full crop at any size.
"""

import bisect
from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np

from contracts import sequences
from contracts.errors import InputError
from preprocess.flow import flow_and_strain, shrink


def instants(numbers: Sequence[int], steps: int | None = 10) -> np.ndarray:
    """Where the steps of a sequence lie: (steps,) float64 frame numbers, the first and last frame included.

    Args:
        numbers: frame numbers on disk, ascending, onset to offset.
        steps: how many instants, at least 2; None: every frame that is there.

    Raises:
        InputError: fewer than two steps.
    """
    if steps is None:
        return np.asarray(numbers, np.float64)
    if steps < 2:
        raise InputError(
            f"{steps} steps are no sequence", clip="steps", cure="ask for two or more, or for all"
        )
    # Rounded, so that an instant on a frame needs that frame alone.
    return np.linspace(numbers[0], numbers[-1], steps).round(6)


def resample(
    numbers: Sequence[int],
    read: Callable[[list[int]], Iterable[np.ndarray]],
    positions: Sequence[float],
) -> Iterator[np.ndarray]:
    """The picture at each position: a frame, or the linear blend of the two beside it, uint8.

    Args:
        numbers: frame numbers on disk, ascending.
        read: frame numbers -> their pictures (H, W) uint8, in turn; called once, for those needed, in order.
            At most two are held.
        positions: ascending, within the numbers.
    """
    beside = [_beside(numbers, position) for position in positions]
    wanted = sorted({number for pair in beside for number in pair})
    pictures = zip(wanted, read(wanted), strict=True)
    held: dict[int, np.ndarray] = {}
    for position, pair in zip(positions, beside, strict=True):
        held = {number: held[number] for number in pair if number in held}
        held.update(next(pictures) for _ in range(len(pair) - len(held)))
        if len(pair) == 1:
            yield held[pair[0]]
        else:
            share = np.float32((position - pair[0]) / (pair[1] - pair[0]))
            first, second = (held[number].astype(np.float32) for number in pair)
            yield np.rint(first + share * (second - first)).astype(np.uint8)


def _beside(numbers: Sequence[int], position: float) -> list[int]:
    """The frame at a position, or the two that it lies between."""
    after = bisect.bisect_left(numbers, position)
    return [numbers[after]] if numbers[after] == position else list(numbers[after - 1 : after + 1])


def make_sequence(
    numbers: Sequence[int],
    read: Callable[[list[int]], Iterable[np.ndarray]],
    apex: int,
    size: int,
    steps: int | None = 10,
    method: str = "tvl1",
    *,
    matched: bool = True,
) -> sequences.Sequence:
    """One clip as the sequence contract has it.

    Args:
        numbers: frame numbers on disk, ascending, onset to offset.
        read: frame numbers -> their aligned crops (H, H) uint8, in turn.
        apex: the apex's frame number.
        size: side of what comes out, at most H.
        steps: how many instants; None: every frame.
        method, matched: as in `preprocess.flow.flow_and_strain`.

    Raises:
        InputError: `size` is larger than the crops, fewer than two steps, or an unknown flow method.
    """
    positions = instants(numbers, steps)
    frames = np.empty((len(positions), size, size), np.uint8)
    flow = np.zeros((len(positions), 3, size, size), np.float32)
    for k, crop in enumerate(resample(numbers, read, positions)):
        if k == 0:
            onset = crop
            if size > len(crop):
                raise InputError(
                    f"sequences of {size} px from crops of {len(crop)} px",
                    clip="crop.size",
                    cure=f"ask for at most {len(crop)} px, or raise crop.size",
                )
        else:
            flow[k] = shrink(flow_and_strain(onset, crop, method, matched=matched), size)
        frames[k] = shrink(crop[None], size)[0]
    return sequences.Sequence(frames, flow, positions, float(apex))
