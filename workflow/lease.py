"""Which GPU of this machine a job computes on: Snakemake counts GPUs, and does not say which one a job gets.

Every GPU has a lock file per slot, and a job holds one of them for its life. The kernel takes a lock back
with the process that holds it, however that ends, so a killed job leaves nothing behind that could block.

* The pool is what `CUDA_VISIBLE_DEVICES` lists, as numbers (those of `nvidia-smi`) or UUIDs; unset, every GPU
  of the machine, or the parts of one that is partitioned (MIG). Set to nothing, jobs stay on the CPU.
* `MERBA_GPU_SLOTS` jobs share a GPU (default: 1); they spread over all GPUs first.
* Where there is no GPU nothing happens.
"""

import contextlib
import fcntl
import os
import random
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from contracts.errors import InputError

FOLDER = Path("data/.gpu")
"""Of the lock files, which belong to all runs of a working folder."""
_DRIVER = Path("/proc/driver/nvidia/gpus")
_VISIBLE = "CUDA_VISIBLE_DEVICES"
_SLOTS = "MERBA_GPU_SLOTS"
_BETWEEN_TRIES = 0.25


@contextlib.contextmanager
def leased(asked: int, folder: Path = FOLDER) -> Iterator[str | None]:
    """Hold a GPU for as long as the block runs, and show this process no other; before CUDA starts.

    Args:
        asked: GPUs that the job's rule asks for. A job that asks for none sees none; one that asks for
            several computes on one.
        folder: of the lock files.

    Yields:
        The GPU as `CUDA_VISIBLE_DEVICES` names it; None where the job has none.

    Raises:
        InputError: the slots are no number, or the folder cannot be written or has no locks.
    """
    if not asked:
        os.environ[_VISIBLE] = ""
    pool = devices() if asked else []
    if not pool:
        yield None
        return
    # A number is CUDA's own otherwise, which sorts by speed.
    os.environ.setdefault("CUDA_DEVICE_ORDER", "PCI_BUS_ID")
    # Numbers are a machine's own, while `data/` may be shared between machines.
    folder = Path(folder, socket.gethostname())
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _no_place(error, folder) from error
    places = [(gpu, folder / f"{gpu.replace('/', '-')}.{slot}") for slot in range(_slots()) for gpu in pool]
    gpu, descriptor = _first_free(places)
    os.environ[_VISIBLE] = gpu
    try:
        yield gpu
    finally:
        os.close(descriptor)


def devices() -> list[str]:
    """The GPUs that jobs may use, as UUIDs where these are known and as numbers otherwise."""
    installed, given = _installed(), os.environ.get(_VISIBLE)
    if given is None:
        return installed
    # A number means a whole GPU, whose parts have UUIDs of their own.
    whole = [] if any(one.startswith("MIG-") for one in installed) else installed
    pool = []
    for one in map(str.strip, given.split(",")):
        # As CUDA reads it: what follows the first entry that names no GPU does not count.
        if not re.fullmatch(r"\d+|(GPU|MIG)-.+", one):
            break
        if one.isdecimal():
            pool.append(whole[int(one)] if int(one) < len(whole) else one)
        else:
            # CUDA takes the first digits of a UUID, too, if no other has them; a lock bears the whole name.
            matching = [full for full in installed if full.startswith(one)]
            pool.append(matching[0] if len(matching) == 1 else one)
    return list(dict.fromkeys(pool))


def _installed() -> list[str]:
    """The machine's GPUs in the order of their places on the bus."""
    try:
        command = ["nvidia-smi", "-L"]
        said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    except (OSError, subprocess.SubprocessError):
        return [str(number) for number, _ in enumerate(_DRIVER.glob("*"))]
    found: list[str] = []
    for indent, identity in re.findall(r"^([ \t]*)\S.*\(UUID: ([^)]+)\)", said, re.MULTILINE):
        # Parts stand indented below their GPU, which cannot be used itself.
        if indent and found and found[-1].startswith("GPU-"):
            found.pop()
        found.append(identity)
    return found


def _slots() -> int:
    given = os.environ.get(_SLOTS, "1")
    if not given.isdecimal() or int(given) < 1:
        raise InputError(f"cannot be {given!r}", clip=_SLOTS, cure="give the number of jobs that share a GPU")
    return int(given)


def _first_free(places: list[tuple[str, Path]]) -> tuple[str, int]:
    """A GPU whose lock this process now holds, and the open descriptor that holds it; waits for one."""
    waits = False
    while True:
        for gpu, path in places:
            # Python's descriptors close when another program is started: no child keeps a lock.
            try:
                descriptor = _opened(path)
            except OSError as error:
                raise _no_place(error, path) from error
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return gpu, descriptor
            except BlockingIOError:
                os.close(descriptor)
            except OSError as error:
                os.close(descriptor)
                raise InputError(
                    f"the file system has no locks ({error.strerror})",
                    file=path,
                    cure=f"move data/ to another disk, or set {_VISIBLE} to nothing to stay on the CPU",
                ) from error
        if not waits:
            print(f"waiting for one of {len(places)} places on GPUs", file=sys.stderr, flush=True)
            waits = True
        time.sleep(_BETWEEN_TRIES * (0.5 + random.random()))


def _opened(path: Path) -> int:
    """For writing, as NFS wants it of an exclusive lock; elsewhere another user's file can be read."""
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    except PermissionError:
        return os.open(path, os.O_RDONLY)


def _no_place(error: OSError, path: Path) -> InputError:
    return InputError(
        f"a GPU's lock cannot be kept here ({error.strerror})",
        file=path,
        cure=f"see that it can be written, or set {_VISIBLE} to nothing to stay on the CPU",
    )
