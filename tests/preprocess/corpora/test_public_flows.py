"""The public flow set: joined whatever its spelling, nothing lost in silence, values kept exactly."""

import os
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from public_flow_tree import (
    HANDFUL,
    HEADER,
    OFFICIAL,
    FlowTree,
    all_ids,
    examined,
    flow,
    official_clips,
    save,
)

from contracts.clips import NO_FRAME, read_clips, write_clips
from contracts.errors import InputError
from preprocess.corpora import Source, get_corpus, list_corpora
from preprocess.corpora.public_flows import EMOTIONS, LIST, official

CORPUS = get_corpus("public_flows")
REAL = os.environ.get("MERBA_PUBLIC_FLOWS", "")
FIRST, DOUBLED = HANDFUL[0], HANDFUL[3]


# Joined


@pytest.mark.parametrize("corpus", CORPUS.provides)
def test_each_corpus_has_its_own_clips_in_the_official_spelling(flows_written, tmp_path, corpus):
    index = CORPUS.index(Source(flows_written.root), corpus=corpus)
    own = {clip.clip_id: clip for clip in HANDFUL if clip.corpus == corpus}
    assert list(index.clips.clip_id) == sorted(own)
    assert index.skipped.empty
    for row in index.clips.itertuples():
        clip = own[row.clip_id]
        assert flows_written.root / row.frames_dir == flows_written.picture(clip)
        assert row.emotion == EMOTIONS[clip.label]
        assert (row.onset, row.apex, row.offset) == (NO_FRAME,) * 3
        assert (row.apex_source, row.range_source, row.pictures) == ("none", "none", "flow")
        assert row.fps == (100 if corpus == "smic" else 200)
        assert (
            flows_written.sheet.read_text()
            .splitlines()[row.sheet_row - 1]
            .startswith(f"{corpus},{clip.subject},")
        )
    write_clips(index.clips, tmp_path / "clips.csv")
    assert list(read_clips(tmp_path / "clips.csv").clip_id) == sorted(own)


@pytest.mark.parametrize("call", [CORPUS.index, CORPUS.examine, CORPUS.subject_paths])
def test_the_corpus_must_be_named_and_a_strange_one_is_refused(flows_written, call):
    source = Source(flows_written.root)
    with pytest.raises(ValueError, match="smic, casme2, samm: name one"):
        call(source)
    with pytest.raises(InputError, match=r"no clips of 'dfme'.*smic, casme2, samm"):
        call(source, corpus="dfme")


@pytest.mark.parametrize("name", list_corpora())
def test_a_corpus_needs_no_name_where_it_is_the_only_one(name):
    corpus = get_corpus(name)
    assert [corpus.part(one) for one in corpus.provides] == list(corpus.provides)
    if len(corpus.provides) == 1:
        assert corpus.part(None) == name


def test_only_the_wanted_subjects_are_read(flows):
    flows.picture(HANDFUL[5]).write_bytes(b"not read")
    save(flows.home / "sub02_EP99_01 .png", flow(50))
    rows = flows.rows()
    rows[4][3] = "none of the three"
    flows.write_list([*rows, rows[6]])
    index = CORPUS.index(Source(flows.root), ["sub01"], corpus="casme2")
    assert list(index.clips.clip_id) == ["casme2/sub01/EP02_01f"]
    assert index.skipped.empty
    assert "5 of 145 clips, 3 of 24 subjects" in index.recognised["frames"][0], "the whole folder"
    with pytest.raises(InputError, match=r"casme2/sub26: this subject has no clip"):
        CORPUS.index(Source(flows.root), ["sub01", "sub26"], corpus="casme2")


SPELLINGS = {
    "no space": lambda name: name.replace(" .png", ".png"),
    "upper case": lambda name: name.upper(),
    "lower case": lambda name: name.lower(),
    "unpadded clip": lambda name: name.replace("_s0", "_s"),
    "subject once": lambda name: name[4:] if name[:4] in ("s01_", "s20_") else name,
    "lost zeros": lambda name: name.lstrip("0"),
}


@pytest.mark.parametrize("spell", SPELLINGS.values(), ids=SPELLINGS)
def test_pictures_are_joined_however_they_are_named(flows, spell):
    for path in list(flows.home.iterdir()):
        path.rename(path.with_name(spell(path.name)))
    ids, skipped, faults = examined(flows.root)
    assert (sorted(ids), skipped, faults) == (all_ids(), {}, [])


LISTS = {
    "numbers for ids": lambda row: [row[0], row[1].lstrip("0"), *row[2:]],
    "numbers for labels": lambda row: [*row[:3], f"{row[3]}.0", *row[4:]],
    "smic as in imagename": lambda row: [*row[:2], row[2].replace("s0", "s"), *row[3:]],
    "subject once": lambda row: [*row[:2], row[2].removeprefix(f"{row[1]}_"), *row[3:]],
    "upper case": lambda row: [cell.upper() for cell in row],
    "lower case": lambda row: [cell.lower() for cell in row],
    "spaces": lambda row: [f" {cell} " for cell in row],
}


