"""What the DAG plans before anything ran: dry runs of fresh copies."""

import re

import pytest
import torch
import yaml
from small_project import FLOWS, SMALL, Project, jobs_of

from contracts.errors import InputError
from merba import create_model
from workflow.configuration import configured, source_of

pytestmark = pytest.mark.dag


@pytest.fixture(scope="module")
def dry_run(tmp_path_factory):
    """A fresh copy after a dry run, and what that said."""
    project = Project.fresh(tmp_path_factory.mktemp("plans") / "project")
    status, output = project.snakemake("--dry-run")
    assert status == 0, output
    return project.folder, output


def test_the_whole_dag_is_known_before_anything_runs(dry_run):
    folder, output = dry_run
    jobs = jobs_of(output)
    assert len(jobs["train"]) == 4 * 2 * 2, "four folds, two models; a checkpoint and a log each"
    assert "results/small/tables/megc2019.md" in jobs["tables"]
    assert not (folder / "data").exists(), "a dry run writes nothing"


def test_the_licensed_configuration_plans_the_whole_benchmark_and_nothing_of_the_demo(fresh):
    """With one of its seeds, and rows that both protocols have under one: the others plan the same again."""
    file = fresh.folder / "config/paper.yaml"
    config = yaml.safe_load(file.read_text())
    dfme, megc2019 = (config["protocols"][name] for name in ("dfme", "megc2019"))
    protocols = {"dfme": dfme, "megc2019": {row: megc2019[row] for row in megc2019.keys() - dfme.keys()}}
    file.write_text(yaml.safe_dump({**config, "protocols": protocols, "seeds": config["seeds"][:1]}))
    jobs = fresh.planned("--configfile", "config/paper.yaml")
    assert len(jobs["lists_megc2019"]) == 68 + 4, "a list per fold; test, skipped, labels, coverage"
    assert {one.split("/")[4] for one in jobs["train"]} == {*megc2019, *dfme}
    assert not [one for outputs in jobs.values() for one in outputs if "small" in one or "synthe" in one]


def test_rulegraph_and_lint(dry_run):
    project = Project(dry_run[0])
    status, output = project.snakemake("--rulegraph", "mermaid-js")
    assert status == 0
    assert "flowchart" in output
    status, output = project.snakemake("--lint")
    assert status == 0, output


def test_a_faulty_configuration_is_refused_before_the_dag_is_built(fresh):
    """In one line, without a traceback; test_configuration.py has all the faults."""
    fresh.configure({**SMALL, "seed": [0]})
    status, output = fresh.snakemake("--dry-run")
    assert status != 0
    assert "config.yaml: unknown key 'seed': did you mean 'seeds'" in output
    assert "Traceback" not in output


def test_what_a_model_starts_from_is_waited_for_by_all_who_load_it(fresh):
    """So that another file of the same name is another training."""
    row = {"backbone": "vit_tiny_patch16_224", "image_size": 32, "hidden": 16, "layers": 1}
    vit = create_model("slstt", 3, **row).encoder.net.state_dict()
    torch.save(vit, fresh.folder / "vit.pt")
    rows = {"slstt": {**row, "weights": "vit.pt"}, "lbp_top": {}}
    fresh.configure({**SMALL, "protocols": {"megc2019": rows}})
    status, output = fresh.snakemake("--dry-run")
    assert status == 0, output
    inputs = re.findall(r"rule (train|predict):\n    input: (.*)\n    output: .*?/megc2019/(\w+)/", output)
    asked = {(rule, model, ", vit.pt" in files) for rule, files, model in inputs}
    assert asked == {(rule, name, name == "slstt") for rule in ("train", "predict") for name in rows}


def test_whether_pictures_are_cropped_can_be_said_of_recordings():
    corpora = {name: {**own, "root": name} for name, own in SMALL["corpora"].items()}
    corpora["samm"]["pictures"] = "cropped"
    recorded = {key: one for key, one in SMALL.items() if key != "synthetic"} | {"corpora": corpora}
    run = configured(recorded, "mine.yaml")
    assert [source_of(run.of_corpus(name)).pictures for name in corpora] == ["", "", "cropped"]
    synthetic = {**SMALL["corpora"]["samm"], "pictures": "raw"}
    flows = {**FLOWS["corpora"]["public_flows"], "pictures": "raw"}
    for config, said in (
        ({**SMALL, "corpora": {**SMALL["corpora"], "samm": synthetic}}, "samm.pictures: a synthetic corpus"),
        ({**recorded, "corpora": {**corpora, "smic": {**corpora["smic"], "pictures": "crop"}}}, "not one of"),
        ({**FLOWS, "corpora": {"public_flows": flows}}, "pictures: flow is neither raw nor cropped"),
    ):
        with pytest.raises(InputError, match=said):
            configured(config, "mine.yaml")


def test_no_picture_of_whom_the_licence_forbids_to_show(fresh):
    dfme = {"apex": "annotated", "subjects": ["sub0004", "sub0003", "sub0008"]}
    protocols = {"dfme": {"kernel_ridge": {}}}
    fresh.configure({**SMALL, "corpora": {"dfme": dfme}, "protocols": protocols})
    assert fresh.planned()["picture"] == ["data/small/pictures/dfme/sub0003.png"]
    status, output = fresh.snakemake("--dry-run", "data/small/pictures/dfme/sub0004.png")
    assert status != 0, "nor if it is asked for"
    assert "dfme/sub0004: the licence of DFME forbids every picture of this subject" in output


def test_protocols_with_different_subjects_share_a_corpus_and_one_that_none_wants_is_left_alone(fresh):
    """sub10 has clips for the five classes and none for the three; neither protocol has any of DFME."""
    casme2 = {"apex": "annotated", "subjects": ["sub10", "sub12"]}
    protocols = {"casme2_5class": {"kernel_ridge": {}}, "megc2019": {"kernel_ridge": {}}}
    corpora = {**SMALL["corpora"], "casme2": casme2, "dfme": {"apex": "annotated"}}
    fresh.configure({**SMALL, "corpora": corpora, "protocols": protocols})
    jobs = fresh.planned()
    assert not [one for outputs in jobs.values() for one in outputs if "dfme" in one]
    folds = {path.split("/")[-2] for path in jobs["train"] if "/casme2_5class/" in path}
    assert folds == {"casme2_sub10", "casme2_sub12"}
    folds = {path.split("/")[-2] for path in jobs["train"] if "/megc2019/" in path}
    assert folds == {"smic_s01", "smic_s03", "casme2_sub12", "samm_006"}
