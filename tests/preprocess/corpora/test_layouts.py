"""The synthetic corpora in every folder and sheet they are met in, with every fault, and at true scale."""

import csv
import hashlib
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from PIL import Image

from contracts.errors import InputError
from preprocess.corpora.facts.dfme import EMOTIONS, MEMBERS, PART_OF
from preprocess.corpora.synthetic import (
    Options,
    list_layouts,
    plan,
    plan_sheet,
    write_corpus,
    write_sheet,
    write_subject,
)
from preprocess.corpora.synthetic.__main__ import main
from preprocess.corpora.synthetic.layouts import get_layout
from preprocess.corpora.synthetic.plan import SHEETS
from preprocess.frames import SUFFIXES, list_frames, read_gray

SMALL = {"length": (12, 15), "pictures": "blank"}
SUBJECTS = {
    "smic": ["s03", "s20"],
    "casme2": ["sub09", "sub24"],
    "samm": ["006", "011"],
    "dfme": ["sub0003", "sub0008", "sub0001"],
}
VARIANTS = [(corpus, name) for corpus in list_layouts() for name in get_layout(corpus).VARIANTS]
CODINGS = [(corpus, name) for corpus in list_layouts() for name in get_layout(corpus).CODINGS]
FAULTS = [(corpus, name) for corpus in list_layouts() for name in get_layout(corpus).FAULTS]
SHEET_FAULTS = [(corpus, name) for corpus, name in FAULTS if get_layout(corpus).FAULTS[name].book]


def files_below(root: Path) -> set[str]:
    return {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}


def made(root: Path, corpus: str, **options):
    """Write a small corpus of blank pictures; its plan."""
    return write_corpus(root, corpus, Options(**SMALL, **options), SUBJECTS[corpus])


# Folders.


@pytest.mark.parametrize(("corpus", "variant"), VARIANTS)
def test_a_variant_is_written_as_planned(corpus, variant, tmp_path):
    """Every planned file is there, is a picture, and nothing else is beside the sheets."""
    planned = made(tmp_path, corpus, variant=variant)
    frames = {f"{clip.folder}/{name}" for clip in planned for name in clip.files}
    others = files_below(tmp_path) - frames
    assert frames <= files_below(tmp_path)
    assert not [name for name in others if Path(name).suffix in SUFFIXES]
    for clip in planned:
        assert tuple(list_frames(tmp_path / clip.folder)) == clip.numbers
        assert {clip.onset, clip.apex, clip.offset} <= set(clip.numbers)
    with Image.open(tmp_path / sorted(frames)[0]) as picture:
        assert picture.mode == ("RGB" if get_layout(corpus).FRAME.color else "L")


