"""Real runs of the small configuration: interrupted, fed with bad input, reported."""

import json
import random
import re
import time

import pandas as pd
import pytest
from PIL import Image
from small_project import PROJECT

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


def test_killed_at_any_moment_and_started_again_it_ends_in_the_same_tables(finished, fresh):
    moments = random.Random(0)
    for k in range(3):
        process = fresh.start("snakemake", "--cores", "2", "--nolock")
        time.sleep(moments.uniform(6, 16) + 4 * k)
        fresh.kill(process)
        assert not list(fresh.folder.glob("results/small/tables/*.md")) or k
    status, output = fresh.snakemake("--nolock")
    assert status == 0, output
    assert fresh.tables() == finished.tables()
    assert not list((fresh.folder / "data").rglob("*.partial")), "a later run clears what a killed one left"


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


def test_the_report_is_one_page(finished):
    status, output = finished.snakemake("--report", "report.html")
    assert status == 0, output
    assert (finished.folder / "report.html").stat().st_size > 100_000


def test_dvc_repro_does_what_a_changed_frame_asks_for_and_then_nothing(spoilt):
    """The repository's own stage around the small configuration."""
    stage = (PROJECT / "dvc.yaml").read_text().replace("demo", "small").replace("merba_tiny", "ststnet")
    (spoilt.folder / "dvc.yaml").write_text(stage)
    assert spoilt.run("dvc", "init", "--no-scm", "--quiet")[0] == 0
    status, output = spoilt.run("dvc", "repro")
    assert status == 0, output
    assert "Nothing to be done" in output, "Snakemake had finished before"
    status, output = spoilt.run("dvc", "metrics", "show")
    assert status == 0
    assert "ststnet" in output

    frame = next((spoilt.folder / "data/small/raw/smic").rglob("HS/s1/micro/*/*/*.bmp"))
    frame.write_bytes(frame.read_bytes()[:-1] + b"\x01")
    status, output = spoilt.run("dvc", "repro")
    assert status == 0, output
    done = re.findall(r"^(?:local)?rule (\w+):\n    input: .*\n    output: (.*)$", output, re.MULTILINE)
    assert [outputs for rule, outputs in done if rule == "flow"] == ["data/small/flow/smic/s01.h5"]
    assert len([rule for rule, _ in done if rule == "train"]) == 3 * 2, "all folds but s01's own"

    status, output = spoilt.run("dvc", "repro")
    assert status == 0
    assert "didn't change, skipping" in output
    assert "rule" not in output
