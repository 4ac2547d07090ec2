"""Train folds of one model, each once per seed: `python -m merba.train --help`.

The command is given the training clips, their labels and their caches, and nothing about the test part. Of
several folds, a pack, each is trained on its own list; what is read once for all of them saves time alone.
The recipe is frozen beforehand, and the model after its last epoch is the result; where the recipe says
`selection: nested`, training subjects held out in turn choose how many epochs that are.
"""

import argparse
import json
import sys
import time
from collections.abc import Sequence

from contracts.errors import InputError
from merba.commands import add_input_arguments, add_machine_arguments, report, set_up_torch


def report_to_stderr(name: str):
    """A `report` for `Fold.train`: prints about every tenth part of the epochs."""
    started = time.monotonic()

    def said(epoch, epochs, lr, loss, accuracy):
        if epoch % max(1, epochs // 10) == 0 or epoch == epochs:
            spent = time.monotonic() - started
            text = f"epoch {epoch}/{epochs} loss {loss:.4f} accuracy {accuracy:.3f} {spent:.1f} s"
            print(f"{name} {text}", file=sys.stderr, flush=True)

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
    """What says which trainings of which model: recipe, classes, folds, lists of training clips, seeds."""
    parser.add_argument("--model", required=True, help="a registered model, e.g. merba_tiny")
    parser.add_argument(
        "--overrides", default="{}", help="JSON: recipe keys and model options, '{\"epochs\": 30}'"
    )
    parser.add_argument("--classes", nargs="+", required=True, help="class names in the protocol's order")
    parser.add_argument("--fold", nargs="+", required=True, help="name of the fold; of several, a pack")
    parser.add_argument("--list", nargs="+", required=True, help="each fold's CSV of clips: clip_id, label")
    parser.add_argument("--seeds", nargs="+", type=int, required=True, help="each fold is trained for each")


def lists_of(args) -> dict[str, str]:
    """Fold -> list of training clips, as the arguments say.

    Raises:
        InputError: a fold is named twice, or has no list.
    """
    if len(set(args.fold)) < len(args.fold):
        raise InputError("a fold is named twice", clip="--fold", cure="give each once")
    check_one_each("--list", args.list, args.fold, "fold")
    return dict(zip(args.fold, args.list, strict=True))


def check_one_each(option: str, given: Sequence, wanted: Sequence, of: str) -> None:
    """Refuse an option that has not one value each.

    Raises:
        InputError: more or fewer.
    """
    if len(given) != len(wanted):
        raise InputError(f"{len(given)} for {len(wanted)}", clip=option, cure=f"give one for each {of}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m merba.train", description=__doc__.split("\n\n")[0])
    add_fold_arguments(parser)
    add_input_arguments(parser, "the training subjects of all folds")
    parser.add_argument(
        "--checkpoints",
        nargs="+",
        required=True,
        help="to write: of each fold, one for each seed",
    )
    parser.add_argument("--log", nargs="+", required=True, help="to write: a CSV for each checkpoint")
    parser.add_argument("--shuffle-labels", action="store_true", help="permute the labels: the leak alarm")
    parser.add_argument(
        "--stack",
        choices=("auto", "yes", "no"),
        default="auto",
        help="train small models of equally many clips as one; auto: on CUDA (default)",
    )
    add_machine_arguments(parser)
    return parser


def main(argv: list[str] | None = None) -> None:
    """Train, and write a checkpoint and a log per fold and seed.

    All are put in place at the end. What was finished when a run is interrupted is kept beside, and taken by
    the next run if that would train the same.

    Raises:
        InputError: whatever the user gave that cannot be.
    """
    args = _parser().parse_args(argv)
    lists, overrides = lists_of(args), parse_overrides(args.overrides)
    runs = args.fold * len(args.seeds)
    check_one_each("--checkpoints", args.checkpoints, runs, "fold and seed")
    check_one_each("--log", args.log, runs, "fold and seed")
    device = set_up_torch(args.threads, args.device)

    from merba.fold import read_folds
    from merba.pack import train_pack

    stack = {"auto": None, "yes": True, "no": False}[args.stack]
    folds = read_folds(args.model, overrides, args.classes, lists, args.caches, args.sequences)
    train_pack(
        folds, args.seeds, device, args.checkpoints, args.log, args.shuffle_labels, stack, report_to_stderr
    )


if __name__ == "__main__":
    sys.exit(report(main))
