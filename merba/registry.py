"""Finding models by name: one model, one file, in `merba/presets` (MERba) or `merba/baselines` (its rivals).

A file `<name>.py` in either folder is the model `<name>`. Three literals at its top say what must be known
without loading a network:

* `PAPER = Paper(...)`: where it comes from;
* `RECIPE = Recipe(...)`: how it is trained by default;
* `CLIPS = Clips(...)`, only if it sees whole clips instead of the flow from onset to apex.

They are read from the source, so that a list of models imports no torch, nor does a DAG whose rows leave the
networks as they are. Below them `register_model` names what builds the model; creating one model imports
that model's file and no other.
"""

import ast
import functools
import importlib
import inspect
import pkgutil
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from contracts.errors import unknown
from merba.paper import Paper
from merba.recipe import Recipe

_FOLDERS = ("presets", "baselines")
# Given by the data, not by the user: every model's constructor takes these three.
_FROM_DATA = ("num_classes", "in_channels", "input_size")


@dataclass(frozen=True)
class Clips:
    """The sequences a model learns from, see `contracts.sequences`.

    Attributes:
        steps: frames of a clip, interpolated at equidistant instants from onset to offset; None: all it has.
        size: side of the frames in pixels.
        flow: method of the flow from the onset to each frame, see `preprocess.flow`.
    """

    steps: int | None
    size: int
    flow: str


@dataclass(frozen=True)
class Declaration:
    """What a model's file declares at its top."""

    paper: Paper
    recipe: Recipe
    clips: Clips | None

    @property
    def fitted_at_once(self) -> bool:
        """Whether it learns without epochs; its class says the same, see `merba.classifier`."""
        return self.paper.selection == "no epochs"


@dataclass(frozen=True)
class Entry:
    """A registered model: what builds it, and the options it fixes."""

    build: Callable
    fixed: dict

    @property
    def options(self) -> dict:
        """Every option with its default, the preset's choices included."""
        parameters = inspect.signature(self.build).parameters.values()
        own = {p.name: p.default for p in parameters if p.name not in (*_FROM_DATA, "self")}
        return {**own, **self.fixed}


_entries: dict[str, Entry] = {}


def register_model(name: str, **fixed) -> Callable:
    """Class decorator: make the class known as `name`.

    Args:
        name: the model's name, equal to the name of its file.
        fixed: options of the class's constructor for which this model has its own default.
    """

    def register(build: Callable) -> Callable:
        _entries[name] = Entry(build, fixed)
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


@functools.cache
def declaration(name: str) -> Declaration:
    """What the file of a model declares, read without importing it.

    Raises:
        InputError: no such model; names the nearest.
        ValueError: the file declares no PAPER or RECIPE, or not by literals; its author's to mend.
    """
    path = Path(__file__).parent.joinpath(*module_of(name).split(".")[1:]).with_suffix(".py")
    makers = {"Paper": Paper, "Recipe": Recipe, "Clips": Clips}
    found = {}
    for node in ast.parse(path.read_text(), filename=str(path)).body:
        if not (isinstance(node, ast.Assign) and isinstance(node.value, ast.Call)):
            continue
        if make := makers.get(ast.unparse(node.value.func)):
            given = {keyword.arg: ast.literal_eval(keyword.value) for keyword in node.value.keywords}
            found[node.targets[0].id] = make(**given)
    if missing := {"PAPER", "RECIPE"} - found.keys():
        raise ValueError(f"{path} declares no {' and no '.join(sorted(missing))}")
    return Declaration(found["PAPER"], found["RECIPE"], found.get("CLIPS"))


def model_entry(name: str) -> Entry:
    """The entry of one model, importing its file.

    Raises:
        InputError: no such model; names the nearest.
    """
    if name not in _entries:
        importlib.import_module(module_of(name))
    return _entries[name]


def create_model(
    name: str, num_classes: int = 3, in_channels: int | None = None, input_size: int | None = None, **options
):
    """Build a model, a `merba.classifier.Classifier`.

    Args:
        name: one of `list_models()`.
        num_classes: classes to tell apart.
        in_channels: flow channels; default: those of the model's recipe.
        input_size: height and width of the input in pixels; default: 28, or those of the clips it sees.
        options: the model's own, see its class.

    Raises:
        InputError: unknown model or option (names the nearest), or an option's value that cannot be.
    """
    entry, declared = model_entry(name), declaration(name)
    for option in options:
        if option not in entry.options:
            raise unknown(f"option of {name}", option, entry.options)
    channels = len(declared.recipe.channels) if in_channels is None else in_channels
    size = input_size or (declared.clips.size if declared.clips else 28)
    given = {**entry.fixed, **options}
    model = entry.build(num_classes=num_classes, in_channels=channels, input_size=size, **given)
    model.num_classes = num_classes
    return model


def create_on_meta(name: str, *sizes, **options):
    """As `create_model`, on torch's meta device: shapes without values, so that size costs nothing."""
    import torch

    # Not below: what a module computes when it is imported would have no values either, for good.
    model_entry(name)
    with torch.device("meta"), warnings.catch_warnings():
        # Of weights from a file torch says that they go nowhere.
        warnings.simplefilter("ignore")
        return create_model(name, *sizes, **options)


def _modules() -> dict[str, str]:
    found = {}
    for folder in _FOLDERS:
        for module in pkgutil.iter_modules([str(Path(__file__).parent / folder)]):
            found[module.name] = f"merba.{folder}.{module.name}"
    return found
