"""Train one fold of one model, once per seed: `python -m merba.train --help`.

The command is given the training clips, their labels and their caches, and nothing about the test part.
The recipe is frozen beforehand, and the model after its last epoch is the result; where the recipe says
`selection: nested`, training subjects held out in turn choose how many epochs that are.
"""

import argparse
import json
import sys
import time
from pathlib import Path

from contracts.errors import InputError
from contracts.files import write_csv
from merba.commands import add_input_arguments, add_machine_arguments, report, set_up_torch


def report_to_stderr(seed: int):
    """A `report` for `Fold.train`: prints about every tenth part of the epochs."""
    started = time.monotonic()

    def said(epoch, epochs, lr, loss, accuracy):
        if epoch % max(1, epochs // 10) == 0 or epoch == epochs:
            spent = time.monotonic() - started
            text = f"epoch {epoch}/{epochs} loss {loss:.4f} accuracy {accuracy:.3f} {spent:.1f} s"
            print(f"seed {seed} {text}", file=sys.stderr, flush=True)

    return said


def parse_overrides(text: str) -> dict:
    """The `--overrides` of a command line.

    Raises:
        InputError: not a JSON object.
    """
    cure = 'write it as {"epochs": 30}'
    try:
        overrides = json.loads(text)
    except json.JSONDecodeError as error:
        raise InputError(f"not JSON ({error})", clip="--overrides", cure=cure) from error
    if not isinstance(overrides, dict):
        raise InputError("not a JSON object", clip="--overrides", cure=cure)
    return overrides


def add_fold_arguments(parser) -> None:
    """What says which fold of which model: model, recipe, classes, fold, list of training clips."""
    parser.add_argument("--model", required=True, help="a registered model, e.g. merba_tiny")
    parser.add_argument(
        "--overrides", default="{}", help="JSON: recipe keys and model options, '{\"epochs\": 30}'"
    )
    parser.add_argument("--classes", nargs="+", required=True, help="class names in the protocol's order")
    parser.add_argument("--fold", required=True, help="name of the fold")
    parser.add_argument("--list", required=True, help="CSV of training clips: clip_id, label")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m merba.train", description=__doc__.split("\n\n")[0])
    add_fold_arguments(parser)
    add_input_arguments(parser, "the training subjects")
    parser.add_argument("--seeds", nargs="+", type=int, required=True, help="one model is trained for each")
    parser.add_argument("--checkpoints", nargs="+", required=True, help="one file to write for each seed")
    parser.add_argument("--log", required=True, help="CSV to write: a row for each seed and epoch")
    parser.add_argument("--shuffle-labels", action="store_true", help="permute the labels: the leak alarm")
    add_machine_arguments(parser)
    return parser


def main(argv: list[str] | None = None) -> None:
    """Train and write one checkpoint per seed and one log.

    Raises:
        InputError: whatever the user gave that cannot be.
    """
    args = _parser().parse_args(argv)
    if len(args.seeds) != len(args.checkpoints):
        raise InputError(
            f"{len(args.seeds)} seeds but {len(args.checkpoints)} checkpoints",
            clip="--checkpoints",
            cure="give one file for each seed",
        )
    overrides = parse_overrides(args.overrides)
    device = set_up_torch(args.threads, args.device)

    import pandas as pd

    from merba import checkpoints
    from merba.fold import Fold

    fold = Fold.read(args.model, overrides, args.classes, args.fold, args.list, args.caches, args.sequences)
    rows = []
    for seed, path in zip(args.seeds, args.checkpoints, strict=True):
        said = f"{args.model} fold {args.fold} seed {seed}: {len(fold.clip_ids)} clips on {device}"
        print(said, file=sys.stderr, flush=True)
        log, state = [], Path(f"{path}.resume")
        told = report_to_stderr(seed)
        checkpoints.save(fold.train(seed, device, log, state, args.shuffle_labels, report=told), path)
        state.unlink(missing_ok=True)
        rows += [(seed, *row) for row in log]
    columns = ["seed", "epoch", "lr", "loss", "accuracy", "inner_uf1"]
    write_csv(pd.DataFrame(rows, columns=columns), args.log)


if __name__ == "__main__":
    sys.exit(report(main))
