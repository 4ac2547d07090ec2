"""Predict the test clips of all folds with their trained models: `python -m merba.predict --help`.

Each clip is predicted by the one checkpoint of its fold. A checkpoint that was trained on the clip, or on any
other clip of its subject, is refused: that is the alarm for a leak between training and test.
"""

import argparse
import dataclasses
import sys
from collections import defaultdict

from contracts.errors import InputError
from merba.commands import add_input_arguments, add_machine_arguments, report, set_up_torch

_BATCH = 256


def predict(checkpoint, inputs, device="cpu"):
    """A trained model's classes (n,) int64 and probabilities (n, classes) float64 of n clips.

    Args:
        checkpoint: a `merba.checkpoints.Checkpoint`.
        inputs: a `merba.inputs.Inputs`.

    Raises:
        InputError: the model was trained on pictures of another size, or flow of another coding.
    """
    if inputs.size != checkpoint.input_size:
        raise InputError(
            f"trained on pictures of {checkpoint.input_size} pixels, not {inputs.size}",
            clip=f"fold {checkpoint.fold}",
            cure="give files of the same size",
        )
    normaliser = checkpoint.normaliser
    if normaliser is not None and inputs.kind != normaliser.cached:
        raise InputError(
            f"trained on {normaliser.cached} flow, not on {inputs.kind} flow",
            clip=f"fold {checkpoint.fold}",
            cure="give caches of the same coding",
        )
    return decide(checkpoint.build().to(device), normaliser, inputs, device)


def decide(model, normaliser, inputs, device="cpu"):
    """Classes (n,) int64 and probabilities (n, classes) float64 of what a model is shown, batch by batch."""
    import numpy as np
    import torch

    x = torch.from_numpy(inputs.x if normaliser is None else normaliser(inputs.x))
    parts = [model.predict(part.to(device)) for part in x.split(_BATCH)]
    decided = torch.cat([decision for decision, _ in parts]).cpu().numpy()
    probabilities = torch.cat([probability for _, probability in parts]).double().cpu().numpy()
    return decided, probabilities / np.sum(probabilities, 1, keepdims=True)


def check_unseen(fold: str, trained_on: list[str], clip_ids: list[str], path) -> None:
    """Refuse test clips whose subject (all but the last part of the id) is in a fold's training part.

    Raises:
        InputError: a leak; names what `path` is, the clip and the training clip.
    """
    seen = {_subject(clip): clip for clip in trained_on}
    for clip in clip_ids:
        if _subject(clip) in seen:
            raise InputError(
                f"leak: fold {fold} was trained on {seen[_subject(clip)]}, of the same subject",
                file=path,
                clip=clip,
                cure="correct the fold's training list and train it again",
            )


def check_made_alike(checkpoint, inputs, path) -> None:
    """Refuse files that were made by other parameters than those the checkpoint was trained on.

    Raises:
        InputError: names the first parameter.
    """
    for name in sorted(checkpoint.made_with.keys() | inputs.made_with.keys()):
        trained, given = checkpoint.made_with.get(name), inputs.made_with.get(name)
        if trained != given:
            raise InputError(
                f"trained on pixels made with {name} {trained}, these are made with {given}",
                file=path,
                clip=f"fold {checkpoint.fold}",
                cure="run snakemake for all of them again",
            )


def _subject(clip_id: str) -> str:
    return clip_id.rsplit("/", 1)[0]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m merba.predict", description=__doc__.split("\n\n")[0])
    parser.add_argument("--test", required=True, help="CSV of test clips: clip_id, fold")
    parser.add_argument(
        "--checkpoints", nargs="+", required=True, help="one checkpoint of every fold, of one seed"
    )
    add_input_arguments(parser, "the test subjects")
    parser.add_argument("--out", required=True, help="predictions CSV to write")
    add_machine_arguments(parser)
    return parser


def main(argv: list[str] | None = None) -> None:
    """Match, check, predict, write.

    Raises:
        InputError: a fold without its one checkpoint, a leak, checkpoints made unlike, or unreadable input.
    """
    args = _parser().parse_args(argv)
    device = set_up_torch(args.threads, args.device)

    import numpy as np

    from contracts.predictions import predictions_table, write_predictions
    from merba import checkpoints
    from merba.data import read_list
    from merba.inputs import load_inputs

    listed = read_list(args.test, ("clip_id", "fold"))
    rows_of = defaultdict(list)
    # In one order whatever the list's: a product of matrices may round a clip by where it stands.
    for row in sorted(range(len(listed["fold"])), key=listed["clip_id"].__getitem__):
        rows_of[listed["fold"][row]].append(row)
    first, done = None, {}
    # One checkpoint in memory at a time: those of all folds of a large model would not fit.
    for path in args.checkpoints:
        checkpoint = checkpoints.load(path)
        if checkpoint.fold in done:
            raise InputError(
                f"fold {checkpoint.fold} has two checkpoints, the other is {done[checkpoint.fold]}",
                file=path,
                cure="give one checkpoint of each fold, all of one seed",
            )
        if first is None:
            first = dataclasses.replace(checkpoint, state={})
            inputs = load_inputs(first.model, listed["clip_id"], args.caches, args.sequences, args.test)
            decided = np.zeros(len(inputs.x), dtype=int)
            probabilities = np.zeros((len(inputs.x), len(first.classes)))
        _check_alike(first, args.checkpoints[0], checkpoint, path)
        rows = rows_of.get(checkpoint.fold, [])
        if rows:
            check_made_alike(checkpoint, inputs, path)
            tested = [listed["clip_id"][row] for row in rows]
            check_unseen(checkpoint.fold, checkpoint.train_clips, tested, path)
            decided[rows], probabilities[rows] = predict(
                checkpoint, dataclasses.replace(inputs, x=inputs.x[rows]), device
            )
        done[checkpoint.fold] = path
        print(f"fold {checkpoint.fold}: {len(rows)} clips", file=sys.stderr, flush=True)
    for fold, rows in rows_of.items():
        if fold not in done:
            raise InputError(
                f"fold {fold} has no checkpoint",
                file=args.test,
                clip=listed["clip_id"][rows[0]],
                cure="train this fold",
            )
    table = predictions_table(listed["clip_id"], listed["fold"], probabilities, first.classes, first.digest)
    # A head may decide otherwise than by the largest probability (DGCM's rule).
    write_predictions(table.assign(predicted=[first.classes[k] for k in decided]), args.out)


def _check_alike(first, first_path, other, path) -> None:
    if (other.digest, other.classes) != (first.digest, first.classes):
        raise InputError(
            f"recipe {other.digest}, seed {other.seed}; {first_path}: {first.digest}, seed {first.seed}",
            file=path,
            cure="give checkpoints of one model, recipe and seed, all of stacks (a GPU's) or none",
        )


if __name__ == "__main__":
    sys.exit(report(main))
