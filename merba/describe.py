"""What the models are, from their declarations and from their modules: `python -m merba.describe --help`.

Without a name, a table of all models; with one, that model part by part: what it makes, how many numbers it
learns, how many operations one clip costs. Models are built on torch's meta device, which has shapes but no
values, so that size costs nothing.
"""

import argparse
import re
import sys
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from contracts.errors import InputError
from contracts.sequences import Sequence
from merba.blocks import Extractor
from merba.classifier import Classifier
from merba.commands import report
from merba.network import MERba, Stage
from merba.overrides import resolve
from merba.recipe import Recipe
from merba.registry import create_on_meta, declaration, list_models, model_entry
from merba.train import parse_overrides

_CACHE_SIZE = 28
_ANY_FRAMES = 30
"""Frames of the clip shown to a model that takes clips of every length."""
_COUNTED = """\
Parameters are those that learn. Operations are multiply-adds of one clip's forward pass: a multiplication and
the addition that may follow it are one. *Products* are those of convolutions, Linear layers and attention, as
torch counts them; exponentials, norms, activations, pooling and interpolation are not counted."""
_SCANNED = """\
*Scans* are counted by formula: for every channel, token and direction of a selective scan 4 states + 2 (step
times A, input times B, state times decay, state times C; step times x, D times x), and 3 for every channel,
token and direction of the convolution over three tokens before it."""
_AMOUNTS = ("learned", "products", "scans")


@dataclass
class Cost:
    """One part of a model.

    Attributes:
        learned: numbers that learn.
        products, scans: multiply-adds; see `_COUNTED` and `_SCANNED`.
        took, made: shapes of what it is given and gives; None where it is not called or not with tensors.
    """

    learned: int
    products: int = 0
    scans: int = 0
    took: tuple[int, ...] | None = None
    made: tuple[int, ...] | None = None


def overview() -> str:
    """A table of all models, three classes each."""
    rows = []
    for name in list_models():
        declared, build = declaration(name), model_entry(name).build
        recipe, clips = declared.recipe, declared.clips
        if clips:
            shown = f"clips of {clips.steps or 'all'} frames, {clips.size} px, {clips.flow} flow"
        else:
            shown = f"{', '.join(recipe.channels)}, {_CACHE_SIZE} px"
        fitted = build.fitted_at_once
        learned = "–" if fitted else _short(_learned(_on_meta(name, 3, None, resolve(name))))
        paper = declared.paper
        brief = "fitted at once" if fitted else _brief(recipe)
        rows.append([name, _cited(paper.cite), paper.fidelity, paper.selection, shown, learned, brief])
    head = ["model", "paper", "ours is from", "paper's epoch", "input", "parameters", "recipe"]
    return _table(head, rows, right={5})


def describe(
    name: str, size: int | None = None, classes: int = 3, overrides: dict | None = None
) -> tuple[str, str]:
    """One model part by part: its table, and what is to be said about it.

    Args:
        name: one of `merba.list_models()`.
        size: pixels of the input; default: 28, or those of the clips it sees.
        classes: classes to tell apart.
        overrides: recipe keys and model options, as in training.

    Raises:
        InputError: unknown model, key or value.
    """
    for what, number in (("--size", size), ("--classes", classes)):
        if number is not None and number < 1:
            raise InputError(f"cannot be {number}", clip=what, cure="give 1 or more")
    recipe = resolve(name, overrides)
    model = _on_meta(name, classes, size, recipe)
    shown = _shown(name, size, len(recipe.channels))
    parts = _parts(model)
    costs, whole, obstacle = _measured(model, shown, parts)
    table = _stages(model, costs, whole) if isinstance(model, MERba) else _children(costs, whole, obstacle)
    said = [f"One input is {' × '.join(map(str, shown.shape[1:]))}."]
    if obstacle:
        said.append(
            f"Operations are not counted: the forward pass does not run on shapes alone ({obstacle})."
        )
    else:
        said += [_COUNTED, _SCANNED] if whole.scans else [_COUNTED]
    return table, "\n".join(said)


def _on_meta(name: str, classes: int, size: int | None, recipe: Recipe) -> Classifier:
    return create_on_meta(name, classes, len(recipe.channels), size, **recipe.options).eval()


