"""One thread everywhere, so that tests repeat exactly and leave the other core alone."""

import pytest
import torch
from bench import Bench
from toy_flow import planted, write_caches


@pytest.fixture(autouse=True)
def _one_thread():
    torch.set_num_threads(1)
    torch.manual_seed(0)


@pytest.fixture(scope="session")
def toy():
    """Clip ids, labels and flow of 12 planted subjects."""
    return planted()


@pytest.fixture(scope="session")
def toy_caches(toy, tmp_path_factory):
    """Their caches, by subject."""
    ids, _, flow = toy
    return write_caches(tmp_path_factory.mktemp("caches"), ids, flow)


@pytest.fixture
def bench(tmp_path, toy, toy_caches):
    """One fold of theirs on disk: eight subjects to train on, four to test."""
    return Bench(tmp_path, toy, toy_caches)
