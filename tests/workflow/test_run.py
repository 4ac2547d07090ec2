"""Real runs of the small configuration: to the end, fed with bad input, and by DVC."""

import json
import re

import pandas as pd
import pytest
from PIL import Image
from small_project import CLONE, PROJECT

from contracts.predictions import read_predictions

pytestmark = pytest.mark.dag


def test_every_test_clip_is_predicted_once(finished):
    results = finished.folder / "results/small"
    labels = pd.read_csv(results / "labels/megc2019.csv", dtype=str)
    assert len(labels) == 4 * 3 + 1, "one clip a class and subject, and sub12's extra one"
    table = read_predictions(results / "predictions/megc2019/ststnet/seed0.csv")
    assert sorted(table.clip_id) == sorted(labels.clip_id)
    assert json.loads((results / "run.json").read_text())["corpora"] == "synthetic"
    assert "NOT comparable" in (results / "tables/megc2019.md").read_text()


def test_damaged_frames_and_frames_without_a_face_stop_their_jobs_with_their_names_and_a_cure(spoilt):
    """In one run, as users meet them; nothing is half-written, and what was made before stays."""
    raw, faces = spoilt.folder / "data/small/raw", spoilt.folder / "data/small/faces"
    clips = {corpus: spoilt.folder / f"data/small/clips/{corpus}.csv" for corpus in ("casme2", "samm")}
    cut, empty = (pd.read_csv(path, dtype=str).iloc[0] for path in clips.values())
    frame = next((raw / "casme2" / cut.frames_dir).glob(f"*img{cut.onset}.jpg"))
    frame.write_bytes(frame.read_bytes()[:2000])
    folder = raw / "samm" / empty.frames_dir
    onset = next(path for path in folder.iterdir() if int(path.stem.split("_")[-1]) == int(empty.onset))
    Image.new("L", Image.open(onset).size, 90).save(onset)
    before = (spoilt.folder / "data/small/flow/casme2/sub12.h5").read_bytes()

    targets = [f"data/small/faces/{subject}.csv" for subject in ("casme2/sub12", "samm/006")]
    status, output = spoilt.snakemake("--keep-going", *targets)
    assert status != 0
    assert "Traceback" not in output, output
    assert frame.name in output
    assert "damaged" in output
    assert "no face found" in output
    assert empty.clip_id in output
    assert "corpora.samm.exclude" in output
    assert not [*(faces / "casme2").glob("*"), *(faces / "samm").glob("*")]
    assert (spoilt.folder / "data/small/flow/casme2/sub12.h5").read_bytes() == before


def test_dvc_repro_does_what_a_changed_picture_asks_for_and_then_nothing(spoilt_flows):
    """The repository's own stage around the run that has the fewest jobs."""
    project = spoilt_flows
    stage = (PROJECT / "dvc.yaml").read_text().replace("demo", "flows").replace("merba_tiny", "kernel_ridge")
    (project.folder / "dvc.yaml").write_text(stage)
    assert project.run("dvc", "init", "--no-scm", "--quiet")[0] == 0
    status, output = project.run("dvc", "repro")
    assert status == 0, output
    assert "Nothing to be done" in output, "Snakemake had finished before"
    status, output = project.run("dvc", "metrics", "show")
    assert status == 0
    assert "kernel_ridge" in output

    picture = min((project.folder / CLONE / "datasets/STSNet_whole_norm_u_v_os").glob("s01_*.png"))
    Image.open(picture).transpose(Image.Transpose.ROTATE_90).save(picture)
    status, output = project.run("dvc", "repro")
    assert status == 0, output
    done = re.findall(r"^(?:local)?rule (\w+):\n    input: .*\n    output: (.*)$", output, re.MULTILINE)
    assert [outputs for rule, outputs in done if rule == "import_flow"] == ["data/flows/cache/28/smic/s01.h5"]
    assert len([rule for rule, _ in done if rule == "train"]) == 3, "all folds but s01's own"

    status, output = project.run("dvc", "repro")
    assert status == 0
    assert "didn't change, skipping" in output
    assert "rule" not in output
