"""Two configurations run to their ends, once for all tests, and copies to break."""

import pytest
from public_flow_tree import FlowTree
from shared import once
from small_project import CLONE, FLOWS, Project


@pytest.fixture(scope="session")
def original(tmp_path_factory) -> Project:
    """The small configuration, which ran to its end with witnesses; not to be changed."""

    def run(folder):
        project = Project.fresh(folder)
        project.watch_imports()
        status, output = project.snakemake()
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


@pytest.fixture(scope="session")
def original_flows(tmp_path_factory) -> Project:
    """The same of flow that others have computed."""

    def run(folder):
        project = Project.fresh(folder)
        FlowTree(folder / CLONE).write()
        project.configure(FLOWS)
        project.watch_imports()
        status, output = project.snakemake()
        assert status == 0, output

    return Project(once(tmp_path_factory, "finished_flows", run))


@pytest.fixture
def spoilt_flows(original_flows, tmp_path) -> Project:
    """A copy of it to spoil."""
    return original_flows.copied_to(tmp_path / "project")


@pytest.fixture
def fresh(tmp_path) -> Project:
    """A copy in which nothing is made yet."""
    return Project.fresh(tmp_path / "project")
