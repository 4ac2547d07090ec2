"""How long the workflow's jobs take before they begin: Python, Snakemake's lines, and what a script imports.

    python -m benchmarks.startup [--rounds N] [--jobs NAME ...] [--json FILE]

Each job is a fresh process that stops where its script asks Snakemake for its first input. What a script
imports later, inside functions, is added for the jobs where that is heavy: a training job's network, say.
Bytecode is compiled and files are cached by a first round that does not count.

*Imports* are the script's own; *fixed* is the rest: Python's start and end, and what Snakemake puts in front
of a script. Seconds are those of the wall clock, the median over rounds.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.report import table, write
from contracts.errors import unknown
from contracts.provenance import ROOT
from merba.commands import report

SCRIPTS = ROOT / "workflow" / "scripts"
HEAVY = (
    *("torch", "torch._dynamo", "torchvision", "timm", "facenet_pytorch", "dlib", "cv2", "skimage"),
    *("sklearn", "scipy", "matplotlib", "h5py", "pandera"),
)
"""Packages that no job should import for nothing. Pandas is not among them: tables are what jobs exchange."""

_NETWORK = "import merba.checkpoints, merba.fold; from merba.registry import model_entry; model_entry({!r})"
LATER = {
    "apex, spotted": "from contracts.clips import read_clips; import sklearn.isotonic",
    "faces, mtcnn": "from contracts.clips import read_clips; import cv2, dlib, torch, facenet_pytorch",
    "flow, tvl1": "from contracts.clips import read_clips",
    "predict, ststnet": _NETWORK.format("ststnet"),
    "train, ststnet": _NETWORK.format("ststnet"),
    "train, kernel_ridge": _NETWORK.format("kernel_ridge") + "; import sklearn.kernel_ridge",
    "train, merba_tiny": _NETWORK.format("merba_tiny"),
}
"""Job -> what it imports after its first lines."""

# Nothing but what it needs: what it imports itself would be missing from the script's own time.
_CHILD = f"""
import pickle, sys, time
from snakemake.logging import logger
from snakemake.iocontainers import Snakemake
import runpy
script, later = sys.argv[1:]

class Begun(Exception):
    pass

class Job:
    def __getattr__(self, name):
        raise Begun

sys.path.insert(0, script.rpartition("/")[0])
start = time.perf_counter()
try:
    runpy.run_path(script, init_globals={{"snakemake": Job()}})
except Begun:
    pass
exec(later)
end = time.perf_counter()
import json, resource
print(json.dumps({{
    "imports": end - start,
    "mebibytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    "loads": [name for name in {HEAVY} if name in sys.modules],
}}))
"""


def jobs() -> dict[str, tuple[Path, str]]:
    """Job -> its script, and what it imports later."""
    found = {path.stem: (path, "") for path in sorted(SCRIPTS.glob("[!_]*.py"))}
    found |= {name: (SCRIPTS / f"{name.partition(',')[0]}.py", later) for name, later in LATER.items()}
    return dict(sorted(found.items()))


def begin(script: Path, later: str = "") -> dict:
    """Start one job as the workflow does; what it took, and which of `HEAVY` it loads.

    Raises:
        subprocess.CalledProcessError: an import failed.
    """
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_WAIT_POLICY": "passive"}
    environment |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", _CHILD, str(script), later],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    whole = time.perf_counter() - start
    found = json.loads(done.stdout.splitlines()[-1])
    return {**found, "seconds": whole, "fixed": whole - found["imports"]}


def main(argv: list[str] | None = None) -> None:
    """Measure, print a table, and write all figures to `--json`.

    Raises:
        InputError: there is no such job.
    """
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=3, help="that count (default: 3)")
    parser.add_argument("--jobs", nargs="+", metavar="NAME", help="default: every script, some of them twice")
    parser.add_argument("--json", type=Path, help="write all figures here too")
    args = parser.parse_args(argv)
    known = jobs()
    for name in args.jobs or ():
        if name not in known:
            raise unknown("job", name, known)
    found = {name: _measured(*known[name], args.rounds) for name in args.jobs or known}
    shown = [
        [
            name,
            ", ".join(one["loads"]) or "–",
            f"{one['fixed']:.2f}",
            f"{one['imports']:.2f}",
            f"{one['seconds']:.2f}",
            f"{one['mebibytes']:.0f}",
        ]
        for name, one in found.items()
    ]
    print(table(("job", "loads", "fixed s", "imports s", "whole s", "MiB"), shown, words=2))
    if args.json:
        headline = [[f"start of {name}", one["seconds"], "s"] for name, one in found.items()]
        write(args.json, {"headline": headline, "jobs": found})


def _measured(script: Path, later: str, rounds: int) -> dict:
    taken = [begin(script, later) for _ in range(1 + rounds)][1:]
    medians = {key: statistics.median(one[key] for one in taken) for key in ("seconds", "fixed", "imports")}
    return {**medians, "mebibytes": max(one["mebibytes"] for one in taken), "loads": taken[0]["loads"]}


if __name__ == "__main__":
    sys.exit(report(main))
