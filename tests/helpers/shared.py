"""What is made once a run, by the worker that asks first."""

import fcntl
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from contracts.files import whole


def once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """The folder that `make` fills, for all workers: nobody may change anything in it.

    Args:
        name: of the folder, unique among all tests.
        make: is given the empty folder, under a name that it loses when all is in it.
    """
    base = factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        base = base.parent  # each worker has one below the run's
    with (base / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (base / name).exists():
            with whole(base / name, folder=True) as folder:
                make(folder)
    return base / name
