"""No job imports a heavy package that it does not need, in its script's first lines or later."""

import json

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
    "faces": {"cv2", "dlib", "pandera"},
    "figures": {"matplotlib"},
    "flow": {*PICTURES, "pandera"},
    "import_flow": {"h5py", "pandera"},
    "lists": {"pandera"},
    "models": {*LEARNING, "torchvision", "timm"},
    "picture": {*PICTURES, "matplotlib", "pandera"},
    "predict": LEARNING,
    "quality": {*PICTURES, "matplotlib", "pandera"},
    "run_record": set(),
    "score": set(),
    "sequence": {*PICTURES, "pandera"},
    "synthesise_sheet": set(),
    "synthesise_subject": {*PICTURES, "skimage", "scipy"},
    "tables": set(),
    "train": LEARNING,
}
"""Script -> what a job of it may load in all, with the detector and the models of the small configuration.

Only detection by MTCNN adds torch to the preprocessing, and only MERba and models from timm add timm.
"""

# Python imports a module of this name before anything else: it tells at a job's end what is loaded.
_WITNESS = f"""
import atexit, json, sys
from pathlib import Path

def tell():
    script = Path(sys.argv[0])
    if script.parent.name == "scripts":
        loaded = [name for name in {HEAVY} if name in sys.modules]
        Path({{folder!r}}, script.name.split(".")[-2]).write_text(json.dumps(loaded))

atexit.register(tell)
"""
_EARLY = ["data/small/align/samm/006.csv", "data/small/flow/samm/006.h5", "data/small/cache/28/samm/006.h5"]
_LATE = [
    *("results/small/predictions/megc2019/ststnet/seed0.csv", "results/small/curves/megc2019_ststnet.csv"),
    *("results/small/scores/metrics.json", "results/small/tables/megc2019.md"),
]
_RUN = ("align", "flow", "cache", "train", "predict", "curves", "score", "tables")
"""Scripts of the jobs that make these files and a checkpoint of STSTNet."""


def test_the_table_has_every_script():
    assert sorted(LOADED) == sorted(path.stem for path in SCRIPTS.glob("[!_]*.py"))


@pytest.mark.parametrize("name", LOADED)
def test_a_script_s_first_lines_load_nothing_that_its_jobs_do_not_need(name):
    assert set(begin(SCRIPTS / f"{name}.py")["loads"]) <= LOADED[name]


@pytest.mark.parametrize("name", sorted(LATER))
def test_what_the_start_up_benchmark_imports_later_is_what_jobs_import(name):
    """Those of the small configuration exactly; others may add what their detector or model is made of."""
    script, later = jobs()[name]
    added = set(begin(script, later)["loads"]) - LOADED[script.stem]
    allowed = {
        "faces, mtcnn": {"torch", "torchvision", "facenet_pytorch"},
        "train, kernel_ridge": {"sklearn", "scipy"},
        "train, merba_tiny": {"timm", "torchvision"},
    }
    assert added <= allowed.get(name, set())


@pytest.mark.dag
def test_at_its_end_a_job_has_loaded_what_the_table_says(spoilt):
    told = spoilt.folder / "told"
    told.mkdir()
    (spoilt.folder / "sitecustomize.py").write_text(_WITNESS.format(folder=str(told)))
    checkpoint = next(spoilt.folder.glob("data/small/models/megc2019/ststnet/**/*.pt"))
    # The late ones first: they would follow from new caches, with all that is between.
    for targets in ([str(checkpoint.relative_to(spoilt.folder)), *_LATE], _EARLY):
        status, output = spoilt.snakemake("--force", *targets)
        assert status == 0, output
    loaded = {path.name: set(json.loads(path.read_text())) for path in told.iterdir()}
    assert {name: loaded[name] for name in _RUN} == {name: LOADED[name] for name in _RUN}
