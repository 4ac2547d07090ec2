"""Finding models by name: one model, one file, in `merba/presets` (MERba) or `merba/baselines` (its rivals).

A file `<name>.py` in either folder is the model `<name>`; it calls `register_model` on what builds it.
Listing reads file names only, and creating one model imports that model's file and no other.
"""

import difflib
import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from contracts.errors import InputError

_FOLDERS = ("presets", "baselines")
# Given by the data, not by the user: every model's constructor takes these three.
_FROM_DATA = ("num_classes", "in_channels", "input_size")


@dataclass(frozen=True)
class Entry:
    """A registered model: what builds it, the options it fixes, and how it is trained by default."""

    build: Callable
    fixed: dict
    recipe: object

    @property
    def options(self) -> dict:
        """Every option with its default, the preset's choices included."""
        parameters = inspect.signature(self.build).parameters.values()
        own = {p.name: p.default for p in parameters if p.name not in (*_FROM_DATA, "self")}
        return {**own, **self.fixed}


_entries: dict[str, Entry] = {}


def register_model(name: str, *, recipe, **fixed) -> Callable:
    """Class decorator: make the class known as `name`.

    Args:
        name: the model's name, equal to the name of its file.
        recipe: the `merba.recipe.Recipe` it is trained with unless overridden.
        fixed: options of the class's constructor for which this model has its own default.
    """

    def register(build: Callable) -> Callable:
        _entries[name] = Entry(build, fixed, recipe)
        return build

    return register


def list_models() -> list[str]:
    """Names of all models, sorted."""
    return sorted(_modules())


def module_of(name: str) -> str:
    """Dotted name of the file that defines a model, without importing it.

    Raises:
        InputError: no such model; names the nearest.
    """
    modules = _modules()
    if name not in modules:
        raise unknown("model", name, modules)
    return modules[name]


def model_entry(name: str) -> Entry:
    """The entry of one model, importing its file.

    Raises:
        InputError: no such model; names the nearest.
    """
    if name not in _entries:
        importlib.import_module(module_of(name))
    return _entries[name]


def create_model(
    name: str, num_classes: int = 3, in_channels: int | None = None, input_size: int = 28, **options
):
    """Build a model, a `merba.classifier.Classifier`.

    Args:
        name: one of `list_models()`.
        num_classes: classes to tell apart.
        in_channels: flow channels; default: those of the model's recipe.
        input_size: height and width of the input in pixels.
        options: the model's own, see its class.

    Raises:
        InputError: unknown model or option (names the nearest), or an option's value that cannot be.
    """
    entry = model_entry(name)
    for option in options:
        if option not in entry.options:
            raise unknown(f"option of {name}", option, entry.options)
    channels = len(entry.recipe.channels) if in_channels is None else in_channels
    return entry.build(
        num_classes=num_classes, in_channels=channels, input_size=input_size, **{**entry.fixed, **options}
    )


def unknown(kind: str, name: str, known: Iterable[str]) -> InputError:
    """The error for a name that is not among `known`, with the nearest one as its cure."""
    known = sorted(known)
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.4)
    hint = f"did you mean {near[0]!r}? " if near else ""
    return InputError(f"unknown {kind} {name!r}", cure=f"{hint}known: {', '.join(known) or 'none'}")


def _modules() -> dict[str, str]:
    found = {}
    for folder in _FOLDERS:
        for module in pkgutil.iter_modules([str(Path(__file__).parent / folder)]):
            found[module.name] = f"merba.{folder}.{module.name}"
    return found
