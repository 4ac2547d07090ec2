"""Whatever kills a run, and however its folds are packed into jobs: the next one ends in the same bytes."""

import fcntl
import random
import time

import pytest

pytestmark = [pytest.mark.dag, pytest.mark.timeout(900)]
REACHED = {
    "synthesis": "data/small/raw/*/.receipts/*",
    "preprocessing": "data/small/align/*/*.csv",
    "training": "data/small/models/**/*.pt",
}
"""Stage -> what it has made when it is under way."""


def lives(project):
    """Whether a run lives in this folder, asked as `make reproduce` asks before it removes a lock."""
    with (project.folder / ".snakemake/alive").open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def killed(project, made, seconds, arguments):
    """Start a run and kill it so many seconds after the first of these files is there."""
    said = project.folder / "said.txt"
    with said.open("w") as output:
        process = project.start("snakemake", "--cores", "2", *arguments, output=output)
    latest = time.monotonic() + 300
    try:
        while not any(project.folder.glob(made)) and time.monotonic() < latest:
            assert process.poll() is None, said.read_text()
            time.sleep(0.05)
        time.sleep(seconds)
        assert process.poll() is None, f"it ended before it could be killed: {said.read_text()}"
        assert lives(project)
    finally:
        if process.poll() is None:
            project.kill(process)
    latest = time.monotonic() + 10
    while lives(project):
        assert time.monotonic() < latest, "a run that was killed holds its lock"
        time.sleep(0.05)
    assert any(project.folder.glob(made)), said.read_text()


def test_killed_in_every_stage_and_started_again_in_packs_it_ends_in_the_bytes_of_one_that_was_neither(
    original, fresh
):
    moments, wanted = random.Random(0), original.learnt()
    # All that is compared, and nothing that only draws pictures.
    curves = [path for path in wanted if "/curves/" in path]
    arguments = ["tables", "models", *curves, "--nolock", "--config", "pack=3"]
    for made in REACHED.values():
        killed(fresh, made, moments.uniform(0, 2), arguments)
        assert not list(fresh.folder.glob("results/small/tables/*"))
    status, output = fresh.snakemake(*arguments)
    assert status == 0, output
    assert fresh.learnt() == wanted
    assert not list((fresh.folder / "data").rglob("*.partial")), "a later run clears what a killed one left"
    assert fresh.planned(*arguments) == {}
