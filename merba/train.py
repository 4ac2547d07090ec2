"""Train one fold of one model, once per seed: `python -m merba.train --help`.

The command is given the training clips, their labels and their caches, and nothing about the test part.
The recipe is frozen beforehand, no clip is held out, and the model after the last epoch is the result.
"""

import argparse
import json
import sys
import time

from contracts.errors import InputError
from contracts.files import write_csv
from merba.commands import add_machine_arguments, run, set_up_torch


def fit(model, recipe, normaliser, x, y, seed: int, note=lambda *row: None) -> None:
    """Train `model` in place.

    Args:
        model: a `merba.classifier.Classifier`, on the device of x.
        recipe: a `merba.recipe.Recipe`.
        normaliser: what coded x; it knows how to mirror it.
        x: coded training flow, float32 (n, channels, size, size).
        y: class indices, int64 (n,).
        seed: of the order of clips and of the flips.
        note: called after every epoch with epoch (from 1), learning rate, mean loss and training accuracy.
    """
    import torch

    negate_u = recipe.flip == "negate_u"
    if model.fitted_at_once:
        copies = [x] if recipe.flip == "none" else [x, normaliser.mirror(x, negate_u)]
        model.fit(torch.cat(copies), y.repeat(len(copies)))
        accuracy = (model.predict(x)[0] == y).float().mean().item()
        note(1, 0.0, float("nan"), accuracy)
        return

    optimiser = _optimiser(model, recipe)
    random = torch.Generator().manual_seed(seed)
    for epoch in range(recipe.epochs):
        model.train()
        lr = recipe.learning_rate(epoch)
        for group in optimiser.param_groups:
            group["lr"] = lr
        order = torch.randperm(len(x), generator=random) if recipe.shuffle else torch.arange(len(x))
        total, right = 0.0, 0
        for rows in order.to(x.device).tensor_split(-(-len(x) // recipe.batch)):
            clips, labels = x[rows], y[rows]
            if recipe.flip != "none":
                flipped = (torch.rand(len(rows), generator=random) < 0.5).to(x.device)
                clips = torch.where(flipped[:, None, None, None], normaliser.mirror(clips, negate_u), clips)
            loss, logits = model.loss(clips, labels, epoch / recipe.epochs, recipe.label_smoothing)
            optimiser.zero_grad()
            loss.backward()
            if recipe.clip_grad:
                torch.nn.utils.clip_grad_norm_(model.parameters(), recipe.clip_grad)
            optimiser.step()
            total += loss.item() * len(rows)
            right += (logits.argmax(1) == labels).sum().item()
        note(epoch + 1, lr, total / len(x), right / len(x))


def _optimiser(model, recipe):
    import torch

    decayed = [p for p in model.parameters() if p.ndim > 1 and not getattr(p, "no_weight_decay", False)]
    chosen = {id(p) for p in decayed}
    rest = [p for p in model.parameters() if id(p) not in chosen]
    groups = [{"params": decayed, "weight_decay": recipe.weight_decay}, {"params": rest, "weight_decay": 0.0}]
    kind = {"adamw": torch.optim.AdamW, "adam": torch.optim.Adam}[recipe.optimiser]
    return kind(groups, lr=recipe.lr)


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


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m merba.train", description=__doc__.split("\n\n")[0])
    parser.add_argument("--model", required=True, help="a registered model, e.g. merba_tiny")
    parser.add_argument(
        "--overrides", default="{}", help="JSON: recipe keys and model options, '{\"epochs\": 30}'"
    )
    parser.add_argument("--classes", nargs="+", required=True, help="class names in the protocol's order")
    parser.add_argument("--fold", required=True, help="name of the fold")
    parser.add_argument("--list", required=True, help="CSV of training clips: clip_id, label")
    parser.add_argument("--caches", nargs="+", required=True, help="flow caches of the training subjects")
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
    from merba.data import Normaliser, load_flow, read_list
    from merba.recipe import digest, resolve
    from merba.registry import create_model

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
    flow, cached = load_flow(listed["clip_id"], args.caches, args.list)
    normaliser = Normaliser.fit(flow, recipe.coding, recipe.channels, cached)
    x = torch.from_numpy(normaliser(flow)).to(device)

    rows = []
    for seed, path in zip(args.seeds, args.checkpoints, strict=True):
        print(
            f"{args.model} fold {args.fold} seed {seed}: {len(x)} clips on {device}",
            file=sys.stderr,
            flush=True,
        )
        torch.manual_seed(seed)
        model = create_model(args.model, len(args.classes), x.shape[1], x.shape[2], **recipe.options).to(
            device
        )
        own = np.random.default_rng(seed).permutation(labels) if args.shuffle_labels else labels
        fit(model, recipe, normaliser, x, torch.from_numpy(own).to(device), seed, _log(recipe, seed, rows))
        checkpoints.save(
            checkpoints.Checkpoint(
                model=args.model,
                recipe=recipe,
                classes=args.classes,
                fold=args.fold,
                seed=seed,
                digest=digest(
                    args.model,
                    recipe,
                    classes=args.classes,
                    input_size=x.shape[2],
                    cached=cached,
                    seed=seed,
                    shuffled=args.shuffle_labels,
                ),
                train_clips=listed["clip_id"],
                input_size=x.shape[2],
                normaliser=normaliser,
                state={name: tensor.cpu() for name, tensor in model.state_dict().items()},
            ),
            path,
        )
    write_csv(pd.DataFrame(rows, columns=["seed", "epoch", "lr", "loss", "accuracy"]), args.log)


if __name__ == "__main__":
    sys.exit(run(main))
