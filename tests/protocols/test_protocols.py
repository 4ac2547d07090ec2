"""The registry and the protocols: known before any data is, and laid out so that nothing can leak."""

import re
import subprocess
import sys
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.errors import InputError
from protocols import Fold, get_protocol, list_protocols
from protocols.census import read_census, totals
from protocols.definitions.dfme import GROUPS
from protocols.folds import k_fold
from protocols.metrics import list_metrics

# What each protocol's source says of its full list: folds, and per group clips of each class and subjects.
OFFICIAL = {
    "megc2019": (68, {"smic": ((70, 51, 43), 16), "casme2": ((88, 32, 25), 24), "samm": ((92, 26, 15), 28)}),
    "casme2_5class": (26, {"casme2": ((32, 63, 25, 27, 99), 26)}),
    "samm_5class": (27, {"samm": ((57, 12, 26, 26, 15), 27)}),
    "smic_3class": (16, {"smic": ((70, 51, 43), 16)}),
    "dfme": (
        1,
        {
            "train": ((161, 100, 548, 265, 206, 278, 298), 176),
            "testA": ((39, 34, 129, 62, 63, 46, 101), 42),
            "testB": ((41, 37, 58, 38, 42, 35, 48), 41),
        },
    ),
    "dfme_10fold": (10, {"train": ((161, 100, 548, 265, 206, 278, 298), 176)}),
}
# Protocols that test every one of their subjects; the others have subjects that only ever train.
CROSS_VALIDATED = [name for name in list_protocols() if name != "dfme"]

ALL = [get_protocol(name) for name in list_protocols()]


def test_registry_finds_every_protocol_that_has_a_source():
    assert set(OFFICIAL) <= set(list_protocols())


def test_unknown_protocol_names_the_nearest():
    with pytest.raises(InputError, match=r"(?i)did you mean 'megc2019'"):
        get_protocol("megc2091")