@pytest.mark.parametrize("spell", LISTS.values(), ids=LISTS)
def test_rows_are_joined_however_they_are_spelled(flows, spell):
    flows.write_list(map(spell, flows.rows()))
    ids, skipped, faults = examined(flows.root)
    assert (sorted(ids), skipped, faults) == (all_ids(), {}, [])


def test_a_list_saved_by_a_european_spreadsheet_is_read(flows):
    text = "\n".join(";".join(row) for row in [HEADER, *flows.rows()])
    flows.sheet.rename(flows.root / "my list.csv").write_text(text, encoding="utf-8-sig")
    assert sorted(examined(flows.root)[0]) == all_ids()


@given(
    clip=st.sampled_from(official_clips()),
    zeros=st.integers(0, 2),
    space=st.sampled_from(["", " "]),
    case=st.sampled_from([str.lower, str.upper, str]),
)
def test_official_spelling_is_a_fixed_point(clip, zeros, space, case):
    """From whatever spelling, the official one; from the official one, itself."""
    prefix = {"smic": "s", "casme2": "sub", "samm": ""}[clip.corpus]
    number = str(int(clip.subject.removeprefix(prefix)))
    name = case(f"{prefix}{'0' * zeros}{number}_{clip.clip}{space}")
    assert official(clip.corpus, name) == (clip.subject, clip.clip)
    assert official(clip.corpus, f"{clip.subject}_{clip.clip}") == (clip.subject, clip.clip)
    strangers = set(CORPUS.provides) - {clip.corpus}
    assert not any(official(other, name) for other in strangers)


def test_the_clip_of_another_subject_is_no_clip():
    assert official("samm", "007_006_1_2") is None
    assert official("smic", "s02_s01_ne_01") is None


# Nothing lost in silence


def test_what_stands_on_one_side_only_is_skipped_with_its_reason(flows):
    flows.picture(FIRST).unlink()
    flows.write_list(row for row in flows.rows() if row[1:3] != ["020", "020_2_1"])
    save(flows.home / "sub01_EP99_01 .png", flow(50))
    save(flows.home / "portrait.png", flow(51))
    shutil.copy(flows.picture(DOUBLED), flows.home / "sub01_EP02_01f.jpg")
    (flows.home / "Thumbs.db").write_bytes(b"")
    ids, skipped, faults = examined(flows.root)
    assert faults == []
    assert sorted(ids) == [one for one in all_ids() if one not in (FIRST.clip_id, "samm/020/020_2_1")]
    assert skipped == {
        FIRST.clip_id: f"row 2 of {LIST}, but no picture on disk",
        "samm/020/020_2_1": f"a picture on disk, but no row in {LIST}",
        "casme2/sub01/EP99_01": f"a picture on disk, but no row in {LIST}",
        "public_flows/portrait.png": "a picture whose name is no clip's",
        "public_flows/sub01_EP02_01f.jpg": "not a PNG, so not the published values",
    }


def test_pictures_of_no_clip_are_said_once(flows):
    save(flows.home / "portrait.png", flow(51))
    said = [
        list(CORPUS.index(Source(flows.root), corpus=corpus).skipped.clip_id) for corpus in CORPUS.provides
    ]
    assert said == [["public_flows/portrait.png"], [], []]


def spoilt_picture(flows, pixels):
    save(flows.picture(FIRST), pixels)


def spoilt_row(flows, number, column, cell):
    rows = flows.rows()
    rows[number][column] = cell
    flows.write_list(rows)


