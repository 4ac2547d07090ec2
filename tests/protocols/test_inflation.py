"""Honest beside leaky: no leaky number without the word, and what the choice adds."""

import pandas as pd
import pytest

from contracts.errors import InputError
from contracts.files import read_csv, write_csv
from protocols import get_protocol
from protocols.audit import RULES
from protocols.coverage import Coverage, GroupCoverage
from protocols.inflation import COLUMNS, lay_out_inflation, write_inflation
from protocols.runs import Run

MEGC = get_protocol("megc2019")
COVERAGE = Coverage({group: GroupCoverage(1, 2, False) for group in MEGC.counts}, ())
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
    grid = lay_out_inflation(MEGC, Run("demo", "flows"), COVERAGE, audited)
    for cells in grid.rows:
        leaky = RULES[cells[1].text] == "leaky"
        assert all(cell.text.startswith("leaky ") == leaky for cell in cells[3:-1])
        assert cells[-1].text == "2", "seeds"
    assert grid.rows[0][3].text == ".5000 / .5000"
    assert grid.rows[2][3].text == "leaky .7000 / .7000\n[+.2000 / +.2000]"


def test_a_choice_that_costs_has_a_minus(audited):
    audited.loc[audited.rule == "best common", "value"] = 0.4
    grid = lay_out_inflation(MEGC, Run("demo", "flows"), COVERAGE, audited)
    assert grid.rows[1][3].text.endswith("[−.1000 / −.1000]")


def test_it_is_written_in_all_forms_and_says_what_the_run_covers(audited, run):
    write_csv(audited, run / "audit" / "megc2019.csv")
    names = {path.name for path in write_inflation(run)}
    assert names == {f"megc2019_inflation.{form}" for form in ("md", "csv", "tex", "html")}
    table = read_csv(run / "audit" / "megc2019_inflation.csv")
    assert list(table.kind) == list(RULES.values())
    text = (run / "audit" / "megc2019_inflation.md").read_text()
    assert "of 442 clips, partial" in text


def test_before_the_run_has_ended_its_own_record_is_what_counts(audited, run):
    """`snakemake audit` alone makes no run.json; one of before may be of another configuration."""
    for name in ("megc2019", "dfme"):
        write_csv(audited[audited.part == "combined"], run / "audit" / f"{name}.csv")
    (run / "run.json").unlink()
    record = {"run": "demo", "corpora": "synthetic", "config": {"audit": {"megc2019": ["htnet"]}}}
    assert {path.stem for path in write_inflation(run, record)} == {"megc2019_inflation"}
    assert "NOT comparable" in (run / "audit" / "megc2019_inflation.md").read_text()


@pytest.mark.parametrize(
    ("column", "cell", "words"),
    [("rule", "first", "unknown rule 'first'"), ("value", "x", "a cell is not a number")],
)
def test_a_malformed_file_is_named(audited, run, column, cell, words):
    audited = audited.astype(object)
    audited.loc[0, column] = cell
    write_csv(audited, run / "audit" / "megc2019.csv")
    with pytest.raises(InputError, match=rf"megc2019.csv: {words}"):
        write_inflation(run)


def test_without_an_audit_the_cure_is_named(run):
    with pytest.raises(InputError, match=r"nothing was audited. Run `snakemake audit` first"):
        write_inflation(run)
