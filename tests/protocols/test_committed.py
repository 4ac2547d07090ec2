"""What is committed under results/public_flows is what its predictions make, and what is told of it."""

import json
import shutil
from pathlib import Path

import pytest

from contracts.files import read_csv
from protocols import get_protocol
from protocols.alarms import alarms_page
from protocols.inflation import write_inflation
from protocols.tables import write_tables

RESULTS = Path(__file__).parents[2] / "results"


@pytest.fixture(scope="module")
def again(tmp_path_factory):
    """The committed run without what is written from its scores, and that written again."""
    folder = tmp_path_factory.mktemp("again") / "public_flows"
    shutil.copytree(RESULTS / "public_flows", folder)
    shutil.rmtree(folder / "tables")
    written = [*write_tables(folder, RESULTS / "published"), *write_inflation(folder)]
    return {path.relative_to(folder): path.read_bytes() for path in written}


def test_tables_and_inflation_are_written_again_to_the_byte(again):
    committed = {path: (RESULTS / "public_flows" / path).read_bytes() for path in again}
    assert [str(path) for path in again if again[path] != committed[path]] == []


def test_no_committed_table_is_of_another_run(again):
    tables = (RESULTS / "public_flows" / "tables").iterdir()
    made_by_the_workflow = {"models", "stages"}
    kept = {
        path.relative_to(RESULTS / "public_flows") for path in tables if path.stem not in made_by_the_workflow
    }
    assert kept == {path for path in again if path.parts[0] == "tables"}


def test_the_page_of_the_alarms_is_their_records():
    path = RESULTS / "public_flows/alarms/megc2019.json"
    page = alarms_page(get_protocol("megc2019").title, json.loads(path.read_text()))
    assert path.with_suffix(".html").read_text() == page


def test_the_differences_that_are_told_in_words_are_those_of_the_comparisons():
    table = read_csv(RESULTS / "public_flows/scores/comparisons_megc2019.csv")
    found = table[(table.part == "combined") & (table.metric == "uf1")].set_index(["first", "second"])
    texts = RESULTS / "public_flows/README.md", RESULTS.parent / "README.md"
    page, front = (" ".join(path.read_text().split()) for path in texts)

    def told(pair, decimals, text, sign=-1):
        # Most differences are told the other way round: who is better, by how much.
        row = found.loc[pair]
        value = sign * float(row.difference)
        low, high = sorted(sign * float(row[name]) for name in ("low", "high"))
        numbers = {"value": value, "low": low, "high": high, "p": float(row.p), "holm": float(row.p_holm)}
        # p is told to three decimals in either text, Holm's with those of the text.
        digits = dict.fromkeys(numbers, decimals) | {"p": 3}
        said = {name: f"{one:.{digits[name]}f}".replace("0.", ".", 1) for name, one in numbers.items()}
        return text.format(**said)

    ststnet, rival = ("merba_tiny", "ststnet"), ("mambavision_tiny", "merba_tiny")
    assert told(ststnet, 3, "better by {value} UF1 (interval {low} to {high}, Holm p {holm})") in page
    assert told(rival, 3, "by {value} UF1 ({low} to {high}; p {p}, Holm over all pairs {holm})") in page
    assert told(ststnet, 2, "stays {value} below STSTNet (95 % interval {low} to {high})") in front
    assert told(rival, 2, "stays {value} below that ({low} to {high}; p {p}, and {holm} after Holm") in front
    same = "featref", "ststnet"
    text = "worse by {value} UF1 ({low} to {high}; p {p}, Holm over all pairs {holm}): no difference is shown"
    assert told(same, 3, text, 1) in page
    assert told(same, 2, "stands {value} above STSTNet's same seed ({low} to {high}; p {p})", 1) in front
