"""The alarms are part of every run, and a benchmark whose wiring leaks does not end."""

import json

import pytest
from public_flow_tree import FlowTree

from merba.checkpoints import load

pytestmark = pytest.mark.dag
RECORD = "results/flows/alarms/megc2019.json"
HONEST = "return seen_by(wildcards, fold.train)"
LEAKY = "return seen_by(wildcards, [*fold.train, *fold.test])"


@pytest.fixture
def project(fresh, tmp_path):
    FlowTree(tmp_path / "a clone").write()
    rows = {
        "kernel_ridge": {"coding": "signed"},
        "shuffled": {"model": "kernel_ridge", "coding": "signed", "shuffle_labels": True},
    }
    fresh.configure(
        {
            "run": "flows",
            "corpora": {
                "public_flows": {
                    "root": str(tmp_path / "a clone"),
                    "subjects": ["s01", "sub02", "011", "020"],
                }
            },
            "protocols": {"megc2019": rows},
            "seeds": [0],
        }
    )
    return fresh


def test_an_honest_run_has_its_alarms_and_a_leaky_one_does_not_end(project):
    """The leak is one of wiring: rule `train` is given its test subject's cache as well."""
    made = "data/flows/models/megc2019/{}/smic_s01/seed0.{}"
    assert RECORD in project.planned()["canary"], "it is part of `all`"
    status, output = project.snakemake(
        RECORD, *(made.format(row, "pt") for row in ("kernel_ridge", "shuffled"))
    )
    assert status == 0, output
    found = json.loads((project.folder / RECORD).read_text())
    assert (found["rounds"], found["folds"], found["clips"]) == (20, 4, 6)
    assert found["highest"] < found["limit"]
    # Two models of four folds, and what each says of six clips, in two orders.
    assert (found["reordered"], found["different"]) == (2 * (4 + 6), 0)
    assert "canary" not in project.planned()
    # The model's training clips are the same; what it was told of them is not.
    plain, shuffled = (load(project.folder / made.format(row, "pt")) for row in ("kernel_ridge", "shuffled"))
    assert plain.train_clips == shuffled.train_clips
    assert plain.state["clips"].equal(shuffled.state["clips"])
    assert not plain.state["dual"].equal(shuffled.state["dual"])

    rules = project.folder / "workflow/rules/common.smk"
    text = rules.read_text()
    assert text.count(HONEST) == 1
    rules.write_text(text.replace(HONEST, LEAKY))
    status, output = project.snakemake(RECORD)
    assert status != 0
    assert "leak: fold smic_s01 is trained from this file, which holds a test clip of it" in output
    assert "Traceback" not in output
