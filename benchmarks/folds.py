"""What `benchmarks.packs` trains: folds, their caches and lists of clips, of made-up flow or of a run."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from contracts.cache import write_cache
from contracts.errors import InputError
from contracts.files import read_csv, write_csv
from contracts.provenance import ROOT
from preprocess.corpora.synthetic import census

CLASSES = ("negative", "positive", "surprise")
SIDE = 28
PATTERN = 0.35
"""Standard deviation of a class's pattern, constant over squares of 7 pixels; of the noise it is 1."""


@dataclass(frozen=True)
class Folds:
    """Folds that leave one subject out, by name.

    Attributes:
        tested: clips of each fold's test subject.
        lists: each fold's training clips and their labels, as `merba.train` takes them.
        caches: flow of each subject (`casme2/sub01`).
        truth: class of every clip.
    """

    tested: dict[str, list[str]]
    lists: dict[str, Path]
    caches: dict[str, Path]
    truth: dict[str, str]

    def subjects(self, names: Sequence[str]) -> list[str]:
        """Test subjects of some folds."""
        return sorted({clip.rsplit("/", 1)[0] for name in names for clip in self.tested[name]})

    def spread(self, number: int) -> list[str]:
        """So many folds from all over the list, so that those of every corpus are among few.

        Raises:
            InputError: there are fewer.
        """
        names = list(self.tested)
        if not 1 <= number <= len(names):
            raise InputError(f"{number} folds", clip="--packed", cure=f"give 1 to {len(names)}")
        return [names[k * len(names) // number] for k in range(number)]


def made_up(folder: Path) -> Folds:
    """MEGC2019's 442 clips of 68 subjects, whose flow is noise and, weaker, a pattern of their class."""
    random = np.random.default_rng(0)
    coarse = random.normal(scale=PATTERN, size=(len(CLASSES), 3, 4, 4))
    patterns = np.kron(coarse, np.ones((SIDE // 4, SIDE // 4)))
    found = Folds({}, {}, {}, {})
    for subject, of in census.composite().items():
        labels = {f"{subject}/{clip}": int(label) for label, clips in of.items() for clip in clips}
        fold, found.caches[subject] = subject.replace("/", "_"), folder / f"{subject}.h5"
        found.tested[fold], found.lists[fold] = list(labels), folder / f"{fold}_train.csv"
        found.truth.update({clip: CLASSES[label] for clip, label in labels.items()})
        flow = random.normal(size=(len(labels), 3, SIDE, SIDE)) + patterns[list(labels.values())]
        found.caches[subject].parent.mkdir(parents=True, exist_ok=True)
        write_cache(found.caches[subject], list(labels), flow, {"seed": 0, "pattern": PATTERN})
    for fold, path in found.lists.items():
        own = set(found.tested[fold])
        write_rows(path, ("clip_id", "label"), [row for row in found.truth.items() if row[0] not in own])
    return found


def of_run(run: str, protocol: str = "megc2019", root: Path = ROOT) -> Folds:
    """Those of a run of the workflow whose caches and lists are there.

    Raises:
        InputError: they are not.
    """
    data = root / "data" / run
    lists, labels = data / "protocols" / protocol, root / "results" / run / "labels" / f"{protocol}.csv"
    cure = f"let `snakemake` make it with the configuration of the run {run!r}; its clips must have 28 pixels"
    for path in (lists / "test.csv", labels):
        if not path.is_file():
            raise InputError("is not there", file=path, clip="--run", cure=cure)
    listed, truth = read_csv(lists / "test.csv"), read_csv(labels)
    tested = {fold: list(rows.clip_id) for fold, rows in listed.groupby("fold", sort=False)}
    subjects = listed.clip_id.str.rsplit("/", n=1).str[0].unique()
    found = Folds(
        tested=tested,
        lists={fold: lists / "train" / f"{fold}.csv" for fold in tested},
        caches={one: data / "cache" / str(SIDE) / f"{one}.h5" for one in subjects},
        truth=dict(zip(truth.clip_id, truth.label, strict=True)),
    )
    for path in (*found.lists.values(), *found.caches.values()):
        if not path.is_file():
            raise InputError("is not there", file=path, clip="--run", cure=cure)
    return found


def write_rows(path: Path, header: tuple[str, ...], rows: list) -> None:
    """Write them as a CSV."""
    write_csv(pd.DataFrame(rows, columns=header), path)
