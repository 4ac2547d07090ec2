"""The shuffled-label alarm over twenty seeds, on the clips of a finished run.

    python -m benchmarks.alarms [--run demo] [--seeds 20]

For every protocol of the run, `kernel_ridge` is trained on all folds from the caches and lists of the run,
once with the true labels and once a seed with labels that are permuted within each fold. UAR is pooled over
folds; guessing has 1 / classes. Clips of a fold stand or fall together, so the band is taken over seeds, and
is not a binomial one: the mean of the shuffled runs lies within t standard errors of guessing in all but one
of a thousand, t of Student with one degree of freedom less than seeds. The exit status is 1 if a mean lies
above its band. The canary repeats itself twenty times within every run: its records are printed with it.
"""

import argparse
import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

from contracts.cache import read_cache
from contracts.errors import InputError
from contracts.files import read_csv
from contracts.predictions import predictions_table
from merba.commands import report, set_up_torch
from merba.fold import Fold
from merba.inputs import load_inputs
from merba.predict import predict
from protocols import get_protocol
from protocols.runs import read_labels
from protocols.scores import score

MODEL = "kernel_ridge"
LEVEL = 1e-3


def main(argv: list[str] | None = None) -> None:
    """Train, score, print.

    Raises:
        InputError: the run is not there, or a mean lies above its band.
    """
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--run", default="demo", help="name of a finished run (default: demo)")
    parser.add_argument("--seeds", type=int, default=20, help="shufflings, 2 or more (default: 20)")
    args = parser.parse_args(argv)
    set_up_torch(1, "cpu")
    data, results = Path("data", args.run), Path("results", args.run)
    lists = sorted(path.parent for path in data.glob("protocols/*/test.csv"))
    if not lists or args.seeds < 2:
        raise InputError(
            "no lists of a finished run, or fewer than two seeds", file=data, cure="run snakemake first"
        )
    above = []
    for folder in lists:
        uars = list(_uars(folder, data, results, args.seeds))
        honest, shuffled = uars[0], np.array(uars[1:])
        chance = 1 / len(get_protocol(folder.name).classes)
        error = shuffled.std(ddof=1) / np.sqrt(len(shuffled))
        reach = stats.t.isf(LEVEL / 2, len(shuffled) - 1) * error
        print(
            f"{folder.name}: UAR {honest:.3f} from true labels; shuffled {shuffled.mean():.3f} over "
            f"{len(shuffled)} seeds (sd {shuffled.std(ddof=1):.3f}), guessing {chance - reach:.3f} to "
            f"{chance + reach:.3f}"
        )
        record = results / "alarms" / f"{folder.name}.json"
        if record.exists():
            found = json.loads(record.read_text())
            print(
                f"{'':{len(folder.name)}}  canary: {found['right']:.3f} right, guessing {found['guessing']}, "
                f"alarm above {found['right_limit']:.3f}; highest fold {found['highest']:.3f}, alarm from "
                f"{found['limit']}"
            )
        if shuffled.mean() > chance + reach:
            above.append(folder.name)
    if above:
        raise InputError(
            f"shuffled labels are learnt in {', '.join(above)}",
            file=results,
            cure="find the leak before believing any score of this run",
        )


def _uars(folder: Path, data: Path, results: Path, seeds: int):
    """UAR of all parts together: from true labels, then from each shuffling."""
    protocol = get_protocol(folder.name)
    labels, test = read_labels(results, protocol), read_csv(folder / "test.csv")
    folds = []
    for name, rows in test.groupby("fold"):
        listed = folder / "train" / f"{name}.csv"
        caches = _caches(data, read_csv(listed).clip_id)
        coding = {"coding": "signed"} if read_cache(caches[0]).coding == "minmax" else {}
        fold = Fold.read(MODEL, coding, protocol.classes, name, listed, caches)
        clips = list(rows.clip_id)
        folds.append(
            (fold, clips, load_inputs(MODEL, clips, _caches(data, clips), None, folder / "test.csv"))
        )
    for seed in range(-1, seeds):
        tables = []
        for fold, clips, shown in folds:
            trained = fold.train(max(seed, 0), "cpu", [], shuffle=seed >= 0)
            _, probabilities = predict(trained, shown)
            names = [fold.name] * len(clips)
            tables.append(predictions_table(clips, names, probabilities, list(protocol.classes), "alarm"))
        scores = score(pd.concat(tables, ignore_index=True), labels, protocol)
        whole = scores[(scores.metric == "uar")].sort_values("n").iloc[-1]
        yield float(whole.value)


def _caches(data: Path, clips) -> list[Path]:
    subjects = sorted({clip.rsplit("/", 1)[0] for clip in clips})
    return [data / "cache" / "28" / f"{subject}.h5" for subject in subjects]


if __name__ == "__main__":
    sys.exit(report(main))
