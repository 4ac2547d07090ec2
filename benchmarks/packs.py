"""Leave-one-subject-out, fold by fold or in packs: seconds a fold, and whether the results are the same.

    python -m benchmarks.packs [--model ststnet] [--epochs N] [--folds 4] [--packed 16] [--ways NAME ...]
    python -m benchmarks.packs --run public_flows --folds 68 --packed 68 --ways serial packed

The folds are those of the MEGC2019 composite: 442 clips of 68 subjects. Their flow is noise and, weaker, a
pattern of their class, so that there is something to learn and something to mistake; with `--run` it is that
of a run of the workflow, here the public one's real clips.

* **serial**: a process for each fold, one after the other, in PyTorch's operations (no kernel of ours) and on
  as many threads as there are cores, if there are several: what a loop around a training program does;
* **plain**: the same, but `--cores` processes of one thread work at once, as they do in all below;
* **single**: a process for each fold, with the kernels;
* **packed**: a process for each core, with the kernels and an equal share of the folds;
* **stacked**: the same, but what has equally many clips is trained as one (`merba.stack`), for `--seeds`
  seeds; on CUDA, or asked for;
* **compiled**: as packed, but torch compiles the step (`merba.compiled`), once a process; on CUDA for what is
  not stacked, or asked for.

Seconds a fold are wall time over the number of trainings, start-up included; at an epoch count below the
recipe's start-up weighs more than it does in a whole run. What they say of the folds' test clips is compared
with what plain says, or the first way where plain is left out: how many are right, their UF1, how many
decisions differ, and the largest difference in a probability.
"""

import argparse
import concurrent.futures
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from sklearn.metrics import confusion_matrix

from benchmarks.folds import CLASSES, Folds, made_up, of_run, write_rows
from benchmarks.report import table, write
from contracts.errors import InputError
from contracts.predictions import read_predictions
from contracts.provenance import ROOT
from merba import native
from merba.commands import add_machine_arguments, report
from merba.overrides import resolve
from merba.registry import declaration, model_entry
from merba.scan import VARIABLE as SCAN
from merba.train import parse_overrides
from protocols.metrics.uf1 import uf1

WAYS = ("serial", "plain", "single", "packed", "stacked", "compiled")
PLAIN = {native.VARIABLE: "0", SCAN: "torch"}


def main(argv: list[str] | None = None) -> None:
    """Measure, print a table, and write all figures to `--json`.

    Raises:
        InputError: an unknown model, a training that failed, more folds than there are, or a run that is not
            there.
    """
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default="ststnet", help="default: ststnet")
    parser.add_argument(
        "--run", help="a run whose lists and caches of 28 pixels are there (default: made-up flow)"
    )
    parser.add_argument("--overrides", default="{}", help="JSON: recipe keys and model options")
    parser.add_argument("--epochs", type=int, help="default: the recipe's")
    parser.add_argument("--folds", type=int, default=4, help="of serial, plain and single (default: 4)")
    parser.add_argument(
        "--packed", type=int, default=16, help="of packed, stacked and compiled (default: 16)"
    )
    parser.add_argument("--seeds", type=int, default=1, help="of stacked (default: 1)")
    parser.add_argument("--cores", type=int, default=len(os.sched_getaffinity(0)), help="default: all")
    parser.add_argument("--ways", nargs="+", choices=WAYS, help="default: all; the last two on CUDA alone")
    parser.add_argument("--json", type=Path, help="write all figures here too")
    add_machine_arguments(parser)
    args = parser.parse_args(argv)
    declaration(args.model)
    given = parse_overrides(args.overrides)
    if args.epochs is not None:
        given |= {"epochs": args.epochs, "warmup": 0, "cooldown": 0}
    args.overrides = given
    if not 1 <= args.folds <= args.packed:
        raise InputError(
            f"{args.folds} one by one, {args.packed} packed",
            clip="--folds",
            cure="give at least one, and with --packed no fewer",
        )
    with tempfile.TemporaryDirectory(prefix="packs-") as folder:
        loso = Loso(Path(folder), args, of_run(args.run) if args.run else made_up(Path(folder)))
        few = args.folds
        together = Way({}, folds=args.packed, size=None, at_once=args.cores)
        ways = {
            "serial": Way(PLAIN, folds=few, size=1, at_once=1, threads=args.cores),
            "plain": Way(PLAIN, folds=few, size=1, at_once=args.cores),
            "single": Way({}, folds=few, size=1, at_once=args.cores),
            "packed": together,
            "stacked": replace(together, stack="yes", seeds=args.seeds),
            "compiled": replace(together, compiled=True),
        }
        cuda, stackable = args.device.startswith("cuda"), model_entry(args.model).build.stackable
        left_out = {
            "serial": args.cores == 1,
            "stacked": not (cuda and stackable),
            "compiled": not cuda or stackable,
        }
        found, said = {}, {}
        for name in args.ways or [name for name in WAYS if not left_out.get(name)]:
            print(f"{name} ...", file=sys.stderr, flush=True)
            found[name] = loso.train(name, ways[name])
            said[name] = loso.predict(name, few)
            _compare(found, said, loso.folds.truth)
            if args.json:
                _write(args, found)
    print(_table(args, found))


def _compare(found: dict, said: dict, truth_of: dict[str, str]) -> None:
    """Add to what was found how the ways compare, so far."""
    bases = [name for name in ("serial", "plain") if name in found] or list(found)[:1]
    reference = said["plain" if "plain" in said else bases[0]]
    for name, one in found.items():
        differing = (said[name].predicted != reference.predicted).sum()
        truth = said[name].clip_id.map(truth_of)
        columns = [f"p_{name}" for name in CLASSES]
        one |= {
            "ratios": {base: found[base]["seconds_a_fold"] / one["seconds_a_fold"] for base in bases},
            "clips": len(said[name]),
            "right": int((said[name].predicted == truth).sum()),
            "uf1": float(uf1(confusion_matrix(truth, said[name].predicted, labels=CLASSES))),
            "decisions_differing": int(differing),
            "largest_difference": float(np.abs(said[name][columns] - reference[columns]).max().max()),
        }


