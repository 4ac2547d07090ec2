"""The synthetic corpora at true scale: the real ones' clips, counts, official lists and oddities."""

import hashlib
from collections import Counter

import pytest

from contracts.errors import InputError
from preprocess.corpora.facts.dfme import EMOTIONS, MEMBERS, PART_OF
from preprocess.corpora.synthetic import Options, list_layouts, plan
from preprocess.corpora.synthetic.census import composite as official_list

TRUE = Options(scale="true", length=(12, 15))
OFFICIAL = {
    "": "423e3d4e8f145eb662176ff63908e9a767eb6e6a5ec6b30be87812c819750c93",
    "casme2": "bfaff179ce66080584f2cdc04bbce3ac4cbda441eafcd680b85223fae2252b2d",
    "samm": "9cd4c30bcec114aacd37aca24c7d7a0a2a40e997c4877513505ff55482e2e138",
    "smic": "ee04ac002186af7bfee184ff1ce7f4e377bab18f9227e37142ac6a3b3918bd5d",
}
LABELS = {
    "smic": {"negative": 0, "positive": 1, "surprise": 2},
    "casme2": {"disgust": 0, "repression": 0, "happiness": 1, "surprise": 2},
    "samm": dict.fromkeys(("Anger", "Contempt", "Disgust", "Fear", "Sadness"), 0)
    | {"Happiness": 1, "Surprise": 2},
}


@pytest.fixture(scope="module")
def census():
    return {corpus: plan(corpus, None, TRUE) for corpus in list_layouts()}


def composite(clips) -> list[str]:
    """The rule of MEGC2019: by label, and in CASME II not without an apex or with one that is the onset."""
    return [
        f"{clip.corpus},{clip.subject},{clip.clip},{LABELS[clip.corpus][clip.emotion]}"
        for clip in clips
        if clip.emotion in LABELS[clip.corpus]
        and (clip.corpus != "casme2" or clip.sheet_apex not in ("/", str(clip.sheet_onset)))
    ]


@pytest.mark.parametrize("corpus", OFFICIAL)
def test_the_composite_built_from_the_true_corpora_is_the_official_list(corpus, census):
    lines = [line for name in LABELS if corpus in ("", name) for line in composite(census[name])]
    content = "\n".join(sorted(lines, key=str.encode)) + "\n"
    assert hashlib.sha256(content.encode()).hexdigest() == OFFICIAL[corpus]


@pytest.mark.parametrize(
    ("corpus", "subjects", "emotions"),
    [
        ("smic", 16, {"negative": 70, "positive": 51, "surprise": 43}),
        (
            "casme2",
            26,
            {"others": 99, "disgust": 63, "happiness": 32, "repression": 27, "surprise": 25}
            | {"sadness": 7, "fear": 2},
        ),
        (
            "samm",
            29,
            {"Anger": 57, "Happiness": 26, "Other": 26, "Surprise": 15, "Contempt": 12}
            | {"Disgust": 9, "Fear": 8, "Sadness": 6},
        ),
    ],
)
def test_counts_of_the_true_corpora(corpus, subjects, emotions, census):
    clips = census[corpus]
    assert len({clip.subject for clip in clips}) == subjects
    assert Counter(clip.emotion for clip in clips) == emotions
    assert len({clip.clip_id for clip in clips}) == len(clips)


@pytest.mark.parametrize(
    ("part", "subjects", "fewest", "most", "emotions", "rates"),
    [
        ("train", 176, 1, 56, (161, 100, 548, 265, 206, 278, 298), {500: 695, 300: 605, 200: 556}),
        ("testA", 42, 2, 47, (39, 34, 129, 62, 63, 46, 101), {500: 215, 300: 143, 200: 116}),
        ("testB", 41, 2, 16, (41, 37, 58, 38, 42, 35, 48), {500: 83, 300: 57, 200: 159}),
    ],
)
def test_counts_of_dfme(part, subjects, fewest, most, emotions, rates, census):
    clips = [clip for clip in census["dfme"] if PART_OF[clip.subject] == part]
    each = Counter(clip.subject for clip in clips)
    assert set(each) == set(MEMBERS[part])
    assert (len(each), sum(each.values())) == (subjects, sum(emotions))
    assert fewest <= min(each.values()) <= max(each.values()) <= most
    assert Counter(clip.emotion for clip in clips) == dict(zip(EMOTIONS, emotions, strict=True))
    assert Counter(clip.fps for clip in clips) == rates
    for subject, count in each.items():
        names = [clip.clip for clip in clips if clip.subject == subject]
        assert names == [f"{subject}_{k:02d}" for k in range(1, count + 1)]