FAULTS = {
    "text": (
        lambda t: t.picture(FIRST).write_text("no picture"),
        r"s01_ne_01 \.png: smic/s01/s01_ne_01: not a PNG",
    ),
    "jpeg": (
        lambda t: Image.fromarray(flow(0)).save(t.picture(FIRST), format="jpeg"),
        "smic/s01/s01_ne_01: not a PNG, whatever its name says",
    ),
    "truncated": (
        lambda t: t.picture(FIRST).write_bytes(t.picture(FIRST).read_bytes()[:600]),
        "smic/s01/s01_ne_01: the image is damaged",
    ),
    "empty": (lambda t: t.picture(FIRST).write_bytes(b""), "smic/s01/s01_ne_01: not a PNG"),
    "size": (lambda t: spoilt_picture(t, flow(0, size=32)), "s01_ne_01: 32x32 pixels, not 28x28"),
    "grey face": (lambda t: spoilt_picture(t, np.full((28, 28, 3), 90)), "u spans 90 to 90, not 0 to 255"),
    "not stretched": (lambda t: spoilt_picture(t, flow(0) // 2), "u spans 0 to 127, not 0 to 255"),
    "label": (
        lambda t: spoilt_row(t, 0, 3, "3"),
        "smic/s01/s01_ne_01: label '3' in row 2 is none of 0, 1, 2",
    ),
    "no label": (lambda t: spoilt_row(t, 0, 3, ""), "label '' in row 2"),
    "dataset": (
        lambda t: spoilt_row(t, 0, 0, "smic-hs"),
        "dataset 'smic-hs' in row 2 is none of smic, casme2, samm",
    ),
    "clip": (lambda t: spoilt_row(t, 0, 2, "s01_anger_01"), "row 2 names no clip of smic"),
    "other subject": (lambda t: spoilt_row(t, 0, 1, "s02"), "row 2 names no clip of smic"),
    "two rows": (lambda t: t.write_list([*t.rows(), t.rows()[0]]), "listed twice, in rows 2 and 12"),
    "two pictures": (
        lambda t: save(t.home / "s01_s1_ne_01.png", flow(0)),
        r"smic/s01/s01_ne_01: it has two pictures, 's01_s01_ne_01 \.png' and 's01_s1_ne_01\.png'",
    ),
}


@pytest.mark.parametrize(("spoil", "problem"), FAULTS.values(), ids=FAULTS)
def test_every_fault_is_named_and_stops_the_reading(flows, spoil, problem):
    spoil(flows)
    with pytest.raises(InputError, match=problem) as caught:
        CORPUS.index(Source(flows.root), corpus="smic")
    assert caught.value.file is not None
    ids, _, faults = examined(flows.root)
    assert len(faults) == 1
    assert set(all_ids()) - set(ids) <= {FIRST.clip_id}


def test_all_faults_are_collected(flows):
    for clip in HANDFUL:
        flows.picture(clip).write_text("no picture")
    assert len(examined(flows.root)[2]) == len(HANDFUL)
    own = sum(clip.corpus == "samm" for clip in HANDFUL)
    with pytest.raises(InputError, match=f"and {own - 1} more faults"):
        CORPUS.index(Source(flows.root), corpus="samm")


# Values


def test_values_are_kept_exactly(flows_written):
    for number, clip in enumerate(HANDFUL):
        read = CORPUS.read_flow(flows_written.picture(clip))
        assert (read.dtype, read.shape) == (np.float32, (3, CORPUS.size, CORPUS.size))
        np.testing.assert_array_equal(read, np.moveaxis(flow(number), -1, 0))


def test_a_missing_picture_is_named(flows_written):
    with pytest.raises(InputError, match=r"gone\.png: the flow picture is not on disk"):
        CORPUS.read_flow(flows_written.home / "gone.png")


def test_the_whole_set_has_its_true_size(tmp_path):
    """All 442 published names, as the readers of the composite protocol need them."""
    flows = FlowTree(tmp_path / "HTNet", official_clips()).write()
    ids, skipped, faults = examined(flows.root)
    assert (sorted(ids), skipped, faults) == (all_ids(flows.clips), {}, [])
    for corpus, (subjects, clips) in CORPUS.full.items():
        index = CORPUS.index(Source(flows.root), corpus=corpus)
        assert (index.clips.subject.nunique(), len(index.clips)) == (subjects, clips)
        assert f"{clips} of {clips} clips, {subjects} of {subjects} subjects" in index.recognised["frames"][0]


# The published set, where the environment variable says it lies


@pytest.fixture(scope="module")
def published():
    """Clip table and flow (442, 3, 28, 28)."""
    if not REAL:
        pytest.skip("MERBA_PUBLIC_FLOWS names no folder with the public flow set")
    parts = [CORPUS.index(Source(REAL), corpus=corpus) for corpus in CORPUS.provides]
    assert all(part.skipped.empty for part in parts)
    clips = pd.concat([part.clips for part in parts])
    return clips, np.stack([CORPUS.read_flow(Path(REAL) / picture) for picture in clips.frames_dir])


def test_the_published_set_is_the_official_list(published):
    clips, _ = published
    label = {emotion: number for number, emotion in EMOTIONS.items()}
    lines = [f"{one.corpus},{one.subject},{one.clip},{label[one.emotion]}" for one in clips.itertuples()]
    assert sorted(lines) == OFFICIAL.read_text().splitlines()
    assert (clips.corpus + clips.subject).nunique() == 68
    assert clips.emotion.value_counts().to_dict() == {"negative": 250, "positive": 109, "surprise": 83}


def test_every_published_picture_is_another(published):
    _, flows = published
    assert len({one.tobytes() for one in flows}) == len(flows) == 442


def test_published_faces_are_symmetric_on_average(published):
    """In the mirror u turns into its opposite, v and strain stay: red is u, and a mirror must negate it."""
    _, flows = published
    u, v, strain = (np.corrcoef(one.ravel(), one[:, ::-1].ravel())[0, 1] for one in flows.mean(0))
    assert u == pytest.approx(-0.91, abs=0.02)
    assert min(v, strain) > 0.9
