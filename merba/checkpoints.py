"""Checkpoints: one trained model of one fold and seed, with everything prediction must know about it.

A checkpoint is a `torch.save` of plain values and tensors, so that it loads without running code from it.
"""

import dataclasses
import io
from dataclasses import dataclass, field
from pathlib import Path

import torch

from contracts.errors import InputError
from contracts.files import whole
from merba.classifier import Classifier
from merba.data import Normaliser
from merba.recipe import Recipe
from merba.registry import create_model, declaration

FORMAT_VERSION = 4
_KIND = "merba checkpoint"


@dataclass
class Checkpoint:
    """What a checkpoint holds.

    Attributes:
        model: registered name.
        recipe: with all options spelled out.
        classes: names in the order of the outputs.
        fold, seed: which run it was.
        digest: of the recipe, the classes, the coding of the caches and the seed.
        train_clips: ids of all clips it was trained on.
        input_size: pixels.
        normaliser: as fitted on those clips; it knows the coding of their caches. None for a model that sees
            whole clips.
        state: the model's state dict, on the CPU.
        made_with: what shaped the pixels of all those clips (crop size, flow method ...), as their files say
            it; empty where they say nothing.
    """

    model: str
    recipe: Recipe
    classes: list[str]
    fold: str
    seed: int
    digest: str
    train_clips: list[str]
    input_size: int
    normaliser: Normaliser | None
    state: dict
    made_with: dict = field(default_factory=dict)

    def build(self) -> Classifier:
        """The trained model, in evaluation mode.

        Raises:
            InputError: its weights are not those of this code's model.
        """
        model = create_model(
            self.model, len(self.classes), len(self.recipe.channels), self.input_size, **self.recipe.options
        )
        try:
            model.load_state_dict(self.state)
        except RuntimeError as error:
            raise InputError(
                f"the weights do not fit {self.model} ({str(error).splitlines()[-1].strip()})",
                clip=f"fold {self.fold}",
                cure="train this fold again",
            ) from error
        return model.eval()


def save(checkpoint: Checkpoint, path: str | Path) -> None:
    """Write a checkpoint whole."""
    values = {f.name: getattr(checkpoint, f.name) for f in dataclasses.fields(Checkpoint)}
    values["recipe"] = dataclasses.asdict(checkpoint.recipe)
    values["normaliser"] = checkpoint.normaliser and checkpoint.normaliser.to_dict()
    # torch's own writer reports a full disk as a RuntimeError without a number; a plain write says ENOSPC.
    content = io.BytesIO()
    torch.save({"kind": _KIND, "format_version": FORMAT_VERSION, **values}, content)
    with whole(path) as partial:
        partial.write_bytes(content.getbuffer())


def load(path: str | Path) -> Checkpoint:
    """Read a checkpoint.

    Raises:
        InputError: missing, corrupt, not a checkpoint of this project, or of another format version.
    """
    cure = "delete it and train this fold again"
    try:
        values = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise InputError("no such checkpoint", file=path, cure="train this fold first") from error
    except Exception as error:  # torch.load raises whatever a foreign file makes it stumble over
        raise InputError("not a readable checkpoint", file=path, cure=cure) from error
    if not isinstance(values, dict) or values.pop("kind", None) != _KIND:
        raise InputError("not a checkpoint of this project", file=path, cure=cure)
    version = values.pop("format_version", None)
    if version != FORMAT_VERSION:
        raise InputError(
            f"checkpoint format {version}, this code reads {FORMAT_VERSION}", file=path, cure=cure
        )
    try:
        values["recipe"] = Recipe(**values["recipe"])
        values["normaliser"] = values["normaliser"] and Normaliser.from_dict(values["normaliser"])
        _check_kinds(values)
        return Checkpoint(**values)
    except InputError as error:
        # Of a rival that this code has not, or of a recipe with a value that it does not know.
        raise InputError(error.problem, cure=error.cure, file=path) from error
    except (KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"not a checkpoint as this code writes it ({error})", file=path, cure=cure
        ) from error


def _check_kinds(values: dict) -> None:
    """Refuse, by a TypeError, values that no checkpoint of this code holds."""
    kinds = {"model": str, "classes": list, "fold": str, "seed": int, "digest": str, "train_clips": list}
    for key, kind in {**kinds, "input_size": int, "state": dict, "made_with": dict}.items():
        if not isinstance(values[key], kind):
            raise TypeError(f"{key} is no {kind.__name__}")
    sees_clips = declaration(values["model"]).clips
    if values["normaliser"] is None and sees_clips is None:
        raise TypeError("no normaliser")
