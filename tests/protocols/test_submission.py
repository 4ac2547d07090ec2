"""Submission files: the challenge's own order, numbers and spelling, and none from half a run unasked."""

import importlib
import io
import json
import subprocess
import sys
import zipfile

import numpy as np
import pandas as pd
import pytest
from handmade import megc2019_clips, predicted
from hypothesis import given
from hypothesis import strategies as st

from contracts.clips import COLUMNS, write_clips
from contracts.errors import InputError
from contracts.predictions import read_predictions, write_predictions
from protocols import get_protocol, list_protocols
from protocols.lists import make_lists, write_lists
from protocols.runs import read_labels
from protocols.scores import count
from protocols.submission import write_submission
from protocols.submissions import ccac2024, get_format, list_formats, megc2019

MEGC, DFME = get_protocol("megc2019"), get_protocol("dfme")


def dfme_clips(path, rows):
    """A clip table of DFME at `path`; `rows` is clip_id -> row of the owner's sheet."""
    ids = pd.Series(list(rows))
    parts = ids.str.split("/", expand=True)
    table = pd.DataFrame({"clip_id": ids, "corpus": parts[0], "subject": parts[1], "clip": parts[2]})
    table = table.assign(frames_dir=parts[2], onset=0, apex=5, offset=9, fps=200.0, emotion="fear")
    table = table.assign(action_units="", apex_source="annotated", range_source="annotated", pictures="raw")
    write_clips(table.assign(sheet_sha256="", sheet_row=list(rows.values()))[COLUMNS], path)
    return path


@pytest.fixture
def rows(run):
    """Rows of the run's test clips of DFME: backwards by name, and from 2 on in the sheet of either set."""
    labels = read_labels(run, DFME)
    order = {}
    for _, clips in labels.groupby("part"):
        order |= dict(zip(clips.clip_id.iloc[::-1], range(2, 2 + len(clips)), strict=True))
    return order


@pytest.fixture
def clips(rows, tmp_path):
    return dfme_clips(tmp_path / "dfme.csv", rows)


@pytest.fixture
def whole_run(tmp_path):
    """results/ of a run over all of MEGC2019."""
    results = tmp_path / "results" / "whole"
    lists = make_lists(MEGC, megc2019_clips())
    write_lists(lists, tmp_path / "data", results / "labels" / "megc2019.csv")
    guesses = np.random.default_rng(0).choice(MEGC.classes, len(lists.labels))
    table = predicted(lists.labels, MEGC.classes, guesses)
    write_predictions(table, results / "predictions" / "megc2019" / "ststnet" / "seed0.csv")
    return results


def read_log(text):
    """A result log -> (corpus, subject, clip) -> (truth, prediction)."""
    outcomes, subject = {}, None
    for line in text.splitlines():
        match line.split(" "):
            case [corpus, name]:
                subject = (corpus, name)
            case [clip, truth, guess]:
                outcomes[(*subject, clip)] = (int(truth), int(guess))
    return outcomes


@pytest.mark.parametrize("name", list_formats())
def test_every_format_serves_a_protocol_and_is_found_by_it(name):
    module = importlib.import_module(f"protocols.submissions.{name}")
    assert module.SERVES in list_protocols()
    assert get_format(None, get_protocol(module.SERVES)) is module
    assert get_format(name, get_protocol(module.SERVES)) is module


@pytest.mark.parametrize(
    ("name", "protocol", "message"),
    [
        (
            "ccac2024",
            "megc2019",
            "is for protocol dfme, not for megc2019. Use --format megc2019 or --protocol dfme",
        ),
        ("megc2019", "smic_3class", "is for protocol megc2019, not for smic_3class. Use --protocol megc2019"),
        ("megc2018", "megc2019", "Did you mean 'megc2019'"),
        (
            None,
            "samm_5class",
            "protocol samm_5class has no submission format. Submit the protocol of one of ccac2024",
        ),
    ],
)
def test_a_wrong_format_is_refused_and_the_right_one_named(name, protocol, message):
    with pytest.raises(InputError) as error:
        get_format(name, get_protocol(protocol))
    assert message in str(error.value)


