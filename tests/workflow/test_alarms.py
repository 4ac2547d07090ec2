"""The alarms are part of every run, and a benchmark whose wiring leaks does not end."""

import copy
import json

import pytest
from small_project import FLOWS

from merba.checkpoints import load

pytestmark = pytest.mark.dag
RECORD = "results/flows/alarms/megc2019.json"
HONEST = "return seen_by(wildcards, fold.train)"
LEAKY = "return seen_by(wildcards, [*fold.train, *fold.test])"


def test_an_honest_run_has_its_alarms(original_flows):
    found = json.loads((original_flows.folder / RECORD).read_text())
    assert (found["rounds"], found["folds"], found["clips"]) == (20, 4, 6)
    assert found["highest"] < found["limit"]
    # Two models of four folds, and what each says of six clips, in two orders.
    assert (found["reordered"], found["different"]) == (2 * (4 + 6), 0)


def test_from_shuffled_labels_another_model_is_learnt_of_the_same_clips(spoilt_flows):
    config = copy.deepcopy(FLOWS)
    config["protocols"]["megc2019"]["shuffled"] = {
        "model": "kernel_ridge",
        "coding": "signed",
        "shuffle_labels": True,
    }
    spoilt_flows.configure(config)
    made = "data/flows/models/megc2019/{}/smic_s01/seed0.pt"
    status, output = spoilt_flows.snakemake(made.format("shuffled"))
    assert status == 0, output
    plain, shuffled = (load(spoilt_flows.folder / made.format(row)) for row in ("kernel_ridge", "shuffled"))
    # The model's training clips are the same; what it was told of them is not.
    assert plain.train_clips == shuffled.train_clips
    assert plain.state["clips"].equal(shuffled.state["clips"])
    assert not plain.state["dual"].equal(shuffled.state["dual"])


def test_a_run_whose_wiring_leaks_does_not_end(spoilt_flows):
    """Rule `train` is given its test subject's cache as well."""
    rules = spoilt_flows.folder / "workflow/rules/common.smk"
    text = rules.read_text()
    assert text.count(HONEST) == 1
    rules.write_text(text.replace(HONEST, LEAKY))
    status, output = spoilt_flows.snakemake(RECORD)
    assert status != 0
    assert "leak: fold smic_s01 is trained from this file, which holds a test clip of it" in output
    assert "Traceback" not in output
