"""What the two command lines share: errors as one line, threads, device."""

import gc
import importlib
import os
import sys
from collections.abc import Callable

from contracts.errors import InputError


def report(main: Callable, argv: list[str] | None = None) -> int:
    """Call `main(argv)`; an error that the user can cure becomes one line on stderr and exit status 1."""
    try:
        main(argv)
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def add_input_arguments(parser, whose: str) -> None:
    """`--caches` or `--sequences`: which of them is the model's."""
    group = parser.add_mutually_exclusive_group(required=True)
    group.add_argument("--caches", nargs="+", help=f"flow caches of {whose}")
    group.add_argument(
        "--sequences", nargs="+", help=f"sequence files of {whose}, for a model that sees whole clips"
    )


def add_machine_arguments(parser) -> None:
    """`--threads` and `--device`: results repeat exactly only on the same of both."""
    parser.add_argument(
        "--threads",
        type=int,
        default=int(os.environ.get("OMP_NUM_THREADS", "1")),
        help="CPU threads (default: $OMP_NUM_THREADS, else 1)",
    )
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1 ... (default: auto)")


def set_up_torch(threads: int, device: str):
    """Limit threads, ask for deterministic kernels, and return the torch device.

    Raises:
        InputError: no thread is left, or there is no such device.
    """
    if threads < 1:
        raise InputError(f"cannot be {threads}", clip="--threads", cure="give 1 or more")
    # cuBLAS reads this once, before its first call; without it some products are not reproducible.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    _import_torch()
    import torch

    from merba import native

    native.keep_memory()
    torch.set_num_threads(threads)
    name = ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device
    try:
        torch.empty(0, device=name)
    except (RuntimeError, AssertionError) as error:
        raise InputError(
            f"device {name!r} cannot be used", clip="--device", cure="use cpu or auto"
        ) from error
    if name != "cpu":
        # CPU kernels repeat exactly for a given number of threads; asking there would only cost time.
        torch.use_deterministic_algorithms(True, warn_only=True)
        # No operation of ours reads what it has only allocated; to fill that is a launch each.
        torch.utils.deterministic.fill_uninitialized_memory = False
        # What a recipe calls float32 is not rounded to ten bits, neither in products nor in convolutions.
        torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
    return torch.device(name)


def _import_torch() -> None:
    """Without looking for garbage: among the hundred thousands of objects that torch makes and keeps, that
    takes a sixth of its import.
    """
    if "torch" in sys.modules or not gc.isenabled():
        return
    gc.disable()
    try:
        importlib.import_module("torch")
        gc.freeze()
    finally:
        gc.enable()