def _shown(name: str, size: int | None, channels: int) -> Tensor:
    """One clip as the model gets it, without values."""
    clips = declaration(name).clips
    if clips is None:
        return torch.empty(1, channels, size or _CACHE_SIZE, size or _CACHE_SIZE, device="meta")
    length, side = clips.steps or _ANY_FRAMES, size or clips.size
    clip = Sequence(
        np.zeros((length, side, side), np.uint8),
        np.zeros((length, 3, side, side), np.float32),
        np.arange(length, dtype=np.float64),
        length / 2,
    )
    seen = torch.from_numpy(model_entry(name).build.see(clip))
    return torch.empty(1, *seen.shape, dtype=seen.dtype, device="meta")


def _parts(model: nn.Module) -> dict[str, nn.Module]:
    """The model's children by name; a list of modules, which is never called, gives its members."""
    found = {}
    for name, child in model.named_children():
        lists = isinstance(child, nn.ModuleList)
        found |= {f"{name}.{k}": one for k, one in enumerate(child)} if lists else {name: child}
    return found


def _measured(
    model: Classifier, x: Tensor, parts: dict[str, nn.Module]
) -> tuple[dict[str, Cost], Cost, str | None]:
    """Costs of the parts and of the whole, and why operations could not be counted, or None."""
    counter, scanned, began = FlopCounterMode(display=False), 0, {}
    costs = {part: Cost(_learned(part)) for part in (*parts.values(), model)}

    def before(part: nn.Module, _) -> None:
        began[part] = counter.get_total_flops(), scanned

    def after(part: nn.Module, given: tuple, made) -> None:
        cost, (flops, scans) = costs[part], began[part]
        # torch counts a multiply-add as two.
        cost.products += (counter.get_total_flops() - flops) // 2
        cost.scans += scanned - scans
        cost.took, cost.made = (tuple(v.shape) if isinstance(v, Tensor) else None for v in (given[0], made))

    def scan(extractor: Extractor, given: tuple[Tensor], _) -> None:
        nonlocal scanned
        scanned += _scans(extractor, given[0])

    for module in model.modules():
        if isinstance(module, Extractor):
            module.register_forward_hook(scan)
    for part in costs:
        part.register_forward_pre_hook(before)
        part.register_forward_hook(after)
    obstacle = None
    try:
        with torch.no_grad(), counter:
            model(x)
    except RuntimeError as error:
        obstacle = str(error).splitlines()[0]
    return {name: costs[part] for name, part in parts.items()}, costs[model], obstacle


def _scans(extractor: Extractor, x: Tensor) -> int:
    """Multiply-adds of an extractor's scans of x, and of the convolutions before them."""
    windows, tokens, d = x.shape
    mixer = extractor.mixers[0]
    return len(extractor.orders) * windows * tokens * (mixer.half * (4 * mixer.states + 2) + 3 * d)


def _stages(model: MERba, costs: dict[str, Cost], whole: Cost) -> str:
    strides = [layer.stride[0] for layer in model.stem if isinstance(layer, nn.Conv2d)]
    down = "downsampling" if model.stage1[-1].stride[0] == 2 else "widening"
    stem, stage1, head = costs["stem"], costs["stage1"], costs["head"]
    classes = f"{type(model.head).__name__.removesuffix('Head')}, {model.num_classes} classes"
    rows = [
        ["stem", *_map(stem.made), "–", f"2 × convolution, strides {strides[0]} and {strides[1]}", stem],
        ["stage 1", *_map(stage1.took), "–", f"{len(model.stage1) - 1} × convolution block, {down}", stage1],
    ]
    for k, stage in enumerate(model.stages):
        cost = costs[f"stages.{k}"]
        rows.append([f"stage {k + 2}", *_map(cost.took), *_inside(stage, cost.took[2]), cost])
    rows += [["head", "–", str(head.took[1]), "–", classes, head], ["total", *[""] * 4, whole]]
    columns = ["stage", "map", "channels", "windows", "blocks", "parameters", "products", "scans"]
    return _table(columns, [[*row, *_numbers(cost)] for *row, cost in rows], right={2, 5, 6, 7})


