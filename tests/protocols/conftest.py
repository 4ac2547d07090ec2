"""The protocols one by one, and a small run with predictions."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from handmade import SUBJECTS, predicted, small_lists

from contracts.predictions import write_predictions
from protocols import get_protocol
from protocols.lists import write_lists
from protocols.scores import score_run
from protocols.tables import write_tables

PUBLISHED = Path(__file__).parents[2] / "results" / "published"


@pytest.fixture(params=sorted(SUBJECTS))
def protocol(request):
    return get_protocol(request.param)


@pytest.fixture(scope="session")
def _made_once(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    results = folder / "results" / "demo"
    rng = np.random.default_rng(0)
    for name in SUBJECTS:
        lists, classes = small_lists(name), get_protocol(name).classes
        write_lists(lists, folder / "data", results / "labels" / f"{name}.csv")
        for model, seed in (("ststnet", 0), ("ststnet", 1), ("merba_tiny", 0)):
            table = predicted(lists.labels, classes, rng.choice(classes, len(lists.labels)))
            write_predictions(table, results / "predictions" / name / model / f"seed{seed}.csv")
    (results / "run.json").write_text(json.dumps({"run": "demo", "corpora": "synthetic"}))
    return folder


@pytest.fixture
def run(_made_once, tmp_path):
    """results/ of a synthetic run: all protocols, `ststnet` with two seeds and `merba_tiny` with one."""
    shutil.copytree(_made_once, tmp_path, dirs_exist_ok=True)
    return tmp_path / "results" / "demo"


@pytest.fixture(scope="session")
def _scored_once(_made_once, tmp_path_factory):
    folder = tmp_path_factory.mktemp("scored")
    shutil.copytree(_made_once, folder, dirs_exist_ok=True)
    score_run(folder / "results" / "demo")
    return folder


@pytest.fixture
def scored(_scored_once, tmp_path):
    """The same run with its scores."""
    shutil.copytree(_scored_once, tmp_path, dirs_exist_ok=True)
    return tmp_path / "results" / "demo"


@pytest.fixture(scope="session")
def tabled(_scored_once, tmp_path_factory):
    """The same with its tables, once for all tests: not to be changed."""
    folder = tmp_path_factory.mktemp("tabled")
    shutil.copytree(_scored_once, folder, dirs_exist_ok=True)
    write_tables(folder / "results" / "demo", PUBLISHED)
    return folder / "results" / "demo"