def test_dfme_clips_that_pages_name_exist(census):
    named = {"sub0012_32", "sub0013_29", "sub0034_03", "sub0043_13", "sub0060_07", "sub0104_01", "sub0172_13"}
    named |= {"sub0108_08", "sub0140_04", "sub0593_09"}
    assert named <= {clip.clip for clip in census["dfme"]}


def test_known_oddities_of_the_true_corpora(census):
    clips = {clip.clip_id: clip for planned in census.values() for clip in planned}

    def sheet(name):
        clip = clips[name]
        return clip.sheet_onset, clip.sheet_apex, clip.sheet_offset

    assert clips["casme2/sub04/EP12_01f"].sheet_apex == "/"
    assert sheet("casme2/sub05/EP09_05f")[:2] == (69, "69")
    assert sheet("casme2/sub07/EP06_01") == (15, "49", 68)
    assert sheet("casme2/sub12/EP09_06") == (66, "111", 111)
    assert sheet("casme2/sub16/EP01_08") == (73, "94", 110)
    assert sheet("casme2/sub20/EP16_01") == (71, "111", 111)
    assert clips["casme2/sub01/EP02_01f"].files[0] == "img46.jpg"
    assert sheet("samm/028/028_4_1")[::2] == (1071, 1134)
    for name in ("samm/028/028_4_1", "samm/032/032_3_1"):
        onset, apex, offset = sheet(name)
        assert not onset <= int(apex) <= offset
    assert sheet("samm/032/032_3_2")[:2] == (5126, "5127")
    assert clips["samm/006/006_1_2"].files[0] == "006_05562.jpg"
    assert clips["samm/006/006_5_10"].files[0] == "006_1436.jpg"
    assert clips["samm/007/007_6_5"].files[0] == "007_0649.jpg"
    wide = [clip for clip in census["samm"] if clip.digits == 5]
    assert len(wide) == 31
    assert "Other" not in {clip.emotion for clip in wide}
    runs_on = clips["dfme/sub0593/sub0593_09"]
    assert (runs_on.sheet_offset, runs_on.numbers[-1]) == (123, 140)
    gaps = {c.clip: c.offset - c.onset + 1 - len(c.numbers) for c in census["smic"] if c.numbers}
    assert {clip: lost for clip, lost in gaps.items() if lost} == {
        "s03_po_08": 2,
        "s03_sur_01": 1,
        "s03_sur_05": 1,
        "s03_ne_16": 1,
    }


def test_the_codings_of_casme2_differ_as_they_do(census):
    usual = {clip.clip_id: clip for clip in census["casme2"]}
    later = {
        clip.clip_id: clip
        for clip in plan("casme2", None, Options(scale="true", length=(12, 15), coding="2019"))
    }
    recoded = {name for name in usual if usual[name].emotion != later[name].emotion}
    assert recoded == {f"casme2/sub24/{clip}" for clip in ("EP07_01", "EP07_04f", "EP10_03")}
    assert Counter(clip.emotion for clip in later.values())["surprise"] == 28
    moved = {
        name: later[name].sheet_offset
        for name in usual
        if usual[name].sheet_offset != later[name].sheet_offset
    }
    assert moved == {"casme2/sub16/EP01_08": 96}
    updated = plan("casme2", None, Options(scale="true", coding="updated"))
    assert len(updated) == 256
    assert {clip.clip_id for clip in updated} - set(usual) == {"casme2/sub24/EP02_07"}


def test_true_ranges_contain_the_true_apex(census):
    for planned in census.values():
        for clip in planned:
            assert clip.onset < clip.apex < clip.offset
            assert {clip.onset, clip.apex, clip.offset} <= set(clip.numbers)


def test_a_true_corpus_has_no_other_subjects():
    with pytest.raises(InputError, match=r"samm/008: samm has no subject '008'\. Use one of its 29"):
        plan("samm", ["008"], TRUE)


def test_who_is_not_in_the_composite_does_not_get_into_it_by_being_asked_for(census):
    listed = official_list()
    assert len(listed) == 68
    assert sum(len(clips) for labels in listed.values() for clips in labels.values()) == 442
