"""What a training step of every model costs: clips per second, memory, and how much of the machine it uses.

    python -m benchmarks.training_steps [--device auto] [--models NAME ...] [--batch N] [--json FILE]

Each model is one fresh process with three classes at its recipe's input: 28 px for flow, its own clips
otherwise, random in any case. The steps are those of `merba.loop.fit`, one batch an epoch: mirroring, forward
and backward pass, clipping, optimiser and the loop's own bookkeeping, in bfloat16 under autocast where the
recipe says so and the device is CUDA. Nothing is loaded or downloaded.

*Memory* is the process's peak resident set on a CPU, Python and torch included, and the peak of torch's
allocator on CUDA. A batch that does not fit is halved until it does; the table says which it was.

*FLOP/s* are those of matrix products, convolutions and attention, forward and backward, as torch counts them
where this project's own kernels are left out (a multiply-add is two; scans and an LSTM's kernel are not
counted); their *share* is of the fastest square matrix product of the same precision on the same device,
measured by the same process. A share that is small says that a step waits for something else: memory, scans,
many small kernels, the optimiser.

*68 folds* is how long a seed of MEGC2019 would take at this rate, its 442 clips and the recipe's epochs, one
fold after the other, start-up left out.

With `--compiled` torch compiles the steps that are timed (`merba.compiled`); how long the first of them took
is among the figures of `--json`.

`slstt` computes its frozen backbone once a clip, before the steps that are timed. Models that are fitted at
once have no steps and are left out.
"""

import argparse
import contextlib
import dataclasses
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path
from unittest import mock

from benchmarks.report import cpu, table, write
from contracts.errors import InputError
from contracts.provenance import ROOT
from merba.commands import add_machine_arguments, report, set_up_torch
from merba.registry import declaration, list_models, model_entry

BATCH = 128
SECONDS = 5.0
WARM_UP, LEAST = 1, 2
"""Steps not timed, and steps timed at least."""
COUNTED = 2
"""Clips of the step in which operations are counted."""
FRAMES = 30
"""Of the clip shown to a model that takes all frames."""
LOSO = 67 * 442
"""Clips that 68 folds of 442 clips train on in an epoch: each is left out of one."""
SIDE = {"cpu": 2048, "cuda": 8192}
"""Of the square matrices whose product is the ceiling."""


class _Enough(Exception):
    """Ends a training run from within."""


def main(argv: list[str] | None = None) -> None:
    """Measure, print a table, and write all figures to `--json`.

    Raises:
        InputError: an unknown model or a device that is not there.
    """
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--models", nargs="+", help="default: all that learn in steps")
    parser.add_argument("--batch", type=int, default=BATCH, help=f"clips a step (default: {BATCH})")
    parser.add_argument(
        "--seconds", type=float, default=SECONDS, help=f"of steps, at least (default: {SECONDS:g})"
    )
    parser.add_argument(
        "--memory", type=float, help="GiB a CPU process may take (default: half of what is free)"
    )
    parser.add_argument("--compiled", action="store_true", help="let torch compile the steps that are timed")
    parser.add_argument("--json", type=Path, help="write all figures here too")
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    add_machine_arguments(parser)
    args = parser.parse_args(argv)
    for name in args.models or []:
        declaration(name)
    if args.one:
        print(json.dumps(_one(args.models[0], args)))
        return
    found = {}
    for name in args.models or list_models():
        if model_entry(name).build.fitted_at_once:
            continue
        print(f"{name} ...", file=sys.stderr, flush=True)
        found[name] = _fitting(name, args)
    print(_table(found))
    if args.json:
        headline = []
        for name, one in found.items():
            how = f"training {name}{', compiled' * args.compiled}, batch {one['batch']}"
            headline.append([how, one["clips_per_second"], "clips/s"])
            headline.append([f"{how}: of the ceiling", 100 * one["share"], "%"])
            headline.append([f"68 folds of {name} at this rate", one["loso_minutes"], "min"])
        write(args.json, {"headline": headline, "models": found})


