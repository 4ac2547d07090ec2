"""The networks' tables, from descriptions as `python -m merba.describe` prints them."""

from protocols.architecture import Described, lay_out_models, lay_out_stages, table_cells
from protocols.runs import Run

STAGES = """\
| stage   | map     | parameters | products | scans |
| ------- | ------- | ---------: | -------: | ----: |
| stem    | 28 × 28 |        384 |    282 k |     0 |
| total   |         |      102 k |   13.8 M | 702 k |"""
PARTS = """\
| part  | makes | parameters |
| ----- | ----- | ---------: |
| total |       |          0 |"""
RUN = Run("demo", "synthetic")
DESCRIBED = [
    Described("dfme", "one", "merba_tiny", "paper", "Mao. MERba", STAGES),
    Described("dfme", "two", "merba_tiny", "paper", "Mao. MERba", STAGES),
    Described("dfme", "floor", "majority", "floor", "", PARTS),
]


def texts(grid):
    return [[cell.text for cell in row] for row in grid.rows]


def test_cells_are_read_without_the_rule_below_the_head():
    assert table_cells(PARTS) == [["part", "makes", "parameters"], ["total", "", "0"]]


def test_a_model_shows_its_totals_and_a_dash_for_what_was_not_counted():
    rows = texts(lay_out_models(RUN, DESCRIBED))
    assert rows[0] == ["dfme", "one", "merba_tiny", "102 k", "13.8 M", "702 k", "paper", "Mao. MERba"]
    assert rows[2] == ["dfme", "floor", "majority", "0", "-", "-", "floor", "-"]


def test_rows_of_one_network_share_its_stages_and_others_have_none():
    grid = lay_out_stages(RUN, DESCRIBED)
    assert texts(grid) == [
        ["dfme: one\ndfme: two", "stem", "28 × 28", "384", "282 k", "0"],
        ["", "total", "", "102 k", "13.8 M", "702 k"],
    ]
    assert grid.headings[0] == "Network"
    assert {len(row) for row in grid.rows} == {len(grid.headings)}


def test_a_run_without_merba_has_an_empty_table():
    grid = lay_out_stages(RUN, DESCRIBED[2:])
    assert grid.rows == []
    assert sum(width for _, width in grid.blocks) == len(grid.headings)
