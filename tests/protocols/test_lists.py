"""The labelling rules on hand-made clip tables, and the four lists."""

import pytest
from handmade import SUBJECTS, clip_table, one_clip_per_emotion, small_lists

from contracts.errors import InputError
from contracts.files import read_csv
from protocols import get_protocol
from protocols.lists import make_lists, write_lists


def labels_of(name, rows, subjects):
    lists = make_lists(get_protocol(name), clip_table(rows), subjects)
    labels = dict(zip(lists.labels.clip_id, lists.labels.label, strict=True))
    return labels, dict(zip(lists.skipped.clip_id, lists.skipped.reason, strict=True))


def test_megc2019_rule_maps_and_drops_emotions():
    table = one_clip_per_emotion(SUBJECTS["megc2019"])
    labels, skipped = labels_of(
        "megc2019", zip(table.clip_id, table.emotion, strict=True), SUBJECTS["megc2019"]
    )
    emotion = dict(zip(table.clip_id, table.emotion, strict=True))
    found = {(clip.split("/")[0], emotion[clip], label) for clip, label in labels.items()}
    assert found == {
        *(("smic", name, name) for name in ("negative", "positive", "surprise")),
        ("casme2", "disgust", "negative"),
        ("casme2", "repression", "negative"),
        ("casme2", "happiness", "positive"),
        ("casme2", "surprise", "surprise"),
        *(("samm", name, "negative") for name in ("anger", "contempt", "disgust", "fear", "sadness")),
        ("samm", "happiness", "positive"),
        ("samm", "surprise", "surprise"),
    }
    dropped = {(clip.split("/")[0], emotion[clip]) for clip in skipped}
    assert dropped == {("casme2", "others"), ("casme2", "sadness"), ("casme2", "fear"), ("samm", "other")}
    assert all("no class of the protocol" in reason for reason in skipped.values())


def test_megc2019_leaves_out_the_clips_without_apex_by_name_and_no_others():
    labels, skipped = labels_of(
        "megc2019",
        [
            ("casme2/sub04/EP12_01f", "disgust"),
            ("casme2/sub05/EP09_05f", "disgust"),
            ("casme2/sub24/EP07_01", "surprise"),
            ("casme2/sub24/EP02_07", "disgust"),
            ("casme2/sub05/EP16_04f", "surprise"),
            ("casme2/sub04/EP13_01f", "disgust"),
            ("casme2/sub24/EP01_08", "disgust"),
            ("samm/028/028_4_1", "surprise"),
            ("samm/006/006_1_2", "anger"),
        ],
        {"casme2": ["sub04", "sub05", "sub24"], "samm": ["006", "028"]},
    )
    assert skipped == {
        "casme2/sub04/EP12_01f": "no usable apex annotation (MEGC2019 rule)",
        "casme2/sub05/EP09_05f": "no usable apex annotation (MEGC2019 rule)",
        "casme2/sub24/EP07_01": "sadness in the 2014 coding, which the protocol follows",
        "casme2/sub24/EP02_07": "no row in the 2014 coding, which the protocol follows",
    }
    assert labels["samm/028/028_4_1"] == labels["casme2/sub05/EP16_04f"] == "surprise"


def test_casme2_alone_keeps_the_clips_without_apex_and_follows_the_2014_coding():
    labels, skipped = labels_of(
        "casme2_5class",
        [
            ("casme2/sub04/EP12_01f", "disgust"),
            ("casme2/sub05/EP09_05f", "disgust"),
            ("casme2/sub04/EP13_06f", "others"),
            ("casme2/sub05/EP13_04f", "others"),
            ("casme2/sub24/EP10_03", "surprise"),
            ("casme2/sub24/EP07_04f", "sadness"),
            ("casme2/sub24/EP02_07", "disgust"),
            ("casme2/sub09/EP13_02", "fear"),
        ],
        {"casme2": ["sub04", "sub05", "sub09", "sub24"]},
    )
    assert labels == {
        "casme2/sub04/EP12_01f": "disgust",
        "casme2/sub05/EP09_05f": "disgust",
        "casme2/sub04/EP13_06f": "others",
        "casme2/sub05/EP13_04f": "others",
    }
    assert {clip.rsplit("/", 1)[1] for clip in skipped} == {"EP10_03", "EP07_04f", "EP02_07", "EP13_02"}


@pytest.mark.parametrize("name", ["casme2_5class", "samm_5class"])
def test_the_five_classes_are_the_owners_words(name):
    protocol = get_protocol(name)
    table = one_clip_per_emotion(SUBJECTS[name])
    labels, skipped = labels_of(name, zip(table.clip_id, table.emotion, strict=True), SUBJECTS[name])
    emotion = dict(zip(table.clip_id, table.emotion, strict=True))
    assert {(emotion[clip], label) for clip, label in labels.items()} == {(c, c) for c in protocol.classes}
    assert {"sadness", "fear"} <= {emotion[clip] for clip in skipped}