def _fitting(name: str, args: argparse.Namespace) -> dict:
    """Figures of one model at the largest batch that fits, halving from the one asked for."""
    batch = args.batch
    while True:
        command = [sys.executable, "-m", "benchmarks.training_steps", "--one", "--models", name]
        command += ["--batch", str(batch), "--seconds", str(args.seconds), "--device", args.device]
        command += ["--threads", str(args.threads), "--memory", str(args.memory or _free() / 2)]
        command += ["--compiled"] * args.compiled
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
        print(done.stderr, end="", file=sys.stderr)
        if done.returncode not in (0, -9):
            last = (done.stderr.strip().splitlines() or ["no message"])[-1]
            raise InputError(f"{name} could not be measured: {last}", cure="see above")
        figures = json.loads(done.stdout) if done.returncode == 0 else None
        if figures:
            return figures
        if batch == 1:
            raise InputError(
                f"not one clip of {name} fits", clip="--memory", cure="give more, or leave it out"
            )
        batch //= 2


def _one(name: str, args: argparse.Namespace) -> dict | None:
    """Figures of one model in this process; None where the batch does not fit."""
    device = set_up_torch(args.threads, args.device)
    import torch

    if device.type == "cpu":
        limit = int(args.memory * 2**30)
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    try:
        figures = _steps(name, args.batch, args.seconds, device, args.compiled)
    except (MemoryError, torch.OutOfMemoryError):
        return None
    except RuntimeError as error:
        # "can't allocate memory"; on CUDA, "illegal memory access" is no matter of size.
        if device.type == "cpu" and "memory" in str(error):
            return None
        raise
    figures["ceiling"] = ceiling(device, figures["precision"])
    figures["share"] = figures["flops"] / figures["ceiling"]
    return {**figures, "device": _device(device), "threads": torch.get_num_threads()}


def _steps(name: str, batch: int, seconds: float, device, compiled: bool = False) -> dict:
    import torch
    from torch.nn.attention import SDPBackend, sdpa_kernel
    from torch.utils.flop_counter import FlopCounterMode

    from merba import create_model
    from merba.loop import fit

    # So many epochs that none is the last; each is one step.
    recipe = dataclasses.replace(declaration(name).recipe, batch=max(batch, COUNTED), epochs=10**9)
    x, mirror = _shown(name, max(batch, COUNTED))
    x, y = x.to(device), (torch.arange(len(x)) % 3).to(device)
    torch.manual_seed(0)
    model = create_model(name, 3, **recipe.options).to(device)
    few = (model, recipe, x[:COUNTED], y[:COUNTED], 0, mirror)
    # What a model computes once and keeps, it computes in this step.
    with contextlib.suppress(_Enough):
        fit(*few, _stop_after(1, 0.0, []))
    counter = FlopCounterMode(
        display=False, custom_mapping={torch.ops.aten.convolution_backward: products_of_gradients}
    )
    # Torch counts only some of attention's kernels, but every product of its formula.
    with contextlib.suppress(_Enough), _torch_alone(), counter, sdpa_kernel(SDPBackend.MATH):
        fit(*few, _stop_after(1, 0.0, []))
    flops = counter.get_total_flops() / COUNTED
    recipe, ends = dataclasses.replace(recipe, compiled=compiled), []
    begun = time.perf_counter()
    with contextlib.suppress(_Enough):
        fit(model, recipe, x[:batch], y[:batch], 0, mirror, _stop_after(WARM_UP + LEAST, seconds, ends))
    step = statistics.median(b - a for a, b in zip(ends[WARM_UP - 1 :], ends[WARM_UP:], strict=False))
    if device.type == "cuda":
        peak = torch.cuda.max_memory_allocated(device) / 2**20
    else:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {
        "batch": batch,
        "shape": list(x.shape[1:]),
        "precision": recipe.precision if device.type == "cuda" else "float32",
        "steps": len(ends) - WARM_UP,
        "first_step": ends[0] - begun,
        "seconds_per_step": step,
        "clips_per_second": batch / step,
        "loso_minutes": LOSO * declaration(name).recipe.epochs * step / batch / 60,
        "peak_mebibytes": peak,
        "flop_per_clip": flops,
        "flops": flops * batch / step,
    }


