"""Scan orders: known truths on 2 x 2, and what holds for every order on any grid."""

import pytest
import torch

from contracts.errors import InputError
from merba.orders import ORDERS, inverse, scan_order

GRIDS = [(2, 2), (7, 7), (3, 5), (4, 1)]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("h", "0123"),
        ("v", "0213"),
        ("hz", "0132"),
        ("vz", "0231"),
        ("h_r", "3210"),
        ("h_m", "1032"),
        ("v_m", "1302"),
    ],
)
def test_two_by_two(name, expected):
    assert scan_order(name, 2, 2).tolist() == [int(digit) for digit in expected]


@pytest.mark.parametrize("grid", GRIDS)
@pytest.mark.parametrize("name", ORDERS)
def test_every_order_is_a_permutation_with_its_inverse(name, grid):
    order = scan_order(name, *grid)
    tokens = torch.arange(grid[0] * grid[1])
    assert order.sort().values.equal(tokens)
    assert tokens[order][inverse(order)].equal(tokens)


def jumps(name, height, width):
    order = scan_order(name, height, width)
    rows, columns = order // width, order % width
    return int(((rows.diff().abs() + columns.diff().abs()) > 1).sum())


@pytest.mark.parametrize("grid", GRIDS[:3])
def test_snakes_never_jump_and_rasters_jump_once_a_line(grid):
    assert jumps("hz", *grid) == jumps("vz", *grid) == 0
    assert jumps("h", *grid) == grid[0] - 1
    assert jumps("v", *grid) == grid[1] - 1


@pytest.mark.parametrize("name", ["h", "v", "hz", "vz"])
def test_base_orders_start_at_the_top_left(name):
    assert scan_order(name, 7, 7)[0] == 0


def test_an_unknown_order_names_the_nearest():
    with pytest.raises(InputError, match="'vz'"):
        scan_order("vzz", 2, 2)
