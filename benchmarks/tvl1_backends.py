"""TV-L1 in PyTorch beside OpenCV's: how far its flow is from the flow of record, and how fast each is.

    python -m benchmarks.tvl1_backends [--device auto] [--quick] [--json FILE]

The pairs are onset and apex of synthetic clips of all four corpora, with drift, flicker and noise, rendered
as ever, aligned by their true landmarks and brought to one brightness, as crops of the size in question.

* **difference**: end-point difference to OpenCV in pixels of the crop, and difference of the strain, at
  quantiles over all pixels of all pairs, and how many pairs have the same bits. As a yardstick, OpenCV is
  compared with itself without Intel's IPP, as it is built for other processors.
* **speed**: pairs a second on one thread, OpenCV one by one, PyTorch in full batches.

Exit status 3 where the difference exceeds `LIMITS`.
"""

import argparse
import itertools
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import torch

from benchmarks import report
from preprocess import tvl1_torch
from preprocess.align import crop, estimate
from preprocess.corpora.synthetic import Options, list_layouts, plan
from preprocess.corpora.synthetic.layouts import get_layout
from preprocess.corpora.synthetic.pictures import perform
from preprocess.corpora.synthetic.render import frames
from preprocess.flow import match_brightness, optical_flow, strain

COMPARED = {64: 200, 224: 20}
"""Pairs by side, px."""
TIMED, SIDES = 16, (28, 64, 128, 224)
QUICK = {64: 12}, 4, SIDES
"""The same three for a first look, in half a minute."""
QUANTILES = (0.5, 0.9, 0.99, 1.0)
LIMITS = {0.5: 1e-4, 0.9: 0.01, 0.99: 0.1}
"""Greatest end-point difference to OpenCV at a quantile, px."""

Pairs = tuple[np.ndarray, np.ndarray]
"""Onsets and apexes, (N, H, W) uint8 each."""


def recordings(seed: int = 2026) -> Iterator[tuple[list[np.ndarray], np.ndarray]]:
    """Without end: a clip's onset and apex as filmed, (H, W) uint8 each, and the true landmarks (68, 2).

    One subject of each corpus in turn, every round with another seed.
    """
    for turn in itertools.count():
        options = Options(seed=seed + turn)
        for corpus in list_layouts():
            subjects = get_layout(corpus).SUBJECTS
            planned = plan(corpus, [subjects[turn % len(subjects)]], options)
            shown = [clip for clip in planned if clip.in_sheet and not clip.cropped]
            for clip, person, moves in perform(shown, options):
                pair = replace(clip, numbers=(clip.onset, clip.apex))
                yield list(frames(pair, person, moves, options, color=False)), person.landmarks


def crops(filmed: list[tuple[list[np.ndarray], np.ndarray]], side: int) -> Pairs:
    """Of each recording the pair that flow is computed of."""
    matrices = [estimate(landmarks, side)[0] for _, landmarks in filmed]
    onset, apex = (
        np.stack([crop(pair[k], matrix, side) for (pair, _), matrix in zip(filmed, matrices, strict=True)])
        for k in (0, 1)
    )
    return onset, match_brightness(apex, onset)


def difference(ours: np.ndarray, theirs: np.ndarray) -> dict:
    """Between two stacks of flow (N, 2, H, W): end points and strain at `QUANTILES`, pairs of equal bits."""
    apart = np.hypot(*np.moveaxis(ours - theirs, 1, 0))
    stretched = np.abs(strain(ours) - strain(theirs))
    return {
        "pairs": len(ours),
        "same_bits": int((ours == theirs).all(axis=(1, 2, 3)).sum()),
        "end_point": {f"{q:g}": float(np.quantile(apart, q)) for q in QUANTILES},
        "strain": {f"{q:g}": float(np.quantile(stretched, q)) for q in QUANTILES},
        "largest_flow": float(np.hypot(*np.moveaxis(theirs, 1, 0)).max()),
    }


def compare(pairs: Pairs, devices: list[str]) -> dict[str, dict]:
    """Differences to OpenCV of PyTorch on each device, and of OpenCV without IPP where this build has it."""
    record = optical_flow(*pairs)
    found = {_name(device): difference(tvl1_torch.tvl1(*pairs, device), record) for device in devices}
    if cv2.ipp.useIPP():
        cv2.ipp.setUseIPP(False)
        try:
            found["OpenCV without IPP"] = difference(optical_flow(*pairs), record)
        finally:
            cv2.ipp.setUseIPP(True)
    return found


