"""The readers give back exactly what was planted in the owners' layouts."""

import shutil
import subprocess
import sys

import openpyxl
import pytest

from contracts.clips import NO_FRAME, read_clips, write_clips
from contracts.errors import InputError
from contracts.files import sha256
from preprocess.corpora import Source, get_corpus, list_corpora
from preprocess.corpora.reading import repairs
from preprocess.corpora.reading.recordings import Recordings
from preprocess.corpora.reading.repairs import Repair
from preprocess.corpora.synthetic import list_layouts
from preprocess.frames import list_frames


def test_clips_are_those_planned(tree, tmp_path):
    index = tree.index()
    rows = index.clips.set_index("clip_id")
    assert set(rows.index) == {clip.clip_id for clip in tree.planned}
    for clip in tree.planned:
        row = rows.loc[clip.clip_id]
        assert (row.onset, row.offset, row.fps) == (clip.onset, clip.offset, clip.fps)
        assert row.emotion == clip.emotion.lower()
        assert row.frames_dir == clip.folder
        assert row.apex == (int(clip.sheet_apex) if (clip.sheet_apex or "/").isdigit() else NO_FRAME)
        assert list(list_frames(tree.root / row.frames_dir)) == list(clip.numbers)
    assert index.skipped.empty
    write_clips(index.clips, tmp_path / "clips.csv")
    assert read_clips(tmp_path / "clips.csv").equals(index.clips)


def test_subjects_can_be_asked_for(tree):
    subject = tree.subjects[-1]
    index = tree.index([subject])
    assert set(index.clips.subject) == {subject}
    assert index.skipped.empty


def test_subject_paths_are_the_folders_of_the_subjects_frames(tree, tmp_path):
    for subject in tree.subjects:
        planned = sorted(tree.folder(clip) for clip in tree.planned if clip.subject == subject)
        assert tree.corpus.subject_paths(tree.source)[subject] == planned
    assert tree.corpus.subject_paths(Source(tmp_path / "nowhere")) == {}


def test_doubled_folders_are_tolerated(spoilt, tmp_path):
    """Archives unpack doubled, once more than the synthetic trees already are."""
    again = tmp_path / "outer"
    again.mkdir()
    spoilt.root.rename(again / spoilt.root.name)
    assert len(spoilt.corpus.index(Source(again)).clips) == len(spoilt.planned)


def test_half_written_clips_are_not_seen(spoilt):
    clip = spoilt.planned[0]
    spoilt.folder(clip).rename(spoilt.folder(clip).with_name(f".{clip.clip}.123.partial"))
    assert clip.clip_id not in set(spoilt.index().clips.clip_id)


def test_unknown_subject(tree):
    with pytest.raises(InputError, match="no folder of frames for subject nobody"):
        tree.index(["nobody"])


def test_row_without_folder_and_folder_without_row_are_listed(spoilt):
    if not spoilt.workbooks:
        pytest.skip("labelled by its folders")
    first, *others = spoilt.planned
    stranger = spoilt.folder(first).with_name(first.clip[:-1] + "8")
    spoilt.folder(first).rename(stranger)
    index = spoilt.index()
    skipped = index.skipped.set_index("clip_id").reason
    assert set(index.clips.clip_id) == {clip.clip_id for clip in others}
    assert len(skipped) == 2
    assert "no folder on disk" in skipped[first.clip_id]
    assert "no row" in skipped[spoilt.corpus.clip_id(first.subject, stranger.name)]


