"""Scan orders: in which sequence the tokens of a grid are read (MERba v1, III-B, and its rivals).

An order of an H x W grid is a permutation of its token indices r * W + c: its k-th entry is the token read
k-th.

| name | reads | on 2 x 2 |
|---|---|---|
| h | rows from the top, each left to right | 0 1 2 3 |
| v | columns from the left, each top to bottom | 0 2 1 3 |
| hz | rows from the top, odd ones right to left | 0 1 3 2 |
| vz | columns from the left, odd ones bottom to top | 0 2 3 1 |
| w2, w7, any w<K> | K x K windows, rows of windows first, each window as h | 0 1 2 3 |

A suffix makes a variant of any of them: `_r` reads the order backwards, `_m` mirrors it left to right.

w<K> is LocalMamba's. Where K does not divide a side, that method pads the right and the bottom with zeros and
scans the padding too; here the windows at those borders are smaller and no token is invented. A window at
least as large as the grid is h.
"""

import re
from collections.abc import Sequence

import torch
from torch import Tensor

from contracts.errors import InputError, unknown

# What the set leaves out of the method it is named after: docs/merba-readings.md.
ORDER_SETS = {
    "merba": ("h", "v", "hz", "vz"),
    "vim": ("h", "h_r"),
    "vmamba": ("h", "v", "h_r", "v_r"),
    "localmamba": ("h", "h_r", "w2", "w2_r"),
    "plainmamba": ("hz", "hz_r", "vz", "vz_r"),
}
_NAME = re.compile(r"(?:(?P<line>[hv])(?P<snake>z?)|w(?P<side>[1-9][0-9]*))(?:_(?P<variant>[rm]))?")
# One spelling of every kind, to suggest from.
_EXAMPLES = [base + suffix for suffix in ("", "_r", "_m") for base in ("h", "v", "hz", "vz", "w2", "w7")]


def order_names(orders: str | Sequence[str]) -> tuple[str, ...]:
    """The names that `orders` stands for, checked: a list of orders as it is, a set's name as its members.

    Raises:
        InputError: no such set or order (names the nearest), or none given.
    """
    if isinstance(orders, str):
        if _NAME.fullmatch(orders):
            raise InputError(
                f"{orders!r} is one order, not a set", clip="orders", cure=f'write it as a list, ["{orders}"]'
            )
        if orders not in ORDER_SETS:
            raise unknown("set of scan orders", orders, ORDER_SETS)
        return ORDER_SETS[orders]
    if not orders:
        raise InputError("no scan order is given", clip="orders", cure="name at least one, or a set")
    for name in orders:
        _parsed(name)
    return tuple(orders)


def scan_order(name: str, height: int, width: int) -> Tensor:
    """The order `name` of a height x width grid: int64 (height * width,).

    Raises:
        InputError: no such order; names the nearest.
    """
    part = _parsed(name)
    grid = torch.arange(height * width).reshape(height, width)
    if part["variant"] == "m":
        grid = grid.flip(1)
    if part["side"]:
        side = int(part["side"])
        windows = [window for band in grid.split(side) for window in band.split(side, 1)]
        order = torch.cat([window.reshape(-1) for window in windows])
    else:
        lines = (grid if part["line"] == "h" else grid.T).clone()
        if part["snake"]:
            lines[1::2] = lines[1::2].flip(1)
        order = lines.reshape(-1)
    return order.flip(0) if part["variant"] == "r" else order


def inverse(order: Tensor) -> Tensor:
    """The permutation that puts tokens read in `order` back: `x[order][inverse(order)]` is x."""
    return torch.argsort(order)


def _parsed(name: str) -> re.Match:
    match = _NAME.fullmatch(str(name))
    if match is None:
        raise unknown("scan order", str(name), _EXAMPLES)
    return match
