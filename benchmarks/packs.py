"""Leave-one-subject-out, fold by fold or in packs: seconds a fold, and whether the results are the same.

    python -m benchmarks.packs [--model ststnet] [--epochs N] [--folds 4] [--packed 16] [--ways NAME ...]

The folds are those of the MEGC2019 composite: 442 clips of 68 subjects. Their flow is noise and, weaker, a
pattern of their class, so that there is something to learn and something to mistake.

* **serial**: a process for each fold, one after the other, in PyTorch's operations (no kernel of ours) and on
  as many threads as there are cores, if there are several: what a loop around a training program does;
* **plain**: the same, but `--cores` processes of one thread work at once, as they do in all below;
* **single**: a process for each fold, with the kernels;
* **packed**: a process for each core, with the kernels and an equal share of the folds;
* **stacked**: the same, but what has equally many clips is trained as one (`merba.stack`); on CUDA, or asked
  for;
* **compiled**: as packed, but torch compiles the step (`merba.compiled`), once a process; on CUDA for what is
  not stacked, or asked for.

Seconds a fold are wall time over the number of folds, start-up included; at an epoch count below the recipe's
start-up weighs more than it does in a whole run. What they say of the folds' test clips is compared with what
plain says, or the first way where plain is left out: how many are right, how many decisions differ, and the
largest difference in a probability.
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

from benchmarks.report import table, write
from contracts.cache import write_cache
from contracts.errors import InputError
from contracts.files import write_csv
from contracts.predictions import read_predictions
from contracts.provenance import ROOT
from merba import native
from merba.commands import add_machine_arguments, report
from merba.overrides import resolve
from merba.registry import declaration, model_entry
from merba.scan import VARIABLE as SCAN
from preprocess.corpora.synthetic import census

WAYS = ("serial", "plain", "single", "packed", "stacked", "compiled")
CLASSES = ("negative", "positive", "surprise")
SIDE = 28
PLAIN = {native.VARIABLE: "0", SCAN: "torch"}
PATTERN = 0.35
"""Standard deviation of a class's pattern, constant over squares of 7 pixels; of the noise it is 1."""


