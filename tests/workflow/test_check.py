"""`merba-check`: what it says of the folders a user has, and its exit status."""

import shutil

import pytest
import yaml
from public_flow_tree import FlowTree, official_clips

from preprocess.corpora.synthetic import Options, write_corpus
from workflow.check import FAULTY, FINE, PARTIAL, main

CORPORA = ("smic", "casme2", "samm", "dfme")
TRUE = {"scale": "true", "pictures": "blank", "length": (8, 8)}


@pytest.fixture(scope="module")
def releases(tmp_path_factory):
    """All four corpora, everybody in them, short clips of blank pictures."""
    root = tmp_path_factory.mktemp("my corpora äöü")
    for corpus in CORPORA:
        write_corpus(root / corpus, corpus, Options(**TRUE))
    return root


@pytest.fixture
def spoilable(releases, tmp_path):
    """A copy of one corpus."""

    def copy(corpus):
        return shutil.copytree(releases / corpus, tmp_path / corpus)

    return copy


def said(capsys, *arguments):
    """Exit status and what was printed, on one line."""
    status = main([str(one) for one in arguments])
    return status, " ".join(capsys.readouterr().out.split())


def test_the_official_lists_come_out_of_true_scale_corpora(releases, capsys):
    status, text = said(capsys, releases)
    for title, size in {
        "SMIC-HS": "164 of 164 clips, 16 of 16 subjects",
        "CASME II": "255 of 255 clips, 26 of 26 subjects",
        "SAMM": "159 of 159 clips, 29 of 29 subjects",
        "DFME": "2629 of 2629 clips, 259 of 259 subjects",
    }.items():
        assert f"{title} (" in text
        assert size in text
    assert "megc2019 all 442 clips (the official list, by its checksum)" in text
    assert "smic_3class all 164 clips (the official list, by its checksum)" in text
    # The other clips' names are invented: the counts are right, the lists are not the official ones.
    for name, clips in {"casme2_5class": 246, "samm_5class": 136, "dfme": 2629, "dfme_10fold": 1856}.items():
        assert f"{name} {clips} of {clips} clips, but not the official list" in text
    assert status == PARTIAL


@pytest.mark.parametrize("coding", ["2014", "2019", "updated"])
def test_every_coding_of_casme2_gives_the_same_megc2019_list(releases, tmp_path, capsys, coding):
    write_corpus(tmp_path / "casme2", "casme2", Options(coding=coding, faults=("unlabelled",), **TRUE))
    corpora = {
        name: {"root": str(root), "apex": "midpoint"}
        for name, root in {
            "smic": releases / "smic",
            "casme2": tmp_path / "casme2",
            "samm": releases / "samm",
        }.items()
    }
    config = {"run": "mine", "corpora": corpora, "crop": {"size": 224}, "flow": {"method": "tvl1"}}
    config |= {"protocols": {"megc2019": {"kernel_ridge": {}}}, "seeds": [0]}
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(config))
    status, text = said(capsys, "--configfile", tmp_path / "mine.yaml")
    assert "megc2019 all 442 clips (the official list, by its checksum)" in text
    assert "the clip was never labelled: casme2/sub09/EP02_02f, casme2/sub24/EP02_07" in text
    assert f"snakemake -n --configfile {tmp_path / 'mine.yaml'}" in text
    assert status == FINE


def test_what_is_missing_is_named_by_subject(spoilable, capsys):
    root = spoilable("smic")
    shutil.rmtree(next(root.rglob("s03_po_08"), None) or next(root.rglob("s3_po_08")))
    shutil.rmtree(next(root.rglob("s20")))
    status, text = said(capsys, f"smic={root}")
    assert "141 of 164 clips, partial" in text
    assert "s03: positive 10 of 11" in text
    assert "no clip of s20" in text
    assert "megc2019 needs casme2, samm" in text
    assert status == PARTIAL


