"""The whole demo from nothing: what a newcomer waits for after the installation.

    python -m benchmarks.demo [--cores N] [--json FILE]

Copies what git tracks to a temporary folder and runs `snakemake` there as it is configured: recordings are
synthesised, preprocessed, trained on and scored. Nothing of this folder is read or changed.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.report import write
from contracts.errors import InputError
from contracts.provenance import ROOT
from merba.commands import report


def main(argv: list[str] | None = None) -> None:
    """Run it, print seconds and jobs, write them to `--json`.

    Raises:
        InputError: this is no checkout, or a job has failed.
    """
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cores", type=int, default=len(os.sched_getaffinity(0)), help="default: all")
    parser.add_argument("--json", type=Path, help="write all figures here too")
    args = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="demo-") as folder:
        _copy(Path(folder))
        begun = time.monotonic()
        jobs = _run(Path(folder), args.cores)
        seconds = time.monotonic() - begun
    print(f"{jobs} jobs on {args.cores} cores: {seconds:.0f} s")
    if args.json:
        headline = [["whole demo", seconds, "s"], ["jobs of it", jobs, ""]]
        write(args.json, {"headline": headline, "cores": args.cores})


def _copy(folder: Path) -> None:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode:
        raise InputError("not a git checkout", file=ROOT, cure="clone the repository")
    for name in filter(None, listed.stdout.split("\0")):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, folder / name)


def _run(folder: Path, cores: int) -> int:
    """Run all jobs; how many there were."""
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    command = [sys.executable, "-m", "snakemake", "--cores", str(cores)]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    counted = re.findall(r"(\d+) of (\d+) steps \(100%\) done", done.stderr)
    if done.returncode or not counted:
        raise InputError(f"the demo has failed: {done.stderr.strip()[-300:]}", cure="see `make reproduce`")
    return int(counted[-1][1])


if __name__ == "__main__":
    sys.exit(report(main))
