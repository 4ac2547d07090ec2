"""The selective scan: a linear recurrence whose decay and input depend on the token (Gu & Dao 2023, eq 2-4).

For each channel d, state n and sequence s, along the tokens t:

    h[t] = exp(dt[t] A) h[t-1] + dt[t] B[t] x[t],    h[-1] = 0
    y[t] = sum_n C[t] h[t] + D x[t]

Every function here takes and returns the same layout, **channels first, sequences last**:

| tensor | shape | |
|---|---|---|
| x, dt, y | (channels, length, sequences) | dt > 0 |
| A | (channels, states) | A < 0 for a stable recurrence |
| B, C | (states, length, sequences) | shared by all channels |
| D | (channels,) | |

MERba's windows make sequences short (49) and many (batch x windows x directions), so the innermost loop runs
over sequences: every operation of the recurrence then works on long contiguous rows.

The recurrence has several back-ends, the files of `merba.scan.backends`; they agree in values and gradients
up to rounding. Some do not scan alone but all that surrounds the scan as well, see `merba.mixing`. The best
that can run is taken unless the environment variable `MERBA_SCAN` names another.
"""

import functools
import importlib
import os
import pkgutil
from types import ModuleType

from torch import Tensor, float32, promote_types

from contracts.errors import InputError, unknown
from merba.scan import backends

VARIABLE = "MERBA_SCAN"


def selective_scan(
    x: Tensor, dt: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor, backend: str | None = None
) -> Tensor:
    """y, shapes as in the module's table.

    The state is float32 (float64 for float64 inputs) whatever the precision of x, and y has x's dtype.

    Args:
        x, dt, A, B, C, D: see the table.
        backend: one of `list_backends("scan")`; default: `MERBA_SCAN`, or else the best that can run.

    Raises:
        InputError: no such back-end, or it cannot run here.
    """
    wide = promote_types(x.dtype, float32)
    args = [tensor.to(wide) for tensor in (x, dt, A, B, C, D)]
    return choose_backend(args[0], backend, "scan").scan(*args).to(x.dtype)


def list_backends(task: str = "mix") -> list[str]:
    """Names of the back-ends, the best first: of those that `scan` alone, or of all, which can `mix`."""
    return list(_backends(task))


def choose_backend(x: Tensor, name: str | None = None, task: str = "mix") -> ModuleType:
    """The back-end that does a task of `list_backends` for `x`, float32 or float64.

    Raises:
        InputError: no such back-end, or it cannot run here.
    """
    known = _backends(task)
    source = "backend" if name else VARIABLE
    name = name or os.environ.get(VARIABLE)
    if not name:
        return next(one for one in known.values() if one.obstacle(x) is None)
    if name in _backends("mix") and name not in known:
        alone = ", ".join(known)
        raise InputError(f"{name!r} does not {task} alone", clip=source, cure=f"use one of {alone}")
    if name not in known:
        error = unknown("back-end of the selective scan", name, known)
        raise InputError(error.problem, clip=source, cure=error.cure)
    obstacle = known[name].obstacle(x)
    if obstacle:
        able = ", ".join(other for other, one in known.items() if one.obstacle(x) is None)
        raise InputError(
            f"{name!r} cannot run here: {obstacle}",
            clip=source,
            cure=f"use one of {able}, or name none and leave {VARIABLE} unset",
        )
    return known[name]


@functools.cache
def _backends(task: str) -> dict[str, ModuleType]:
    names = [module.name for module in pkgutil.iter_modules(backends.__path__)]
    modules = {name: importlib.import_module(f"{backends.__name__}.{name}") for name in names}
    able = {name: module for name, module in modules.items() if task == "mix" or hasattr(module, task)}
    return dict(sorted(able.items(), key=lambda item: -item[1].PRIORITY))
