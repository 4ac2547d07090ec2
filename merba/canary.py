"""The canary: whether test clips get into training, or the order of anything into a result.

    python -m merba.canary --fold NAME LIST CACHE... [--fold ...] --test LIST --caches CACHE... --out FILE

Every clip loses its pixels and its label: it is dealt one of four invented classes and shown as a picture
that spells the class, another picture for every subject. So the classes of a fold's test clips are written on
test clips alone. The benchmark's own commands then train and predict over copies of the very files that its
jobs are given, twenty rounds, each with new pictures and classes. A fold's model has never seen how its test
subjects spell and guesses. Four alarms end the run:

* **given**: a file that a fold is trained from holds one of its test clips;
* **moved**: a fold's model is another as soon as its test clips look different (the weights, or what a
  normaliser was fitted on). This is exact: they must be equal to the last bit;
* **told**: a fold's test clips, or those of all folds together, are right more often than by guessing,
  because a model has seen them, or their subject, whatever way;
* **ordered**: a model or a prediction is another when the folds are trained in the opposite order, one after
  the other in this process, and files and rows are given shuffled. It must be equal to the last bit, for a
  model that is fitted at once and for a network that draws flips and dropout.

Where jobs of the run train several folds (`--packed`), each fold is trained beside another, from the files of
both, and the first alarm is about the files of its own list alone.

Guessing is right a quarter of the time, exactly, whatever the model. The share of a fold's clips that are
right is one number from 0 to 1 a round, and rounds are independent; so by Hoeffding (1963, theorem 1) their
mean reaches s with a probability of at most exp(-rounds KL(s, 1/4)). The alarm is raised where that bound,
times the folds, is below one in a million. That takes a model that knows nearly all of a fold. A leak that
lets some be known in every fold shows in all clips together, whose share hardly differs from round to round:
the alarm is raised where it is so many standard errors above a quarter that Student's t has one chance in a
million. Of lists and caches only ids are used, and no label.
"""

import argparse
import contextlib
import dataclasses
import io
import json
import math
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from contracts.cache import Cache, read_cache, write_cache
from contracts.errors import InputError
from contracts.files import whole, write_csv
from merba import predict, train
from merba.commands import add_machine_arguments, report

MODEL = "kernel_ridge"
# What is trained in two orders, and how: in two epochs of a network chance decides what it does in many.
REORDERED = {MODEL: {}, "ststnet": {"epochs": 2, "shuffle": True, "flip": "negate_u"}}
CLASSES = ("north", "east", "south", "west")
ROUNDS = 20
LEVEL = 1e-6
_SIDE = 8
_CURE = (
    "find what lets it in, and believe no score of this run before: see the inputs of `train` in workflow/"
)
_CURE_ORDER = "find what one fold leaves behind for another, or what counts rows, and believe no score before"


@dataclasses.dataclass(frozen=True)
class Wiring:
    """What the jobs of one protocol are given.

    Attributes:
        lists: fold -> its list of training clips.
        given: fold -> the caches that it is trained from.
        test: list of test clips and their folds.
        shown: the caches that they are predicted from.
        packed: a job trains several folds, so that its files hold test clips of each.
    """

    lists: dict[str, Path]
    given: dict[str, list[Path]]
    test: Path
    shown: list[Path]
    packed: bool = False


def watch(wiring: Wiring, threads: int = 1) -> dict:
    """Sound the four alarms; what stands in the record of the run if all are silent.

    Returns:
        packed, rounds, folds, clips; `right`, the share of all clips that are right; `right_limit`, above
        which it raises the alarm; `guessing`; `highest`, the share of one fold; `limit`, from which a fold
        raises the alarm; `reordered`, how many models and predictions were made in two orders; `different`,
        how many were not the same, hence 0.

    Raises:
        InputError: an alarm; names the fold and what it means. Or a file or list cannot be read.
    """
    with tempfile.TemporaryDirectory() as folder:
        cage = Cage(wiring, Path(folder), threads)
        cage.given()
        cage.moved()
        return {**cage.told(), **cage.ordered()}