@pytest.mark.parametrize("part", ["testA", "testB"])
def test_ccac2024_has_one_emotion_id_a_line_in_the_order_of_the_sheet(run, clips, rows, tmp_path, part):
    write_submission(run, DFME, "ststnet", 1, tmp_path / "out", clips=clips, partial=True)
    numbers = [int(line) for line in (tmp_path / "out" / part / "prediction.txt").read_text().splitlines()]
    labels = read_labels(run, DFME)
    wanted = sorted(labels.clip_id[labels.part == part], key=rows.get)
    table = read_predictions(run / "predictions" / "dfme" / "ststnet" / "seed1.csv").set_index("clip_id")
    assert [DFME.classes[number] for number in numbers] == list(table.predicted[wanted])
    assert wanted != sorted(wanted)


def test_ccac2024_zips_the_text_alone_and_the_same_bytes_every_time(run, clips, tmp_path):
    def submitted(out):
        paths = write_submission(run, DFME, "ststnet", 0, tmp_path / out, clips=clips, partial=True)
        return {path.relative_to(tmp_path / out).as_posix(): path.read_bytes() for path in paths}

    first = submitted("once")
    assert set(first) == {f"{p}/prediction.{s}" for p in ("testA", "testB") for s in ("txt", "zip")}
    assert submitted("again") == first
    with zipfile.ZipFile(io.BytesIO(first["testA/prediction.zip"])) as archive:
        assert archive.namelist() == ["prediction.txt"]
        assert archive.read("prediction.txt") == first["testA/prediction.txt"]


@given(
    order=st.permutations(range(1, 10)),
    classes=st.lists(st.sampled_from(DFME.classes), min_size=9, max_size=9),
)
def test_ccac2024_lines_follow_the_rows_whatever_the_names(order, classes):
    ids = [f"dfme/sub0008/sub0008_{k:02d}" for k in range(9)]
    outcomes = pd.DataFrame({"clip_id": ids, "part": "testA", "predicted": classes, "sheet_row": order})
    made = ccac2024.files(outcomes, DFME)
    assert set(made) == {"testA/prediction.txt", "testA/prediction.zip"}, (
        "a test set without clips has no file"
    )
    lines = made["testA/prediction.txt"].decode().splitlines()
    assert all(
        lines[row - 1] == str(DFME.classes.index(name)) for row, name in zip(order, classes, strict=True)
    )


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda rows: dict.fromkeys(rows, 0), "14 of 14 test clips have no row in the owner's sheet"),
        (lambda rows: rows | {"dfme/sub0008/sub0008_03": 0}, "sub0008_03: 1 of 14 test clips have no row"),
        (
            lambda rows: rows | {"dfme/sub0008/sub0008_03": rows["dfme/sub0008/sub0008_04"]},
            "has the same row of the owner's sheet as dfme/sub0008/sub0008_0",
        ),
        (
            lambda rows: {clip: row for clip, row in rows.items() if clip != "dfme/sub0020/sub0020_01"},
            "dfme.csv: dfme/sub0020/sub0020_01: 1 test clips of the run are not in the clip table",
        ),
    ],
)
def test_ccac2024_refuses_an_unknown_order(run, rows, tmp_path, spoil, message):
    clips = dfme_clips(tmp_path / "dfme.csv", spoil(rows))
    with pytest.raises(InputError) as error:
        write_submission(run, DFME, "ststnet", 0, tmp_path / "out", clips=clips, partial=True)
    assert message in str(error.value)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("clips", "message"), [(None, "--clips"), ("no.csv", "no.csv: there is no such clip table")]
)
def test_ccac2024_needs_the_clip_table(run, tmp_path, clips, message):
    with pytest.raises(InputError, match=message):
        write_submission(run, DFME, "ststnet", 0, tmp_path / "out", clips=clips, partial=True)