def speed(pairs: Pairs, devices: list[str]) -> dict[str, dict]:
    """Pairs a second and pairs at once, by back-end."""
    found = {"OpenCV": {"pairs_per_second": _rate(optical_flow, pairs), "at_once": 1}}
    for device in devices:
        count, side = pairs[0].shape[:2]
        at_once = tvl1_torch.batch_size(side, side, device)
        # Full batches: a pair that is shown again costs what another would.
        count = max(count, at_once)
        shown = tuple(np.resize(one, (count, side, side)) for one in pairs)
        rate = _rate(lambda first, second, device=device: tvl1_torch.tvl1(first, second, device), shown)
        found[_name(device)] = {"pairs_per_second": rate, "at_once": at_once}
    return found


def _rate(flow: Callable, pairs: Pairs) -> float:
    flow(*(one[:1] for one in pairs))  # whatever is set up once
    start = time.perf_counter()
    flow(*pairs)
    return len(pairs[0]) / (time.perf_counter() - start)


def _name(device: str) -> str:
    return f"PyTorch, {device}"


def missed(found: dict[int, dict[str, dict]]) -> list[str]:
    """Where PyTorch is further from OpenCV than `LIMITS` allow, in words."""
    return [
        f"{name} at {side} px: {one['end_point'][f'{q:g}']:.3g} px at quantile {q:g}, promised is {limit:g}"
        for side, rows in found.items()
        for name, one in rows.items()
        if name.startswith("PyTorch")
        for q, limit in LIMITS.items()
        if not one["end_point"][f"{q:g}"] <= limit
    ]


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--device", choices=("auto", "cpu", "cuda"), default="auto", help="auto: all there are"
    )
    parser.add_argument("--quick", action="store_true", help="few pairs, half a minute in all")
    parser.add_argument("--json", type=Path, help="write all figures here too")
    args = parser.parse_args(argv)
    there = ["cpu", "cuda"] if torch.cuda.is_available() else ["cpu"]
    devices = there if args.device == "auto" else [args.device]
    torch.set_num_threads(1)
    compared, timed, sides = QUICK if args.quick else (COMPARED, TIMED, SIDES)
    filmed = list(itertools.islice(recordings(), max(timed, *compared.values())))
    differences, speeds = {}, {}
    for side, count in compared.items():
        print(f"{count} pairs of {side} px ...", file=sys.stderr, flush=True)
        differences[side] = compare(crops(filmed[:count], side), devices)
    for side in sides:
        print(f"speed at {side} px ...", file=sys.stderr, flush=True)
        speeds[side] = speed(crops(filmed[:timed], side), devices)
    print(_report(differences, speeds))
    faults = missed(differences)
    for fault in faults:
        print(f"MISSED: {fault}")
    if args.json:
        headline = [
            [f"TV-L1 at {max(sides)} px, {name}", one["pairs_per_second"], "pairs/s"]
            for name, one in speeds[max(sides)].items()
        ]
        record = speeds[max(sides)]["OpenCV"]["pairs_per_second"]
        headline += [
            [f"TV-L1 at {max(sides)} px, {name}: times OpenCV", one["pairs_per_second"] / record, ""]
            for name, one in speeds[max(sides)].items()
            if name != "OpenCV"
        ]
        figures = {"difference": differences, "speed": speeds, "missed": faults, "headline": headline}
        report.write(args.json, figures)
    return report.MISSED if faults else 0


def _report(differences: dict[int, dict[str, dict]], speeds: dict[int, dict[str, dict]]) -> str:
    quantiles = ["largest" if q == 1 else f"{q:g}" for q in QUANTILES]
    header = ["to OpenCV", "px", "pairs", "same bits", *quantiles, *(f"strain {q}" for q in quantiles)]
    rows = [
        [name, side, one["pairs"], one["same_bits"]]
        + [f"{value:.2g}" for key in ("end_point", "strain") for value in one[key].values()]
        for side, found in differences.items()
        for name, one in found.items()
    ]
    timed = [
        [name, side, one["at_once"], f"{one['pairs_per_second']:.3g}"]
        for side, found in speeds.items()
        for name, one in found.items()
    ]
    return "\n\n".join(
        [
            report.table(header, rows),
            report.table(["one thread", "px", "pairs at once", "pairs per s"], timed),
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