def _write(args: argparse.Namespace, found: dict) -> None:
    headline = []
    for name, one in found.items():
        run = f", run {args.run}" if args.run else ""
        way, against = f"{args.model}{run}, {name}", one["ratios"].items()
        headline.append((f"{way}, {one['folds']} folds", one["seconds_a_fold"], "s a fold"))
        headline += [(f"{way}: times {base}", ratio, "") for base, ratio in against if base != name]
        headline.append((f"{way}: decisions that differ, of {one['clips']}", one["decisions_differing"], ""))
    write(args.json, {**vars(args), "json": None, "variants": found, "headline": headline})


def _table(args, found: dict) -> str:
    rows = [
        (
            name,
            one["folds"],
            one["seeds"],
            one["processes"],
            one["at_once"],
            one["threads"],
            f"{one['seconds_a_fold']:.2f}",
            *(f"{ratio:.1f}" for ratio in one["ratios"].values()),
            f"{one['right']} of {one['clips']}",
            f"{one['uf1']:.4f}",
            one["decisions_differing"],
            f"{one['largest_difference']:.1e}",
        )
        for name, one in found.items()
    ]
    head = (
        "way",
        "folds",
        "seeds",
        "processes",
        "at once",
        "threads",
        "s a fold",
        *(f"times {base}" for base in next(iter(found.values()))["ratios"]),
        "right",
        "UF1",
        "decisions differ",
        "probabilities, at most",
    )
    epochs, of = (resolve(args.model, given).epochs for given in (args.overrides, {}))
    clips = f"clips of the run {args.run}" if args.run else "made-up flow"
    return f"{args.model}, {clips}, {epochs} of {of} epochs, {args.cores} at once\n\n{table(head, rows)}"


@dataclass(frozen=True)
class Way:
    """How folds are trained: `size` of them a process (None: an equal share for each that works at once)."""

    variables: dict[str, str]
    folds: int
    size: int | None
    at_once: int
    threads: int = 1
    seeds: int = 1
    stack: str = "no"
    compiled: bool = False


class Loso:
    """The two commands on some of the folds."""

    def __init__(self, folder: Path, args: argparse.Namespace, folds: Folds):
        self.folder, self.args, self.folds = folder, args, folds
        self.names = folds.spread(args.packed)

    def train(self, name: str, way: Way) -> dict:
        """Train the first folds; how long it took."""
        chosen, at_once = self.names[: way.folds], min(way.at_once, way.folds)
        shares = (
            [chosen[k : k + way.size] for k in range(0, way.folds, way.size)]
            if way.size
            else [chosen[k::at_once] for k in range(at_once)]
        )
        begun = time.perf_counter()
        with concurrent.futures.ThreadPoolExecutor(at_once) as pool:
            list(pool.map(lambda share: self._train(name, share, way), shares))
        seconds = time.perf_counter() - begun
        return {
            "folds": way.folds,
            "seeds": way.seeds,
            "processes": len(shares),
            "at_once": at_once,
            "threads": way.threads,
            "seconds": seconds,
            "seconds_a_fold": seconds / way.folds / way.seeds,
        }

    def _train(self, name: str, share: list[str], way: Way) -> None:
        args, folds = self.args, self.folds
        overrides = {**args.overrides, **({"compiled": True} if way.compiled else {})}
        hidden = folds.subjects(share) if len(share) == 1 else ()
        words = ["--model", args.model, "--overrides", json.dumps(overrides), "--classes", *CLASSES]
        words += ["--fold", *share, "--list", *(folds.lists[one] for one in share)]
        words += ["--caches", *(path for subject, path in folds.caches.items() if subject not in hidden)]
        seeds = range(way.seeds)
        made = [self._checkpoint(name, one, seed) for one in share for seed in seeds]
        words += ["--seeds", *seeds, "--stack", way.stack]
        words += ["--checkpoints", *made, "--log", *(f"{path}.csv" for path in made)]
        self._run("merba.train", [*words, "--device", args.device], way.variables, way.threads)

    def predict(self, name: str, number: int):
        """Decisions on the test clips of the first folds, sorted by clip."""
        chosen = self.names[:number]
        test, out = self.folder / f"{name}_test.csv", self.folder / f"{name}.csv"
        rows = [(clip, fold) for fold in chosen for clip in self.folds.tested[fold]]
        write_rows(test, ("clip_id", "fold"), rows)
        words = ["--test", test, "--checkpoints", *(self._checkpoint(name, one) for one in chosen)]
        words += ["--caches", *(self.folds.caches[one] for one in self.folds.subjects(chosen))]
        self._run("merba.predict", [*words, "--out", out, "--device", self.args.device], {})
        return read_predictions(out).sort_values("clip_id", ignore_index=True)

    def _run(self, module: str, words: list, variables: dict, threads: int = 1) -> None:
        command = [sys.executable, "-m", module, *map(str, words), "--threads", str(threads)]
        environment = {**os.environ, "OMP_NUM_THREADS": str(threads), **variables}
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
        if done.returncode:
            raise InputError(f"{module} failed: {done.stderr.strip()[-300:]}", cure="see above")

    def _checkpoint(self, name: str, fold: str, seed: int = 0) -> Path:
        folder = self.folder / name
        folder.mkdir(exist_ok=True)
        return folder / f"{fold}_{seed}.pt"


if __name__ == "__main__":
    sys.exit(report(main))
