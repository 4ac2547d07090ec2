"""The organisers' own list of MEGC2019 through the protocol: official, clip by clip and subject by subject.

Twice: as the synthetic corpora carry it, and, where MERBA_PUBLIC_FLOWS names a folder with the public 28x28
flows, as their `combined_3_class2_for_optical_flow.csv` has it.
"""

import hashlib
import os
from collections import Counter
from pathlib import Path

import pytest
from handmade import clip_table, megc2019_clips

from contracts.files import read_csv
from protocols import get_protocol
from protocols.lists import make_lists

VARIABLE = "MERBA_PUBLIC_FLOWS"
MEGC = get_protocol("megc2019")
# Of the whole list; the protocol knows those of its three parts.
ALL_442 = "423e3d4e8f145eb662176ff63908e9a767eb6e6a5ec6b30be87812c819750c93"


def public():
    if VARIABLE not in os.environ:
        pytest.skip(f"{VARIABLE} does not name a folder with the public flows and their list")
    table = read_csv(Path(os.environ[VARIABLE]) / "combined_3_class2_for_optical_flow.csv")
    # Spreadsheets eat the zeros of SAMM's subjects.
    subjects = table["sub"].where(table.dataset != "samm", table["sub"].str.zfill(3))
    ids = table.dataset + "/" + subjects + "/" + table.filename_o
    return clip_table(zip(ids, [MEGC.classes[int(number)] for number in table.label], strict=True))


@pytest.fixture(scope="module", params=[megc2019_clips, public], ids=["committed", "public"])
def clips(request):
    return request.param()


def test_the_organisers_list_is_the_official_one(clips):
    lists = make_lists(MEGC, clips)
    assert lists.coverage.text() == "all 442 clips"
    assert lists.skipped.empty
    assert lists.test.fold.nunique() == 68
    lines = sorted(map(MEGC.line, lists.labels.clip_id, lists.labels.label))
    assert hashlib.sha256("".join(f"{line}\n" for line in lines).encode()).hexdigest() == ALL_442


def test_every_subject_has_the_clips_that_the_protocol_counts(clips):
    found = Counter(zip(clips.corpus + "/" + clips.subject, clips.emotion, strict=True))
    counts = {subject: tuple(found[subject, name] for name in MEGC.classes) for subject, _ in found}
    assert counts == MEGC.subject_counts


def test_its_smic_part_is_the_official_list_of_smic_alone(clips):
    assert make_lists(get_protocol("smic_3class"), clips[clips.corpus == "smic"]).coverage.complete


def test_frame_rates_divide_dfme_as_its_workbooks_do():
    """Subjects per rate, counted in the Fps column of the public release's workbooks."""
    dfme = get_protocol("dfme")
    found = {
        part: [sum(dfme.group(one) == part for one in dfme.strata[rate]) for rate in dfme.strata]
        for part in dfme.counts
    }
    assert found == {"train": [45, 67, 64], "testA": [13, 16, 13], "testB": [14, 8, 19]}
