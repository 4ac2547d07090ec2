"""The canary's record as a page: a row an alarm, and no verdict that its figures do not bear out."""

import html
import re

import pytest

from protocols.alarms import alarms_page

SILENT = {
    "rounds": 20,
    "folds": 4,
    "clips": 6,
    "right": 0.2417,
    "right_limit": 0.31,
    "guessing": 0.25,
    "highest": 0.325,
    "limit": 0.831,
    "reordered": 20,
    "different": 0,
}


def verdicts(text):
    """Alarm -> silent or sounds."""
    rows = re.findall(r'<tr><td class="text">(\w+)</td>.*>(\w+)</td></tr>', text)
    return dict(rows)


def test_of_a_silent_record_every_alarm_is_named_with_its_figures():
    text = alarms_page("SMIC <HS>", SILENT)
    assert verdicts(text) == dict.fromkeys(("given", "moved", "told", "ordered"), "silent")
    seen = html.unescape(" ".join(re.sub("<[^>]+>", " ", text).split()))
    assert "Alarms: SMIC <HS> All are silent." in seen
    for figure in (
        "4 folds",
        "6 clips, 20 rounds",
        "24.2%",
        "25.0%",
        "31.0%",
        "32.5%",
        "83.1%",
        "20 models",
        "0 differ",
    ):
        assert figure in seen
    assert not re.search("href|src|url|script", text), "nothing is loaded"


def test_of_jobs_that_train_several_folds_it_is_not_said_that_their_files_hold_no_test_clip():
    alone, packed = (alarms_page("SMIC-HS", {**SILENT, "packed": one}) for one in (False, True))
    assert "a file that a fold is trained from" in alone
    assert "a file that a fold is trained from" not in packed
    assert "train several folds from the files of all" in packed
    assert "several folds" not in alone
    assert verdicts(packed) == verdicts(alone)


@pytest.mark.parametrize(
    ("alarm", "found"),
    [("told", {"highest": 0.831}), ("told", {"right": 0.3101}), ("ordered", {"different": 1})],
    ids=["told of a fold", "told of all", "ordered"],
)
def test_a_record_that_is_not_silent_is_never_called_so(alarm, found):
    text = alarms_page("SMIC-HS", {**SILENT, **found})
    assert [name for name, said in verdicts(text).items() if said == "sounds"] == [alarm]
    assert "All are silent" not in text
    assert f"Alarm: {alarm}." in text
