"""Scan orders: known truths on small grids, what holds for every order on any grid, and the named sets."""

import json
import re
from pathlib import Path

import pytest
import torch

from contracts.errors import InputError
from merba import create_model
from merba.orders import ORDER_SETS, inverse, order_names, scan_order
from merba.overrides import resolve

READINGS = Path(__file__).resolve().parents[2] / "docs" / "merba-readings.md"
BASES = ["h", "v", "hz", "vz", "w1", "w2", "w3", "w7"]
ORDERS = [base + suffix for base in BASES for suffix in ("", "_r", "_m")]
GRIDS = [(2, 2), (7, 7), (3, 5), (5, 3), (4, 1), (1, 4), (8, 14)]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("h", "0123"),
        ("v", "0213"),
        ("hz", "0132"),
        ("vz", "0231"),
        ("w2", "0123"),
        ("h_r", "3210"),
        ("v_r", "3120"),
        ("h_m", "1032"),
        ("v_m", "1302"),
        ("hz_m", "1023"),
    ],
)
def test_two_by_two(name, expected):
    assert scan_order(name, 2, 2).tolist() == [int(digit) for digit in expected]


def test_windows_are_read_one_after_another():
    assert scan_order("w2", 4, 4).tolist() == [0, 1, 4, 5, 2, 3, 6, 7, 8, 9, 12, 13, 10, 11, 14, 15]
    assert scan_order("w2", 3, 3).tolist() == [0, 1, 3, 4, 2, 5, 6, 7, 8]


@pytest.mark.parametrize("grid", GRIDS)
@pytest.mark.parametrize("side", [1, 2, 3, 7])
def test_border_windows_are_padded_ones_without_the_padding(side, grid):
    """LocalMamba's own construction: pad right and bottom to whole windows, then drop what was added."""
    height, width = grid
    rows, columns = -(-height // side) * side, -(-width // side) * side
    expected = []
    for top in range(0, rows, side):
        for left in range(0, columns, side):
            inside = [(r, c) for r in range(top, top + side) for c in range(left, left + side)]
            expected += [r * width + c for r, c in inside if r < height and c < width]
    assert scan_order(f"w{side}", *grid).tolist() == expected


def test_a_window_as_large_as_the_grid_reads_rows():
    assert scan_order("w7", 7, 7).equal(scan_order("h", 7, 7))


@pytest.mark.parametrize("grid", GRIDS)
@pytest.mark.parametrize("name", ORDERS)
def test_every_order_is_a_permutation_with_its_inverse(name, grid):
    order = scan_order(name, *grid)
    tokens = torch.arange(grid[0] * grid[1])
    assert order.sort().values.equal(tokens)
    assert tokens[order][inverse(order)].equal(tokens)


@pytest.mark.parametrize("grid", GRIDS)
@pytest.mark.parametrize("base", BASES)
def test_suffixes_read_backwards_and_mirror_columns(base, grid):
    order, width = scan_order(base, *grid), grid[1]
    assert scan_order(f"{base}_r", *grid).equal(order.flip(0))
    rows, columns = order // width, order % width
    assert scan_order(f"{base}_m", *grid).equal(rows * width + width - 1 - columns)


def jumps(name, height, width):
    order = scan_order(name, height, width)
    rows, columns = order // width, order % width
    return int(((rows.diff().abs() + columns.diff().abs()) > 1).sum())


@pytest.mark.parametrize("grid", [(2, 2), (7, 7), (3, 5), (5, 3)])
def test_snakes_never_jump_and_rasters_jump_once_a_line(grid):
    for suffix in ("", "_r", "_m"):
        assert jumps("hz" + suffix, *grid) == jumps("vz" + suffix, *grid) == 0
        assert jumps("h" + suffix, *grid) == grid[0] - 1
        assert jumps("v" + suffix, *grid) == grid[1] - 1


@pytest.mark.parametrize("name", ORDER_SETS["merba"])
def test_merbas_orders_start_at_the_top_left(name):
    assert scan_order(name, 7, 7)[0] == 0


def test_every_set_holds_distinct_orders():
    for name, orders in ORDER_SETS.items():
        assert order_names(name) == order_names(list(orders)) == orders
        assert len({tuple(scan_order(one, 14, 14).tolist()) for one in orders}) == len(orders)


def test_the_rivals_read_both_ways():
    """Every set but MERba's holds each of its orders backwards too, which is its point."""
    for name in set(ORDER_SETS) - {"merba"}:
        forward = {one for one in ORDER_SETS[name] if not one.endswith("_r")}
        assert set(ORDER_SETS[name]) == forward | {f"{one}_r" for one in forward}


@pytest.mark.parametrize(
    ("orders", "hint"),
    [
        (["vzz"], "'vz'"),
        (["h", "w0"], "unknown scan order 'w0'"),
        (["h_x"], "unknown scan order"),
        ([3], "unknown scan order '3'"),
        ("vmanba", "'vmamba'"),
        ("hz", r'\["hz"\]'),
        ([], "at least one"),
    ],
)
def test_what_is_no_order_is_refused_with_a_cure(orders, hint):
    with pytest.raises(InputError, match=hint):
        create_model("merba_tiny", orders=orders)


@pytest.mark.parametrize(
    "orders", [*ORDER_SETS, *(list(orders) for orders in ORDER_SETS.values()), ["w2", "h"]]
)
def test_overrides_take_a_set_or_a_list(orders):
    options = resolve("merba_tiny", {"orders": orders}).options
    model = create_model("merba_tiny", **options)
    assert len(model.stages[0].extractors[0].orders) == len(order_names(orders))


def test_a_set_is_the_list_of_its_members():
    models = []
    for orders in ("plainmamba", list(ORDER_SETS["plainmamba"])):
        torch.manual_seed(0)
        models.append(create_model("merba_tiny", orders=orders).eval())
    x = torch.randn(1, 2, 28, 28)
    assert models[0](x).equal(models[1](x))


ABLATIONS = [
    json.loads(text) for text in re.findall(r"^\|.*`(\{.*\})` \|$", READINGS.read_text(), re.MULTILINE)
]


@pytest.mark.parametrize("overrides", ABLATIONS, ids=json.dumps)
def test_the_ablations_of_the_docs_can_be_run(overrides):
    recipe = resolve("merba_tiny", overrides)
    model = create_model("merba_tiny", **recipe.options)
    model.loss(torch.randn(2, 2, 28, 28), torch.tensor([0, 2]), 0.5)[0].backward()
    assert all(p.grad is not None for p in model.parameters())


def test_the_docs_list_the_papers_ablations():
    sets = [order_names(one["orders"]) for one in ABLATIONS if "orders" in one]
    pairs = [
        ("h", "v"),
        ("hz", "vz"),
        ("h", "v", "h_r", "v_r"),
        ("h", "v", "h_m", "v_m"),
        ("h", "v", "hz", "vz"),
    ]
    assert {("h",), ("v",), ("hz",), ("vz",), *pairs} <= set(sets)
    assert any(
        set(one["orders"]) == {"h"} and not one["share_mixer"] for one in ABLATIONS if "share_mixer" in one
    )
    reaches = {(one["extractor"], one["attention"]) for one in ABLATIONS if "extractor" in one}
    assert reaches == {("local", "local"), ("global", "global"), ("local", "global"), ("global", "local")}