def test_bad_frames_are_named(spoilable, capsys):
    root = spoilable("samm")
    clip = next(root.rglob("006_1_2"))
    frames = sorted(clip.iterdir())
    content = frames[1].read_bytes()
    for frame, bad in ((frames[0], b"a text file"), (frames[1], content[: len(content) // 2])):
        frame.unlink()  # it may be a link to every other frame
        frame.write_bytes(bad)
    status, text = said(capsys, f"samm={root}")
    assert f"MEND {frames[0]}: samm/006/006_1_2: not a picture, whatever its name says" in text
    assert status == FAULTY
    frames[0].unlink()
    frames[0].write_bytes(content)
    assert said(capsys, f"samm={root}")[0] == PARTIAL
    status, text = said(capsys, f"samm={root}", "--every-frame")
    assert f"MEND {frames[1]}: samm/006/006_1_2: the image is damaged" in text
    assert status == FAULTY


def test_faults_stand_beside_what_was_read(spoilable, capsys):
    root = spoilable("casme2")
    for clip in ("sub01/EP02_01f", "sub02/EP01_11f"):
        for frame in (root / "CASME2_RAW_selected" / clip).iterdir():
            frame.unlink()
    status, text = said(capsys, f"casme2={root}")
    assert "253 of 26 subjects can be used" in text
    assert text.count("no frame in this clip's folder") == 2
    assert "Mend what is marked MEND" in text
    assert status == FAULTY


def test_what_would_stop_the_run_is_said_before(spoilable, tmp_path, capsys):
    """The run asks for every subject of its protocols, and for every excluded clip by its id."""
    root = spoilable("smic")
    shutil.rmtree(next(root.rglob("s20")))
    config = {"run": "mine", "crop": {"size": 224}, "flow": {"method": "tvl1"}, "seeds": [0]}
    config |= {"protocols": {"smic_3class": {"kernel_ridge": {}}}}
    file = tmp_path / "mine.yaml"

    def check(**settings):
        smic = {"root": str(root), "apex": "spotted", **settings}
        file.write_text(yaml.safe_dump(config | {"corpora": {"smic": smic}}))
        return said(capsys, "--configfile", file)

    status, text = check()
    assert "no folder of frames for subject s20" in text
    assert "set corpora.smic.subjects to those found: s01, s02" in text
    assert status == FAULTY
    subjects = [f"s{k:02d}" for k in (1, 2, 3, 4, 5, 6, 8, 9, 11, 12, 13, 14, 15, 18, 19)]
    status, text = check(subjects=subjects)
    assert "142 of 164 clips, partial" in text
    assert status == PARTIAL
    status, text = check(subjects=subjects, exclude={"smic/s01/s01_ne_01": "blurred"})
    assert "141 of 164 clips, partial" in text
    status, text = check(subjects=subjects, exclude={"smic/s01/s01_ne_77": "blurred"})
    assert "smic/s01/s01_ne_77: an excluded clip is not in the corpus" in text
    assert status == FAULTY


def test_advice_names_the_deepest_root_and_the_subjects_there(spoilable, tmp_path, capsys):
    """So that no corpus's clip table waits for another's sheet, and the run finds whom it asks for."""
    for corpus in ("casme2", "samm"):
        spoilable(corpus)
    home = tmp_path / "casme2/CASME2_RAW_selected"
    for subject in home.iterdir():
        if subject.name not in ("sub01", "sub02"):
            shutil.rmtree(subject)
    _, text = said(capsys, tmp_path)
    assert f"casme2: {{root: '{tmp_path}/casme2', apex: annotated, subjects: ['sub01', 'sub02']}}" in text
    assert f"samm: {{root: '{tmp_path}/samm', apex: annotated}}" in text
    assert "passed over" not in text


def test_flow_and_recordings_are_judged_apart(releases, tmp_path, capsys):
    FlowTree(tmp_path / "HTNet", tuple(official_clips())).write()
    status, text = said(capsys, tmp_path / "HTNet")
    assert "megc2019 all 442 clips (the official list, by its checksum)" in text
    assert "copy of config/public_flows.yaml" in text
    assert f"corpora: public_flows: {{root: '{tmp_path}/HTNet'}}" in text
    assert status == FINE
    status, text = said(capsys, tmp_path / "HTNet", f"smic={releases / 'smic'}")
    recordings, flows = text.split("Protocols, from ")[1:]
    names = {recordings.split()[0], flows.split()[0]}
    assert names == {"recordings", "public_flows"}
    assert "megc2019 needs casme2, samm" in text


def test_one_corpus_twice_and_folders_with_a_configuration(releases, capsys):
    status, text = said(capsys, f"smic={releases / 'smic'}", f"smic={releases / 'smic'}")
    assert "smic is given twice" in text
    assert status == FAULTY
    with pytest.raises(SystemExit) as caught:
        main([str(releases), "--configfile", "config/paper.yaml"])
    assert caught.value.code == 2


def test_swapped_roots_are_recognised(releases, capsys):
    status, text = said(capsys, f"samm={releases / 'casme2'}")
    assert "this is CASME II, not SAMM. Set it as corpora.casme2.root" in text
    assert status == FAULTY


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nowhere"], "there is no such folder"),
        (["--configfile", "nowhere.yaml"], "not a readable configuration"),
        (["--configfile", "config/config.yaml"], "the corpora of this configuration are synthetic"),
    ],
)
def test_a_command_that_cannot_be_followed(capsys, arguments, words):
    status, text = said(capsys, *arguments)
    assert words in text
    assert status == FAULTY


def test_an_empty_folder(tmp_path, capsys):
    status, text = said(capsys, tmp_path)
    assert "no corpus is recognised there. Say which one it is" in text
    assert status == FAULTY
