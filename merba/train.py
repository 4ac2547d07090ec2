"""Train one fold of one model, once per seed: `python -m merba.train --help`.

The command is given the training clips, their labels and their caches, and nothing about the test part.
The recipe is frozen beforehand, no clip is held out, and the model after the last epoch is the result.
"""

import argparse
import hashlib
import json
import sys
import time

from contracts.errors import InputError
from contracts.files import write_csv
from contracts.provenance import code_digest
from merba.commands import add_input_arguments, add_machine_arguments, report, set_up_torch


def _log(recipe, seed: int, rows: list):
    """A `note` for `fit`: keeps every epoch, prints about every tenth part."""
    started, step = time.monotonic(), max(1, recipe.epochs // 10)

    def note(epoch, lr, loss, accuracy):
        rows.append((seed, epoch, lr, loss, accuracy))
        if epoch % step == 0 or epoch == recipe.epochs:
            spent = time.monotonic() - started
            text = f"epoch {epoch}/{recipe.epochs} loss {loss:.4f} accuracy {accuracy:.3f} {spent:.1f} s"
            print(f"seed {seed} {text}", file=sys.stderr, flush=True)

    return note


def _fingerprint(recipe_digest: str, fold: str, code: str, x, labels) -> str:
    """A state is taken up only by the run that kept it: same recipe, code, clips and labels."""
    words = f"{recipe_digest} {fold} {code} {x.dtype} {tuple(x.shape)}".encode()
    return hashlib.sha256(words + x.cpu().numpy().tobytes() + labels.tobytes()).hexdigest()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m merba.train", description=__doc__.split("\n\n")[0])
    parser.add_argument("--model", required=True, help="a registered model, e.g. merba_tiny")
    parser.add_argument(
        "--overrides", default="{}", help="JSON: recipe keys and model options, '{\"epochs\": 30}'"
    )
    parser.add_argument("--classes", nargs="+", required=True, help="class names in the protocol's order")
    parser.add_argument("--fold", required=True, help="name of the fold")
    parser.add_argument("--list", required=True, help="CSV of training clips: clip_id, label")
    add_input_arguments(parser, "the training subjects")
    parser.add_argument("--seeds", nargs="+", type=int, required=True, help="one model is trained for each")
    parser.add_argument("--checkpoints", nargs="+", required=True, help="one file to write for each seed")
    parser.add_argument("--log", required=True, help="CSV to write: seed, epoch, lr, loss, accuracy")
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
    try:
        overrides = json.loads(args.overrides)
    except json.JSONDecodeError as error:
        raise InputError(
            f"not JSON ({error})", clip="--overrides", cure='write it as {"epochs": 30}'
        ) from error
    if not isinstance(overrides, dict):
        raise InputError("not a JSON object", clip="--overrides", cure='write it as {"epochs": 30}')
    device = set_up_torch(args.threads, args.device)

    import numpy as np
    import pandas as pd
    import torch

    from merba import checkpoints, heads
    from merba.data import Normaliser, read_list
    from merba.inputs import CLIPS, load_inputs
    from merba.loop import Resume, fit
    from merba.overrides import resolve
    from merba.recipe import digest
    from merba.registry import create_model, model_entry, module_of

    recipe = resolve(args.model, overrides)
    if recipe.options.get("head") == "dgcm" and tuple(args.classes) != heads.DGCM_CLASSES:
        raise InputError(
            f"the dgcm head needs the classes {' '.join(heads.DGCM_CLASSES)}",
            clip="--classes",
            cure="use head 'linear'",
        )
    listed = read_list(args.list, ("clip_id", "label"))
    for clip, label in zip(listed["clip_id"], listed["label"], strict=True):
        if label not in args.classes:
            raise InputError(
                f"label {label!r} is none of {args.classes}",
                file=args.list,
                clip=clip,
                cure="check --classes",
            )
    labels = np.array([args.classes.index(label) for label in listed["label"]])
    inputs = load_inputs(args.model, listed["clip_id"], args.caches, args.sequences, args.list)
    if inputs.kind == CLIPS:
        normaliser, x, mirror = None, inputs.x, model_entry(args.model).build.mirror
    else:
        normaliser = Normaliser.fit(inputs.x, recipe.coding, recipe.channels, inputs.kind)
        x, mirror = normaliser(inputs.x), normaliser.mirror
    x = torch.from_numpy(x).to(device)

    rows = []
    for seed, path in zip(args.seeds, args.checkpoints, strict=True):
        said = f"{args.model} fold {args.fold} seed {seed}: {len(x)} clips on {device}"
        print(said, file=sys.stderr, flush=True)
        made = digest(
            args.model,
            recipe,
            classes=args.classes,
            input_size=inputs.size,
            cached=inputs.kind,
            made_with=inputs.made_with,
            seed=seed,
            shuffled=args.shuffle_labels,
        )
        torch.manual_seed(seed)
        channels = len(recipe.channels)
        model = create_model(args.model, len(args.classes), channels, inputs.size, **recipe.options)
        model = model.to(device)
        own = np.random.default_rng(seed).permutation(labels) if args.shuffle_labels else labels
        own_rows = []
        run = _fingerprint(made, args.fold, code_digest("merba.train", module_of(args.model)), x, own)
        resume = Resume(f"{path}.resume", run, own_rows)
        target = torch.from_numpy(own).to(device)
        fit(model, recipe, x, target, seed, mirror, _log(recipe, seed, own_rows), resume)
        rows += own_rows
        checkpoints.save(
            checkpoints.Checkpoint(
                model=args.model,
                recipe=recipe,
                classes=args.classes,
                fold=args.fold,
                seed=seed,
                digest=made,
                train_clips=listed["clip_id"],
                input_size=inputs.size,
                normaliser=normaliser,
                state={name: tensor.cpu() for name, tensor in model.state_dict().items()},
                made_with=inputs.made_with,
            ),
            path,
        )
        resume.done()
    write_csv(pd.DataFrame(rows, columns=["seed", "epoch", "lr", "loss", "accuracy"]), args.log)


if __name__ == "__main__":
    sys.exit(report(main))
