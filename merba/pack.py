"""Folds and seeds of one model in one process: read once, trained one after the other, written together.

Where it pays, on a GPU, trainings of a small model on equally many clips are stacked, see `merba.stack`; one
that has no equal is a stack of one, so that its dropout is the same in a pack of any size.
"""

import glob
import shutil
import sys
from collections import defaultdict
from collections.abc import Callable, Sequence
from itertools import product
from pathlib import Path

import pandas as pd
import torch

from contracts.errors import InputError
from contracts.files import whole, write_csv
from merba import checkpoints
from merba.fold import Fold
from merba.registry import model_entry
from merba.stack import Member, fit_stacked

LOG = ["seed", "epoch", "lr", "loss", "accuracy", "inner_uf1"]


def train_pack(
    folds: Sequence[Fold],
    seeds: Sequence[int],
    device,
    paths: Sequence[str | Path],
    logs: Sequence[str | Path],
    shuffle: bool = False,
    stack: bool | None = None,
    told: Callable = lambda name: lambda *row: None,
) -> None:
    """Train every fold for every seed, and write.

    Args:
        folds: of one model and recipe, as `merba.fold.read_folds` reads them.
        seeds: of each fold.
        device: torch's.
        paths: checkpoints, those of the first fold first, in the order of seeds.
        logs: a CSV for each checkpoint.
        shuffle: permute the labels first: what is learnt then is chance.
        stack: train folds of equally many clips as one; None: on CUDA, where the model can.
        told: name of a training -> `report` of `Fold.train`.

    Raises:
        InputError: a loss is no number any more, or a stack is asked for that cannot be.
    """
    stacked = _stacks(folds[0], stack, device)
    runs = [
        _Run(fold, seed, shuffle, stacked, device, Path(path), Path(log))
        for (fold, seed), path, log in zip(product(folds, seeds), paths, logs, strict=True)
    ]
    waiting = [run for run in runs if not run.finished()]
    if stacked:
        # Every step takes as many clips of each.
        groups = defaultdict(list)
        for run in waiting:
            groups[len(run.fold.clip_ids)].append(run)
        for group in groups.values():
            _train_stacked(group, device, told)
    else:
        for run in waiting:
            run.train(device, told)
    for run in runs:
        run.write_log()
    for run in runs:
        run.put_in_place()


def _stacks(fold: Fold, asked: bool | None, device) -> bool:
    recipe = fold.recipe
    able = model_entry(fold.model).build.stackable and recipe.selection == "last" and not recipe.compiled
    if asked and not able:
        how = "compiled" if recipe.compiled else f"with selection {recipe.selection!r}"
        raise InputError(
            f"{fold.model} {how} cannot be trained in a stack",
            clip="--stack",
            cure="leave it at `auto`, which stacks what can be",
        )
    return able and (device.type == "cuda" if asked is None else asked)


def _train_stacked(runs: list["_Run"], device, told: Callable) -> None:
    begun, logs, members = [], [], []
    print(f"{len(runs)} stacked: {', '.join(run.name for run in runs)}", file=sys.stderr, flush=True)
    epochs, report = runs[0].fold.recipe.epochs, told("the first of the stack")

    def noting(log: list, first: bool) -> Callable:
        def note(epoch: int, *measured) -> None:
            log.append((epoch, *measured, None))
            if first:
                report(epoch, epochs, *measured)

        return note

    for run in runs:
        one = run.fold.begin(run.seed, device, run.shuffle)
        begun.append(one)
        logs.append([])
        note = noting(logs[-1], run is runs[0])
        members.append(Member(one.model, one.x, one.y, run.seed, torch.get_rng_state(), run.name, note))
    # Coding and channels, which decide how clips are mirrored, are the recipe's.
    fit_stacked(members, runs[0].fold.recipe, begun[0].mirror)
    for run, one, log in zip(runs, begun, logs, strict=True):
        run.keep(run.fold.checkpoint(run.seed, run.shuffle, one.model, one.normaliser, stacked=True), log)


class _Run:
    """One fold and seed, kept beside its checkpoint's place until the whole pack is done.

    What is kept bears the training's fingerprint and device in its name, so that only the same training, on
    the same kind of device, takes it up.
    """

    def __init__(self, fold: Fold, seed: int, shuffle: bool, stacked: bool, device, path: Path, log: Path):
        self.fold, self.seed, self.shuffle, self.path, self.log = fold, seed, shuffle, path, log
        kept = f"{path}.{fold.fingerprint(seed, shuffle, stacked=stacked)[:16]}.{device.type}"
        self.kept, self.kept_log, self.state = (
            Path(f"{kept}.kept"),
            Path(f"{kept}.log"),
            Path(f"{path}.resume"),
        )

    @property
    def name(self) -> str:
        return f"{self.fold.model} fold {self.fold.name} seed {self.seed}"

    def finished(self) -> bool:
        """Whether an interrupted pack has left it."""
        if not (self.kept.is_file() and self.kept_log.is_file()):
            return False
        print(f"{self.name}: was finished before", file=sys.stderr, flush=True)
        return True

    def train(self, device, told: Callable) -> None:
        print(f"{self.name}: {len(self.fold.clip_ids)} clips on {device}", file=sys.stderr, flush=True)
        log: list = []
        report = told(self.name)
        self.keep(self.fold.train(self.seed, device, log, self.state, self.shuffle, report=report), log)

    def keep(self, made: checkpoints.Checkpoint, log: list) -> None:
        write_csv(pd.DataFrame([(self.seed, *row) for row in log], columns=LOG), self.kept_log)
        checkpoints.save(made, self.kept)
        self.state.unlink(missing_ok=True)

    def write_log(self) -> None:
        with whole(self.log) as partial:
            shutil.copyfile(self.kept_log, partial)

    def put_in_place(self) -> None:
        self.kept.replace(self.path)
        self.kept_log.unlink()
        # Of trainings that were interrupted and then given up for another.
        for suffix in ("kept", "log"):
            for left in self.path.parent.glob(f"{glob.escape(self.path.name)}.*.{suffix}"):
                left.unlink()
