"""A fold of one model: its training clips as read, and a model trained on them; folds of a pack read at once.

A fold knows training clips and their labels. Test clips can be shown to a model only by a caller that passes
`watch` to `train`, as the audit does; the ordinary commands pass none.
"""

import functools
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from contracts.errors import InputError
from contracts.provenance import code_digest
from merba.checkpoints import Checkpoint
from merba.classifier import Classifier
from merba.data import Normaliser, read_list
from merba.inputs import CLIPS, Inputs, load_inputs
from merba.loop import Resume, fit
from merba.overrides import check_trainable, resolve
from merba.predict import decide
from merba.recipe import Recipe, digest
from merba.registry import create_model, model_entry, module_of
from merba.selection import choose_epochs


class Begun(NamedTuple):
    """A model as it is made, its normaliser or None, and x, y and mirror as `merba.loop.fit` takes them."""

    model: Classifier
    normaliser: Normaliser | None
    x: torch.Tensor
    y: torch.Tensor
    mirror: Callable


@dataclass
class Fold:
    """What one fold of one model is trained on.

    Attributes:
        model: registered name.
        recipe: with all options spelled out.
        classes: names in the order of the outputs.
        name: of the fold.
        clip_ids, labels: of its n training clips; labels are class indices, int64 (n,).
        inputs: what the files hold, of a pack for all its folds together.
        places: of the n clips in `inputs`, int64 (n,); nothing else in there is the fold's.
    """

    model: str
    recipe: Recipe
    classes: list[str]
    name: str
    clip_ids: list[str]
    labels: np.ndarray
    inputs: Inputs
    places: np.ndarray

    @classmethod
    def read(
        cls,
        model: str,
        overrides: dict,
        classes: Sequence[str],
        name: str,
        listed_in: str | Path,
        caches: Sequence[str | Path] | None = None,
        sequences: Sequence[str | Path] | None = None,
    ) -> "Fold":
        """From the list of training clips (clip_id, label) and the files of their subjects.

        Raises:
            InputError: as `read_folds`.
        """
        return read_folds(model, overrides, classes, {name: listed_in}, caches, sequences)[0]

    def train(
        self,
        seed: int,
        device,
        log: list,
        state: str | Path | None = None,
        shuffle: bool = False,
        watch: Callable | None = None,
        report: Callable = lambda *row: None,
    ) -> Checkpoint:
        """A trained model.

        Args:
            seed: of the start, the order of clips, flips and dropout.
            device: torch's.
            log: gets a row (epoch, learning rate, loss, accuracy, inner UF1 or None) for each epoch.
            state: file that keeps the state between epochs, to go on after an interruption.
            shuffle: permute the labels first: what is learnt then is chance.
            watch: called after every epoch with its number, the model and its normaliser.
            report: called with epoch, number of epochs, learning rate, loss and accuracy.
        """
        labels = self._labels(seed, shuffle)
        epochs, inner = self.recipe.epochs, {}
        if self.recipe.selection == "nested":
            epochs, inner = choose_epochs(
                self.clip_ids,
                labels,
                self.recipe.inner_folds,
                seed,
                lambda rows, held: self._inner(seed, device, labels, rows, held),
            )
        made = self._digest(seed, shuffle)
        resume = state and Resume(state, self._fingerprint(made, labels, epochs), log)

        def note(epoch: int, *measured) -> None:
            log.append((epoch, *measured, inner.get(epoch)))
            report(epoch, epochs, *measured)

        everything = np.arange(len(labels))
        model, normaliser = self._fit(seed, device, labels, everything, epochs, watch, note, resume)
        return self.checkpoint(seed, shuffle, model, normaliser)

    def checkpoint(
        self, seed: int, shuffle: bool, model, normaliser: Normaliser | None, *, stacked: bool = False
    ) -> Checkpoint:
        """Of a model that was trained on this fold, by itself or in a stack."""
        return Checkpoint(
            model=self.model,
            recipe=self.recipe,
            classes=self.classes,
            fold=self.name,
            seed=seed,
            digest=self._digest(seed, shuffle, stacked),
            train_clips=self.clip_ids,
            input_size=self.inputs.size,
            normaliser=normaliser,
            state={name: tensor.cpu() for name, tensor in model.state_dict().items()},
            made_with=self.inputs.made_with,
        )

    def _inner(self, seed, device, labels, rows, held) -> np.ndarray:
        """Classes (epochs, held) after each epoch of the clips at `held`, by a model trained on `rows`."""
        shown, predicted = replace(self.inputs, x=self.inputs.x[self.places[held]]), []

        def look(epoch: int, model, normaliser) -> None:
            predicted.append(decide(model, normaliser, shown, device)[0])

        self._fit(seed, device, labels, rows, self.recipe.epochs, look)
        return np.array(predicted)

    def _fit(self, seed, device, labels, rows, epochs, watch, note=lambda *row: None, resume=None):
        """A model and its normaliser, both fitted on the clips at `rows` and on nothing else."""
        model, normaliser, x, y, mirror = self._begin(seed, device, labels, rows)
        every = watch and (lambda epoch: watch(epoch, model, normaliser))
        fit(model, self.recipe, x, y, seed, mirror, note, resume, every, epochs)
        return model, normaliser

    def begin(self, seed: int, device, shuffle: bool) -> Begun:
        """What is trained, before its first epoch; torch's generator stands where dropout goes on from."""
        return self._begin(seed, device, self._labels(seed, shuffle), np.arange(len(self.labels)))

    def _begin(self, seed, device, labels, rows) -> Begun:
        normaliser, x = None, self.inputs.x[self.places[rows]]
        if self.inputs.kind == CLIPS:
            mirror = model_entry(self.model).build.mirror
        else:
            normaliser = Normaliser.fit(x, self.recipe.coding, self.recipe.channels, self.inputs.kind)
            x, mirror = normaliser(x), normaliser.mirror
        torch.manual_seed(seed)
        sizes = len(self.classes), len(self.recipe.channels), self.inputs.size
        model = create_model(self.model, *sizes, **self.recipe.options).to(device)
        x, y = torch.from_numpy(x).to(device), torch.from_numpy(labels[rows]).to(device)
        return Begun(model, normaliser, x, y, mirror)

    def fingerprint(self, seed: int, shuffle: bool = False, *, stacked: bool = False) -> str:
        """Hex digits, equal for trainings that end in the same model: same recipe, code, clips, labels."""
        return self._fingerprint(self._digest(seed, shuffle, stacked), self._labels(seed, shuffle))

    def _labels(self, seed: int, shuffle: bool) -> np.ndarray:
        return np.random.default_rng(seed).permutation(self.labels) if shuffle else self.labels

    def _digest(self, seed: int, shuffled: bool, stacked: bool = False) -> str:
        return digest(
            self.model,
            self.recipe,
            classes=self.classes,
            input_size=self.inputs.size,
            cached=self.inputs.kind,
            made_with=self.inputs.made_with,
            seed=seed,
            shuffled=shuffled,
            # A GPU's stack draws its dropout otherwise.
            **({"stacked": True} if stacked else {}),
            **({"weights": content_of(weights)} if (weights := self.recipe.options.get("weights")) else {}),
        )

    def _fingerprint(self, made: str, labels: np.ndarray, epochs: int | None = None) -> str:
        """A state is taken up only by the run that kept it: same recipe, code, clips and labels.

        And as many epochs, where an inner split chooses them: the run that goes on trains it anew, and by
        rounding it may choose fewer than the state has behind it.
        """
        x = self.inputs.x
        shape = (len(self.places), *x.shape[1:])
        words = [made, str(epochs), self.name, _code_of(self.model), str(x.dtype), str(shape), *self.clip_ids]
        found = hashlib.sha256("\0".join(words).encode())
        # Piece by piece: whole clips of a fold are gigabytes.
        for place in self.places:
            found.update(np.ascontiguousarray(x[place]))
        found.update(labels.tobytes())
        return found.hexdigest()