class Cage:
    """The invented world: copies of the files, in which only the clips' ids are real."""

    def __init__(self, wiring: Wiring, folder: Path, threads: int = 1):
        from merba.data import read_list

        self.wiring, self.folder, self.threads = wiring, folder, threads
        paths = dict.fromkeys([*wiring.shown, *(path for own in wiring.given.values() for path in own)])
        self.files = {path: read_cache(path) for path in paths}
        self.copies = {path: folder / f"{k}.h5" for k, path in enumerate(paths)}
        self.trained = {fold: read_list(path, ("clip_id",))["clip_id"] for fold, path in wiring.lists.items()}
        listed = read_list(wiring.test, ("clip_id", "fold"))
        self.fold_of = dict(zip(listed["clip_id"], listed["fold"], strict=True))
        self.tested = {
            fold: [clip for clip, own in self.fold_of.items() if own == fold] for fold in wiring.lists
        }

    def given(self) -> None:
        """No file that a fold is trained from holds a test clip of it."""
        for fold, paths in self.wiring.given.items():
            for path in paths:
                if held := sorted(set(self.files[path].clip_ids) & set(self.tested[fold])):
                    raise InputError(
                        f"leak: fold {fold} is trained from this file, which holds a test clip of it",
                        file=path,
                        clip=held[0],
                        cure=_CURE,
                    )

    def moved(self) -> None:
        """No fold's model changes with the looks of its test clips."""
        random = np.random.default_rng(0)
        classes = self._deal(random)
        pictures = self._draw(classes, random)
        self._write(pictures)
        for fold, clips in self.tested.items():
            own = [path for path, file in self.files.items() if not set(clips).isdisjoint(file.clip_ids)]
            before = self._train(fold, classes)
            self._write({**pictures, **{clip: 5 * _noise(random) for clip in clips}}, own)
            after = self._train(fold, classes)
            self._write(pictures, own)
            if not _same(before, after):
                raise InputError(
                    f"leak: the model of fold {fold} changes with the pixels of its test clips",
                    file=self.wiring.lists[fold],
                    clip=clips[0],
                    cure=_CURE,
                )

    def told(self) -> dict:
        """No fold's test clips are right more often than by guessing, over all rounds, nor all together."""
        right: dict[str, list[float]] = {fold: [] for fold, clips in self.tested.items() if clips}
        for number in range(ROUNDS):
            random = np.random.default_rng(1 + number)
            classes = self._deal(random)
            self._write(self._draw(classes, random))
            said = self._predict(classes).set_index("clip_id").predicted
            for fold, shares in right.items():
                shares.append(float(np.mean([said[clip] == classes[clip] for clip in self.tested[fold]])))
        means = {fold: float(np.mean(shares)) for fold, shares in right.items()}
        limit = _limit(len(means))
        worst = max(means, key=means.__getitem__)
        if means[worst] >= limit:
            raise InputError(
                f"leak: the models know how the test clips of fold {worst} spell their classes, "
                f"{means[worst]:.0%} are right instead of {1 / len(CLASSES):.0%}",
                file=self.wiring.test,
                clip=self.tested[worst][0],
                cure=_CURE,
            )
        clips = [len(self.tested[fold]) for fold in means]
        together = np.average(list(right.values()), axis=0, weights=clips)
        together_limit = _together_limit(together)
        if together.mean() > together_limit:
            raise InputError(
                f"leak: the models know how some test clips spell their classes, {together.mean():.1%} of "
                f"all are right instead of {1 / len(CLASSES):.0%}",
                file=self.wiring.test,
                cure=_CURE,
            )
        return {
            "packed": self.wiring.packed,
            "rounds": ROUNDS,
            "folds": len(means),
            "clips": sum(clips),
            "right": round(float(together.mean()), 4),
            "right_limit": round(together_limit, 4),
            "guessing": 1 / len(CLASSES),
            "highest": round(means[worst], 4),
            "limit": limit,
        }

    def _deal(self, random: np.random.Generator) -> dict[str, str]:
        """Clip -> an invented class."""
        clips = sorted({clip for own in self.files.values() for clip in own.clip_ids})
        return dict(zip(clips, random.choice(CLASSES, len(clips)).tolist(), strict=True))

    def _draw(self, classes: dict[str, str], random: np.random.Generator) -> dict[str, np.ndarray]:
        """Clip -> the picture of its class, as its subject writes it, and a little noise."""
        written = {}
        for clip, name in classes.items():
            written.setdefault((clip.rsplit("/", 1)[0], name), _noise(random))
        return {
            clip: written[clip.rsplit("/", 1)[0], name] + 0.1 * _noise(random)
            for clip, name in classes.items()
        }

    def _write(self, pictures: dict[str, np.ndarray], paths: Iterable[Path] | None = None) -> None:
        for path in self.files if paths is None else paths:
            own = self.files[path]
            flow = np.array([pictures[clip] for clip in own.clip_ids]).reshape(-1, 3, _SIDE, _SIDE)
            if own.coding == "minmax":
                flow = np.clip(127.5 + 40 * flow, 0, 255)
            write_cache(self.copies[path], own.clip_ids, flow, own.made_with, own.coding)

    def ordered(self) -> dict:
        """No bit of a model or of the predictions changes with the order of folds, files and rows."""
        random, compared = np.random.default_rng(0), 0
        classes = self._deal(random)
        self._write(self._draw(classes, random))
        folds = list(self.wiring.lists)
        for model in REORDERED:
            said = self._predict(classes, model, folds)
            made = {fold: self._checkpoint(fold).read_bytes() for fold in folds}
            again = self._predict(classes, model, folds[::-1], np.random.default_rng(1))
            for fold in folds:
                if self._checkpoint(fold).read_bytes() != made[fold]:
                    raise InputError(
                        f"order: {model} of fold {fold} is another when folds and files come otherwise",
                        file=self.wiring.lists[fold],
                        cure=_CURE_ORDER,
                    )
            if not said.equals(again):
                raise InputError(
                    f"order: {model} predicts otherwise when clips and files come otherwise",
                    file=self.wiring.test,
                    clip=said.clip_id[(said != again).any(axis=1)].iloc[0],
                    cure=_CURE_ORDER,
                )
            compared += len(made) + len(said)
        return {"reordered": compared, "different": 0}

    def _train(self, fold: str, classes: dict[str, str], model: str = MODEL, random=None):
        """The fold's model by `merba.train`, from its files as they are wired or shuffled."""
        from merba import checkpoints

        listed, made = self._listed(fold, classes, "list.csv"), self._checkpoint(fold)
        arguments = ["--model", model, "--classes", *CLASSES, "--seeds", 0, "--fold", fold]
        lists, made_too, logs = [listed], [made], [self.folder / "log.csv"]
        files = self.wiring.given[fold]
        if self.wiring.packed and len(self.trained) > 1:
            # The next fold with it: among whose training clips are this one's test clips.
            folds = list(self.trained)
            other = folds[(folds.index(fold) + 1) % len(folds)]
            arguments.append(other)
            lists.append(self._listed(other, classes, "other.csv"))
            made_too.append(self.folder / "other.pt")
            logs.append(self.folder / "other_log.csv")
            files = list(dict.fromkeys([*files, *self.wiring.given[other]]))
        arguments += ["--list", *lists, "--checkpoints", *made_too, "--log", *logs]
        arguments += ["--overrides", json.dumps(self._overrides(fold, model))]
        self._run(train.main, arguments, _shuffled(files, random))
        return checkpoints.load(made)

    def _listed(self, fold: str, classes: dict[str, str], name: str) -> Path:
        """A fold's list of training clips with their invented classes."""
        import pandas as pd

        rows = [(clip, classes[clip]) for clip in self.trained[fold]]
        write_csv(pd.DataFrame(rows, columns=["clip_id", "label"]), self.folder / name)
        return self.folder / name

    def _predict(self, classes: dict[str, str], model: str = MODEL, folds: Sequence[str] = (), random=None):
        """What `merba.predict` says of the test clips, sorted by id, by models trained on the same pictures:
        one after the other as in `folds`, or as they are wired; files and rows likewise, or shuffled."""
        import pandas as pd

        from contracts.predictions import read_predictions

        folds = folds or list(self.wiring.lists)
        for fold in folds:
            self._train(fold, classes, model, random)
        asked, out = self.folder / "test.csv", self.folder / "predictions.csv"
        rows = _shuffled(list(self.fold_of.items()), random)
        write_csv(pd.DataFrame(rows, columns=["clip_id", "fold"]), asked)
        made = _shuffled([self._checkpoint(fold) for fold in folds], random)
        arguments = ["--test", asked, "--checkpoints", *made, "--out", out]
        self._run(predict.main, arguments, _shuffled(self.wiring.shown, random))
        return read_predictions(out).sort_values("clip_id", ignore_index=True)

    def _checkpoint(self, fold: str) -> Path:
        return self.folder / f"{fold}.pt"

    def _run(self, main, arguments: list, caches: list[Path]) -> None:
        words = [*arguments, "--caches", *(self.copies[path] for path in caches), "--threads", self.threads]
        # A line a fold and round would bury what a reader of the log is after.
        with contextlib.redirect_stderr(io.StringIO()):
            main([*map(str, words), "--device", "cpu"])

    def _overrides(self, fold: str, model: str) -> dict:
        first: Cache = self.files[self.wiring.given[fold][0]]
        return {**REORDERED[model], **({"coding": "signed"} if first.coding == "minmax" else {})}


