"""What choosing the epoch on the test subject would have gained: `python -m merba.audit --help`.

Trains folds as `merba.train` does, one after the other, and writes down, after every epoch, what the model of
that moment says of its fold's test clips. It is given no test label and chooses nothing; `protocols.audit`
reads off the last epoch, the honest result, and the best one, the leaky one. Its output is no prediction of
the benchmark, and no other command reads it: a row for each test clip, whose `predicted` is a word of one
digit an epoch, the index of the class that it is given after that epoch.

On a CPU that last epoch is the scored one. On CUDA `merba.train` stacks the models that can be stacked, which
draw their dropout from generators of their own (`merba.pack`); nothing is stacked here. There the last epoch
of such a model with dropout is that of another training than the scored one, with other draws.
"""

import argparse
import sys
from dataclasses import replace
from itertools import product

from contracts.errors import InputError
from contracts.files import write_csv
from merba.commands import add_input_arguments, add_machine_arguments, report, set_up_torch
from merba.train import add_fold_arguments, check_one_each, lists_of, parse_overrides, report_to_stderr


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m merba.audit", description=__doc__.split("\n\n")[0])
    add_fold_arguments(parser)
    add_input_arguments(parser, "the training and the test subjects")
    parser.add_argument("--test", required=True, help="CSV of test clips: clip_id, fold")
    parser.add_argument(
        "--out",
        nargs="+",
        required=True,
        help="to write: of each fold, a CSV for each seed: clip_id, fold, predicted",
    )
    add_machine_arguments(parser)
    return parser


def main(argv: list[str] | None = None) -> None:
    """Train, look after every epoch, write.

    Raises:
        InputError: as `merba.train`; a test clip is of a training subject, or the epoch is already chosen
            otherwise.
    """
    args = _parser().parse_args(argv)
    lists, overrides = lists_of(args), parse_overrides(args.overrides)
    check_one_each("--out", args.out, args.fold * len(args.seeds), "fold and seed")
    device = set_up_torch(args.threads, args.device)

    import pandas as pd

    from merba.data import read_list
    from merba.fold import read_folds
    from merba.inputs import load_inputs
    from merba.predict import check_unseen

    folds = read_folds(args.model, overrides, args.classes, lists, args.caches, args.sequences)
    if len(args.classes) > 10:
        raise InputError("more than ten classes", clip="--classes", cure="audit a smaller protocol")
    if folds[0].recipe.selection != "last":
        raise InputError(
            f"{args.model} chooses its epoch by an inner split, and no two folds have as many",
            clip="selection",
            cure="audit it with selection `last`",
        )
    listed = read_list(args.test, ("clip_id", "fold"))
    tested = [[c for c, name in zip(*listed.values(), strict=True) if name == fold.name] for fold in folds]
    for fold, clips in zip(folds, tested, strict=True):
        check_unseen(fold.name, fold.clip_ids, clips, lists[fold.name])
    together = [clip for clips in tested for clip in clips]
    shown = load_inputs(args.model, together, args.caches, args.sequences, args.test) if together else None
    runs = product(zip(folds, tested, strict=True), args.seeds)
    for ((fold, clips), seed), path in zip(runs, args.out, strict=True):
        if clips:
            own = replace(shown, x=shown.x[[together.index(clip) for clip in clips]])
            words = _look(fold, seed, device, own)
        else:
            # All clips of a subject may be left out of a protocol, whose fold stays.
            print(f"fold {fold.name} has no test clips in {args.test}: nothing to look at", file=sys.stderr)
            words = []
        write_csv(pd.DataFrame({"clip_id": clips, "fold": fold.name, "predicted": words}), path)


def _look(fold, seed: int, device, shown) -> list[str]:
    """Train a fold; of each clip that its model is shown, the word of what it says after every epoch."""
    from merba.predict import decide

    after: list[list[str]] = []

    def look(epoch: int, model, normaliser) -> None:
        after.append([str(k) for k in decide(model, normaliser, shown, device)[0]])

    fold.train(seed, device, [], watch=look, report=report_to_stderr(f"fold {fold.name} seed {seed}"))
    return ["".join(epochs) for epochs in zip(*after, strict=True)]


if __name__ == "__main__":
    sys.exit(report(main))