def content_of(path: str | Path) -> str:
    """SHA-256 of a file that a model starts from: another one of the same name is another training.

    Raises:
        InputError: it cannot be read.
    """
    try:
        found = Path(path).stat()
    except OSError as error:
        raise InputError(
            f"no weights here ({error.strerror})", file=path, clip="weights", cure="correct the path"
        ) from error
    return _content(path, found.st_mtime_ns, found.st_size)


@functools.cache
def _content(path: str | Path, *_of_this_state: int) -> str:
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@functools.cache
def _code_of(model: str) -> str:
    """Digest of the code of a model's training: read once a process, and not for every fold of a pack."""
    return code_digest("merba.train", module_of(model))


def read_folds(
    model: str,
    overrides: dict,
    classes: Sequence[str],
    lists: Mapping[str, str | Path],
    caches: Sequence[str | Path] | None = None,
    sequences: Sequence[str | Path] | None = None,
) -> list[Fold]:
    """Folds of a pack, each with its own training clips of what is read once for all of them.

    Args:
        lists: fold -> list of its training clips (clip_id, label).
        caches, sequences: files of all their subjects; of those a fold sees the clips on its list.

    Raises:
        InputError: as `resolve` and `check_trainable`; a label that is no class; or files that do not
            hold the clips.
    """
    recipe = resolve(model, overrides)
    check_trainable(model, recipe, classes)
    if len(set(classes)) < max(2, len(classes)):
        raise InputError(
            f"classes are {' '.join(classes)}", clip="--classes", cure="give two or more, each once"
        )
    listed = {name: _read_labelled(path, classes) for name, path in lists.items()}
    first_list = {clip: lists[name] for name in reversed(listed) for clip in listed[name][0]}
    clips = list(dict.fromkeys(clip for ids, _ in listed.values() for clip in ids))
    try:
        inputs = load_inputs(model, clips, caches, sequences, next(iter(lists.values())))
    except InputError as error:
        if error.clip not in first_list or error.file not in lists.values():
            raise
        raise InputError(
            error.problem, cure=error.cure, file=first_list[error.clip], clip=error.clip
        ) from error
    place = {clip: k for k, clip in enumerate(clips)}
    return [
        Fold(
            model,
            recipe,
            list(classes),
            name,
            ids,
            labels,
            inputs,
            np.array([place[clip] for clip in ids]),
        )
        for name, (ids, labels) in listed.items()
    ]


def _read_labelled(path: str | Path, classes: Sequence[str]) -> tuple[list[str], np.ndarray]:
    """Clips of a training list, and their class indices int64 (n,)."""
    listed = read_list(path, ("clip_id", "label"))
    for clip, label in zip(listed["clip_id"], listed["label"], strict=True):
        if label not in classes:
            raise InputError(
                f"label {label!r} is none of {list(classes)}",
                file=path,
                clip=clip,
                cure="check --classes",
            )
    return listed["clip_id"], np.array([classes.index(label) for label in listed["label"]])
