"""Recognise the expression in new footage with trained models.

    merba-recognise clip/ --checkpoint data/demo/models/megc2019/merba_tiny/*/seed0.pt --fps 200
    merba-recognise clip.avi --checkpoint model.pt --onset 12 --apex 31 --offset 60 --out sheet.png

CLIP is a folder of frames, numbered by their file names, or a video, whose frames are counted from 1. It
takes the way of a run's clips: face and landmarks on the onset frame, aligned crop, apex, flow from onset to
apex, all at the size and by the method that the models were trained on. Prints the probabilities of the
classes, the mean over the models if there are several, and draws what was measured on one sheet.

A sheet shows the person: who may see it, their consent decides.
"""

import argparse
import dataclasses
import sys
from pathlib import Path

from contracts.errors import InputError, unknown
from merba.commands import add_machine_arguments, set_up_torch

SHEETS = Path("data") / "recognised"
_ALIKE = ("model", "recipe", "classes", "input_size", "made_with")


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns the exit status: 0, or 1 where nothing can be recognised."""
    options = _parser().parse_args(arguments)
    try:
        _recognise(options)
    except InputError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def run() -> None:
    """The `merba-recognise` command."""
    sys.exit(main())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="merba-recognise",
        # The clip first: --checkpoint takes every word that follows it.
        usage="%(prog)s CLIP --checkpoint MODEL.pt [MODEL.pt ...] [options]",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("clip", metavar="CLIP", type=Path, help="a folder of frames, or a video file")
    parser.add_argument(
        "--checkpoint", nargs="+", required=True, metavar="MODEL.pt", help="one, or several trained alike"
    )
    parser.add_argument("--onset", type=int, metavar="N", help="frame number; default: the first")
    parser.add_argument("--offset", type=int, metavar="N", help="frame number; default: the last")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--apex", type=int, metavar="N", help="frame number")
    which.add_argument(
        "--spot", dest="policy", action="store_const", const="spotted", help="spot the apex (the default)"
    )
    which.add_argument(
        "--midpoint", dest="policy", action="store_const", const="midpoint", help="take the middle frame"
    )
    parser.set_defaults(policy="spotted")
    parser.add_argument(
        "--fps", type=float, metavar="F", help="as filmed, for the spotter; a video says its own"
    )
    parser.add_argument("--cropped", action="store_true", help="the frames are face crops: do not align them")
    parser.add_argument("--detector", default="mtcnn", help="mtcnn or hog: which looks first; default: mtcnn")
    parser.add_argument("--flow", metavar="METHOD", help="default: the one the models were trained on")
    parser.add_argument("--crop-size", type=int, metavar="PX", help="default: as the models were trained on")
    parser.add_argument("--out", type=Path, help=f"the sheet, a PNG; default: {SHEETS}/<clip>.png")
    parser.add_argument("--csv", type=Path, help="a table to write, one row a model")
    add_machine_arguments(parser)
    return parser


def _recognise(options: argparse.Namespace) -> None:
    """Look, measure, predict, print, draw."""
    if not options.clip.exists():
        raise InputError(
            "no such folder or file", file=options.clip, cure="give a folder of frames or a video file"
        )
    if options.out and options.out.suffix.lower() != ".png":
        raise InputError("the sheet is a PNG", file=options.out, clip="--out", cure="end its name in .png")
    device = set_up_torch(options.threads, options.device)
    # Seconds to import: the fault above is told at once.
    from preprocess.footage import open_footage
    from preprocess.measure import Asked, measure
    from preprocess.picture import clip_sheet, save

    models = _without_weights(options.checkpoint)
    pixels = _pixels(models[0], options)
    footage = open_footage(options.clip)
    asked = Asked(options.onset, options.apex, options.offset, options.policy, options.fps)
    clip = measure(footage, asked, pixels)
    decided, probabilities = _predict(options.checkpoint, _shown(models[0], clip), device)
    classes, mean = models[0].classes, probabilities.mean(0)
    verdict = f"predicted: {_decision(classes, decided, mean)}"

    print(f"{footage.path}: {_about(footage)}\n")
    print("\n".join(clip.facts()))
    print(f"\n{_table(classes, probabilities)}\n\n{verdict}\n")
    print("\n".join(_cautions(models, pixels)) + "\n")
    name = footage.path.resolve().name if footage.path.is_dir() else footage.path.stem
    out = options.out or SHEETS / f"{name}.png"
    ranked = [f"    {classes[k]} {mean[k]:.3f}" for k in mean.argsort()[::-1][:3]]
    save(clip_sheet(clip.view(name, [verdict, *ranked], models[0].input_size)), out)
    print(out)
    if options.csv:
        _write(options.csv, options, models, clip, decided, probabilities)
        print(options.csv)


def _without_weights(paths: list[str]) -> list:
    """The checkpoints, which must be of one kind; the weights of many folds would not fit into memory.

    Raises:
        InputError: a file is no checkpoint, or unlike the first.
    """
    from merba import checkpoints

    models = []
    for path in paths:
        model = dataclasses.replace(checkpoints.load(path), state={})
        models.append(model)
        for what in _ALIKE:
            if getattr(model, what) != getattr(models[0], what):
                raise InputError(
                    f"{what.replace('_', ' ')} unlike that of {paths[0]}",
                    file=path,
                    cure="give checkpoints of one model, trained alike; folds and seeds may differ",
                )
    return models


def _pixels(model, options: argparse.Namespace):
    """How the model's own clips were made, as far as its checkpoint says so and no option departs from it.

    Raises:
        InputError: an unknown flow method or detector, or a crop smaller than what the model takes.
    """
    from merba.registry import declaration
    from preprocess.faces import DETECTORS
    from preprocess.flow import METHODS
    from preprocess.measure import Pixels

    made, clips = model.made_with, declaration(model.model).clips
    pixels = Pixels(detector=options.detector, cropped=options.cropped)
    # Published flow names its source where ours names the method.
    own = made["flow"] if made.get("flow") in METHODS else clips.flow if clips else pixels.method
    trained = made.get("crop_size", pixels.crop_size)
    pixels = dataclasses.replace(
        pixels,
        crop_size=trained if options.crop_size is None else options.crop_size,
        method=options.flow or own,
        matched=made.get("brightness_matched", pixels.matched),
    )
    for kind, name, known in (
        ("flow method", pixels.method, METHODS),
        ("face detector", pixels.detector, DETECTORS),
    ):
        if name not in known:
            raise unknown(kind, name, known)
    if pixels.crop_size < model.input_size:
        raise InputError(
            f"{model.model} takes {model.input_size} px, more than a crop of {pixels.crop_size} px has",
            clip="--crop-size",
            cure=f"give {model.input_size} or more",
        )
    return pixels


def _shown(model, clip):
    """What a model is shown of a `preprocess.measure.Measured`: a `merba.inputs.Inputs` of one clip.

    For a model of published pictures, flow is stretched as in those, every channel to 0..255.
    """
    from contracts.cache import CHANNELS
    from merba.data import Normaliser
    from merba.inputs import CLIPS, Inputs
    from merba.registry import declaration, model_entry
    from preprocess.flow import shrink

    clips = declaration(model.model).clips
    if clips is not None:
        x, kind = model_entry(model.model).build.see(clip.sequence(clips.size, clips.steps)), CLIPS
        return Inputs(x[None], kind, clips.size, model.made_with)
    flow, coding = shrink(clip.flow, model.input_size)[None], model.normaliser.cached
    if coding == "minmax":
        flow = Normaliser.fit(flow, "minmax", CHANNELS, "physical")(flow)
    return Inputs(flow, coding, model.input_size, model.made_with)


def _predict(paths: list[str], inputs, device):
    """Every model's class, (models,), and probabilities, (models, classes); one model in memory at a time."""
    import numpy as np

    from merba import checkpoints
    from merba.predict import predict

    said = [predict(checkpoints.load(path), inputs, device) for path in paths]
    return tuple(np.concatenate(parts) for parts in zip(*said, strict=True))