def _shuffled(items: list, random: np.random.Generator | None) -> list:
    """In another order; without `random` as they are."""
    return items if random is None else [items[k] for k in random.permutation(len(items))]


def _noise(random: np.random.Generator) -> np.ndarray:
    return random.normal(size=(3, _SIDE, _SIDE)).astype(np.float32)


def _same(one, other) -> bool:
    """Whether two checkpoints hold the same model."""
    alike = (one.normaliser, one.train_clips) == (other.normaliser, other.train_clips)
    return alike and all(tensor.equal(other.state[name]) for name, tensor in one.state.items())


def _limit(folds: int) -> float:
    """The smallest share, in thousandths, that guessing reaches in any of so many folds less than once in a
    million runs."""
    return next(k / 1000 for k in range(1001) if folds * _bound(k / 1000, ROUNDS) < LEVEL)


def _together_limit(shares: np.ndarray) -> float:
    """The mean of so many rounds' shares that guessing exceeds less than once in a million runs."""
    from scipy import stats

    error = shares.std(ddof=1) / math.sqrt(len(shares))
    return 1 / len(CLASSES) + float(stats.t.isf(LEVEL, len(shares) - 1) * error)


def _bound(share: float, rounds: int, expected: float = 1 / len(CLASSES)) -> float:
    """Of the probability that the mean of so many numbers from 0 to 1, expected to be `expected`, reaches
    `share`."""
    if share <= expected:
        return 1.0
    terms = [(share, expected), (1 - share, 1 - expected)]
    return math.exp(-rounds * sum(p * math.log(p / q) for p, q in terms if p))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m merba.canary", description=__doc__.split("\n\n")[0])
    parser.add_argument(
        "--fold",
        nargs="+",
        action="append",
        required=True,
        metavar="WORD",
        help="name, list of training clips, and the caches it is trained from; once for each fold",
    )
    parser.add_argument("--packed", action="store_true", help="a job of this run trains several folds")
    parser.add_argument("--test", required=True, help="CSV of test clips: clip_id, fold")
    parser.add_argument("--caches", nargs="+", required=True, help="flow caches of the test subjects")
    parser.add_argument("--out", required=True, help="JSON to write")
    add_machine_arguments(parser)
    return parser


def main(argv: list[str] | None = None) -> None:
    """Watch, and write the record.

    Raises:
        InputError: an alarm, or something that cannot be read.
    """
    args = _parser().parse_args(argv)
    wiring = Wiring(
        lists={fold: Path(listed) for fold, listed, *_ in args.fold},
        given={fold: list(map(Path, caches)) for fold, _, *caches in args.fold},
        test=Path(args.test),
        shown=list(map(Path, args.caches)),
        packed=args.packed,
    )
    found = watch(wiring, args.threads)
    print(
        f"{found['folds']} folds, {found['rounds']} rounds: {found['right']:.1%} right by guessing, at most "
        f"{found['highest']:.1%} in one fold; the alarm is raised above {found['right_limit']:.1%}, and from "
        f"{found['limit']:.1%} in one fold",
        file=sys.stderr,
    )
    with whole(args.out) as partial:
        partial.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    sys.exit(report(main))