def test_importing_a_corpus_is_cheap_and_lazy():
    code = (
        "import sys; from preprocess.corpora import Source, get_corpus;"
        "get_corpus('smic').subject_paths(Source('.'));"
        "heavy = ('pandas', 'pandera', 'openpyxl', 'cv2', 'preprocess.corpora.samm');"
        "print([name for name in heavy if name in sys.modules])"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"


def test_registry():
    assert {"smic", "casme2", "samm", "dfme"} <= set(list_corpora())
    assert all(get_corpus(name).name == name for name in list_corpora())
    recorded = [name for name in list_corpora() if isinstance(get_corpus(name), Recordings)]
    assert recorded == list_layouts(), "the tests over layouts read every corpus of recordings"
    with pytest.raises(InputError, match="Use 'casme2'"):
        get_corpus("casme")


def test_smic_label_comes_from_the_folder_and_other_folders_are_no_clips(tree_of, tmp_path):
    tree = tree_of("smic").copied_to(tmp_path / "raw")
    clip = tree.planned[0]
    subject = tree.folder(clip).parents[2]
    (subject / "non_micro" / "s3_nm_01").mkdir(parents=True)
    (subject.parents[1] / "VIS" / "s3" / "micro" / "negative" / "s3_ne_01").mkdir(parents=True)
    index = tree.index()
    assert len(index.clips) == len(tree.planned)
    assert index.skipped.to_dict("list") == {
        "clip_id": ["smic/s3/non_micro/s3_nm_01"],
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
    row = tree.index().clips.set_index("clip_id").loc[slash.clip_id]
    assert (row.apex, row.apex_source) == (NO_FRAME, "none")


def test_apex_outside_the_range_is_no_apex(tree_of, tmp_path):
    tree = tree_of("samm").copied_to(tmp_path / "raw")
    clip = tree.planned[0]
    edit(tree.workbooks[0], clip.clip, "Apex Frame", clip.offset + 40)
    row = tree.index().clips.set_index("clip_id").loc[clip.clip_id]
    assert (row.apex, row.apex_source) == (NO_FRAME, "none")


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
    clips = tree.index().clips
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
    assert set(tree.index().clips.subject) == {"006", "011"}


def test_raw_and_cropped_together_ask_for_a_choice(tree_of, tmp_path):
    tree = tree_of("casme2").copied_to(tmp_path / "raw")
    tree_of("casme2").copied_to(tmp_path / "raw" / "Cropped")
    sheet = tree.workbooks[0].relative_to(tree.root)
    with pytest.raises(InputError, match=r"CASME2_RAW_selected, Cropped.*Set corpora\.casme2\.frames"):
        tree.index()
    raw, cropped = (tree.index(frames=one).clips for one in ("CASME2_RAW_selected", "Cropped"))
    assert set(raw.clip_id) == set(cropped.clip_id)
    assert (set(raw.pictures), set(cropped.pictures)) == ({"raw"}, {"cropped"})
    assert tree.index(frames="Cropped", sheets=[str(sheet)]).clips.equals(cropped)


@pytest.mark.parametrize(
    "choice", [{"frames": "../elsewhere"}, {"frames": "Croped"}, {"sheets": ["no.xlsx"]}]
)
def test_a_choice_that_is_not_there(tree_of, tmp_path, choice):
    tree = tree_of("casme2").copied_to(tmp_path / "raw")
    (tmp_path / "elsewhere").mkdir()
    with pytest.raises(InputError, match=rf"corpora\.casme2\.{next(iter(choice))}: there is no"):
        tree.index(**choice)


def test_two_sheets_that_agree_are_one_and_two_that_do_not_ask_for_a_choice(tree_of, tmp_path):
    tree = tree_of("samm").copied_to(tmp_path / "raw")
    (sheet,), before = tree.workbooks, tree.index().clips
    copy = sheet.with_name("a copy.xlsx")
    shutil.copy(sheet, copy)
    columns = [column for column in before if column != "sheet_sha256"]
    assert tree.index().clips[columns].equals(before[columns])
    edit(copy, tree.planned[0].clip, "Estimated Emotion", "Fear")
    with pytest.raises(InputError, match=r"contradict each other.*Set corpora\.samm\.sheets"):
        tree.index()
    assert tree.index(sheets=[sheet.name]).clips.equals(before)


def test_a_repair_is_applied_and_said(tree_of, tmp_path, monkeypatch):
    tree = tree_of("samm").copied_to(tmp_path / "raw")
    clip = tree.planned[0]
    repair = Repair("samm", clip.subject, clip.clip, "emotion", clip.emotion, "Contempt", "a slip", "a test")
    monkeypatch.setattr(repairs, "read_repairs", lambda: (repair,))
    index = tree.index()
    assert index.clips.set_index("clip_id").emotion[clip.clip_id] == "contempt"
    assert (clip.clip_id, "repair") in set(zip(index.notes.clip_id, index.notes.about, strict=True))


def test_rows_say_where_in_the_sheet_they_stand(tree):
    index = tree.index()
    if not tree.workbooks:
        assert set(index.clips.sheet_row) == {0}
        return
    for workbook in tree.workbooks:
        rows = list(openpyxl.load_workbook(workbook).worksheets[0].iter_rows(values_only=True))
        own = index.clips[index.clips.sheet_sha256 == sha256(workbook)]
        assert all(row.clip in rows[row.sheet_row - 1] for row in own.itertuples())


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
