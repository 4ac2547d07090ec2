"""No job imports a heavy package that it does not need, in its script's first lines or later."""

import pytest

from benchmarks.startup import HEAVY, LATER, SCRIPTS, begin, jobs

LEARNING = {"torch", "h5py"}
PICTURES = {"cv2", "h5py"}
LOADED = {
    "align": {"cv2", "skimage", "scipy", "pandera"},
    "apex": {"cv2", "sklearn", "scipy", "pandera"},
    "audit": set(),
    "audit_fold": LEARNING,
    "audit_seed": set(),
    "cache": PICTURES,
    "canary": {*LEARNING, "sklearn", "scipy"},
    "clips": {"pandera"},
    "curves": set(),
    "faces": {"dlib", "pandera"},
    "figures": {"matplotlib"},
    "flow": {*PICTURES, "pandera"},
    "import_flow": {"h5py", "pandera"},
    "lists": {"pandera"},
    "models": {*LEARNING, "torch._dynamo"},
    "picture": {*PICTURES, "matplotlib", "pandera"},
    "predict": LEARNING,
    "quality": {*PICTURES, "matplotlib", "pandera"},
    "run_record": set(),
    "score": set(),
    "sequence": {*PICTURES, "pandera"},
    "synthesise_sheet": set(),
    "synthesise_subject": {*PICTURES, "skimage", "scipy", "matplotlib"},
    "tables": set(),
    "train": LEARNING,
}
"""Script -> what its jobs load in all, with the detector and the models of the small configuration.

The synthesis reads a portrait that ships with matplotlib; counting a network's operations loads torch's
compiler.
"""

ADDED = {
    "faces, mtcnn": {"cv2", "torch", "torch._dynamo", "torchvision", "facenet_pytorch"},
    "train, kernel_ridge": {"sklearn", "scipy"},
}
"""What jobs add to it by their detector or model: only MTCNN adds torch to the preprocessing."""
NEVER_IN_SMALL_RUNS = ("audit", "audit_fold", "audit_seed", "sequence")


def test_the_table_has_every_script():
    assert sorted(LOADED) == sorted(path.stem for path in SCRIPTS.glob("[!_]*.py"))


@pytest.mark.dag
@pytest.mark.parametrize("name", sorted(LOADED.keys() - set(NEVER_IN_SMALL_RUNS)))
def test_at_its_end_a_job_has_loaded_what_the_table_says(original, original_flows, name):
    """Hence no more in its script's first lines."""
    found = set()
    jobs = [job for job in (*original.told(), *original_flows.told()) if job["script"] == name]
    assert jobs, "a job of this script has told"
    for job in jobs:
        row = "kernel_ridge" if "/kernel_ridge/" in job["output"] else ""
        found |= set(HEAVY).intersection(job["loaded"]) - ADDED.get(f"{name}, {row}", set())
    assert found == LOADED[name]


@pytest.mark.parametrize("name", NEVER_IN_SMALL_RUNS)
def test_a_script_s_first_lines_load_nothing_that_its_jobs_do_not_need(name):
    assert set(begin(SCRIPTS / f"{name}.py")["loads"]) <= LOADED[name]


@pytest.mark.parametrize("name", sorted(LATER))
def test_what_the_start_up_benchmark_imports_later_is_what_jobs_import(name):
    """Those of the small configuration exactly; others may add what their detector or model is made of."""
    script, later = jobs()[name]
    assert set(begin(script, later)["loads"]) <= LOADED[script.stem] | ADDED.get(name, set())
