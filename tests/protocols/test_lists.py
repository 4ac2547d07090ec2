"""The labelling rules on hand-made clip tables, and the four lists."""

import pytest
from handmade import SUBJECTS, clip_table, one_clip_per_emotion, small_lists

from contracts.errors import InputError
from contracts.files import read_csv
from protocols import get_protocol
from protocols.coverage import Coverage, checksum, complete
from protocols.lists import make_lists, write_lists

# Clips of SMIC-HS per subject: negative, positive, surprise. Ids are gapless: the counts are the whole list.
SMIC = {
    "s01": (3, 2, 1),
    "s02": (0, 1, 5),
    "s03": (22, 11, 6),
    "s04": (10, 4, 5),
    "s05": (1, 0, 1),
    "s06": (2, 0, 2),
    "s08": (9, 4, 0),
    "s09": (0, 1, 3),
    "s11": (3, 3, 1),
    "s12": (0, 8, 1),
    "s13": (0, 10, 0),
    "s14": (3, 2, 5),
    "s15": (1, 1, 2),
    "s18": (2, 0, 5),
    "s19": (0, 1, 1),
    "s20": (14, 3, 5),
}


def smic_clips():
    return clip_table(
        (f"smic/{subject}/{subject}_{short}_{k:02d}", emotion)
        for subject, counts in SMIC.items()
        for count, short, emotion in zip(
            counts, ("ne", "po", "sur"), ("negative", "positive", "surprise"), strict=True
        )
        for k in range(1, count + 1)
    )


def test_smic_list_has_the_official_checksum():
    protocol = get_protocol("megc2019")
    lists = make_lists(protocol, smic_clips(), {"smic": list(SMIC)})
    assert checksum(protocol, lists.labels).startswith("ee04ac00")
    assert lists.coverage.groups["smic"].official
    assert not lists.coverage.complete
    assert lists.coverage.text() == (
        "164 of 442 clips, partial (smic 164 of 164, casme2 0 of 145, samm 0 of 133)"
    )


def test_right_counts_with_a_wrong_clip_are_not_the_official_list():
    protocol = get_protocol("megc2019")
    clips = smic_clips().replace("smic/s01/s01_ne_01", "smic/s01/s01_ne_09")
    coverage = make_lists(protocol, clips, {"smic": list(SMIC)}).coverage
    assert not coverage.groups["smic"].official
    assert "yet other clips or other labels" in coverage.differences[0]


def test_coverage_survives_its_file():
    coverage = small_lists("dfme").coverage
    assert Coverage.from_json(coverage.to_json()) == coverage


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
        "casme2/sub24/EP07_01": "sadness in the 2014 coding that MEGC2019 used",
    }
    assert labels["samm/028/028_4_1"] == labels["casme2/sub05/EP16_04f"] == "surprise"


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


def test_all_counts_right_but_other_clips_is_said_so():
    protocol = get_protocol("dfme")
    rows = [
        (f"dfme/x/{group}_{label}_{k}", label, group)
        for group, counts in protocol.counts.items()
        for label, count in zip(protocol.classes, counts, strict=True)
        for k in range(count)
    ]
    table = clip_table((clip, label) for clip, label, _ in rows).rename(columns={"emotion": "label"})
    coverage = complete(protocol, table.assign(group=[group for *_, group in rows]))
    assert coverage.clips == coverage.expected == 2629
    assert coverage.text().startswith("2629 of 2629 clips, but not the official list (train: 1856 clips")
