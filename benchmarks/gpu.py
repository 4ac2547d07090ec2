"""Everything that this project says of a GPU, measured on this machine in under eight minutes.

    python -m benchmarks.gpu [--device cuda] [--budget 450] [--json build/gpu.json]

One step after another, each a process with a budget of its own; a failure is reported, and the next begins:

* **ceilings**: what the device can do at most. Square matrix products, copies in its memory, and the time of
  the smallest operation, below which no kernel is;
* **scans**: every back-end of the selective scan and of the Mixer's work around it (`merba.mixing`), at the
  size of MERba's second stage: 128 clips of 16 windows of 49 tokens, in four directions. Beside each two
  floors, of which the higher counts: its inputs, outputs and gradients pass through memory once, at the speed
  of a copy; the definition's operations are done at the speed of a matrix product in float32, an exponential
  or a logarithm as one, the gradient as twice as many;
* **flow**: `benchmarks.tvl1_backends`;
* **steps**: `benchmarks.training_steps` for each model; last, for MERba with each back-end and compiled;
* **folds**: `benchmarks.packs`, a few epochs of folds, one by one, several at once, and stacked.

What the time does not suffice for is listed as not begun.

Needs no more than training does; the flow also OpenCV's contributed modules, scikit-image and Pillow. With
`--device cpu --windows 4 --seconds 0.1` it shows that all works.
"""

import argparse
import functools
import os
import signal
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.report import write
from benchmarks.steps import Step, run, summary
from benchmarks.training_steps import ceiling
from contracts.errors import InputError
from merba.commands import add_machine_arguments, report, set_up_torch
from merba.registry import declaration

JSON = Path("build/gpu.json")
MODELS = ("merba_base", "merba_small", "merba_tiny", "htnet", "featref", "mambavision_b", "ststnet")
BACKENDS = ("triton", "mamba_ssm", "torch")
"""Of the scan, to train MERba with besides the one that is chosen by itself."""
PEERS = ("mamba_ssm", "reference")
"""Back-ends of the scan that the others are compared with."""
COMPILED = ("merba_base", "htnet")
"""Models whose steps torch compiles, too."""
FOLDS = {
    "ststnet": ("--epochs", "40", "--folds", "2", "--packed", "68", "--seeds", "5"),
    # Hundreds of megabytes each, to disk.
    "htnet": ("--epochs", "20", "--folds", "1", "--packed", "2", "--ways", "plain", "single", "packed"),
    "merba_base": ("--epochs", "4", "--folds", "1", "--packed", "2", "--ways", "plain", "single", "packed"),
}
"""Models whose folds are trained, and how many for how long; what is stacked, for several seeds."""
WINDOWS, TOKENS, CHANNELS, STATES = 128 * 16, 49, 256, 8
"""Of a batch in MERba's second stage: windows, tokens of each; the Mixer's channels, half of them scanned."""
LEAST = 3
"""Runs of anything that is timed, besides a first one that does not count."""
_FLOAT = 4
# Operations a channel and token. Of each state: exp(dt A) two, decay h + dt x B three, C h one and, but
# for the first, its addition; dt x is one, adding D x two.
_RECURRENCE = 7 * STATES + 2
_CONVOLVED, _SILU, _SOFTPLUS = 5, 3, 4


def main(argv: list[str] | None = None) -> None:
    """Measure, print a table, write all figures, after every step what there is.

    Raises:
        InputError: an unknown model, or a device that is not there.
        SystemExit: a step found nothing, or the program was told to stop.
    """
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--models", nargs="+", default=MODELS, help=f"default: {' '.join(MODELS)}")
    parser.add_argument("--budget", type=float, default=450, help="seconds in all (default: 450)")
    parser.add_argument("--seconds", type=float, default=2, help="of each that is timed (default: 2)")
    parser.add_argument("--windows", type=int, default=WINDOWS, help=f"of the scans (default: {WINDOWS})")
    parser.add_argument("--steps", nargs="+", metavar="NAME", help="only steps whose names begin so")
    parser.add_argument("--json", type=Path, default=JSON, help=f"default: {JSON}")
    parser.add_argument("--part", choices=PARTS, help=argparse.SUPPRESS)
    add_machine_arguments(parser)
    parser.set_defaults(device="cuda")
    args = parser.parse_args(argv)
    for name in args.models:
        declaration(name)
    if args.part:
        device = set_up_torch(args.threads, args.device)
        for figures in PARTS[args.part](device, args.seconds, args.windows):
            write(args.json, figures)
        return
    # A scheduler's last word: the step at work is stopped, and what was found is kept.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))
    wanted = tuple(args.steps or ("",))
    found = run(
        (step for step in steps(args) if step.name.startswith(wanted)),
        args.budget,
        lambda found: write(args.json, {"device": args.device, "steps": found}),
    )
    print(summary(found))
    print(f"\nall figures: {args.json}")
    sys.exit(any(one["state"] not in ("done", "missed") for one in found.values()))