def main(argv: list[str] | None = None) -> None:
    """Measure, print a table, and write all figures to `--json`.

    Raises:
        InputError: an unknown model, a training that failed, or more folds than there are.
    """
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default="ststnet", help="default: ststnet")
    parser.add_argument("--epochs", type=int, help="default: the recipe's")
    parser.add_argument("--folds", type=int, default=4, help="of serial, plain and single (default: 4)")
    parser.add_argument(
        "--packed", type=int, default=16, help="of packed, stacked and compiled (default: 16)"
    )
    parser.add_argument("--cores", type=int, default=len(os.sched_getaffinity(0)), help="default: all")
    parser.add_argument("--ways", nargs="+", choices=WAYS, help="default: all; the last two on CUDA alone")
    parser.add_argument("--json", type=Path, help="write all figures here too")
    add_machine_arguments(parser)
    args = parser.parse_args(argv)
    declaration(args.model)
    with tempfile.TemporaryDirectory(prefix="packs-") as folder:
        loso = Loso(Path(folder), args)
        few = args.folds
        together = Way({}, folds=args.packed, size=None, at_once=args.cores)
        ways = {
            "serial": Way(PLAIN, folds=few, size=1, at_once=1, threads=args.cores),
            "plain": Way(PLAIN, folds=few, size=1, at_once=args.cores),
            "single": Way({}, folds=few, size=1, at_once=args.cores),
            "packed": together,
            "stacked": replace(together, stack="yes"),
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
            _compare(found, said, loso.truth)
            if args.json:
                _write(args, found)
    print(_table(args, found))


def _compare(found: dict, said: dict, truth: dict[str, str]) -> None:
    """Add to what was found how the ways compare, so far."""
    bases = [name for name in ("serial", "plain") if name in found] or list(found)[:1]
    reference = said["plain" if "plain" in said else bases[0]]
    for name, one in found.items():
        differing = (said[name].predicted != reference.predicted).sum()
        columns = [f"p_{name}" for name in CLASSES]
        one |= {
            "ratios": {base: found[base]["seconds_a_fold"] / one["seconds_a_fold"] for base in bases},
            "clips": len(said[name]),
            "right": int((said[name].predicted == said[name].clip_id.map(truth)).sum()),
            "decisions_differing": int(differing),
            "largest_difference": float(np.abs(said[name][columns] - reference[columns]).max().max()),
        }


def _write(args: argparse.Namespace, found: dict) -> None:
    headline = []
    for name, one in found.items():
        way, against = f"{args.model}, {name}", one["ratios"].items()
        headline.append((f"{way}, {one['folds']} folds", one["seconds_a_fold"], "s a fold"))
        headline += [(f"{way}: times {base}", ratio, "") for base, ratio in against if base != name]
        headline.append((f"{way}: decisions that differ, of {one['clips']}", one["decisions_differing"], ""))
    write(args.json, {**vars(args), "json": None, "variants": found, "headline": headline})


def _table(args, found: dict) -> str:
    recipe = resolve(args.model, {})
    rows = [
        (
            name,
            one["folds"],
            one["processes"],
            one["at_once"],
            one["threads"],
            f"{one['seconds_a_fold']:.2f}",
            *(f"{ratio:.1f}" for ratio in one["ratios"].values()),
            f"{one['right']} of {one['clips']}",
            one["decisions_differing"],
            f"{one['largest_difference']:.1e}",
        )
        for name, one in found.items()
    ]
    head = (
        "way",
        "folds",
        "processes",
        "at once",
        "threads",
        "s a fold",
        *(f"times {base}" for base in next(iter(found.values()))["ratios"]),
        "right",
        "decisions differ",
        "probabilities, at most",
    )
    epochs = args.epochs or recipe.epochs
    return f"{args.model}, {epochs} of {recipe.epochs} epochs, {args.cores} at once\n\n{table(head, rows)}"


@dataclass(frozen=True)
class Way:
    """How folds are trained: `size` of them a process (None: an equal share for each that works at once)."""

    variables: dict[str, str]
    folds: int
    size: int | None
    at_once: int
    threads: int = 1
    stack: str = "no"
    compiled: bool = False


class Loso:
    """Caches and lists of all folds on disk, and the two commands on them."""

    def __init__(self, folder: Path, args: argparse.Namespace):
        self.folder, self.args = folder, args
        listed = census.composite()
        if not 1 <= args.folds <= args.packed <= len(listed):
            raise InputError(
                f"{args.folds} and {args.packed} of {len(listed)} folds",
                clip="--packed",
                cure=f"give 1 to {len(listed)}, and no fewer than --folds",
            )
        random = np.random.default_rng(0)
        self.clips, self.truth = {}, {}
        coarse = random.normal(scale=PATTERN, size=(len(CLASSES), 3, 4, 4))
        patterns = np.kron(coarse, np.ones((SIDE // 4, SIDE // 4)))
        for subject, of in listed.items():
            ids = {f"{subject}/{clip}": int(label) for label, clips in of.items() for clip in clips}
            self.truth |= {clip: CLASSES[label] for clip, label in ids.items()}
            self.clips[subject] = list(ids)
            path = self._cache(subject)
            path.parent.mkdir(parents=True, exist_ok=True)
            flow = random.normal(size=(len(ids), 3, SIDE, SIDE)) + patterns[list(ids.values())]
            write_cache(path, self.clips[subject], flow, {"seed": 0, "pattern": PATTERN})
        # Spread over the list, so that folds of every corpus are among few.
        names = list(listed)
        self.folds = [names[k * len(names) // args.packed] for k in range(args.packed)]
        for subject in self.folds:
            rows = [(clip, name) for clip, name in self.truth.items() if clip not in self.clips[subject]]
            self._csv(self._list(subject), ("clip_id", "label"), rows)

    def train(self, name: str, way: Way) -> dict:
        """Train the first folds; how long it took."""
        chosen, at_once = self.folds[: way.folds], min(way.at_once, way.folds)
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
            "processes": len(shares),
            "at_once": at_once,
            "threads": way.threads,
            "seconds": seconds,
            "seconds_a_fold": seconds / way.folds,
        }

    def _train(self, name: str, share: list[str], way: Way) -> None:
        args = self.args
        overrides = {} if args.epochs is None else {"epochs": args.epochs, "warmup": 0, "cooldown": 0}
        if way.compiled:
            overrides["compiled"] = True
        subjects = [one for one in self.clips if one not in share or len(share) > 1]
        words = ["--model", args.model, "--overrides", json.dumps(overrides), "--classes", *CLASSES]
        words += ["--fold", *(self._name(one) for one in share), "--list", *map(self._list, share)]
        words += ["--caches", *map(self._cache, subjects), "--seeds", 0, "--stack", way.stack]
        words += ["--checkpoints", *(self._checkpoint(name, one) for one in share)]
        words += ["--log", *(f"{self._checkpoint(name, one)}.csv" for one in share)]
        self._run("merba.train", [*words, "--device", args.device], way.variables, way.threads)

    def predict(self, name: str, folds: int):
        """Decisions on the test clips of the first folds, sorted by clip."""
        chosen = self.folds[:folds]
        test, out = self.folder / f"{name}_test.csv", self.folder / f"{name}.csv"
        rows = [(clip, self._name(one)) for one in chosen for clip in self.clips[one]]
        self._csv(test, ("clip_id", "fold"), rows)
        words = ["--test", test, "--checkpoints", *(self._checkpoint(name, one) for one in chosen)]
        words += ["--caches", *map(self._cache, chosen), "--out", out, "--device", self.args.device]
        self._run("merba.predict", words, {})
        return read_predictions(out).sort_values("clip_id", ignore_index=True)

    def _run(self, module: str, words: list, variables: dict, threads: int = 1) -> None:
        command = [sys.executable, "-m", module, *map(str, words), "--threads", str(threads)]
        environment = {**os.environ, "OMP_NUM_THREADS": str(threads), **variables}
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
        if done.returncode:
            raise InputError(f"{module} failed: {done.stderr.strip()[-300:]}", cure="see above")

    @staticmethod
    def _name(subject: str) -> str:
        return subject.replace("/", "_")

    def _cache(self, subject: str) -> Path:
        return self.folder / f"{subject}.h5"

    def _list(self, subject: str) -> Path:
        return self.folder / f"{self._name(subject)}_train.csv"

    def _checkpoint(self, name: str, subject: str) -> Path:
        folder = self.folder / name
        folder.mkdir(exist_ok=True)
        return folder / f"{self._name(subject)}.pt"

    @staticmethod
    def _csv(path: Path, header: tuple[str, ...], rows: list) -> None:
        import pandas as pd

        write_csv(pd.DataFrame(rows, columns=header), path)


if __name__ == "__main__":
    sys.exit(report(main))