@pytest.mark.parametrize(
    ("corpus", "variant", "subject", "pattern"),
    [
        ("smic", "raw", "s03", r"SMIC_all_raw/HS/s3/micro/negative/s3_ne_01/image\d{6,}\.bmp"),
        (
            "smic",
            "doubled",
            "s03",
            r"SMIC/(SMIC_all_raw/){2}HS/s3/micro/negative/s3_ne_01/image\d{6,}\.bmp",
        ),
        ("smic", "padded", "s03", r"SMIC_all_raw/HS/s03/micro/negative/s3_ne_01/image\d{6,}\.bmp"),
        ("smic", "cropped", "s03", r"SMIC_all_cropped/HS/s3/micro/negative/s3_ne_01/reg_image\d{6,}\.bmp"),
        ("smic", "extended", "s20", r"SMIC-E_raw image/HS_long/SMIC-HS-E/HS/s20/s20_ne_01/image\d{7,}\.jpg"),
        (
            "smic",
            "extended_short",
            "s03",
            r"SMIC-E_raw image/HS_long/SMIC-HS-E/s03/s3_ne_01/image\d{6,}\.jpg",
        ),
        ("smic", "extended_alone", "s03", r"SMIC_HS_E/HS/s03/s3_ne_01/image\d{6,}\.jpg"),
        ("casme2", "selected", "sub01", r"CASME2_RAW_selected/sub01/EP\d\d_\d\df?/img[1-9]\d*\.jpg"),
        ("casme2", "selected_doubled", "sub01", r"(CASME2_RAW_selected/){2}sub01/EP\d\d_\d\df?/img\d+\.jpg"),
        ("casme2", "raw", "sub01", r"CASME2-RAW/sub01/EP\d\d_\d\df?/img1\.jpg"),
        ("casme2", "raw_nested", "sub01", r"CASME2_RAW/CASME2-RAW/sub01/EP\d\d_\d\df?/img1\.jpg"),
        ("casme2", "cropped", "sub01", r"Cropped/sub01/EP\d\d_\d\df?/reg_img[1-9]\d*\.jpg"),
        ("casme2", "cropped_doubled", "sub01", r"Cropped/Cropped/sub01/EP\d\d_\d\df?/reg_img\d+\.jpg"),
        (
            "casme2",
            "cropped_updated",
            "sub01",
            r"Cropped-updated/Cropped/sub01/EP\w+/reg_img\d+\.jpg",
        ),
        ("casme2", "cropped_original", "sub01", r"Cropped_original/sub01/EP\w+/reg_img\d+\.jpg"),
        (
            "casme2",
            "li_xiaobai",
            "sub01",
            r"CASME2_preprocessed_Li Xiaobai/Cropped/sub01/EP\w+/reg_img.*",
        ),
        (
            "casme2",
            "li_xiaobai_small",
            "sub01",
            r"CASME2_preprocessed_small_Li Xiaobai/Cropped/sub01/EP\w+/reg_img.*",
        ),
        ("casme2", "recropped", "sub01", r"CASME2-RAW-cropped/sub01/EP\d\d_\d\df?/img001\.jpg"),
        ("samm", "single", "006", r"SAMM/006/006_1_\d/006_\d{4}\.jpg"),
        ("samm", "doubled", "006", r"SAMM/SAMM/006/006_1_\d/006_\d{4}\.jpg"),
        ("samm", "flat", "006", r"006/006_1_\d/006_\d{4}\.jpg"),
        ("samm", "cropped", "006", r"SAMM_CROP/006/006_1_\d/006_\d{4}\.jpg"),
        ("samm", "cropped_in_full", "006", r"SAMM_Cropped/006/006_1_\d/006_\d{4}\.jpg"),
        ("samm", "clip", "006", r"SAMM_clip/006/006_1_\d/006_\d{4}\.jpg"),
        ("samm", "long_videos", "006", r"SAMM_longvideos/006_1/006_1_0001\.jpg"),
        ("dfme", "doubled", "sub0003", r"train_data/train_data/sub0003_01/\d{5}\.png"),
        ("dfme", "single", "sub0008", r"test_data_A/sub0008_01/\d{5}\.png"),
        ("dfme", "renamed", "sub0001", r"dfme_testB/sub0001_01/\d{5}\.png"),
    ],
)
def test_names_of_a_variant(corpus, variant, subject, pattern):
    clip = plan(corpus, [subject], Options(variant=variant))[0]
    assert re.fullmatch(pattern, f"{clip.folder}/{clip.files[0]}")


def test_names_of_every_variant_are_tested():
    (mark,) = test_names_of_a_variant.pytestmark
    assert {case[:2] for case in mark.args[1]} == set(VARIANTS)


@pytest.mark.parametrize(("corpus", "variant"), VARIANTS)
def test_a_variant_moves_no_clip(corpus, variant):
    """Another variant is the same recording: whole recordings only have more of it."""
    layout = get_layout(corpus)
    if layout.VARIANTS[variant].other_release:
        pytest.skip("another release, with other clips")
    usual, other = (plan(corpus, SUBJECTS[corpus], Options(variant=name)) for name in ("", variant))
    for a, b in zip(usual, other, strict=True):
        assert (a.clip_id, a.onset, a.apex, a.offset) == (b.clip_id, b.onset, b.apex, b.offset)
        between = tuple(number for number in b.numbers if a.onset <= number <= a.offset)
        assert between == a.numbers
        assert (b.numbers != a.numbers) == layout.VARIANTS[variant].whole