def steps(args: argparse.Namespace) -> list[Step]:
    """What is measured, the most important first."""
    where = ("--device", args.device, "--threads", str(args.threads))
    part = (*where, "--seconds", str(args.seconds), "--windows", str(args.windows), "--part")
    step = ("benchmarks.training_steps", *where, "--seconds", str(args.seconds), "--models")
    cores = str(len(os.sched_getaffinity(0)))
    folds = ("benchmarks.packs", *where, "--cores", "1", "--model")
    tried = [name for name in args.models if name.startswith("merba")][:1]
    return [
        Step("ceilings", ("benchmarks.gpu", *part, "ceilings"), 60),
        Step("scans", ("benchmarks.gpu", *part, "scans"), 90),
        Step("flow", ("benchmarks.tvl1_backends", "--quick", "--device", args.device), 60),
        *(Step(f"steps, {name}", (*step, name), 60) for name in args.models),
        *(Step(f"folds, {name}", (*folds, name, *few), 90) for name, few in FOLDS.items()),
        *(
            Step(f"steps, {name}, {backend}", (*step, name), 60, {"MERBA_SCAN": backend})
            for name in tried
            for backend in BACKENDS
        ),
        *(
            # Triton's kernels are compiled by as many threads.
            Step(f"steps, {name}, compiled", (*step, name, "--compiled", "--threads", cores), 120)
            for name in args.models
            if name in COMPILED
        ),
    ]


def ceilings(device, seconds: float, _: int) -> Iterator[dict]:
    """FLOP/s of matrix products, bytes a second of copies, seconds of the smallest operation."""
    import torch

    products = {precision: ceiling(device, precision, seconds) for precision in ("bf16", "float32")}
    copied = bandwidth(device, seconds)
    one = torch.zeros(1, device=device)

    def many():
        for _ in range(1000):
            one.add_(1)

    least = timed(many, device, seconds) / 1000
    yield {
        "headline": [
            *([f"matrix product, {name}", value / 1e12, "TFLOP/s"] for name, value in products.items()),
            ["copy in memory", copied / 1e9, "GB/s"],
            ["smallest operation", least * 1e6, "µs"],
        ],
        "products": products,
        "bandwidth": copied,
        "smallest_operation": least,
    }


def scans(device, seconds: float, windows: int) -> Iterator[dict]:
    """Milliseconds of every back-end, forward alone and with backward, and of its floors; one more a time."""
    import torch

    from merba.scan import list_backends

    torch.manual_seed(0)
    speed, product = bandwidth(device, seconds), ceiling(device, "float32", seconds)
    found = {}
    for task, make in {"scan": _scan, "mix": _mix}.items():
        forward, moved, operations = make(device, windows)
        floors = {"bytes_ms": 1e3 * moved / speed, "operations_ms": 1e3 * operations / product}
        for name in list_backends(task):
            try:
                found[f"{task}, {name}"] = {
                    "forward_ms": 1e3 * timed(functools.partial(_quietly, forward, name), device, seconds),
                    "whole_ms": 1e3 * timed(functools.partial(_whole, forward, name), device, seconds),
                    **floors,
                }
            except Exception as error:  # a compiler's, a driver's: no reason to lose the others
                said = str(error).strip().splitlines() or ["no message"]
                why = error.problem if isinstance(error, InputError) else f"{type(error).__name__}: {said[0]}"
                found[f"{task}, {name}"] = {"obstacle": why}
            headline = []
            for measured, one in found.items():
                if "whole_ms" in one:
                    share = 100 * max(one[floor] for floor in floors) / one["whole_ms"]
                    headline.append([f"{measured}: forward and backward", one["whole_ms"], "ms"])
                    headline.append([f"{measured}: of the floor", share, "%"])
                    headline += _times(measured, found)
            yield {
                "headline": headline,
                "obstacles": [[what, one["obstacle"]] for what, one in found.items() if "obstacle" in one],
                "windows": windows,
                "bandwidth": speed,
                "product": product,
                "backends": found,
            }


