"""What the DAG plans, before and after a change; nothing of it needs more than a dry run."""

import copy
import os
import re

import pytest
from small_project import SMALL

pytestmark = [pytest.mark.dag, pytest.mark.xdist_group("dag")]


def test_the_whole_dag_is_known_before_anything_runs(fresh):
    jobs = fresh.planned()
    assert len(jobs["train"]) == 4 * 2 * 2, "four folds, two models; a checkpoint and a log each"
    assert "results/small/tables/megc2019.md" in jobs["tables"]
    assert not (fresh.folder / "data").exists(), "a dry run writes nothing"


def test_no_training_job_is_given_its_test_subject(fresh):
    """Walk the planned jobs: a fold's inputs hold every other subject's cache, and never its own."""
    _, output = fresh.snakemake("--dry-run")
    jobs = re.findall(r"rule train:\n    input: (.*)\n    output: (.*)\n", output)
    assert len(jobs) == 4 * 2
    for inputs, outputs in jobs:
        corpus, subject = re.search(r"models/megc2019/\w+/([a-z0-9]+)_(\w+)/", outputs).groups()
        files = inputs.split(", ")
        assert not [file for file in files if f"/{corpus}/{subject}." in file]
        assert len([file for file in files if "/cache/28/" in file]) == 3
        assert not [file for file in files if "test" in file or "labels" in file]


def test_only_the_scorer_and_the_tables_are_given_labels(fresh):
    _, output = fresh.snakemake("--dry-run")
    readers = {
        rule
        for rule, inputs in re.findall(r"rule (\w+):\n    input: (.*)\n", output)
        if "/labels/megc2019.csv" in inputs
    }
    assert readers == {"score", "tables"}


def test_a_second_run_has_nothing_to_do(finished):
    assert finished.planned() == {}


def test_touching_a_file_changes_nothing(finished):
    (finished.folder / "data/small/clips/smic.csv").touch()
    assert finished.planned() == {}


def rerun(jobs):
    return set(jobs) - {"all"}


AFTER_CACHES = {"train", "predict", "run_record", "score", "tables", "figures", "curves"}


def test_editing_flow_py_reruns_flow_and_what_follows(finished):
    module = finished.folder / "preprocess/flow.py"
    text = module.read_text()
    try:
        module.write_text(text + "\n# an edit\n")
        jobs = finished.planned()
    finally:
        module.write_text(text)
    assert {"flow", "cache"} | AFTER_CACHES <= rerun(jobs)
    assert not rerun(jobs) & {"synthesise_subject", "clips", "faces", "align", "lists_megc2019"}


