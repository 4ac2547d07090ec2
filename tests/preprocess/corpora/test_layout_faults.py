"""Faults of the synthetic corpora: each is on disk and in the sheet as planned, and strikes nothing else."""

import re
from collections import Counter
from pathlib import Path

import pytest
from small_corpora import SUBJECTS, cases, files_below, made

from contracts.errors import InputError
from preprocess.corpora.synthetic import Options, list_layouts, plan, plan_sheet, write_subject
from preprocess.corpora.synthetic.layouts import get_layout
from preprocess.frames import read_gray

SHEET_FAULTS = [(corpus, name) for corpus, name in cases("FAULTS") if get_layout(corpus).FAULTS[name].book]


def struck(corpus: str, fault: str, **options):
    """The struck clips as planned without and with a fault, by subject."""
    before, after = (
        {clip.clip_id: clip for clip in plan(corpus, SUBJECTS[corpus], Options(faults=faults, **options))}
        for faults in ((), (fault,))
    )
    return [(before[name], clip) for name, clip in after.items() if clip.faults and name in before]


@pytest.mark.parametrize(("corpus", "fault"), cases("FAULTS"))
def test_a_fault_leaves_other_clips_alone(corpus, fault):
    """And strikes at most one clip of a subject, unless it is one of names, rows or folders."""
    entry = get_layout(corpus).FAULTS[fault]
    clips = [plan(corpus, SUBJECTS[corpus], Options(faults=faults)) for faults in ((), (fault,))]
    before, after = ({clip.clip_id: clip for clip in planned if clip.in_sheet} for planned in clips)
    changed = [name for name in before if before[name] != after[name]]
    assert list(before) == list(after)
    if entry.clip:
        struck_subjects = [after[name].subject for name in changed]
        assert struck_subjects, "no clip of these subjects suits"
        assert len(set(struck_subjects)) == len(struck_subjects)
        assert all(after[name].faults == (fault,) for name in changed)
    elif not entry.every:
        assert changed == []


@pytest.mark.parametrize(("corpus", "fault"), cases("FAULTS"))
def test_a_fault_is_on_disk_as_planned(corpus, fault, tmp_path):
    planned = made(tmp_path, corpus, faults=(fault,))
    for clip in planned:
        folder = tmp_path / clip.folder
        assert folder.is_dir() == clip.on_disk
        if not clip.on_disk:
            continue
        strangers = {Path(name).name for name in clip.strangers if (tmp_path / name).parent == folder}
        assert {path.name for path in folder.iterdir()} == {*clip.files, *strangers}
        damaged = {clip.files[clip.numbers.index(number)] for number, _ in clip.damaged}
        for name in damaged | set(clip.files[:1]):
            if name in damaged:
                with pytest.raises(InputError):
                    read_gray(folder / name)
            else:
                read_gray(folder / name)
    sheets = [name for name in files_below(tmp_path) if Path(name).suffix == ".xlsx"]
    assert bool(sheets) == (corpus != "smic" and fault != "missing_sheet")


@pytest.mark.parametrize(("corpus", "fault"), SHEET_FAULTS)
def test_a_fault_of_the_workbook_changes_it(corpus, fault):
    usual, faulty = (
        plan_sheet(corpus, SUBJECTS[corpus], Options(faults=faults)) for faults in ((), (fault,))
    )
    assert usual != faulty


def test_faults_strike_different_clips():
    names = ("apex_slash", "apex_is_onset", "short_folder", "no_overlap")
    planned = plan("casme2", ["sub02"], Options(faults=names))
    assert [clip.faults for clip in planned][:4] == [(name,) for name in names]


def test_faults_of_frames():
    for before, after in struck("casme2", "missing_frame"):
        (lost,) = set(before.numbers) - set(after.numbers)
        assert before.onset < lost < before.offset
        assert lost != before.apex
    for before, after in struck("casme2", "missing_apex"):
        assert set(before.numbers) - set(after.numbers) == {before.apex}
    for before, after in struck("samm", "short_folder"):
        assert 0.75 < len(after.numbers) / len(before.numbers) < 0.85
        assert after.sheet_offset == before.offset > after.numbers[-1]
    for before, after in struck("samm", "stub_folder"):
        assert 0.25 < len(after.numbers) / len(before.numbers) < 0.4
    for before, after in struck("dfme", "runs_on"):
        assert after.numbers[-1] == before.offset + 17 == after.sheet_offset + 17
    for _, after in struck("casme2", "no_overlap"):
        assert after.numbers[-1] < after.sheet_onset < int(after.sheet_apex) < after.sheet_offset


