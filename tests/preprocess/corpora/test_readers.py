"""The readers give back exactly what was planted in the owners' layouts."""

import subprocess
import sys

import openpyxl
import pytest

from contracts.clips import NO_APEX, read_clips, write_clips
from contracts.errors import InputError
from preprocess.corpora import get_corpus, list_corpora
from preprocess.frames import list_frames


def test_clips_are_those_planned(tree, tmp_path):
    index = tree.corpus.index(tree.root)
    rows = index.clips.set_index("clip_id")
    assert set(rows.index) == {clip.clip_id for clip in tree.planned}
    for clip in tree.planned:
        row = rows.loc[clip.clip_id]
        assert (row.onset, row.offset, row.fps) == (clip.onset, clip.offset, clip.fps)
        assert row.emotion == clip.emotion.lower()
        assert row.frames_dir == clip.folder
        assert row.apex == (int(clip.sheet_apex) if (clip.sheet_apex or "/").isdigit() else NO_APEX)
        assert list(list_frames(tree.root / row.frames_dir)) == list(clip.numbers)
    assert index.skipped.empty
    write_clips(index.clips, tmp_path / "clips.csv")
    assert read_clips(tmp_path / "clips.csv").equals(index.clips)


def test_subjects_can_be_asked_for(tree):
    subject = tree.subjects[-1]
    index = tree.corpus.index(tree.root, [subject])
    assert set(index.clips.subject) == {subject}
    assert index.skipped.empty


def test_subject_folders_hold_the_subjects_frames(tree, tmp_path):
    for subject in tree.subjects:
        planned = sorted(tree.folder(clip) for clip in tree.planned if clip.subject == subject)
        assert tree.corpus.subject_folders(tree.root, subject) == planned
    assert tree.corpus.subject_folders(tmp_path / "nowhere", tree.subjects[0]) == []


def test_doubled_folders_are_tolerated(spoilt, tmp_path):
    """Archives unpack doubled, once more than the synthetic trees already are."""
    again = tmp_path / "outer"
    again.mkdir()
    spoilt.root.rename(again / spoilt.root.name)
    assert len(spoilt.corpus.index(again).clips) == len(spoilt.planned)


def test_half_written_clips_are_not_seen(spoilt):
    clip = spoilt.planned[0]
    spoilt.folder(clip).rename(spoilt.folder(clip).with_name(f".{clip.clip}.123.partial"))
    assert clip.clip_id not in set(spoilt.corpus.index(spoilt.root).clips.clip_id)


def test_unknown_subject(tree):
    with pytest.raises(InputError, match="no folder of frames for subject nobody"):
        tree.corpus.index(tree.root, ["nobody"])


def test_row_without_folder_and_folder_without_row_are_listed(spoilt):
    if not spoilt.workbooks:
        pytest.skip("labelled by its folders")
    first, *others = spoilt.planned
    stranger = spoilt.folder(first).with_name(first.clip[:-1] + "8")
    spoilt.folder(first).rename(stranger)
    index = spoilt.corpus.index(spoilt.root)
    skipped = index.skipped.set_index("clip_id").reason
    assert set(index.clips.clip_id) == {clip.clip_id for clip in others}
    assert len(skipped) == 2
    assert "no folder on disk" in skipped[first.clip_id]
    assert "no row" in skipped[spoilt.corpus.clip_id(first.subject, stranger.name)]