def test_planning_loads_nothing_heavy():
    code = (
        "import sys; from protocols import get_protocol, list_protocols;"
        "[get_protocol(name).folds() for name in list_protocols()];"
        "print([m for m in ('numpy', 'pandas', 'sklearn', 'matplotlib') if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "[]\n"


def test_only_the_protocol_asked_for_is_loaded():
    code = (
        "import sys; from protocols import get_protocol; get_protocol('megc2019');"
        "print([m for m in ('protocols.definitions.dfme', 'protocols.definitions.samm_5class')"
        " if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "[]\n"


@pytest.mark.parametrize("protocol", ALL, ids=lambda p: p.name)
def test_a_protocol_is_consistent(protocol):
    assert set(protocol.checksums) == set(protocol.counts)
    assert all(len(counts) == len(protocol.classes) for counts in protocol.counts.values())
    assert {group for part in protocol.parts for group in part.groups} <= set(protocol.counts)
    assert {protocol.group(subject) for subject in protocol.namespaced()} == set(protocol.counts)
    assert all(len(set(members)) == len(members) for members in protocol.subjects.values())
    assert len(set(protocol.checksums.values())) == len(protocol.checksums)
    assert all(re.fullmatch(r"[0-9a-f]{64}", checksum) for checksum in protocol.checksums.values())
    assert set(protocol.metrics) <= set(list_metrics())
    reported = [group for part in protocol.parts for group in part.groups]
    assert sorted(group for part in protocol.widest for group in part.groups) == sorted(set(reported))


@pytest.mark.parametrize("name", OFFICIAL)
def test_a_protocol_has_the_folds_subjects_and_clips_of_its_source(name):
    protocol = get_protocol(name)
    subjects = Counter(map(protocol.group, protocol.namespaced()))
    found = {group: (counts, subjects[group]) for group, counts in protocol.counts.items()}
    assert (len(protocol.folds()), found) == OFFICIAL[name]


@pytest.mark.parametrize("protocol", [p for p in ALL if p.subject_counts], ids=lambda p: p.name)
def test_counts_of_the_subjects_sum_to_those_of_the_groups(protocol):
    assert list(protocol.subject_counts) == protocol.namespaced()
    assert totals(protocol.subject_counts, protocol.group) == protocol.counts
    assert all(sum(counts) for counts in protocol.subject_counts.values()), "a subject without any clip"


def test_the_two_countings_of_casme2_agree():
    """Independent tables: negative is disgust and repression, less the two clips without a usable apex."""
    five, three = get_protocol("casme2_5class").subject_counts, get_protocol("megc2019").subject_counts
    without_apex = Counter({"casme2/sub04": 1, "casme2/sub05": 1})
    for subject, (happiness, disgust, surprise, repression, _) in five.items():
        expected = (disgust + repression - without_apex[subject], happiness, surprise)
        assert three.get(subject, (0, 0, 0)) == expected


def test_the_two_countings_of_samm_agree():
    """Negative also holds disgust, fear and sadness: 23 clips in all."""
    five, three = get_protocol("samm_5class").subject_counts, get_protocol("megc2019").subject_counts
    dropped = 0
    for subject in {*five} | {one for one in three if one.startswith("samm/")}:
        anger, contempt, happiness, _, surprise = five.get(subject, (0, 0, 0, 0, 0))
        negative, *others = three.get(subject, (0, 0, 0))
        assert others == [happiness, surprise]
        assert negative >= anger + contempt
        dropped += negative - anger - contempt
    assert dropped == 9 + 8 + 6


def test_a_census_names_a_subject_once():
    assert read_census("smic", "s01:3/2/1\n s02:0/1/5") == {"smic/s01": (3, 2, 1), "smic/s02": (0, 1, 5)}
    with pytest.raises(ValueError, match="twice"):
        read_census("smic", "s01:3/2/1 s01:0/1/5")


def test_megc2019_lacks_the_subjects_that_have_only_dropped_emotions():
    protocol = get_protocol("megc2019")
    assert not {"sub10", "sub18"} & set(protocol.subjects["casme2"])
    assert "025" not in protocol.subjects["samm"]


def test_dfme_trains_on_the_training_set_and_tests_the_others():
    (fold,) = get_protocol("dfme").folds()
    assert (fold.name, len(fold.train), len(fold.test)) == ("train", 176, 83)
    assert len(set().union(*GROUPS.values())) == 259


@pytest.mark.parametrize("name", CROSS_VALIDATED)
def test_every_subject_is_tested_once(name):
    protocol = get_protocol(name)
    folds = protocol.folds()
    assert sorted(subject for fold in folds for subject in fold.test) == sorted(protocol.namespaced())
    assert all(set(fold.train) == set(protocol.namespaced()) - set(fold.test) for fold in folds)
    assert len({fold.name for fold in folds}) == len(folds)


def test_cross_validation_on_dfme_never_sees_the_test_sets():
    tested = set(get_protocol("dfme").folds()[0].test)
    assert not tested & set(get_protocol("dfme_10fold").namespaced())


def test_cross_validation_on_dfme_deals_frame_rates_evenly():
    """Ids tell the frame rate: 500 fps up to 0015 and from 0572, 300 up to 0110, 200 up to 0253."""
    rates = {"500": [], "300": [], "200": []}
    assert list(GROUPS["train"]) == sorted(GROUPS["train"])
    for fold in get_protocol("dfme_10fold").folds():
        ids = [int(subject[-4:]) for subject in fold.test]
        rates["500"].append(sum(k <= 15 or k >= 572 for k in ids))
        rates["300"].append(sum(16 <= k <= 110 for k in ids))
        rates["200"].append(sum(111 <= k <= 253 for k in ids))
        assert len(ids) in (17, 18)
    assert {rate: sum(counts) for rate, counts in rates.items()} == {"500": 45, "300": 67, "200": 64}
    assert all(max(counts) - min(counts) <= 2 for counts in rates.values())


@given(chosen=st.sets(st.sampled_from(GROUPS["train"]), min_size=2, max_size=30))
def test_a_subject_of_dfme_keeps_its_fold_in_a_partial_run(chosen):
    protocol = get_protocol("dfme_10fold")
    full = {subject: fold.name for fold in protocol.folds() for subject in fold.test}
    wanted = {full[f"dfme/{subject}"] for subject in chosen}
    if len(wanted) < 2:
        with pytest.raises(InputError, match="subjects of two folds or more"):
            protocol.folds({"dfme": list(chosen)})
        return
    folds = protocol.folds({"dfme": list(chosen)})
    assert {subject: fold.name for fold in folds for subject in fold.test} == {
        f"dfme/{subject}": full[f"dfme/{subject}"] for subject in chosen
    }
    assert [fold.name for fold in folds] == sorted(wanted)


def test_k_fold_deals_the_official_list():
    folds = k_fold(["a/3", "a/5"], official=["a/1", "a/2", "a/3", "a/4", "a/5"], k=3)
    assert folds == [
        Fold("fold02", train=("a/3",), test=("a/5",)),
        Fold("fold03", train=("a/5",), test=("a/3",)),
    ]


@pytest.mark.parametrize("protocol", ALL, ids=lambda p: p.name)
@given(data=st.data())
def test_no_subject_is_ever_in_its_own_training_list(protocol, data):
    subjects = {
        corpus: data.draw(st.lists(st.sampled_from(members), unique=True, max_size=12))
        for corpus, members in protocol.subjects.items()
    }
    try:
        folds = protocol.folds(subjects)
    except InputError as error:
        assert "subject" in str(error)
        return
    wanted = {f"{corpus}/{subject}" for corpus, members in subjects.items() for subject in members}
    tested = [subject for fold in folds for subject in fold.test]
    assert len(set(tested)) == len(tested)
    for fold in folds:
        assert not set(fold.train) & set(fold.test)
        assert set(fold.train) | set(fold.test) == wanted
        assert "/" not in fold.name
    if protocol.name in CROSS_VALIDATED:
        assert set(tested) == wanted


def test_folds_do_not_depend_on_the_order_given(protocol):
    backwards = {corpus: members[::-1] for corpus, members in reversed(protocol.subjects.items())}
    assert protocol.folds(backwards) == protocol.folds()


def test_loso_folds_are_named_after_corpus_and_subject():
    folds = get_protocol("megc2019").folds({"smic": ["s01"], "samm": ["006"]})
    assert folds == [
        Fold("smic_s01", train=("samm/006",), test=("smic/s01",)),
        Fold("samm_006", train=("smic/s01",), test=("samm/006",)),
    ]


def test_a_fold_refuses_to_test_what_it_trains_on():
    with pytest.raises(ValueError, match="smic/s01"):
        Fold("x", train=("smic/s01", "smic/s02"), test=("smic/s01",))


@pytest.mark.parametrize(
    ("subjects", "message"),
    [
        ({"smic": ["s1"]}, "'s1' of smic is not in protocol megc2019. Did you mean 's"),
        ({"casme2": ["sub10"]}, "'sub10' of casme2 is not in protocol"),
        ({"samm": [6]}, "ids are text. Put it in quotes"),
        ({"casme": ["sub01"]}, "did you mean 'casme2'"),
        ({"smic": ["s01", "s01"]}, "given twice"),
        ({"smic": ["s01"]}, "two subjects or more"),
    ],
)
def test_subjects_that_cannot_be_split_are_refused(subjects, message):
    with pytest.raises(InputError) as error:
        get_protocol("megc2019").folds(subjects)
    assert message.lower() in str(error.value).lower()


@pytest.mark.parametrize(("subject", "side"), [("sub0003", "test"), ("sub0008", "training")])
def test_dfme_needs_both_sides(subject, side):
    with pytest.raises(InputError, match=f"no {side} subject"):
        get_protocol("dfme").folds({"dfme": [subject]})
