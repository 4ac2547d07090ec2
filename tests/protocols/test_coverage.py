"""Coverage: the official list and no other is complete, and of any other it is said how it differs."""

from dataclasses import replace

import pandas as pd
import pytest
from handmade import SUBJECTS, megc2019_clips, small_lists, smic_clips
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.errors import InputError
from protocols import get_protocol, list_protocols
from protocols.base import subject_of
from protocols.coverage import Coverage, assert_official, checksum, complete
from protocols.lists import make_lists

SMIC = get_protocol("smic_3class")
OFFICIAL = smic_clips().rename(columns={"emotion": "label"}).assign(group="smic")
COUNTED = [name for name in list_protocols() if get_protocol(name).subject_counts]


def counted_list(protocol):
    """As many clips of each class and subject as the full list has, under invented names."""
    rows = [
        (f"{subject}/{label}_{k}", label, protocol.group(subject))
        for subject, counts in protocol.subject_counts.items()
        for label, count in zip(protocol.classes, counts, strict=True)
        for k in range(count)
    ]
    return pd.DataFrame(rows, columns=["clip_id", "label", "group"])


def difference(protocol, labelled):
    (line,) = complete(protocol, labelled).differences
    return line


def test_the_official_list_of_smic_is_complete():
    coverage = make_lists(SMIC, smic_clips()).coverage
    assert coverage.complete
    assert coverage.text() == "all 164 clips"
    assert coverage.differences == ()


def test_smic_alone_is_a_part_of_megc2019():
    protocol = get_protocol("megc2019")
    lists = make_lists(protocol, smic_clips(), {"smic": list(SMIC.subjects["smic"])})
    assert checksum(protocol, lists.labels).startswith("ee04ac00")
    assert lists.coverage.groups["smic"].official
    assert not lists.coverage.complete
    assert lists.coverage.text() == (
        "164 of 442 clips, partial (smic 164 of 164, casme2 0 of 145, samm 0 of 133)"
    )
    assert lists.coverage.differences == (
        "casme2: 0 of 145 clips; no clip of 24 subjects (sub01, sub02, sub03, sub04, ...)",
        "samm: 0 of 133 clips; no clip of 28 subjects (006, 007, 009, 010, ...)",
    )


@given(data=st.data())
def test_an_altered_list_is_never_complete(data):
    row = data.draw(st.integers(0, len(OFFICIAL) - 1))
    clip, label = OFFICIAL.clip_id[row], OFFICIAL.label[row]
    altered = OFFICIAL.copy()
    match data.draw(st.sampled_from(["drop", "double", "rename", "relabel", "move"])):
        case "drop":
            altered = altered.drop(index=row)
        case "double":
            altered = pd.concat([altered, altered.iloc[[row]]])
        case "rename":
            altered.loc[row, "clip_id"] = clip + data.draw(st.text("0123456789fx", min_size=1, max_size=3))
        case "relabel":
            altered.loc[row, "label"] = data.draw(st.sampled_from([c for c in SMIC.classes if c != label]))
        case "move":
            others = [one for one in SMIC.namespaced() if one != subject_of(clip)]
            altered.loc[row, "clip_id"] = f"{data.draw(st.sampled_from(others))}/{clip.split('/')[2]}"
    coverage = complete(SMIC, altered)
    assert not coverage.complete
    assert len(coverage.differences) == 1
    assert not coverage.text().startswith("all")


@given(order=st.randoms())
def test_the_official_list_is_complete_in_any_order(order):
    rows = list(range(len(OFFICIAL)))
    order.shuffle(rows)
    assert complete(SMIC, OFFICIAL.iloc[rows]).complete


@given(dropped=st.sets(st.integers(0, len(OFFICIAL) - 1), min_size=1, max_size=4))
def test_every_subject_that_lacks_a_few_clips_is_named(dropped):
    line = difference(SMIC, OFFICIAL.drop(index=list(dropped)))
    assert line.startswith(f"smic: {164 - len(dropped)} of 164 clips; ")
    lacking = {OFFICIAL.subject[row] for row in dropped}
    assert {subject for subject in SMIC.subjects["smic"] if subject in line} == lacking


def test_a_difference_says_subject_class_and_how_many():
    protocol = get_protocol("megc2019")
    clips = counted_list(protocol)
    clips = clips[~clips.clip_id.isin(["casme2/sub17/negative_0", "casme2/sub21/negative_0"])]
    assert complete(protocol, clips).differences[1] == (
        "casme2: 143 of 145 clips; sub17: negative 22 of 23; no clip of sub21"
    )


def test_a_clip_that_changed_class_is_found_though_the_total_is_right():
    clips = OFFICIAL.copy()
    clips.loc[clips.clip_id == "smic/s03/s03_ne_16", "label"] = "surprise"
    assert difference(SMIC, clips) == "smic: 164 of 164 clips; s03: negative 21 of 22, surprise 7 of 6"


