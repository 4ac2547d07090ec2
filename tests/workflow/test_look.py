"""`merba-look`: any clip of a run by one command, and why not where not."""

import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import yaml
from small_project import PROJECT, SMALL

from contracts.cache import write_cache
from contracts.clips import COLUMNS, write_clips
from contracts.files import read_csv
from preprocess.corpora import get_corpus
from workflow import look
from workflow.look import main

PNG = b"\x89PNG"


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder with configurations and nothing made; returns a function that adds a configuration."""
    (tmp_path / "config").mkdir()
    monkeypatch.chdir(tmp_path)

    def configure(settings, name="config.yaml"):
        (tmp_path / "config" / name).write_text(yaml.safe_dump(settings))
        return tmp_path

    configure(SMALL)
    return SimpleNamespace(folder=tmp_path, configure=configure)


def said(capsys, *arguments):
    """Exit status and all that was printed, on one line."""
    status = main([str(one) for one in arguments])
    printed = capsys.readouterr()
    return status, " ".join((printed.out + printed.err).split())


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["--run", "small", "smic/s01"], "not a clip id. Write it as corpus/subject/clip"),
        (["--run", "small", "smik/s01/s01_ne_01"], "no corpus 'smik': did you mean 'smic'?"),
        (["--run", "small", "smic/s02/s02_ne_01"], "no subject 's02': did you mean"),
        (["--run", "smal", "smic/s01/s01_ne_01"], "has run 'smal': did you mean 'small'?"),
        (["--configfile", "config/none.yaml", "a/b/c"], "not a readable configuration"),
        (
            ["--run", "small", "smic/s01/s01_ne_01"],
            "stage clips has not made it yet. Run 'snakemake --cores all data/small/clips/smic.csv'.",
        ),
    ],
)
def test_what_cannot_be_drawn_is_said_with_a_cure(place, capsys, arguments, problem):
    status, text = said(capsys, *arguments)
    assert status == 1
    assert problem in text


def test_two_configurations_of_one_run_are_told_apart_by_file(place, capsys):
    place.configure(SMALL, "mine.yaml")
    status, text = said(capsys, "--run", "small", "smic/s01/s01_ne_01")
    assert status == 1
    assert "config/config.yaml and config/mine.yaml have the same run" in text
    _, text = said(capsys, "--configfile", "config/mine.yaml", "smic/s01/s01_ne_01")
    assert "snakemake --cores all data/small/clips/smic.csv --configfile config/mine.yaml" in text


def test_of_a_run_of_several_files_the_later_are_laid_over_the_first(place, capsys):
    place.configure(
        {"run": "spotted", "corpora": {"samm": {"apex": "spotted"}}, "seeds": [3, 0]}, "above.yaml"
    )
    files = ["config/config.yaml", "config/above.yaml"]
    run = look._read(*map(Path, files))
    assert run.settings["run"] == "spotted"
    assert run.settings["corpora"]["samm"] == {**SMALL["corpora"]["samm"], "apex": "spotted"}
    assert run.settings["corpora"]["smic"] == SMALL["corpora"]["smic"]
    assert run.settings["seeds"] == [3, 0], "a list is replaced"
    _, text = said(capsys, "--configfile", files[0], "--configfile", files[1], "smic/s01/s01_ne_01")
    assert "data/spotted/clips/smic.csv --configfile config/config.yaml config/above.yaml'" in text


def test_a_subject_whom_the_licence_forbids_to_show_is_never_drawn(place, capsys):
    hidden = min(get_corpus("dfme").never_shown)
    shutil.copy(PROJECT / "config/paper.yaml", place.folder / "config/paper.yaml")
    status, text = said(capsys, "--run", "paper", f"dfme/{hidden}/{hidden}_01")
    assert status == 1
    assert "the licence of DFME forbids every picture of this subject" in text


def test_a_clip_that_the_configuration_leaves_out_is_told_with_the_reason(place, capsys):
    smic = {**SMALL["corpora"]["smic"], "exclude": {"smic/s01/s01_ne_01": "blurred"}}
    place.configure({**SMALL, "corpora": {**SMALL["corpora"], "smic": smic}})
    status, text = said(capsys, "--run", "small", "smic/s01/s01_ne_01")
    assert status == 1
    assert "the configuration leaves this clip out: blurred" in text


def test_published_flow_is_drawn_without_frames(place, capsys):
    shutil.copy(PROJECT / "config/public_flows.yaml", place.folder / "config/public_flows.yaml")
    clip_id, data = "smic/s01/s01_ne_01", place.folder / "data/public_flows"
    corpus, subject, clip = clip_id.split("/")
    row = dict.fromkeys(COLUMNS, "") | {
        "clip_id": clip_id,
        "corpus": corpus,
        "subject": subject,
        "clip": clip,
        "frames_dir": "x.png",
        "onset": -1,
        "apex": -1,
        "offset": -1,
        "fps": 100.0,
        "emotion": "negative",
        "apex_source": "none",
        "range_source": "none",
        "pictures": "flow",
        "sheet_row": 2,
    }
    write_clips(pd.DataFrame([row]), data / "clips/smic.csv")
    status, text = said(capsys, "--run", "public_flows", clip_id)
    assert status == 1
    assert "stage import_flow has not made it yet" in text
    assert "data/public_flows/cache/28/smic/s01.h5 --configfile config/public_flows.yaml" in text
    flow = np.random.default_rng(0).uniform(0, 255, (1, 3, 28, 28))
    write_cache(data / "cache/28/smic/s01.h5", [clip_id], flow, {"flow": "published"}, "minmax")
    status, text = said(capsys, "--run", "public_flows", clip_id)
    assert (status, text) == (0, "data/public_flows/pictures/smic/s01/s01_ne_01.png")
    assert (place.folder / text).read_bytes().startswith(PNG)


@pytest.mark.dag
class TestOnAFinishedRun:
    def test_clips_of_every_subject_can_be_drawn_and_the_first_is_the_reports(
        self, finished, monkeypatch, capsys
    ):
        monkeypatch.chdir(finished.folder)
        for corpus in SMALL["corpora"]:
            clips = read_csv(f"data/small/clips/{corpus}.csv")
            for clip_id in clips.groupby("subject").clip_id.first():
                assert said(capsys, "--run", "small", clip_id) == (0, f"data/small/pictures/{clip_id}.png")
        first = finished.folder / "data/small/pictures/smic/s01"
        drawn = sorted(first.iterdir())[0].read_bytes()
        assert drawn == first.with_suffix(".png").read_bytes()

    def test_a_missing_stage_and_a_misspelt_clip_are_named(self, finished, monkeypatch, capsys):
        monkeypatch.chdir(finished.folder)
        flow = finished.folder / "data/small/flow/casme2/sub12.h5"
        clip_id = read_csv("data/small/clips/casme2.csv").clip_id[0]
        flow.rename(flow.with_suffix(".away"))
        try:
            status, text = said(capsys, "--run", "small", clip_id)
        finally:
            flow.with_suffix(".away").rename(flow)
        assert status == 1
        assert "stage flow has not made it yet. Run 'snakemake --cores all data/small/flow/casme2" in text
        assert f"did you mean '{clip_id}'?" in said(capsys, "--run", "small", f"{clip_id}x")[1]

    def test_every_clip_has_its_row_on_the_quality_page(self, finished):
        for corpus in SMALL["corpora"]:
            clips = read_csv(finished.folder / f"data/small/clips/{corpus}.csv")
            table = read_csv(finished.folder / f"data/small/quality/{corpus}.csv")
            assert list(table.clip_id) == list(clips.clip_id)
            page = finished.folder / f"data/small/quality/{corpus}.png"
            assert page.read_bytes().startswith(PNG)