def test_editing_a_frame_reruns_its_subject_and_the_folds_it_trains(finished):
    frame = next((finished.folder / "data/small/raw/smic").rglob("HS/s1/micro/*/*/*.bmp"))
    original = frame.read_bytes()
    times = frame.stat()
    try:
        frame.write_bytes(original[:-1] + b"\x01")
        jobs = finished.planned()
    finally:
        frame.write_bytes(original)
        os.utime(frame, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert jobs["faces"] == ["data/small/faces/smic/s01.csv"]
    assert jobs["flow"] == ["data/small/flow/smic/s01.h5"]
    assert {one.split("/")[5] for one in jobs["train"]} == {"smic_s03", "casme2_sub12", "samm_006"}
    assert not rerun(jobs) & {"synthesise_subject", "synthesise_sheet", "clips", "lists_megc2019"}
    assert finished.planned() == {}


@pytest.mark.parametrize(
    ("change", "reruns", "spares"),
    [
        (
            lambda c: c["flow"].update(method="farneback"),
            {"flow", "cache", "train"},
            {"faces", "align", "apex"},
        ),
        (lambda c: c["crop"].update(size=128), {"align", "apex", "flow", "train"}, {"faces", "clips"}),
        (
            lambda c: c["corpora"]["smic"].update(apex="midpoint"),
            {"apex", "flow", "train"},
            {"align", "faces"},
        ),
        (
            lambda c: c["protocols"]["megc2019"]["ststnet"].update(epochs=3),
            {"train", "predict", "score", "tables"},
            {"cache", "lists_megc2019"},
        ),
    ],
    ids=["flow method", "crop size", "apex policy", "epochs"],
)
def test_a_changed_parameter_reruns_what_depends_on_it_and_no_more(finished, change, reruns, spares):
    config = copy.deepcopy(SMALL)
    change(config)
    try:
        finished.configure(config)
        jobs = rerun(finished.planned())
    finally:
        finished.configure(SMALL)
    assert reruns <= jobs
    assert not jobs & spares


def test_changing_one_models_recipe_spares_the_other_model(finished):
    config = copy.deepcopy(SMALL)
    config["protocols"]["megc2019"]["ststnet"]["epochs"] = 3
    try:
        finished.configure(config)
        jobs = finished.planned()
    finally:
        finished.configure(SMALL)
    assert {one.split("/")[4] for one in jobs["train"]} == {"ststnet"}


def test_adding_a_seed_trains_that_seed_alone(finished):
    config = copy.deepcopy(SMALL)
    config["seeds"] = [0, 1]
    try:
        finished.configure(config)
        jobs = finished.planned()
    finally:
        finished.configure(SMALL)
    assert {one.rsplit("/", 1)[1] for one in jobs["train"]} == {"seed1.pt", "seed1.csv"}


def test_excluding_a_clip_redoes_its_subject_alone(finished):
    config = copy.deepcopy(SMALL)
    config["corpora"]["smic"]["exclude"] = {"smic/s03/s03_ne_01": "blurred"}
    try:
        finished.configure(config)
        jobs = finished.planned()
    finally:
        finished.configure(SMALL)
    assert jobs["faces"] == ["data/small/faces/smic/s03.csv"]
    assert "clips" not in jobs


def test_the_licensed_configuration_plans_the_whole_benchmark_and_nothing_of_the_demo(fresh):
    jobs = fresh.planned("--configfile", "config/paper.yaml")
    assert len(jobs["lists_megc2019"]) == 68 + 4, "a list per fold; test, skipped, labels, coverage"
    assert not [one for outputs in jobs.values() for one in outputs if "small" in one or "synthe" in one]


def test_a_corpus_that_no_protocol_wants_is_left_alone(fresh):
    config = copy.deepcopy(SMALL)
    config["corpora"]["dfme"] = {"apex": "annotated"}
    fresh.configure(config)
    assert not [one for outputs in fresh.planned().values() for one in outputs if "dfme" in one]


def test_rulegraph_and_lint(fresh):
    status, output = fresh.snakemake("--rulegraph", "mermaid-js")
    assert status == 0
    assert "flowchart" in output
    status, output = fresh.snakemake("--lint")
    assert status == 0, output


def test_a_faulty_configuration_is_refused_before_the_dag_is_built(fresh):
    """In one line, without a traceback; test_configuration.py has all the faults."""
    fresh.configure({**SMALL, "seed": [0]})
    status, output = fresh.snakemake("--dry-run")
    assert status != 0
    assert "config.yaml: unknown key 'seed': did you mean 'seeds'" in output
    assert "Traceback" not in output


def test_no_picture_of_whom_the_licence_forbids_to_show(fresh):
    dfme = {"apex": "annotated", "subjects": ["sub0004", "sub0003", "sub0008"]}
    protocols = {"dfme": {"kernel_ridge": {}}}
    fresh.configure({**SMALL, "corpora": {"dfme": dfme}, "protocols": protocols})
    assert fresh.planned()["picture"] == ["data/small/pictures/dfme/sub0003.png"]


def test_protocols_with_different_subjects_share_a_corpus(fresh):
    """sub10 has clips for the five classes and none for the three."""
    casme2 = {"apex": "annotated", "subjects": ["sub10", "sub12"]}
    protocols = {"casme2_5class": {"kernel_ridge": {}}, "megc2019": {"kernel_ridge": {}}}
    fresh.configure({**SMALL, "corpora": {**SMALL["corpora"], "casme2": casme2}, "protocols": protocols})
    jobs = fresh.planned()
    folds = {path.split("/")[-2] for path in jobs["train"] if "/casme2_5class/" in path}
    assert folds == {"casme2_sub10", "casme2_sub12"}
    folds = {path.split("/")[-2] for path in jobs["train"] if "/megc2019/" in path}
    assert folds == {"smic_s01", "smic_s03", "casme2_sub12", "samm_006"}