def test_every_clip_is_labelled_or_skipped_with_a_reason(protocol):
    table = one_clip_per_emotion(SUBJECTS[protocol.name])
    lists = small_lists(protocol.name)
    skipped = set(lists.skipped.clip_id)
    used = set(lists.test.clip_id).union(*(table.clip_id for table in lists.train.values()))
    assert used | skipped == set(table.clip_id)
    assert not used & skipped
    assert (lists.skipped.reason != "").all()


def test_a_clip_of_a_subject_outside_the_run_is_skipped_with_its_reason():
    table = one_clip_per_emotion({"smic": ["s01", "s02", "s03"]})
    lists = make_lists(get_protocol("megc2019"), table, {"smic": ["s01", "s02"]})
    assert set(lists.skipped.clip_id) == {f"smic/s03/s03_{k:02d}" for k in range(3)}
    assert set(lists.skipped.reason) == {"its subject is not among the run's subjects"}


def test_a_test_clip_of_dfme_is_no_part_of_the_cross_validation():
    lists = make_lists(
        get_protocol("dfme_10fold"), one_clip_per_emotion(SUBJECTS["dfme"]), SUBJECTS["dfme_10fold"]
    )
    assert {clip.split("/")[1] for clip in lists.skipped.clip_id} == {
        "sub0008",
        "sub0020",
        "sub0001",
        "sub0002",
    }
    assert set(lists.skipped.reason) == {"its subject is not in the protocol"}


def test_a_clip_of_another_corpus_is_refused(protocol):
    table = clip_table([("casme/sub01/a", "disgust")])
    with pytest.raises(InputError, match=rf"a: corpus 'casme' is not in protocol {protocol.name}"):
        make_lists(protocol, table, SUBJECTS[protocol.name])


def test_no_training_list_holds_a_clip_of_a_tested_subject(protocol):
    lists = small_lists(protocol.name)
    for fold, table in lists.train.items():
        tested = {clip.rsplit("/", 1)[0] for clip in lists.test.clip_id[lists.test.fold == fold]}
        assert tested
        assert not tested & {clip.rsplit("/", 1)[0] for clip in table.clip_id}


def test_only_the_label_file_has_test_labels(protocol, tmp_path):
    lists = small_lists(protocol.name)
    write_lists(lists, tmp_path / "data", tmp_path / "labels" / "x.csv")
    assert list(read_csv(tmp_path / "data" / "test.csv").columns) == ["clip_id", "fold"]
    assert list(read_csv(tmp_path / "data" / "skipped.csv").columns) == ["clip_id", "reason"]
    assert list(read_csv(tmp_path / "labels" / "x.csv").columns) == ["clip_id", "label", "fold", "part"]
    for path in (tmp_path / "data" / "train").iterdir():
        table = read_csv(path)
        assert list(table.columns) == ["clip_id", "label"]
        assert not set(table.clip_id) & set(lists.test.clip_id[lists.test.fold == path.stem])


def test_lists_do_not_depend_on_the_order_of_rows(protocol):
    table = one_clip_per_emotion(SUBJECTS[protocol.name])
    shuffled = make_lists(protocol, table.sample(frac=1, random_state=0), SUBJECTS[protocol.name])
    lists = small_lists(protocol.name)
    assert shuffled.labels.equals(lists.labels)
    assert all(shuffled.train[fold].equals(lists.train[fold]) for fold in lists.train)


def test_dfme_parts_are_the_two_test_sets():
    lists = small_lists("dfme")
    labels = lists.labels
    part = {clip.split("/")[1]: part for clip, part in zip(labels.clip_id, labels.part, strict=True)}
    assert part == {"sub0008": "testA", "sub0020": "testA", "sub0001": "testB", "sub0002": "testB"}
    assert set(labels.fold) == {"train"}


def test_a_subject_whose_clips_are_all_dropped_keeps_its_fold():
    rows = [("casme2/sub01/a", "others")]
    rows += [
        (f"casme2/{subject}/{emotion}", emotion)
        for subject in ("sub02", "sub03")
        for emotion in ("disgust", "happiness")
    ]
    table = clip_table(rows)
    lists = make_lists(get_protocol("megc2019"), table, {"casme2": ["sub01", "sub02", "sub03"]})
    assert len(lists.train["casme2_sub01"]) == 4
    assert "casme2_sub01" not in set(lists.test.fold)


def test_a_fold_with_one_class_is_refused():
    table = clip_table([("smic/s01/a", "negative"), ("smic/s02/a", "negative"), ("smic/s02/b", "positive")])
    with pytest.raises(InputError, match=r"fold smic_s02: 1 training clips with fewer than two classes"):
        make_lists(get_protocol("megc2019"), table, {"smic": ["s01", "s02"]})


def test_an_unknown_emotion_names_clip_and_nearest():
    table = clip_table([("casme2/sub01/a", "hapiness")])
    with pytest.raises(InputError, match=r"sub01/a: emotion 'hapiness' is unknown. Did you mean 'happiness'"):
        make_lists(get_protocol("megc2019"), table, {"casme2": ["sub01", "sub02"]})


def test_a_clip_given_twice_is_refused():
    table = clip_table([("smic/s01/a", "negative")] * 2)
    with pytest.raises(InputError, match=r"smic/s01/a: in the clip tables twice"):
        make_lists(get_protocol("megc2019"), table, {"smic": ["s01", "s02"]})
