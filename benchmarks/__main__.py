"""The speed of everything on this machine, in one table: `make bench`.

    python -m benchmarks [--steps NAME ...] [--json build/bench.json]

Runs the programs of this folder one after another with small budgets, and the whole demo; each by itself
measures more, and more exactly. The file has every figure of theirs, machine, versions and commit. A
program that fails or takes too long is reported and ends the status with 1.
"""

import argparse
import os
import sys
from pathlib import Path

from benchmarks.packs import WAYS
from benchmarks.report import write
from benchmarks.steps import Step, run, summary
from contracts.errors import unknown
from merba.commands import report

JSON = Path("build/bench.json")
_ONE_THREAD = {"OMP_NUM_THREADS": "1"}
_JOBS = ("score", "align", "cache", "faces, mtcnn", "train, ststnet", "train, merba_tiny")
_MODELS = ("ststnet", "merba_tiny", "mambavision_tiny", "htnet", "featref", "roi_transformer")
_SCANS = ("--part", "scans", "--device", "cpu", "--windows", "128", "--seconds", "1")
_NOT_COMPILED = tuple(way for way in WAYS if way != "compiled")
_STSTNET = ("--epochs", "20", "--folds", "2", "--packed", "16", "--ways", *_NOT_COMPILED)
_MERBA = ("--model", "merba_tiny", "--epochs", "2", "--folds", "2", "--packed", "4")
STEPS = {
    step.name: step
    for step in (
        Step("start-up", ("benchmarks.startup", "--rounds", "1", "--jobs", *_JOBS), 120),
        Step(
            "preprocessing",
            ("benchmarks.preprocessing", "--clips", "2", "--frames", "24", "--rounds", "1"),
            180,
        ),
        Step("flow", ("benchmarks.tvl1_backends", "--quick"), 180, _ONE_THREAD),
        Step(
            "training steps",
            ("benchmarks.training_steps", "--seconds", "2", "--batch", "32", "--models", *_MODELS),
            120,
            _ONE_THREAD,
        ),
        Step("scans", ("benchmarks.gpu", *_SCANS), 120, _ONE_THREAD),
        Step("folds, ststnet", ("benchmarks.packs", *_STSTNET), 240, _ONE_THREAD),
        Step("folds, merba_tiny", ("benchmarks.packs", *_MERBA), 180, _ONE_THREAD),
        Step("demo", ("benchmarks.demo",), 1200),
    )
}


def main(argv: list[str] | None = None) -> None:
    """Measure, print the table, write all figures.

    Raises:
        InputError: there is no such step.
        SystemExit: a step found nothing.
    """
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--steps", nargs="+", metavar="NAME", help=f"of {', '.join(STEPS)} (default: all)")
    parser.add_argument("--json", type=Path, default=JSON, help=f"default: {JSON}")
    args = parser.parse_args(argv)
    for name in args.steps or ():
        if name not in STEPS:
            raise unknown("step", name, STEPS)
    load = os.getloadavg()[0]
    found = run(STEPS[name] for name in args.steps or STEPS)
    print(summary(found))
    print(f"\n{load:.1f} processes were at work before; all figures: {args.json}")
    write(args.json, {"load": load, "steps": found})
    sys.exit(any(one["state"] not in ("done", "missed") for one in found.values()))


if __name__ == "__main__":
    sys.exit(report(main))