@contextlib.contextmanager
def _torch_alone():
    """No kernel of this project, none of which torch could count."""
    from merba import native, scan

    try:
        with mock.patch.dict(os.environ, {native.VARIABLE: "0", scan.VARIABLE: "torch"}):
            native.compiled.cache_clear()
            yield
    finally:
        native.compiled.cache_clear()


def _stop_after(steps: int, seconds: float, ends: list[float]):
    """A `note` for `fit`: keeps when each step ended; ends the run after so many steps and so long a time."""

    def note(*_) -> None:
        # The loop has just read the loss, so the device has finished.
        ends.append(time.perf_counter())
        if len(ends) >= steps and ends[-1] - ends[min(WARM_UP, len(ends)) - 1] >= seconds:
            raise _Enough

    return note


def _shown(name: str, number: int):
    """Random clips as the model sees them, (number, ...), and how they mirror."""
    import numpy as np
    import torch

    from contracts.sequences import Sequence
    from merba.data import Normaliser

    random = np.random.default_rng(0)
    declared = declaration(name)
    if declared.clips is None:
        flow = random.standard_normal((number, 3, 28, 28), np.float32)
        normaliser = Normaliser.fit(flow, declared.recipe.coding, declared.recipe.channels, "physical")
        return torch.from_numpy(normaliser(flow)), normaliser.mirror
    build, size, length = model_entry(name).build, declared.clips.size, declared.clips.steps or FRAMES
    frames = random.integers(0, 256, (length, size, size), np.uint8)
    flow = random.standard_normal((length, 3, size, size), np.float32)
    seen = torch.from_numpy(build.see(Sequence(frames, flow, np.arange(length, dtype=float), length / 2)))
    return seen.expand(number, *seen.shape).clone(), build.mirror


def products_of_gradients(grad, x, weight, *others, out_shape=None) -> int:
    """FLOP of a convolution's gradients of its input and its weight: each has the products of its values.

    Torch counts those of the weight as if it had one group.

    Args:
        grad, x, weight: shapes of what `aten::convolution_backward` is given; others: its further arguments.
    """
    from torch.utils.flop_counter import conv_flop_count

    *_, transposed, _, _, wanted = others
    return sum(wanted[:2]) * conv_flop_count(x, weight, grad, transposed)


def ceiling(device, precision: str, seconds: float = 2) -> float:
    """FLOP/s of the fastest of several square matrix products."""
    import torch

    side = SIDE.get(device.type, SIDE["cpu"])
    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    a, b = (torch.randn(side, side, device=device, dtype=dtype) for _ in range(2))
    taken, until = [], time.perf_counter() + seconds
    while len(taken) < 4 or time.perf_counter() < until:
        start = time.perf_counter()
        a @ b
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        taken.append(time.perf_counter() - start)
    return 2 * side**3 / min(taken)


def _table(found: dict) -> str:
    rows = [
        (
            name,
            one["precision"],
            one["batch"],
            f"{one['clips_per_second']:.4g}",
            f"{1000 * one['seconds_per_step']:.4g}",
            f"{one['loso_minutes']:.3g}",
            f"{one['peak_mebibytes']:.0f}",
            f"{one['flops'] / 1e9:.4g}",
            f"{100 * one['share']:.2g} %",
        )
        for name, one in found.items()
    ]
    header = (
        "model",
        "precision",
        "batch",
        "clips per s",
        "ms per step",
        "68 folds, min",
        "peak MiB",
        "GFLOP/s",
    )
    lines = [table((*header, "of the ceiling"), rows, words=2)]
    for device, threads in sorted({(one["device"], one["threads"]) for one in found.values()}):
        mine = [one for one in found.values() if one["device"] == device]
        for precision in sorted({one["precision"] for one in mine}):
            best = max(one["ceiling"] for one in mine if one["precision"] == precision)
            lines += [
                "",
                f"{device}, {threads} CPU threads; ceiling in {precision}: {best / 1e9:.4g} GFLOP/s.",
            ]
    return "\n".join(lines)


def _device(device) -> str:
    import torch

    return torch.cuda.get_device_name(device) if device.type == "cuda" else cpu()


def _free() -> float:
    """GiB that a new process could take."""
    lines = Path("/proc/meminfo").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("MemAvailable")) / 2**20


if __name__ == "__main__":
    sys.exit(report(main))
