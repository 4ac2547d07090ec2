"""Loops for the CPU that PyTorch's operations cannot fuse, in C++, compiled by the machine's own compiler.

A kernel is a `.cpp` file with plain C functions beside the module of the same name that calls it. That module
also has the same computation in PyTorch, which tests compare it with and which runs wherever no compiler is
found: nothing needs a kernel, it is only slower without. Compiled libraries are kept in the user's cache
folder, one for each source, compiler and processor.

`MERBA_NATIVE=0` leaves all kernels out.
"""

import ctypes
import functools
import hashlib
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

from contracts.errors import InputError
from contracts.files import whole

VARIABLE = "MERBA_NATIVE"
# Sums may be reordered, as every BLAS does; infinities and NaN must still be told apart, so no -ffast-math.
FLAGS = ["-std=c++17", "-O3", "-march=native", "-fPIC", "-shared", "-fno-predictive-commoning"]
FLAGS += ["-fno-math-errno", "-fno-trapping-math", "-fassociative-math", "-fno-signed-zeros"]


@functools.cache
def compiled(module: str) -> ctypes.CDLL | None:
    """The compiled `.cpp` beside a module, or None where it cannot be had: no compiler, or `MERBA_NATIVE=0`.

    A compiler that fails is reported on stderr, once a process.

    Args:
        module: the caller's `__file__`.
    """
    if os.environ.get(VARIABLE, "1") == "0":
        return None
    compiler = _compiler()
    if compiler is None:
        return None
    source = Path(module).with_suffix(".cpp")
    try:
        made = _cache_folder() / f"{source.stem}-{_digest(source, compiler)}.so"
        if not made.is_file():
            # Several jobs may compile at once: each beside, the last to rename wins, and all are alike.
            with whole(made) as partial:
                command = [compiler, *FLAGS, str(source), "-o", str(partial)]
                subprocess.run(command, check=True, capture_output=True, text=True)
        return ctypes.CDLL(str(made))
    except (OSError, RuntimeError, InputError, subprocess.CalledProcessError) as error:
        said = (getattr(error, "stderr", None) or str(error)).strip().splitlines()
        cause = said[0] if said else "no message"
        print(
            f"{source.name} cannot be compiled or loaded, PyTorch takes its place: {cause}. "
            f"{VARIABLE}=0 says so beforehand",
            file=sys.stderr,
        )
        return None


def call(function, *arguments) -> None:
    """Call a kernel with tensors as the addresses of their elements, integers as int64, floats as double.

    A list of tensors is an array of their addresses. Tensors must be contiguous, on the CPU and of the type
    that the kernel expects.
    """
    # `arguments` keeps them alive until the kernel returns.
    function(*map(_as_c, arguments))


def _as_c(argument):
    if isinstance(argument, int):
        return ctypes.c_int64(argument)
    if isinstance(argument, float):
        return ctypes.c_double(argument)
    if isinstance(argument, list):
        return (ctypes.c_void_p * len(argument))(*(one.data_ptr() for one in argument))
    return ctypes.c_void_p(argument.data_ptr())


def keep_memory() -> None:
    """Let this process keep what it frees, where the C library is glibc and kernels are in use.

    A training step allocates the same few megabytes every time. Handed back to the system in between, they
    must be cleared and mapped again, which a small model's step notices.
    """
    if os.environ.get(VARIABLE, "1") == "0" or platform.libc_ver()[0] != "glibc":
        return
    trim_threshold, mmap_threshold = -1, -3  # M_TRIM_THRESHOLD and M_MMAP_THRESHOLD of malloc.h
    mallopt = ctypes.CDLL(None).mallopt
    mallopt(mmap_threshold, 2**30)
    mallopt(trim_threshold, 2**31 - 1)


def _compiler() -> str | None:
    """Path of the first C++ compiler there is; `CXX` names another, one program without arguments."""
    asked = os.environ.get("CXX")
    found = next(filter(None, map(shutil.which, [asked] if asked else ["c++", "g++", "clang++"])), None)
    if asked and not found:
        print(f"CXX={asked} is no program; PyTorch takes the kernels' place", file=sys.stderr)
    return found


def _cache_folder() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "merba"


def _digest(source: Path, compiler: str) -> str:
    """Of everything that decides what the library holds, the processor among it."""
    version = subprocess.run([compiler, "--version"], capture_output=True, text=True).stdout
    parts = [source.read_text(), *FLAGS, compiler, version, _processor()]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def _processor() -> str:
    """What `-march=native` looks at, as far as it can be read."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return "\n".join(sorted({line for line in lines if line.startswith(("model name", "flags", "Features"))}))
