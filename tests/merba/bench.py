"""One fold on disk, and the commands on it."""

import csv
import json

from toy_flow import CLASSES

from contracts.predictions import read_predictions
from merba import predict, train

TRAIN, TEST = [f"s{k:02d}" for k in range(8)], [f"s{k:02d}" for k in range(8, 12)]
BRIEF = json.dumps({"epochs": 3, "warmup": 1, "cooldown": 1})


def write_rows(path, header, rows):
    with path.open("w", newline="") as handle:
        csv.writer(handle).writerows([header, *rows])
    return path


class Bench:
    """One fold on disk: lists, caches, and the two commands on them."""

    def __init__(self, folder, toy, caches):
        self.folder, self.caches = folder, caches
        ids, labels, _ = toy
        self.label_of = dict(zip(ids, labels, strict=True))
        self.list = self.write_list(TRAIN)
        self.test = write_rows(
            folder / "test.csv", ["clip_id", "fold"], [(c, "smic_a") for c in self.clips(TEST)]
        )

    def clips(self, subjects):
        return [clip for clip in self.label_of if clip.split("/")[1] in subjects]

    def write_list(self, subjects):
        rows = [(clip, self.label_of[clip]) for clip in self.clips(subjects)]
        return write_rows(self.folder / "train.csv", ["clip_id", "label"], rows)

    def train(self, *extra, model="kernel_ridge", overrides="{}", seeds=(0,), fold="smic_a", subjects=TRAIN):
        paths = [self.folder / f"{model}_{fold}_{seed}.pt" for seed in seeds]
        arguments = ["--model", model, "--overrides", overrides, "--classes", *CLASSES, "--fold", fold]
        arguments += ["--list", str(self.list), "--caches", *(str(self.caches[s]) for s in subjects)]
        arguments += ["--seeds", *map(str, seeds), "--checkpoints", *map(str, paths)]
        arguments += ["--log", *(str(self.log_of(path)) for path in paths)]
        train.main([*arguments, "--device", "cpu", *extra])
        return paths

    @staticmethod
    def log_of(checkpoint):
        return checkpoint.with_suffix(".csv")

    def predict(self, *paths, subjects=TEST, name="out.csv"):
        out = self.folder / name
        arguments = ["--test", str(self.test), "--checkpoints", *map(str, paths), "--out", str(out)]
        arguments += ["--caches", *(str(self.caches[s]) for s in subjects)]
        predict.main([*arguments, "--device", "cpu"])
        return read_predictions(out)
