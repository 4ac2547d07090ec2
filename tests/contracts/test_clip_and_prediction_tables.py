"""The clip-table and predictions contracts, checked on write and on read."""

import numpy as np
import pandas as pd
import pytest

from contracts.clips import COLUMNS, read_clips, write_clips
from contracts.errors import InputError
from contracts.predictions import predictions_table, read_predictions, write_predictions


def clip(**changes):
    row = {
        "clip_id": "samm/006/006_1_2",
        "corpus": "samm",
        "subject": "006",
        "clip": "006_1_2",
        "frames_dir": "006/006_1_2",
        "onset": 5562,
        "apex": 5588,
        "offset": 5632,
        "fps": 200.0,
        "emotion": "anger",
        "action_units": "4 or 7",
        "apex_source": "annotated",
        "range_source": "annotated",
        "pictures": "raw",
        "sheet_sha256": "",
        "sheet_row": 2,
    }
    return pd.DataFrame([{**row, **changes}])[COLUMNS]


def test_clip_table_round_trip_keeps_zeros_and_types(tmp_path):
    write_clips(clip(), tmp_path / "samm.csv")
    back = read_clips(tmp_path / "samm.csv")
    assert back.subject[0] == "006"
    assert back.onset.dtype == np.int64
    assert back.fps.dtype == np.float64
    pd.testing.assert_frame_equal(back, clip(), check_dtype=False)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"onset": 6000}, "onset before offset"),
        ({"clip_id": "samm/6/006_1_2"}, "clip_id is its parts"),
        ({"apex": -1}, "apex and its source agree"),
        ({"fps": 0.0}, "fps"),
        ({"apex_source": "guessed"}, "guessed"),
        ({"emotion": ""}, "emotion"),
    ],
)
def test_a_row_that_breaks_the_clip_contract_is_named(tmp_path, changes, said):
    with pytest.raises(InputError, match=rf"samm\.csv.*{said}"):
        write_clips(clip(**changes), tmp_path / "samm.csv")
    assert not (tmp_path / "samm.csv").exists()


def test_a_clip_twice_is_refused(tmp_path):
    with pytest.raises(InputError, match="clip_id"):
        write_clips(pd.concat([clip(), clip()]), tmp_path / "samm.csv")


CLASSES = ["negative", "positive", "surprise"]


def predictions():
    probabilities = [[0.2, 0.5, 0.3], [0.9, 0.05, 0.05]]
    return predictions_table(["a/b/2", "a/b/1"], ["a_b", "a_b"], probabilities, CLASSES, "abc")


def test_predictions_round_trip_sorted_and_without_labels(tmp_path):
    write_predictions(predictions(), tmp_path / "seed0.csv")
    back = read_predictions(tmp_path / "seed0.csv")
    assert back.clip_id.tolist() == ["a/b/1", "a/b/2"]
    assert back.predicted.tolist() == ["negative", "positive"]
    assert "label" not in back


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (lambda t: t.assign(p_negative=0.0), "sum to 1"),
        (lambda t: t.assign(p_negative=t.p_negative - 1, p_positive=t.p_positive + 1), "of 0 or more"),
        (lambda t: t.assign(p_negative=np.nan, p_positive=0.5, p_surprise=0.5), "of 0 or more"),
        (lambda t: t.assign(clip_id="a/b/1"), "predicted twice"),
        (lambda t: t.assign(predicted="joy"), "joy"),
        (lambda t: t.assign(label="negative"), "columns"),
    ],
)
def test_faulty_predictions_are_refused(tmp_path, fault, said):
    with pytest.raises(InputError, match=said):
        write_predictions(fault(predictions()), tmp_path / "seed0.csv")