def _times(measured: str, found: dict) -> list[list]:
    """How many times a back-end is as fast as those that it stands beside."""
    task, _, name = measured.partition(", ")
    return [
        [f"{measured}: times {peer}", other["whole_ms"] / found[measured]["whole_ms"], ""]
        for peer in PEERS
        if peer != name and "whole_ms" in (other := found.get(f"{task}, {peer}", {}))
    ]


PARTS = {"ceilings": ceilings, "scans": scans}


def _quietly(forward: Callable, name: str) -> None:
    import torch

    with torch.inference_mode():
        forward(name)


def _whole(forward: Callable, name: str) -> None:
    forward(name).sum().backward()


def _scan(device, windows: int):
    """A scan by its back-end's name; bytes that it and its gradient move at least, and their operations."""
    import torch

    from merba.scan import selective_scan

    channels, sequences = CHANNELS // 2, 4 * windows
    wide = (channels, TOKENS, sequences), (STATES, TOKENS, sequences)
    x, steps_, B, C = (torch.randn(wide[k], device=device) for k in (0, 0, 1, 1))
    tensors = [x, torch.nn.functional.softplus(steps_), -torch.rand(channels, STATES, device=device)]
    tensors += [B, C, torch.ones(channels, device=device)]
    tensors = [tensor.requires_grad_() for tensor in tensors]
    # Forward x, dt, B, C and y; backward these with dy for y, and four gradients.
    moved = _FLOAT * TOKENS * sequences * (8 * channels + 6 * STATES)
    operations = 3 * TOKENS * sequences * channels * _RECURRENCE
    return lambda name: selective_scan(*tensors, backend=name), moved, operations


def _mix(device, windows: int):
    """The Mixer's work in four directions, likewise."""
    import torch

    from merba.blocks import Mixer
    from merba.orders import inverse, order_names, scan_order

    mixer = Mixer(CHANNELS, STATES).to(device)
    side = int(TOKENS**0.5)
    read = [scan_order(name, side, side) for name in order_names("merba")]
    back = torch.stack([inverse(order) for order in read]).to(device)
    read = torch.stack(read).to(device)
    xz = torch.randn(windows, TOKENS, CHANNELS, device=device, requires_grad=True)

    def forward(name):
        os.environ["MERBA_SCAN"] = name
        return mixer.mix(xz, read, back)

    half, rank = mixer.dt_proj.weight.shape
    # In each direction, half of the channels choose and scan; then the directions are summed.
    scanned = 2 * (rank + 2 * STATES) + 2 * rank + _SOFTPLUS + _RECURRENCE
    directions = len(read) * (CHANNELS * (_CONVOLVED + _SILU) + half * scanned)
    operations = 3 * windows * TOKENS * (directions + CHANNELS * (len(read) - 1))
    # Forward in and out; backward in, gradient in and out.
    return forward, _FLOAT * 5 * xz.numel(), operations


def bandwidth(device, seconds: float) -> float:
    """Bytes a second that a copy within the device's memory reads and writes."""
    import torch

    source = torch.zeros(2**28 if device.type == "cuda" else 2**25, device=device)
    copy = functools.partial(torch.empty_like(source).copy_, source)
    return 2 * _FLOAT * source.numel() / timed(copy, device, seconds)


def timed(function: Callable, device, seconds: float) -> float:
    """Median seconds of a call, after a first that does not count."""
    import torch

    taken, until = [], None
    while until is None or len(taken) < LEAST or time.perf_counter() < until:
        start = time.perf_counter()
        function()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        if until is None:
            until = time.perf_counter() + seconds
        else:
            taken.append(time.perf_counter() - start)
    return statistics.median(taken)


if __name__ == "__main__":
    sys.exit(report(main))
