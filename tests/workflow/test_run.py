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


def failing(project, *targets):
    status, output = project.snakemake(*targets)
    assert status != 0
    assert "Traceback" not in output, output
    return output


def test_a_truncated_frame_stops_its_job_with_its_name(spoilt):
    clips = pd.read_csv(spoilt.folder / "data/small/clips/casme2.csv", dtype=str)
    clip = clips.iloc[0]
    folder = spoilt.folder / "data/small/raw/casme2" / clip.frames_dir
    frame = next(folder.glob(f"*img{clip.onset}.jpg"))
    frame.write_bytes(frame.read_bytes()[:2000])
    before = (spoilt.folder / "data/small/flow/casme2/sub12.h5").read_bytes()
    output = failing(spoilt, "data/small/faces/casme2/sub12.csv")
    assert frame.name in output
    assert "damaged" in output
    assert not list((spoilt.folder / "data/small/faces/casme2").glob("*")), "nothing half-written"
    assert (spoilt.folder / "data/small/flow/casme2/sub12.h5").read_bytes() == before


def test_a_frame_without_a_face_says_how_to_exclude_its_clip(spoilt):
    clips = pd.read_csv(spoilt.folder / "data/small/clips/samm.csv", dtype=str)
    clip = clips.iloc[0]
    folder = spoilt.folder / "data/small/raw/samm" / clip.frames_dir
    frame = next(path for path in folder.iterdir() if int(path.stem.split("_")[-1]) == int(clip.onset))
    Image.new("L", Image.open(frame).size, 90).save(frame)
    output = failing(spoilt, "data/small/faces/samm/006.csv")
    assert "no face found" in output
    assert clip.clip_id in output
    assert "corpora.samm.exclude" in output


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