def _map(shape: tuple[int, ...]) -> tuple[str, str]:
    """The grid of tokens that a stage's blocks work on, and its channels."""
    _, channels, height, width = shape
    return f"{height} × {width}", str(channels)


def _inside(stage: Stage, side: int) -> tuple[str, str]:
    """A stage's windows and its blocks, on a map of this side."""
    windows = f"{(side // stage.scanned) ** 2} of {stage.scanned} × {stage.scanned}"
    blocks = [f"{len(stage.extractors)} × extractor"]
    if len(stage.attention):
        reach = "the map" if stage.attended == side else f"{stage.attended} × {stage.attended}"
        blocks.append(f"{len(stage.attention)} × attention over {reach}")
    blocks.append("downsampling" if isinstance(stage.last, nn.Conv2d) else "norm, average")
    return windows, ", ".join(blocks)


def _children(costs: dict[str, Cost], whole: Cost, obstacle: str | None) -> str:
    beside = Cost(*(getattr(whole, k) - sum(getattr(one, k) for one in costs.values()) for k in _AMOUNTS))
    named = {**costs, **({"beside them": beside} if any(getattr(beside, k) for k in _AMOUNTS) else {})}
    counted = 1 if obstacle else 3 if whole.scans else 2
    rows = []
    for name, cost in {**named, "total": whole}.items():
        made = " × ".join(map(str, cost.made[1:])) if cost.made else ""
        rows.append([name, made, *_numbers(cost)[:counted]])
    columns = ["part", "makes", "parameters", "products", "scans"]
    return _table(columns[: 2 + counted], rows, right={2, 3, 4})


def _numbers(cost: Cost) -> list[str]:
    return [_short(cost.learned), _short(cost.products), _short(cost.scans)]


def _learned(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters() if p.requires_grad)


def _short(number: int) -> str:
    """Three digits and a unit: 93.9 M."""
    for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if number >= 0.9995 * size:
            return f"{number / size:#.3g}".removesuffix(".") + f" {unit}"
    return str(number)


def _cited(cite: str) -> str:
    """Authors and year of a line to cite."""
    first, *others = cite.partition(". ")[0].split(", ")
    if not first:
        return "–"
    years = re.findall(r"\b(?:19|20)\d\d\b", cite)
    more = len(others) > 1 or first.endswith(" et al")
    said = f"{first.removesuffix(' et al')} et al." if more else ", ".join([first, *others])
    return f"{said} {years[-1]}" if years else said


def _brief(recipe: Recipe) -> str:
    factor, power = f"{recipe.lr:e}".split("e")
    rate = f"{float(factor):g}e{int(power)}"
    words = [
        f"{recipe.epochs} epochs",
        f"batch {recipe.batch}",
        f"{recipe.optimiser} {rate}",
        recipe.schedule,
    ]
    words += [recipe.balance] * (recipe.balance != "none") + ["bf16"] * (recipe.precision == "bf16")
    return ", ".join(words)


def _table(head: list[str], rows: list[list[str]], right: set[int]) -> str:
    """Markdown that is legible as plain text too; columns in `right` are flush right."""
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    rule = ["-" * (width - 1) + (":" if k in right else "-") for k, width in enumerate(widths)]
    lines = []
    for row in (head, rule, *rows):
        cells = (f"{one:{'>' if k in right else '<'}{widths[k]}}" for k, one in enumerate(row))
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def main(argv: list[str] | None = None) -> None:
    """Print the table of all models, or one model.

    Raises:
        InputError: whatever the user gave that cannot be.
    """
    parser = argparse.ArgumentParser(prog="python -m merba.describe", description=__doc__.split("\n\n")[0])
    parser.add_argument("model", nargs="?", help="a registered model, e.g. merba_base; none: all in a table")
    parser.add_argument("--size", type=int, help="pixels of the input (default: 28, or those of its clips)")
    parser.add_argument("--classes", type=int, default=3, help="default: 3")
    parser.add_argument(
        "--overrides", default="{}", help="JSON: recipe keys and model options, as in training"
    )
    args = parser.parse_args(argv)
    if args.model:
        print(*describe(args.model, args.size, args.classes, parse_overrides(args.overrides)), sep="\n\n")
    else:
        print(overview())


if __name__ == "__main__":
    sys.exit(report(main))
