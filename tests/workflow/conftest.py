"""A small configuration run to its end, and fresh copies to break."""

import pytest
from small_project import Project


@pytest.fixture(scope="session")
def finished(tmp_path_factory) -> Project:
    """A copy in which the small configuration ran to its end. Tests that change it undo their change."""
    project = Project(tmp_path_factory.mktemp("project"))
    status, output = project.snakemake()
    assert status == 0, output
    return project


@pytest.fixture
def fresh(tmp_path) -> Project:
    return Project(tmp_path / "project")