def test_faults_of_apex_and_offset_cells():
    for fault, expected in {
        "apex_slash": lambda clip: "/",
        "apex_is_onset": lambda clip: str(clip.onset),
        "apex_is_offset": lambda clip: str(clip.offset),
        "apex_outside": lambda clip: str(clip.offset + 40),
    }.items():
        for before, after in struck("casme2", fault):
            assert after.sheet_apex == expected(after)
            assert (before.apex, before.numbers) == (after.apex, after.numbers)
    for before, after in struck("samm", "offset_swapped"):
        assert after.sheet_offset > before.sheet_offset
        assert sorted(str(after.sheet_offset)) == sorted(str(before.sheet_offset))


def test_the_counter_gains_a_digit():
    for before, after in struck("smic", "across_a_width"):
        assert {"image999998.bmp", "image1000001.bmp"} <= set(after.files)
        assert not {"image999999.bmp", "image1000000.bmp"} & set(after.files)
        assert {after.onset, after.apex, after.offset} <= set(after.numbers)
        assert after.offset - after.onset == before.offset - before.onset


def test_folders_that_are_no_clips():
    def extra(corpus, fault, subjects):
        planned = plan(corpus, subjects, Options(faults=(fault,)))
        return [clip for clip in planned if not clip.in_sheet]

    unlabelled = extra("casme2", "unlabelled", ["sub01", "sub09", "sub24"])
    assert [clip.clip_id for clip in unlabelled] == ["casme2/sub09/EP02_02f", "casme2/sub24/EP02_07"]
    vis, nir, neutral = extra("smic", "siblings", ["s11"])
    _, spaced, _ = extra("smic", "siblings", ["s12"])
    assert vis.folder == "SMIC_all_raw/VIS/s11/micro/negative/s11_ne_01"
    assert nir.folder == "SMIC_all_raw/NIR/s11/micro/negative/s11_ne_01"
    assert all(re.fullmatch(r"\d{5}\.bmp", name) for name in vis.files + nir.files)
    assert all(re.fullmatch(r"frame \d{5}\.jpg", name) for name in spaced.files)
    assert neutral.folder == "SMIC_all_raw/HS/s11/non_micro/s11_nm_01"
    copies = extra("samm", "both", ["006"])
    assert {clip.folder.split("/")[0] for clip in copies} == {"SAMM_CROP"}
    assert [clip.clip_id for clip in copies] == [clip.clip_id for clip in plan("samm", ["006"], Options())]
    unknown = extra("dfme", "folder_without_row", ["sub0003"])
    assert not {clip.clip_id for clip in unknown} & {c.clip_id for c in plan("dfme", ["sub0003"], Options())}


def column(book, heading: str) -> list:
    return [row[book.headings.index(heading)] for row in book.data]


def test_faults_of_rows_and_columns():
    def sheet(corpus, fault="", **options):
        faults = (fault,) if fault else ()
        return plan_sheet(corpus, SUBJECTS[corpus], Options(faults=faults, **options))[0]

    assert set(column(sheet("samm", "numeric_subjects"), "Subject")) == {6, 11}
    assert set(column(sheet("casme2", "numeric_subjects"), "Subject")) == {9, 24}
    plural = column(sheet("samm", "others_plural"), "Estimated Emotion")
    assert Counter(plural)["Others"] == Counter(column(sheet("samm"), "Estimated Emotion"))["Other"] > 0
    assert sheet("casme2", "duplicate_row").data == [*sheet("casme2").data, sheet("casme2").data[0]]
    assert "OnsetFrame" not in sheet("dfme", "missing_column").headings
    assert "Onset Frame" in sheet("casme2", "foreign_sheet").headings
    assert sheet("casme2", "foreign_sheet").path == sheet("casme2").path
    assert set(map(type, column(sheet("dfme", "text_cells"), "OnsetFrame"))) == {str}
    assert all(cell.endswith(".0") for cell in column(sheet("dfme", "decimal_cells"), "Fps"))
    train = ["sub0003", "sub0017", "sub0111"]
    usual, moved = (
        column(plan_sheet("dfme", train, Options(faults=faults))[0], "Filename")
        for faults in ((), ("row_out_of_place",))
    )
    assert moved == [*usual[1:7], usual[0], *usual[7:]]


@pytest.mark.parametrize("corpus", list_layouts())
def test_other_subjects_do_not_matter_to_faults(corpus):
    """A job writes one subject and must write what the plan of all says."""
    options = Options(faults=tuple(get_layout(corpus).FAULTS), clips_per_class=3)
    together = plan(corpus, SUBJECTS[corpus], options)
    assert together == [clip for subject in SUBJECTS[corpus] for clip in plan(corpus, [subject], options)]


def test_faults_can_be_rendered(tmp_path):
    """A clip without frames, one that lost its apex and one that is on disk twice."""
    options = Options(clips_per_class=1, length=(8, 9), faults=("empty_folder", "missing_apex", "both"))
    frames = write_subject(tmp_path / "raw", tmp_path / "truth.h5", "smic", "s01", options)
    assert len(frames) == sum(len(clip.files) for clip in plan("smic", ["s01"], options))
    assert all(frame.is_file() for frame in frames)
