"""Honest beside leaky: no leaky number without the word, and what the choice adds."""

import pandas as pd
import pytest

from contracts.errors import InputError
from contracts.files import read_csv, write_csv
from protocols import get_protocol
from protocols.audit import RULES
from protocols.inflation import COLUMNS, lay_out_inflation, write_inflation
from protocols.runs import Run

MEGC = get_protocol("megc2019")
VALUES = {"last": 0.5, "best common": 0.55, "best on test subject": 0.7}


@pytest.fixture
def audited():
    """Two seeds a little apart around VALUES, every part and metric the same."""
    rows = [
        ("htnet", seed, rule, part.name, metric, VALUES[rule] + (0.01 if seed else -0.01), 442)
        for seed in (0, 1)
        for rule in RULES
        for part in MEGC.parts
        for metric in ("acc", "uar", "uf1")
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def test_every_leaky_cell_says_so_and_no_honest_one(audited):
    grid = lay_out_inflation(MEGC, Run("demo", "flows"), audited)
    for cells in grid.rows:
        leaky = RULES[cells[1].text] == "leaky"
        assert all(cell.text.startswith("leaky ") == leaky for cell in cells[3:])
    assert grid.rows[0][3].text == ".5000 / .5000"
    assert grid.rows[2][3].text == "leaky .7000 / .7000\n[+.2000 / +.2000]"


def test_a_choice_that_costs_has_a_minus(audited):
    audited.loc[audited.rule == "best common", "value"] = 0.4
    grid = lay_out_inflation(MEGC, Run("demo", "flows"), audited)
    assert grid.rows[1][3].text.endswith("[−.1000 / −.1000]")


def test_it_is_written_in_all_forms(audited, tmp_path):
    write_csv(audited, tmp_path / "audit" / "megc2019.csv")
    names = {path.name for path in write_inflation(tmp_path)}
    assert names == {f"megc2019_inflation.{form}" for form in ("md", "csv", "tex", "html")}
    table = read_csv(tmp_path / "audit" / "megc2019_inflation.csv")
    assert list(table.kind) == list(RULES.values())


@pytest.mark.parametrize(
    ("column", "cell", "words"),
    [("rule", "first", "unknown rule 'first'"), ("value", "x", "a cell is not a number")],
)
def test_a_malformed_file_is_named(audited, tmp_path, column, cell, words):
    audited = audited.astype(object)
    audited.loc[0, column] = cell
    write_csv(audited, tmp_path / "audit" / "megc2019.csv")
    with pytest.raises(InputError, match=rf"megc2019.csv: {words}"):
        write_inflation(tmp_path)


def test_without_an_audit_the_cure_is_named(tmp_path):
    with pytest.raises(InputError, match=r"nothing was audited. Run `snakemake audit` first"):
        write_inflation(tmp_path)
