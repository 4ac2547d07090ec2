"""What the DAG plans after a change to a finished run; nothing of it needs more than a dry run."""

import copy
import os

import pytest
from small_project import SMALL

pytestmark = pytest.mark.dag


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
    assert finished.planned() == {}, "as it was, there is nothing to do"


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
    ],
    ids=["flow method", "crop size", "apex policy"],
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


def test_changing_one_models_recipe_spares_the_other_model_and_the_caches(finished):
    config = copy.deepcopy(SMALL)
    config["protocols"]["megc2019"]["ststnet"]["epochs"] = 3
    try:
        finished.configure(config)
        jobs = finished.planned()
    finally:
        finished.configure(SMALL)
    assert {one.split("/")[4] for one in jobs["train"]} == {"ststnet"}
    assert {"train", "predict", "score", "tables"} <= rerun(jobs)
    assert not rerun(jobs) & {"cache", "lists_megc2019"}


def test_adding_a_seed_trains_that_seed_alone_and_not_for_rows_with_fewer(finished):
    config = copy.deepcopy(SMALL)
    config["seeds"] = [0, 1]
    try:
        finished.configure(config)
        jobs = finished.planned()
    finally:
        finished.configure(SMALL)
    assert {one.rsplit("/", 1)[1] for one in jobs["train"]} == {"seed1.pt", "seed1.csv"}
    assert {one.split("/")[4] for one in jobs["train"]} == {"ststnet"}
    assert jobs["predict"] == ["results/small/predictions/megc2019/ststnet/seed1.csv"]


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