def test_right_counts_with_a_wrong_clip_are_not_the_official_list():
    assert "yet other clips or other labels" in difference(
        SMIC, OFFICIAL.replace("smic/s01/s01_ne_01", "smic/s01/s01_ne_09")
    )


def test_a_subject_that_is_not_in_the_protocol_is_named():
    clips = OFFICIAL.replace("smic/s19/s19_po_01", "smic/s07/s07_po_01")
    line = difference(SMIC, clips)
    assert "s19: positive 0 of 1" in line
    assert "clips of s07, not in the protocol" in line


@pytest.mark.parametrize("name", COUNTED)
def test_right_counts_of_invented_clips_are_said_to_be_other_clips(name):
    protocol = get_protocol(name)
    coverage = complete(protocol, counted_list(protocol))
    assert coverage.clips == coverage.expected
    assert not coverage.complete
    assert coverage.text().endswith(f"(other clips or labels in {', '.join(protocol.counts)})")
    assert all("yet other clips" in line for line in coverage.differences)


@pytest.mark.parametrize("name", list_protocols())
def test_a_line_stays_readable_whatever_is_missing(name):
    protocol = get_protocol(name)
    nothing = pd.DataFrame({"clip_id": [], "label": [], "group": []}, dtype=str)
    one_each = counted_list(protocol).groupby(lambda row: row // 2).first()
    for labelled in (nothing, one_each):
        coverage = complete(protocol, labelled)
        assert max(map(len, coverage.differences)) < 600
        assert len(coverage.text()) < 150


def test_without_counts_per_subject_the_classes_are_named():
    protocol = get_protocol("dfme_10fold")
    rows = [
        (f"dfme/sub0003/{label}_{k}", label)
        for label, count in zip(protocol.classes, protocol.counts["train"], strict=True)
        for k in range(count - (label == "fear"))
    ]
    labelled = pd.DataFrame(rows, columns=["clip_id", "label"]).assign(group="train")
    assert difference(protocol, labelled) == "train: 1855 of 1856 clips; fear 264 of 265"


@pytest.mark.parametrize("name", SUBJECTS)
def test_coverage_survives_its_file(name):
    coverage = small_lists(name).coverage
    assert Coverage.from_json(coverage.to_json()) == coverage


def test_a_subject_that_the_run_leaves_out_is_missing():
    subjects = [one for one in SMIC.subjects["smic"] if one != "s05"]
    lists = make_lists(SMIC, smic_clips(), {"smic": subjects})
    assert lists.coverage.differences == ("smic: 162 of 164 clips; no clip of s05",)


# What a run on real clips must be: the official list, or openly a part of it


@pytest.mark.parametrize(("name", "clips"), [("smic_3class", smic_clips), ("megc2019", megc2019_clips)])
def test_the_official_list_is_let_through(name, clips):
    protocol = get_protocol(name)
    assert_official(protocol, make_lists(protocol, clips()).coverage)


@pytest.mark.parametrize("name", SUBJECTS)
def test_a_part_is_let_through(name):
    assert_official(get_protocol(name), small_lists(name).coverage)


@pytest.mark.parametrize("name", COUNTED)
def test_as_many_clips_that_are_others_are_refused(name):
    protocol = get_protocol(name)
    coverage = complete(protocol, counted_list(protocol))
    with pytest.raises(InputError, match="not the official list") as refused:
        assert_official(protocol, coverage)
    message = str(refused.value)
    assert all(line in message for line in coverage.differences)
    assert f"protocol {name}" in message
    assert "merba-check" in message
    assert "partial" in message


def test_a_clip_too_many_is_refused():
    more = pd.concat([OFFICIAL, OFFICIAL.iloc[[0]].assign(clip_id="smic/s01/s01_ne_04")])
    with pytest.raises(InputError, match=r"165 of 164 clips.*s01: negative 4 of 3"):
        assert_official(SMIC, complete(SMIC, more))


@settings(max_examples=25, deadline=None)
@given(wrong=st.integers(1, len(OFFICIAL) - 1))
def test_a_wrong_label_is_refused_until_its_clip_is_excluded(wrong):
    label = next(name for name in SMIC.classes if name != OFFICIAL.label[wrong])
    altered = OFFICIAL.assign(label=OFFICIAL.label.where(OFFICIAL.index != wrong, label))
    with pytest.raises(InputError, match=OFFICIAL.subject[wrong]):
        assert_official(SMIC, complete(SMIC, altered))
    assert_official(SMIC, complete(SMIC, altered.drop(index=wrong)))


def test_only_a_run_that_fills_every_group_claims_to_be_the_full_protocol():
    protocol = get_protocol("megc2019")
    other = complete(protocol, counted_list(protocol))
    smaller = replace(other.groups["samm"], clips=other.groups["samm"].expected - 1)
    assert_official(protocol, replace(other, groups=other.groups | {"samm": smaller}))
