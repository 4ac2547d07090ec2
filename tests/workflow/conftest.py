"""A small configuration run to its end, and copies to break."""

import pytest
from shared import once
from small_project import Project


@pytest.fixture(scope="session")
def original(tmp_path_factory) -> Project:
    """The small configuration, which ran to its end; not to be changed."""

    def run(folder):
        status, output = Project.fresh(folder).snakemake()
        assert status == 0, output

    return Project(once(tmp_path_factory, "finished", run))


@pytest.fixture(scope="session")
def finished(original, tmp_path_factory) -> Project:
    """A copy for a worker's dry runs. Tests that change it undo their change."""
    return original.copied_to(tmp_path_factory.mktemp("finished") / "project")


@pytest.fixture
def spoilt(original, tmp_path) -> Project:
    """A copy of it to spoil."""
    return original.copied_to(tmp_path / "project")


@pytest.fixture
def fresh(tmp_path) -> Project:
    """A copy in which nothing is made yet."""
    return Project.fresh(tmp_path / "project")
