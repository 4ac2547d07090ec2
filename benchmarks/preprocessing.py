"""How fast recordings become flow caches: every stage by itself, and the whole on one and on two processes.

    python -m benchmarks.preprocessing [--clips N] [--rounds N] [--json FILE]

Two synthetic CASME II subjects are recorded at that corpus's true frame size (640 x 480, colour, jpg) and
mean length (67 frames), and taken from the clip table to a 28-px cache: faces by MTCNN, alignment to 224 px,
apex spotted, TV-L1 at 224 px. Each stage of a subject is one fresh process that runs the workflow's own
script with the parameters its rule gives. Starting Python is included; only Snakemake's scheduling is left
out.

A round takes one subject after the other, then both side by side, in alternating order, and the speed-up is
the ratio within a round: both of its halves met about the same load. Wall-clock figures are those of an idle
machine only on an idle machine; CPU seconds hardly depend on it, and what they grow by when two processes run
is what the two take from each other.

Exits with 3 where two processes are not 1.8 times as fast as one, or a job kept more than one thread busy.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmarks.report import MISSED, table, write
from contracts.provenance import ROOT

CORPUS = "casme2"
SUBJECTS = ("sub12", "sub17")
CLIPS = 6
"""Clips a subject: the 442 of the 3DB protocol are 6.5 on average, and each job starts Python once."""
FRAMES = 67
SIZE = 224
PROJECTED = {"3DB's 442": 442, "DFME's 2,629": 2629}
SPEED_UP = 1.8
"""What two processes must reach of twofold."""
STAGES = ("faces", "align", "apex", "flow", "cache")
_TICKS_OF_A_WORKER = 10
"""CPU ticks (10 ms each) above which a thread has computed something."""


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--clips", type=int, default=CLIPS, help=f"clips a subject (default: {CLIPS})")
    parser.add_argument("--frames", type=int, default=FRAMES, help=f"frames a clip (default: {FRAMES})")
    parser.add_argument("--rounds", type=int, default=3, help="default: 3")
    parser.add_argument("--json", type=Path, help="write all figures here too")
    parser.add_argument("--record", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--job", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.record:
        _record(args.record, args.clips, args.frames)
        return 0
    if args.job:
        _job(json.loads(args.job.read_text()))
        return 0
    with tempfile.TemporaryDirectory(prefix="preprocessing-") as folder:
        found = _measure(Path(folder), args)
    print(_table(found))
    if args.json:
        write(args.json, {"headline": _headline(found), **found})
    held = found["speed_up"] >= SPEED_UP and all(one["threads"] <= 1 for one in found["stages"].values())
    return 0 if held else MISSED


def _measure(folder: Path, args: argparse.Namespace) -> dict:
    command = [sys.executable, "-m", "benchmarks.preprocessing", "--record", str(folder)]
    subprocess.run([*command, "--clips", str(args.clips), "--frames", str(args.frames)], check=True, cwd=ROOT)
    began, busy, own = time.perf_counter(), _busy(), _own()
    rounds, jobs = [], []
    for k in range(args.rounds):
        seconds = {}
        for processes in (1, 2) if k % 2 == 0 else (2, 1):
            start = time.perf_counter()
            with ThreadPoolExecutor(processes) as pool:
                chains = pool.map(lambda subject: _chain(folder, subject), SUBJECTS)
                jobs += [{**job, "processes": processes} for chain in chains for job in chain]
            seconds[processes] = time.perf_counter() - start
        rounds.append(seconds)
        print(f"round {k + 1}: {seconds[1]:.1f} s on one process, {seconds[2]:.1f} s on two", file=sys.stderr)
    others = ((_busy() - busy) - (_own() - own)) / (time.perf_counter() - began)
    clips = len(SUBJECTS) * args.clips
    per_minute = {n: 60 * clips / statistics.median(one[n] for one in rounds) for n in (1, 2)}
    return {
        "clips": clips,
        "frames": args.frames,
        "stages": {stage: _summary([job for job in jobs if job["stage"] == stage], args) for stage in STAGES},
        "seconds": rounds,
        "clips_per_minute": per_minute,
        "speed_up": statistics.median(one[1] / one[2] for one in rounds),
        "cpu_growth": _cpu_of(jobs, 2) / _cpu_of(jobs, 1),
        "projected_minutes": {
            name: {n: clips / rate for n, rate in per_minute.items()} for name, clips in PROJECTED.items()
        },
        "cores": len(os.sched_getaffinity(0)),
        "cores_busy_otherwise": max(0.0, others),
    }


def _cpu_of(jobs: list[dict], processes: int) -> float:
    """CPU seconds of all stages, each the median over its jobs."""
    return sum(
        statistics.median(
            job["cpu"] for job in jobs if (job["stage"], job["processes"]) == (stage, processes)
        )
        for stage in STAGES
    )


def _summary(jobs: list[dict], args: argparse.Namespace) -> dict:
    """One stage: medians over its jobs alone on the machine, the worst of all for memory and threads."""
    alone = [job for job in jobs if job["processes"] == 1]
    wall, cpu = (statistics.median(job[key] for job in alone) / args.clips for key in ("wall", "cpu"))
    return {
        "seconds_per_clip": wall,
        "cpu_seconds_per_clip": cpu,
        "clips_per_minute": 60 / wall,
        "peak_mebibytes": max(job["mebibytes"] for job in jobs),
        "threads": max(job["threads"] for job in jobs),
    }


def _headline(found: dict) -> list[list]:
    shown = [
        [f"{stage}, one process", one["clips_per_minute"], "clips/min"]
        for stage, one in found["stages"].items()
    ]
    rate, words = found["clips_per_minute"], {1: "one process", 2: "two processes"}
    shown += [[f"raw to cache, {word}", rate[n], "clips/min"] for n, word in words.items()]
    return [*shown, ["speed-up of two processes", found["speed_up"], ""]]


def _table(found: dict) -> str:
    header = "stage", "clips per minute", "s per clip", "CPU s per clip", "peak MiB", "threads at work"
    form = "{clips_per_minute:.0f} {seconds_per_clip:.2f} {cpu_seconds_per_clip:.2f} "
    form += "{peak_mebibytes:.0f} {threads}"
    stages = [(stage, *form.format(**one).split()) for stage, one in found["stages"].items()]
    rate, whole_way = found["clips_per_minute"], found["projected_minutes"]
    ways = [
        ("clips per minute", f"{rate[1]:.1f}", f"{rate[2]:.1f}"),
        *((f"{name} clips, minutes", f"{one[1]:.0f}", f"{one[2]:.0f}") for name, one in whole_way.items()),
    ]
    return "\n\n".join(
        [
            table(header, stages),
            table(("raw to cache", "one process", "two processes"), ways),
            f"Two processes are {found['speed_up']:.2f} times as fast as one (at least {SPEED_UP}); "
            f"each then takes {found['cpu_growth']:.2f} times the CPU seconds. "
            f"Other work kept {found['cores_busy_otherwise']:.1f} of {found['cores']} cores busy.",
        ]
    )


def _record(folder: Path, clips: int, frames: int) -> None:
    """Write the recordings and their clip table, in a process of its own."""
    from contracts.clips import write_clips
    from preprocess.corpora import Source, get_corpus
    from preprocess.corpora.synthetic import Options, write_corpus

    options = Options(seed=1, clips_per_class=-(-clips // 3), length=(frames, frames))
    write_corpus(folder / "raw", CORPUS, options, SUBJECTS)
    table = get_corpus(CORPUS).index(Source(folder / "raw"), SUBJECTS).clips
    write_clips(table.groupby("subject").head(clips).reset_index(drop=True), folder / "clips.csv")


def rules(root: Path) -> dict[str, tuple[tuple[str, ...], dict[str, object]]]:
    """Inputs and parameters of each stage as in `workflow/rules/preprocess.smk`, for recordings below `root`.

    Without those parameters that no script reads, which tell Snakemake what has changed.
    """
    recordings = {"root": str(root), "exclude": []}
    flow = {"size": SIZE, "method": "tvl1", "matched": True}
    return {
        "faces": (("clips",), {**recordings, "detector": "mtcnn"}),
        "align": (("clips", "faces"), {"size": SIZE, "exclude": []}),
        "apex": (("clips", "faces", "align"), {**recordings, "size": SIZE, "policy": "spotted"}),
        "flow": (("clips", "faces", "align", "apex"), {**recordings, **flow}),
        "cache": (("flow",), {}),
    }


def _chain(folder: Path, subject: str) -> list[dict]:
    """One subject from the clip table to its cache, one process a stage, one after the other."""
    place = folder / f"{subject}-{threading.get_ident()}-{time.monotonic_ns()}"
    suffix = {"flow": ".h5", "cache": ".h5"}
    made = {stage: str(place / f"{stage}{suffix.get(stage, '.csv')}") for stage in STAGES}
    taken = {**made, "clips": str(folder / "clips.csv")}
    jobs = []
    for stage, (inputs, params) in rules(folder / "raw").items():
        order = {
            "script": str(ROOT / f"workflow/scripts/{stage}.py"),
            "input": {name: taken[name] for name in inputs},
            "output": made[stage],
            "params": params,
            "wildcards": {"corpus": CORPUS, "subject": subject, "size": "28"},
            "log": str(place / f"{stage}.log"),
            "report": str(place / f"{stage}.report.json"),
        }
        place.mkdir(exist_ok=True)
        (place / f"{stage}.json").write_text(json.dumps(order))
        command = [sys.executable, "-m", "benchmarks.preprocessing", "--job", str(place / f"{stage}.json")]
        start = time.perf_counter()
        done = subprocess.run(command, cwd=ROOT, env={**os.environ, "OMP_WAIT_POLICY": "passive"})
        if done.returncode:
            sys.exit(f"stage {stage} of {subject} failed; its log:\n{Path(order['log']).read_text()}")
        report = json.loads(Path(order["report"]).read_text())
        jobs.append({"stage": stage, "wall": time.perf_counter() - start, **report})
    return jobs


def _job(order: dict) -> None:
    """Run one of the workflow's scripts as Snakemake does, and report what it took."""
    import runpy

    from snakemake.iocontainers import InputFiles, Log, OutputFiles, Params, Wildcards

    class Job:
        input = InputFiles(fromdict=order["input"])
        output = OutputFiles([order["output"]])
        params = Params(fromdict=order["params"])
        wildcards = Wildcards(fromdict=order["wildcards"])
        log = Log([order["log"]])
        resources = {}  # noqa: RUF012
        threads = 1

    sys.path.insert(0, str(Path(order["script"]).parent))
    runpy.run_path(order["script"], init_globals={"snakemake": Job})
    status = Path("/proc/self/status").read_text()
    peak = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    report = {
        "cpu": time.process_time(),
        "mebibytes": int(peak.split()[1]) / 1024,
        "threads": sum(_ticks(task) > _TICKS_OF_A_WORKER for task in Path("/proc/self/task").iterdir()),
    }
    Path(order["report"]).write_text(json.dumps(report))


def _ticks(task: Path) -> int:
    """CPU time of one thread so far."""
    user, system = task.joinpath("stat").read_text().rpartition(")")[2].split()[11:13]
    return int(user) + int(system)


def _busy() -> float:
    """CPU seconds that the machine has spent since it started, on whatever it was."""
    user, nice, system, _, _, irq, softirq = Path("/proc/stat").read_text().split()[1:8]
    return sum(map(int, (user, nice, system, irq, softirq))) / os.sysconf("SC_CLK_TCK")


def _own() -> float:
    """CPU seconds of this process and its jobs."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


if __name__ == "__main__":
    sys.exit(main())