def _decision(classes: list[str], decided, mean) -> str:
    """The class that most models decide for; between equals, the more probable.

    Models vote because each decides by its own rule: DGCM's is not the largest probability.
    """
    votes = [int((decided == k).sum()) for k in range(len(classes))]
    chosen = max(range(len(classes)), key=lambda k: (votes[k], mean[k]))
    share = f" (by {votes[chosen]} of {len(decided)} models)" if len(decided) > 1 else ""
    return f"{classes[chosen]}{share}"


def _about(footage) -> str:
    numbers = footage.numbers
    if footage.path.is_dir():
        return f"{len(numbers)} frames, {numbers[0]} to {numbers[-1]} by their files' names"
    header = f", {footage.fps:g} a second by its header" if footage.fps else ""
    return f"a video of {len(numbers)} frames, counted from 1{header}"


def _table(classes: list[str], probabilities) -> str:
    """Classes by descending mean probability, with the lowest and highest of several models."""
    width = max(map(len, ("class", *classes)))
    several = len(probabilities) > 1
    lines = [f"{'class':{width}}  probability" + ("   lowest  highest" if several else "")]
    for k in probabilities.mean(0).argsort()[::-1]:
        one = probabilities[:, k]
        spread = f"  {one.min():7.3f}  {one.max():7.3f}" if several else ""
        lines.append(f"{classes[k]:{width}}  {one.mean():11.3f}{spread}")
    return "\n".join(lines)