def test_importing_a_corpus_is_cheap_and_lazy():
    code = (
        "import sys; from preprocess.corpora import get_corpus;"
        "get_corpus('smic').subject_folders('.', 's01');"
        "heavy = ('pandas', 'pandera', 'openpyxl', 'cv2', 'preprocess.corpora.samm');"
        "print([name for name in heavy if name in sys.modules])"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"


def test_registry():
    assert {"smic", "casme2", "samm", "dfme"} <= set(list_corpora())
    assert all(get_corpus(name).name == name for name in list_corpora())
    with pytest.raises(InputError, match="Use 'casme2'"):
        get_corpus("casme")


def test_smic_label_comes_from_the_folder_and_other_folders_are_no_clips(tree_of, tmp_path):
    tree = tree_of("smic").copied_to(tmp_path / "raw")
    clip = tree.planned[0]
    subject = tree.folder(clip).parents[2]
    (subject / "non_micro" / "s3_nm_01").mkdir(parents=True)
    (subject.parents[1] / "VIS" / "s3" / "micro" / "negative" / "s3_ne_01").mkdir(parents=True)
    index = tree.corpus.index(tree.root)
    assert len(index.clips) == len(tree.planned)
    assert index.skipped.to_dict("list") == {
        "clip_id": ["smic/s03/s03_nm_01"],
        "reason": ["a non_micro clip: no micro-expression"],
    }
    assert set(index.clips.apex_source) == {"none"}
    assert set(index.clips.range_source) == {"folder"}


def test_smic_skips_a_frame_number(tree_of):
    tree = tree_of("smic")
    gapped = [c for c in tree.planned if c.offset - c.onset + 1 > len(c.numbers)]
    assert [clip.subject for clip in gapped] == ["s03"]


def test_casme2_apex_cell_without_a_number(tree_of):
    tree = tree_of("casme2")
    (slash,) = [clip for clip in tree.planned if clip.sheet_apex == "/"]
    row = tree.corpus.index(tree.root).clips.set_index("clip_id").loc[slash.clip_id]
    assert (row.apex, row.apex_source) == (NO_APEX, "none")


def test_apex_outside_the_range_is_no_apex(tree_of, tmp_path):
    tree = tree_of("samm").copied_to(tmp_path / "raw")
    clip = tree.planned[0]
    edit(tree.workbooks[0], clip.clip, "Apex Frame", clip.offset + 40)
    row = tree.corpus.index(tree.root).clips.set_index("clip_id").loc[clip.clip_id]
    assert (row.apex, row.apex_source) == (NO_APEX, "none")


def test_samm_file_names_of_both_widths(tree_of):
    tree = tree_of("samm")
    widths = {
        len(path.stem.split("_")[1])
        for clip in tree.planned
        if clip.subject == "006"
        for path in tree.folder(clip).iterdir()
    }
    assert widths == {4, 5}


def test_dfme_frame_zero_and_frame_rates(tree_of):
    tree = tree_of("dfme")
    clips = tree.corpus.index(tree.root).clips
    assert (clips.onset == 0).any()
    assert set(clips.fps) == {500.0}
    assert {clip.folder.split("/")[0] for clip in tree.planned} == {
        "train_data",
        "test_data_A",
        "test_data_B",
    }


def test_ids_survive_a_spreadsheet_that_eats_zeros(tree_of, tmp_path):
    tree = tree_of("samm").copied_to(tmp_path / "raw")
    for clip in tree.planned:
        edit(tree.workbooks[0], clip.clip, "Subject", int(clip.subject))
    assert set(tree.corpus.index(tree.root).clips.subject) == {"006", "011"}


def test_raw_and_cropped_together_ask_for_a_choice(tree_of, tmp_path):
    tree = tree_of("casme2").copied_to(tmp_path / "raw")
    tree_of("casme2").copied_to(tmp_path / "raw" / "Cropped")
    with pytest.raises(InputError, match=r"CASME2_RAW_selected, Cropped.*Point the corpus's root"):
        tree.corpus.index(tree.root)


def edit(workbook, clip, heading, value):
    """Overwrite one cell; the file is replaced, since copies of a tree are hard links."""
    book = openpyxl.load_workbook(workbook)
    sheet = book.worksheets[0]
    header = next(row for row in sheet.iter_rows() if "Filename" in [cell.value for cell in row])
    columns = {cell.value: cell.column for cell in header}
    for row in sheet.iter_rows(min_row=header[0].row + 1):
        if row[columns["Filename"] - 1].value == clip:
            row[columns[heading] - 1].value = value
    workbook.unlink()
    book.save(workbook)