def test_a_root_with_spaces_and_letters_of_other_alphabets(tmp_path):
    root = tmp_path / "Größe 表情 (neu)"
    planned = made(root, "casme2", variant="li_xiaobai", sheet="csv")
    assert all((root / clip.folder / clip.files[0]).is_file() for clip in planned)


def test_blank_frames_take_no_room(tmp_path):
    planned = made(tmp_path, "dfme")
    inodes = {(tmp_path / clip.folder / name).stat().st_ino for clip in planned for name in clip.files}
    assert len(inodes) == len(planned)
    assert not list(tmp_path.rglob("*.h5"))


def test_blank_frames_where_the_disk_has_no_links(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError("no links here")

    monkeypatch.setattr("os.link", refuse)
    (clip, *_) = made(tmp_path, "casme2")
    assert all(read_gray(path).shape == (8, 8) for path in list_frames(tmp_path / clip.folder).values())


# Workbooks.


def cells_of(path: Path) -> list[list[str]]:
    """A workbook's first sheet as text, without empty cells at the ends of rows."""
    if path.suffix == ".csv":
        text = path.read_text(encoding="utf-8-sig")
        rows = list(csv.reader(text.splitlines(), delimiter=";" if ";" in text.splitlines()[-1] else ","))
    elif path.suffix == ".xls":
        import xlrd

        page = xlrd.open_workbook(path).sheet_by_index(0)
        rows = [[as_text(cell) for cell in page.row_values(y)] for y in range(page.nrows)]
    else:
        import openpyxl

        page = openpyxl.load_workbook(path).worksheets[0]
        rows = [[as_text(cell) for cell in row] for row in page.iter_rows(values_only=True)]
    return [row[: max((x + 1 for x, cell in enumerate(row) if cell), default=0)] for row in rows]


def as_text(cell) -> str:
    return "" if cell is None else str(int(cell)) if isinstance(cell, float) else str(cell)


@pytest.mark.parametrize("sheet", [name for name in SHEETS if name])
@pytest.mark.parametrize(("corpus", "coding"), CODINGS)
def test_a_workbook_says_the_same_in_every_format(corpus, coding, sheet, tmp_path):
    """Cell by cell, but for formulas, whose values only a spreadsheet program stores."""
    options = Options(coding=coding, sheet=sheet)
    if sheet == "xls":
        pytest.importorskip("xlwt")
    paths = write_sheet(tmp_path, corpus, SUBJECTS[corpus], options)
    for path, book in zip(paths, plan_sheet(corpus, SUBJECTS[corpus], options), strict=True):
        assert path.name == f"{Path(book.path).name}.{sheet.split('_')[0]}"
        written = cells_of(path)
        for row, planned in zip(written, book.rows, strict=True):
            for x, cell in enumerate(planned):
                if not isinstance(cell, tuple):
                    assert (row[x] if x < len(row) else "") == as_text(cell)
    if sheet == "csv_semicolon":
        assert paths[0].read_bytes().startswith(b"\xef\xbb\xbf")


@pytest.mark.parametrize("sheet", [name for name in SHEETS if name])
def test_workbooks_have_the_same_bytes_again(sheet, tmp_path):
    if sheet == "xls":
        pytest.importorskip("xlwt")
    contents = [
        [path.read_bytes() for path in write_sheet(tmp_path / run, "samm", ["006"], Options(sheet=sheet))]
        for run in ("first", "second")
    ]
    assert contents[0] == contents[1]


@pytest.mark.parametrize(
    ("corpus", "coding", "name"),
    [
        ("casme2", "2014", "CASME2-coding-20140508.xlsx"),
        ("casme2", "2019", "CASME2-coding-20190701.xlsx"),
        ("casme2", "updated", "CASME2-coding-updated.xlsx"),
        ("casme2", "old", "CASME2_label_Ver_2.xls"),
        ("samm", "v2", "SAMM_Micro_FACS_Codes_v2.xlsx"),
        ("samm", "2018", "SAMM_20181215_Micro_FACS_Codes_v2.xlsx"),
        ("samm", "stripped", "SAMM.xlsx"),
        ("samm", "stripped_micro", "SAMM_Micro.xlsx"),
        ("dfme", "release", "full_release_annotation/full_release_annotation/training_full_with_AU.xlsx"),
        ("dfme", "challenge", "CCAC2024.csv"),
    ],
)
def test_codings_ship_under_their_names(corpus, coding, name):
    book = plan_sheet(corpus, SUBJECTS[corpus], Options(coding=coding))[0]
    assert f"{book.path}.{book.suffix}" == name


def test_headings_stand_where_the_owners_put_them():
    (samm,) = plan_sheet("samm", ["006"], Options())
    assert (samm.header, samm.headings[0], samm.headings[-1]) == (14, "Subject", "Notes")
    (stripped,) = plan_sheet("samm", ["006"], Options(coding="stripped"))
    assert (stripped.header, stripped.rows[0]) == (1, samm.headings)
    (casme2,) = plan_sheet("casme2", ["sub01"], Options())
    assert [x for x, heading in enumerate(casme2.headings) if heading is None] == [2, 6]
    (old,) = plan_sheet("casme2", ["sub01"], Options(coding="old"))
    assert old.headings == [heading for heading in casme2.headings if heading]
    challenge = plan_sheet("dfme", SUBJECTS["dfme"], Options(coding="challenge"))
    assert all({"Subject", "AU"}.isdisjoint(book.headings) for book in challenge)


def test_other_releases_have_their_own_workbooks():
    """By which a reader can tell them."""
    for variant in ("extended", "extended_short", "extended_alone"):
        (extended,) = plan_sheet("smic", ["s20"], Options(variant=variant))
        assert Path(extended.path).name == "SMIC-HS-E_annotation"
        assert Path(extended.path).parent.name in ("SMIC-HS-E", "SMIC_HS_E")
        assert extended.headings[3:5] == ["OnsetF", "OffsetF"]
    (long,) = plan_sheet("samm", ["006"], Options(variant="long_videos"))
    assert Path(long.path).name == "SAMM_LongVideos_V2_Release"
    assert (long.header, "Estimated Emotion" in long.headings) == (11, False)


def test_xls_without_its_package(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "xlwt", None)
    with pytest.raises(InputError, match="needs the package xlwt"):
        write_sheet(tmp_path, "casme2", ["sub01"], Options(sheet="xls"))


# Faults.


def struck(corpus: str, fault: str, **options):
    """The struck clips as planned without and with a fault, by subject."""
    before, after = (
        {clip.clip_id: clip for clip in plan(corpus, SUBJECTS[corpus], Options(faults=faults, **options))}
        for faults in ((), (fault,))
    )
    return [(before[name], clip) for name, clip in after.items() if clip.faults and name in before]


@pytest.mark.parametrize(("corpus", "fault"), FAULTS)
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


@pytest.mark.parametrize(("corpus", "fault"), FAULTS)
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


# The true corpora.

TRUE = Options(scale="true", length=(12, 15))
OFFICIAL = {
    "": "423e3d4e8f145eb662176ff63908e9a767eb6e6a5ec6b30be87812c819750c93",
    "casme2": "bfaff179ce66080584f2cdc04bbce3ac4cbda441eafcd680b85223fae2252b2d",
    "samm": "9cd4c30bcec114aacd37aca24c7d7a0a2a40e997c4877513505ff55482e2e138",
    "smic": "ee04ac002186af7bfee184ff1ce7f4e377bab18f9227e37142ac6a3b3918bd5d",
}
LABELS = {
    "smic": {"negative": 0, "positive": 1, "surprise": 2},
    "casme2": {"disgust": 0, "repression": 0, "happiness": 1, "surprise": 2},
    "samm": dict.fromkeys(("Anger", "Contempt", "Disgust", "Fear", "Sadness"), 0)
    | {"Happiness": 1, "Surprise": 2},
}


@pytest.fixture(scope="module")
def census():
    return {corpus: plan(corpus, None, TRUE) for corpus in list_layouts()}


def composite(clips) -> list[str]:
    """The rule of MEGC2019: by label, and in CASME II not without an apex or with one that is the onset."""
    return [
        f"{clip.corpus},{clip.subject},{clip.clip},{LABELS[clip.corpus][clip.emotion]}"
        for clip in clips
        if clip.emotion in LABELS[clip.corpus]
        and (clip.corpus != "casme2" or clip.sheet_apex not in ("/", str(clip.sheet_onset)))
    ]


@pytest.mark.parametrize("corpus", OFFICIAL)
def test_the_composite_built_from_the_true_corpora_is_the_official_list(corpus, census):
    lines = [line for name in LABELS if corpus in ("", name) for line in composite(census[name])]
    content = "\n".join(sorted(lines, key=str.encode)) + "\n"
    assert hashlib.sha256(content.encode()).hexdigest() == OFFICIAL[corpus]


@pytest.mark.parametrize(
    ("corpus", "subjects", "emotions"),
    [
        ("smic", 16, {"negative": 70, "positive": 51, "surprise": 43}),
        (
            "casme2",
            26,
            {"others": 99, "disgust": 63, "happiness": 32, "repression": 27, "surprise": 25}
            | {"sadness": 7, "fear": 2},
        ),
        (
            "samm",
            29,
            {"Anger": 57, "Happiness": 26, "Other": 26, "Surprise": 15, "Contempt": 12}
            | {"Disgust": 9, "Fear": 8, "Sadness": 6},
        ),
    ],
)
def test_counts_of_the_true_corpora(corpus, subjects, emotions, census):
    clips = census[corpus]
    assert len({clip.subject for clip in clips}) == subjects
    assert Counter(clip.emotion for clip in clips) == emotions
    assert len({clip.clip_id for clip in clips}) == len(clips)


@pytest.mark.parametrize(
    ("part", "subjects", "fewest", "most", "emotions", "rates"),
    [
        ("train", 176, 1, 56, (161, 100, 548, 265, 206, 278, 298), {500: 695, 300: 605, 200: 556}),
        ("testA", 42, 2, 47, (39, 34, 129, 62, 63, 46, 101), {500: 215, 300: 143, 200: 116}),
        ("testB", 41, 2, 16, (41, 37, 58, 38, 42, 35, 48), {500: 83, 300: 57, 200: 159}),
    ],
)
def test_counts_of_dfme(part, subjects, fewest, most, emotions, rates, census):
    clips = [clip for clip in census["dfme"] if PART_OF[clip.subject] == part]
    each = Counter(clip.subject for clip in clips)
    assert set(each) == set(MEMBERS[part])
    assert (len(each), sum(each.values())) == (subjects, sum(emotions))
    assert fewest <= min(each.values()) <= max(each.values()) <= most
    assert Counter(clip.emotion for clip in clips) == dict(zip(EMOTIONS, emotions, strict=True))
    assert Counter(clip.fps for clip in clips) == rates
    for subject, count in each.items():
        names = [clip.clip for clip in clips if clip.subject == subject]
        assert names == [f"{subject}_{k:02d}" for k in range(1, count + 1)]


def test_dfme_clips_that_pages_name_exist(census):
    named = {"sub0012_32", "sub0013_29", "sub0034_03", "sub0043_13", "sub0060_07", "sub0104_01", "sub0172_13"}
    named |= {"sub0108_08", "sub0140_04", "sub0593_09"}
    assert named <= {clip.clip for clip in census["dfme"]}


def test_known_oddities_of_the_true_corpora(census):
    clips = {clip.clip_id: clip for planned in census.values() for clip in planned}

    def sheet(name):
        clip = clips[name]
        return clip.sheet_onset, clip.sheet_apex, clip.sheet_offset

    assert clips["casme2/sub04/EP12_01f"].sheet_apex == "/"
    assert sheet("casme2/sub05/EP09_05f")[:2] == (69, "69")
    assert sheet("casme2/sub07/EP06_01") == (15, "49", 68)
    assert sheet("casme2/sub12/EP09_06") == (66, "111", 111)
    assert sheet("casme2/sub16/EP01_08") == (73, "94", 110)
    assert sheet("casme2/sub20/EP16_01") == (71, "111", 111)
    assert clips["casme2/sub01/EP02_01f"].files[0] == "img46.jpg"
    assert sheet("samm/028/028_4_1")[::2] == (1071, 1134)
    for name in ("samm/028/028_4_1", "samm/032/032_3_1"):
        onset, apex, offset = sheet(name)
        assert not onset <= int(apex) <= offset
    assert sheet("samm/032/032_3_2")[:2] == (5126, "5127")
    assert clips["samm/006/006_1_2"].files[0] == "006_05562.jpg"
    assert clips["samm/006/006_5_10"].files[0] == "006_1436.jpg"
    assert clips["samm/007/007_6_5"].files[0] == "007_0649.jpg"
    wide = [clip for clip in census["samm"] if clip.digits == 5]
    assert len(wide) == 31
    assert "Other" not in {clip.emotion for clip in wide}
    runs_on = clips["dfme/sub0593/sub0593_09"]
    assert (runs_on.sheet_offset, runs_on.numbers[-1]) == (123, 140)
    gaps = {c.clip: c.offset - c.onset + 1 - len(c.numbers) for c in census["smic"] if c.numbers}
    assert {clip: lost for clip, lost in gaps.items() if lost} == {
        "s03_po_08": 2,
        "s03_sur_01": 1,
        "s03_sur_05": 1,
        "s03_ne_16": 1,
    }


def test_the_codings_of_casme2_differ_as_they_do(census):
    usual = {clip.clip_id: clip for clip in census["casme2"]}
    later = {
        clip.clip_id: clip
        for clip in plan("casme2", None, Options(scale="true", length=(12, 15), coding="2019"))
    }
    recoded = {name for name in usual if usual[name].emotion != later[name].emotion}
    assert recoded == {f"casme2/sub24/{clip}" for clip in ("EP07_01", "EP07_04f", "EP10_03")}
    assert Counter(clip.emotion for clip in later.values())["surprise"] == 28
    moved = {
        name: later[name].sheet_offset
        for name in usual
        if usual[name].sheet_offset != later[name].sheet_offset
    }
    assert moved == {"casme2/sub16/EP01_08": 96}
    updated = plan("casme2", None, Options(scale="true", coding="updated"))
    assert len(updated) == 256
    assert {clip.clip_id for clip in updated} - set(usual) == {"casme2/sub24/EP02_07"}


def test_true_ranges_contain_the_true_apex(census):
    for planned in census.values():
        for clip in planned:
            assert clip.onset < clip.apex < clip.offset
            assert {clip.onset, clip.apex, clip.offset} <= set(clip.numbers)


def test_a_true_corpus_has_no_other_subjects():
    with pytest.raises(InputError, match=r"samm/008: samm has no subject '008'\. Use one of its 29"):
        plan("samm", ["008"], TRUE)


# The command.


def test_the_command_writes_a_tree(tmp_path, capsys):
    out = tmp_path / "samm"
    arguments = ["--corpus", "samm", "--out", str(out), "--scale", "true", "--blank", "--sheet", "csv"]
    assert main([*arguments, "--length", "12", "15", "--variant", "flat", "--subjects", "006", "023"]) == 0
    assert "12 folders" in capsys.readouterr().out
    assert (out / "SAMM_Micro_FACS_Codes_v2.csv").is_file()
    assert (out / "006" / "006_1_2" / "006_05562.jpg").is_file()


def test_the_command_says_what_is_wrong(tmp_path, capsys):
    assert main(["--corpus", "smic", "--out", str(tmp_path), "--faults", "siblngs"]) == 2
    assert "Use 'siblings'" in capsys.readouterr().err


def test_the_command_lists_everything():
    listed = subprocess.check_output(
        [sys.executable, "-m", "preprocess.corpora.synthetic", "--list"], text=True
    )
    for corpus in list_layouts():
        layout = get_layout(corpus)
        assert all(f" {name} " in listed for name in (*layout.VARIANTS, *layout.CODINGS, *layout.FAULTS))


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