def _cautions(models: list, pixels) -> list[str]:
    """What has to be known before a probability is believed."""
    import cv2

    first, made = models[0], models[0].made_with
    clips = {clip for model in models for clip in model.train_clips}
    subjects = {clip.rsplit("/", 1)[0] for clip in clips}
    corpora = ", ".join(sorted({subject.split("/")[0] for subject in subjects}))
    several = f" ({len(models)} models)" if len(models) > 1 else ""
    said = [
        f"{first.model}{several} was trained on {_some(clips, 'clip')} of {_some(subjects, 'subject')}: "
        f"{corpora}.",
        "If the person seen here is among them, this says nothing about new people; it cannot be told from "
        "the clip.",
        "Probabilities are not calibrated: they rank classes, and are no rates of being right.",
    ]
    if several:
        said.append("Lowest and highest are those of the models; they are no confidence interval.")
    if first.normaliser is not None and first.normaliser.cached == "minmax":
        said.append(
            "It was trained on published flow, every picture stretched to 0..255 by its authors. The flow of "
            f"this clip ({pixels.method}, {pixels.crop_size} px) is stretched likewise, not made as theirs."
        )
        return said
    here = {"crop_size": pixels.crop_size, "flow": pixels.method, "opencv": cv2.__version__}
    for name, value in here.items():
        if made.get(name, value) != value:
            said.append(f"Unlike in training: {name.replace('_', ' ')} {value} instead of {made[name]}.")
    return said


def _some(things: set, what: str) -> str:
    return f"{len(things)} {what}{'s' * (len(things) > 1)}"


def _write(path: Path, options, models: list, clip, decided, probabilities) -> None:
    """One row a model."""
    import pandas as pd

    from contracts.files import write_csv

    classes = models[0].classes
    table = pd.DataFrame(
        {
            "clip": str(options.clip),
            "onset": clip.numbers[0],
            "apex": clip.apex.frame,
            "offset": clip.numbers[-1],
            "apex_source": clip.apex.source,
            "checkpoint": options.checkpoint,
            "model": [model.model for model in models],
            "fold": [model.fold for model in models],
            "seed": [model.seed for model in models],
            "recipe": [model.digest for model in models],
            "predicted": [classes[k] for k in decided],
            **{f"p_{name}": probabilities[:, k].round(6) for k, name in enumerate(classes)},
        }
    )
    write_csv(table, path)


if __name__ == "__main__":
    run()
