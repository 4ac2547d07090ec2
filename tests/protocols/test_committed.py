"""What is committed under results/public_flows is what its predictions make, byte for byte."""

import shutil
from pathlib import Path

import pytest

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
