"""Folds and seeds of one model in one process: read once, trained one after the other, written together."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import pandas as pd

from contracts.files import write_csv
from merba import checkpoints
from merba.fold import Fold, read_folds

LOG = ["seed", "epoch", "lr", "loss", "accuracy", "inner_uf1"]


@dataclass
class Pack:
    """Folds of one model that share a process, never a clip that is not on their own list."""

    folds: list[Fold]

    @classmethod
    def read(cls, *args) -> "Pack":
        """Arguments and errors of `merba.fold.read_folds`."""
        return cls(read_folds(*args))

    def train(
        self,
        seeds: Sequence[int],
        device,
        paths: Sequence[str | Path],
        logs: Sequence[str | Path],
        shuffle: bool = False,
        told: Callable = lambda name: lambda *row: None,
    ) -> None:
        """Train every fold for every seed, and write.

        Args:
            seeds: of each fold.
            device: torch's.
            paths: checkpoints, those of the first fold first, in the order of seeds.
            logs: a CSV for each fold.
            shuffle: permute the labels first: what is learnt then is chance.
            told: name of a training -> `report` of `Fold.train`.
        """
        runs = [
            _Run(fold, seed, shuffle, Path(path))
            for (fold, seed), path in zip(product(self.folds, seeds), paths, strict=True)
        ]
        for run in runs:
            run.train(device, told)
        for fold, log in zip(self.folds, logs, strict=True):
            tables = [pd.read_csv(run.kept_log) for run in runs if run.fold is fold]
            write_csv(pd.concat(tables, ignore_index=True), log)
        for run in runs:
            run.put_in_place()


class _Run:
    """One fold and seed, kept beside its checkpoint's place until the whole pack is done.

    What is kept bears the training's fingerprint in its name, so that only the same training takes it up.
    """

    def __init__(self, fold: Fold, seed: int, shuffle: bool, path: Path):
        self.fold, self.seed, self.shuffle, self.path = fold, seed, shuffle, path
        kept = f"{path}.{fold.fingerprint(seed, shuffle)[:16]}"
        self.kept, self.kept_log, self.state = (
            Path(f"{kept}.kept"),
            Path(f"{kept}.log"),
            Path(f"{path}.resume"),
        )

    def train(self, device, told: Callable) -> None:
        fold = self.fold
        name = f"{fold.model} fold {fold.name} seed {self.seed}"
        if self.kept.is_file() and self.kept_log.is_file():
            print(f"{name}: was finished before", file=sys.stderr, flush=True)
            return
        print(f"{name}: {len(fold.clip_ids)} clips on {device}", file=sys.stderr, flush=True)
        log: list = []
        made = fold.train(self.seed, device, log, self.state, self.shuffle, report=told(name))
        write_csv(pd.DataFrame([(self.seed, *row) for row in log], columns=LOG), self.kept_log)
        checkpoints.save(made, self.kept)
        self.state.unlink(missing_ok=True)

    def put_in_place(self) -> None:
        self.kept.replace(self.path)
        self.kept_log.unlink()
        # Of trainings that were interrupted and then given up for another.
        for suffix in ("kept", "log"):
            for left in self.path.parent.glob(f"{self.path.name}.*.{suffix}"):
                left.unlink()
