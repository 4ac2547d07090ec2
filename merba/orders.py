"""Scan orders: in which sequence the tokens of a window are read (MERba v1, III-B).

An order of an H x W grid is a permutation of its token indices r * W + c: its k-th entry is the token
read k-th. All start at the top-left token.

| name | reads | on 2 x 2 |
|---|---|---|
| h | rows from the top, each left to right | 0 1 2 3 |
| v | columns from the left, each top to bottom | 0 2 1 3 |
| hz | rows from the top, odd ones right to left | 0 1 3 2 |
| vz | columns from the left, odd ones bottom to top | 0 2 3 1 |

A suffix makes the variants of the paper's ablation (Table VII): `_r` reads the order backwards, `_m` mirrors
it left to right.
"""

import difflib

import torch
from torch import Tensor

from contracts.errors import InputError

BASE_ORDERS = ("h", "v", "hz", "vz")
ORDERS = tuple(name + suffix for suffix in ("", "_r", "_m") for name in BASE_ORDERS)


def scan_order(name: str, height: int, width: int) -> Tensor:
    """The order `name` of a height x width grid: int64 (height * width,).

    Raises:
        InputError: no such order.
    """
    if name not in ORDERS:
        near = difflib.get_close_matches(name, ORDERS, n=1, cutoff=0)
        raise InputError(
            f"unknown scan order {name!r}", cure=f"did you mean {near[0]!r}? Known: {', '.join(ORDERS)}"
        )
    base, _, variant = name.partition("_")
    grid = torch.arange(height * width).reshape(height, width)
    if variant == "m":
        grid = grid.flip(1)
    if base[0] == "v":
        grid = grid.T
    if base[1:] == "z":
        grid = grid.clone()
        grid[1::2] = grid[1::2].flip(1)
    order = grid.reshape(-1)
    return order.flip(0) if variant == "r" else order


def inverse(order: Tensor) -> Tensor:
    """The permutation that puts tokens read in `order` back: `x[order][inverse(order)]` is x."""
    return torch.argsort(order)