def test_megc2019_log_spells_folds_and_clips_as_the_organisers_do():
    rows = [
        ("samm/006/006_1_2", "negative", "surprise"),
        ("casme2/sub01/EP02_01f", "positive", "positive"),
        ("smic/s01/s01_ne_01", "negative", "negative"),
        ("smic/s01/s01_sur_01", "surprise", "positive"),
    ]
    outcomes = pd.DataFrame(rows, columns=["clip_id", "label", "predicted"]).sort_values("clip_id")
    assert megc2019.files(outcomes, MEGC) == {
        "result_log.txt": b"smic s01\ns01_ne_01 0 0\ns01_sur_01 2 1\n"
        b"casme2 sub01\nEP02_01f 1 1\nsamm 006\n006_1_2 0 2\n"
    }


def test_megc2019_log_of_a_whole_run_holds_every_clip_once_and_scores_the_same(whole_run, tmp_path):
    (path,) = write_submission(whole_run, MEGC, "ststnet", 0, tmp_path / "out")
    text = path.read_text()
    assert len(text.splitlines()) == 68 + 442
    logged = read_log(text)
    assert {"/".join(clip) for clip in logged} == set(read_labels(whole_run, MEGC).clip_id)
    matrix = np.zeros((3, 3), dtype=int)
    for outcome in logged.values():
        matrix[outcome] += 1
    labels = read_labels(whole_run, MEGC).set_index("clip_id")
    table = read_predictions(whole_run / "predictions" / "megc2019" / "ststnet" / "seed0.csv")
    assert (matrix == count(labels.label[table.clip_id], table.predicted, MEGC)).all()


def test_half_a_run_is_refused_and_says_what_is_missing(run, tmp_path):
    with pytest.raises(InputError) as error:
        write_submission(run, MEGC, "ststnet", 0, tmp_path / "out")
    assert "not the full protocol" in str(error.value)
    assert "casme2: 8 of 145 clips; sub01:" in str(error.value)
    assert "no clip of 22 subjects (sub03, sub04, sub05, sub06, ...)" in str(error.value)
    assert "--partial" in str(error.value)
    assert not (tmp_path / "out").exists()
    (path,) = write_submission(run, MEGC, "ststnet", 0, tmp_path / "out", partial=True)
    assert {"/".join(clip) for clip in read_log(path.read_text())} == set(read_labels(run, MEGC).clip_id)


def test_a_lost_prediction_is_refused_even_when_partial(run, tmp_path):
    path = run / "predictions" / "megc2019" / "ststnet" / "seed0.csv"
    write_predictions(read_predictions(path).iloc[1:], path)
    with pytest.raises(InputError, match=r"seed0.csv: casme2/sub01/\S+: not predicted"):
        write_submission(run, MEGC, "ststnet", 0, tmp_path / "out", partial=True)


@pytest.mark.parametrize(
    ("model", "seed", "message"),
    [
        ("stsnet", 0, "no predictions of model stsnet. Did you mean 'ststnet'"),
        ("merba_tiny", 1, "no predictions of seed 1 of merba_tiny. Use one of 0"),
    ],
)
def test_predictions_that_the_run_does_not_have_are_named(run, tmp_path, model, seed, message):
    with pytest.raises(InputError) as error:
        write_submission(run, MEGC, model, seed, tmp_path / "out", partial=True)
    assert message in str(error.value)


def test_a_protocol_that_the_run_does_not_have_is_named(run, tmp_path):
    (run / "run.json").write_text(json.dumps({"predictions": {"dfme": ["ststnet"]}, "seeds": [0]}))
    with pytest.raises(InputError, match="no predictions of protocol megc2019"):
        write_submission(run, MEGC, "ststnet", 0, tmp_path / "out", partial=True)


def test_the_command_line_names_its_files_and_reports_faults_without_traceback(run, clips, tmp_path):
    command = [sys.executable, "-m", "protocols.submission", "--results", run, "--protocol", "dfme"]
    command += ["--model", "ststnet", "--seed", "0", "--out", tmp_path / "out", "--clips", clips]
    done = subprocess.run([*command, "--partial"], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[0] == str(tmp_path / "out" / "testA" / "prediction.txt")
    failed = subprocess.run([*command, "--format", "megc2019"], capture_output=True, text=True)
    assert failed.returncode == 1
    assert "is for protocol megc2019, not for dfme. Use --format ccac2024" in failed.stderr
    assert "Traceback" not in failed.stderr
