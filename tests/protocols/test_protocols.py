"""The registry and the protocols: known before any data is, and laid out so that nothing can leak."""

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.errors import InputError
from protocols import Fold, get_protocol, list_protocols
from protocols.definitions.dfme import GROUPS

ALL = [get_protocol(name) for name in list_protocols()]


def test_registry_finds_both_protocols():
    assert {"megc2019", "dfme"} <= set(list_protocols())


def test_unknown_protocol_names_the_nearest():
    with pytest.raises(InputError, match=r"(?i)did you mean 'megc2019'"):
        get_protocol("megc2091")


def test_planning_loads_nothing_heavy_and_only_the_protocol_asked_for():
    code = (
        "import sys; from protocols import get_protocol; get_protocol('megc2019').folds();"
        "print([m for m in ('numpy', 'pandas', 'sklearn', 'matplotlib', 'protocols.definitions.dfme')"
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


def test_megc2019_has_the_68_subjects_and_442_clips():
    protocol = get_protocol("megc2019")
    assert {corpus: len(members) for corpus, members in protocol.subjects.items()} == {
        "smic": 16,
        "casme2": 24,
        "samm": 28,
    }
    assert len(protocol.folds()) == 68
    assert [sum(column) for column in zip(*protocol.counts.values(), strict=True)] == [250, 109, 83]
    assert not {"sub10", "sub18"} & set(protocol.subjects["casme2"])
    assert "025" not in protocol.subjects["samm"]


def test_dfme_has_176_42_and_41_subjects():
    protocol = get_protocol("dfme")
    assert [len(members) for members in GROUPS.values()] == [176, 42, 41]
    assert len(protocol.subjects["dfme"]) == 259
    assert [sum(counts) for counts in protocol.counts.values()] == [1856, 474, 299]
    (fold,) = protocol.folds()
    assert (fold.name, len(fold.train), len(fold.test)) == ("train", 176, 83)


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
    if protocol.name == "megc2019":
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
