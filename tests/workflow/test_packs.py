"""`--config pack=N`: the same trainings in fewer jobs; test_interrupted.py has their checkpoints."""

import copy
from pathlib import PurePath

import pandas as pd
import pytest
import yaml
from small_project import FLOWS, PROJECT, SMALL, jobs_of

pytestmark = pytest.mark.dag


def test_packs_train_a_finished_run_again_and_prepare_nothing(finished):
    jobs = finished.planned("--config", "pack=3")
    trained = {rule for rule in jobs if rule.startswith("train")}
    assert trained == {
        f"train_megc2019_{row}_seed0_{k}" for row in ("ststnet", "kernel_ridge") for k in (1, 2)
    }
    assert not set(jobs) & {"clips", "faces", "flow", "cache", "lists_megc2019", "train"}


@pytest.mark.parametrize(
    ("size", "jobs"),
    [
        (["pack=3"], ["seed0_1", "seed0_2", "seed7_1", "seed7_2"]),
        (["pack=3", "pack_seeds=9"], ["seeds0to7_1", "seeds0to7_2"]),
    ],
)
def test_every_fold_and_seed_of_every_row_is_in_one_pack(fresh, size, jobs):
    config = copy.deepcopy(SMALL)
    config["corpora"]["dfme"] = {"apex": "annotated", "subjects": ["sub0003", "sub0008", "sub0001"]}
    rows = {"ststnet": {"epochs": 2}, "lbp_top": {"seeds": [7]}}
    config["protocols"] = {"megc2019": rows, "dfme": rows}
    config["audit"] = {"megc2019": ["ststnet"], "dfme": ["lbp_top"]}
    config["seeds"] = [0, 7]
    fresh.configure(config)
    folds = {"megc2019": {"smic_s01", "smic_s03", "casme2_sub12", "samm_006"}, "dfme": {"train"}}
    for target, stage, first in (("all", "models", "train_"), ("audit", "audit", "audit_")):
        planned = fresh.planned(target, "--config", *size)
        own = f"{first}megc2019_ststnet_"
        assert sorted(rule for rule in planned if rule.startswith(own)) == [own + job for job in jobs]
        made = [
            PurePath(file).parts[3:]
            for rule, files in planned.items()
            for file in files
            if rule.startswith(first) and file.startswith(f"data/small/{stage}/") and not file.endswith(".pt")
        ]
        asked = config["audit"] if target == "audit" else config["protocols"]
        fewer = {row: own["seeds"] for row, own in rows.items() if "seeds" in own}
        wanted = [
            (protocol, row, fold, f"seed{seed}.csv")
            for protocol, of in asked.items()
            for row in of
            for fold in folds[protocol]
            for seed in fewer.get(row, config["seeds"])
        ]
        assert sorted(made) == sorted(wanted)


def test_all_folds_of_several_seeds_are_trained_in_one_job_as_they_are_alone(spoilt_flows):
    made = [
        f"data/flows/models/megc2019/kernel_ridge/{fold}/seed{seed}"
        for fold in ("smic_s01", "casme2_sub02", "samm_011", "samm_020")
        for seed in (0, 1)
    ]
    alone = {path: (spoilt_flows.folder / path).read_bytes() for path in [f"{made[0]}.pt", f"{made[0]}.csv"]}
    spoilt_flows.configure({**FLOWS, "seeds": [0, 1], "pack": 4, "pack_seeds": 2})
    status, output = spoilt_flows.snakemake(*(f"{path}.pt" for path in made))
    assert status == 0, output
    assert list(jobs_of(output)) == ["train_megc2019_kernel_ridge_seeds0to1_1"]
    assert alone == {path: (spoilt_flows.folder / path).read_bytes() for path in alone}
    logs = [pd.read_csv(spoilt_flows.folder / f"{path}.csv") for path in made]
    assert [[*log.seed] for log in logs] == [[0], [1]] * 4


def test_the_profile_of_a_gpu_packs_all_folds_and_is_otherwise_the_default(fresh):
    default, packed = (
        yaml.safe_load((PROJECT / "profiles" / name / "profile.yaml").read_text())
        for name in ("default", "gpu")
    )
    assert {key: value for key, value in packed.items() if key != "config"} == default
    jobs = fresh.planned("all", "--workflow-profile", "profiles/gpu")
    trained = [name for name in jobs if name.startswith("train")]
    assert sorted(trained) == ["train_megc2019_kernel_ridge_seed0_1", "train_megc2019_ststnet_seed0_1"]


def test_a_pack_is_a_number_of_folds_also_on_the_command_line(fresh):
    """test_configuration.py has the other faults of packs."""
    status, output = fresh.snakemake("--dry-run", "--config", "pack=many")
    assert status != 0
    assert "pack" in output
    assert "Traceback" not in output
