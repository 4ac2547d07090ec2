"""What happens to folders and sheets on the way to a user: each mishap is listed, settled or refused."""

import os
import shutil

import openpyxl
import pytest

from contracts.errors import InputError
from contracts.files import read_csv, write_csv
from preprocess.corpora import Source, get_corpus
from preprocess.corpora.synthetic import Options, plan_sheet, write_corpus
from preprocess.frames import list_frames, looks_like_image
from preprocess.receipts import listing

SUBJECTS = {
    "smic": ["s01", "s03"],
    "casme2": ["sub01", "sub16"],
    "samm": ["006", "013"],
    "dfme": ["sub0003", "sub0008"],
}


@pytest.fixture
def release(tmp_path):
    """Write a small release of blank pictures; returns its root and the reader's view of it, read anew."""

    def write(corpus, folder="release", **options):
        settings = {"clips_per_class": 1, "length": (12, 14), "pictures": "blank", **options}
        write_corpus(tmp_path / folder, corpus, Options(**settings), SUBJECTS[corpus])
        return tmp_path / folder

    return write


def examine(root, corpus, **choice):
    return get_corpus(corpus).examine(Source(root, **choice))


def refusal(root, corpus, **choice) -> str:
    with pytest.raises(InputError) as caught:
        examine(root, corpus, **choice)
    return str(caught.value)


def only(folder, pattern):
    return sorted(folder.rglob(pattern))[0]


# Folders


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("s1/micro/negative/s1_ne_01", "s1/micro/negative/s1_ne_01 - Copy", "its name is no clip's"),
        ("s1/micro/negative/s1_ne_01", "s1/micro/s1_ne_01", "outside the emotions' folders"),
        ("s1", "s1 (2)", "whose name is no subject's"),
    ],
)
def test_smic_folders_of_other_names_are_listed(release, old, new, reason):
    root = release("smic")
    home = root / "SMIC_all_raw/HS"
    (home / old).rename(home / new)
    index = examine(root, "smic")
    reasons = index.skipped.set_index("clip_id").reason
    assert reason in reasons[f"smic/{new}"]


@pytest.mark.parametrize(
    ("old", "new"),
    [("negative/s1_ne_01", "positive/s1_ne_01"), ("negative/s1_ne_01", "negative/s3_ne_01")],
)
def test_a_smic_clip_whose_name_contradicts_its_folder_is_a_fault(release, old, new):
    root = release("smic")
    micro = root / "SMIC_all_raw/HS/s1/micro"
    (micro / old).rename(micro / new)
    (fault,) = examine(root, "smic").faults
    assert "folder and name contradict each other" in fault.problem


def test_other_cameras_and_an_older_corpus_are_refused_under_any_name(release):
    root = release("smic")
    (root / "SMIC_all_raw/HS").rename(root / "SMIC_all_raw/SMIC_VIS")
    assert "this is SMIC-VIS or SMIC-NIR, at 25 fps. Get the short clips" in refusal(root, "smic")
    root = release("casme2", "older")
    (root / "CASME2_RAW_selected").rename(root / "CASME_raw_selected")
    assert "this is CASME, an earlier corpus" in refusal(root, "casme2")


@pytest.mark.parametrize("home", ["smic_vis_nir_hs/HS", "SMIC NIR/hs"])
def test_the_folder_hs_is_read_whatever_cameras_the_one_above_names(release, home):
    root = release("smic")
    before = list(examine(root, "smic").clips.clip_id)
    above, name = home.split("/")
    (root / "SMIC_all_raw/HS").rename(root / "SMIC_all_raw" / name)
    (root / "SMIC_all_raw").rename(root / above)
    assert list(examine(root, "smic").clips.clip_id) == before


def test_any_other_folder_is_not_read_below_another_cameras_name(release):
    root = release("smic")
    (root / "SMIC_all_raw/HS").rename(root / "SMIC_all_raw/clips")
    (root / "SMIC_all_raw").rename(root / "smic_vis")
    assert "this is SMIC-VIS or SMIC-NIR" in refusal(root, "smic")


def test_a_copy_beside_subjects_in_the_root_is_seen(release, tmp_path):
    root = release("casme2")
    for subject in (root / "CASME2_RAW_selected").iterdir():
        subject.rename(root / subject.name)
    (root / "CASME2_RAW_selected").rmdir()
    before = set(examine(root, "casme2").clips.clip_id)
    sheet = only(root, "*.xlsx")
    (root / "annotation").mkdir()
    sheet.rename(root / "annotation" / sheet.name)
    assert set(examine(root, "casme2").clips.clip_id) == before
    cropped = release("casme2", "cropped", variant="cropped")
    shutil.copytree(cropped / "Cropped", root / "Cropped")
    assert "more than once (., Cropped)" in refusal(root, "casme2")


def test_raw_and_cropped_among_each_other_are_a_fault(release):
    root, other = release("casme2"), release("casme2", "other", variant="cropped")
    shutil.rmtree(root / "CASME2_RAW_selected/sub16")
    shutil.copytree(other / "Cropped/sub16", root / "CASME2_RAW_selected/sub16")
    assert "raw and cropped pictures lie among each other" in str(examine(root, "casme2").faults)
    assert not examine(root, "casme2", pictures="cropped").faults
    frame = only(root / "CASME2_RAW_selected/sub01", "img*.jpg")
    frame.rename(frame.with_name(f"reg_{frame.name}"))
    assert "raw and cropped frames lie in one folder" in str(examine(root, "casme2").faults)


def test_a_linked_release_is_told_by_what_the_link_leads_to(release, tmp_path):
    release("samm").rename(tmp_path / "SAMM_CROP")
    (tmp_path / "SAMM").symlink_to("SAMM_CROP")
    assert set(examine(tmp_path / "SAMM", "samm").clips.pictures) == {"cropped"}
    assert set(examine(tmp_path / "SAMM", "samm", pictures="raw").clips.pictures) == {"raw"}


def test_a_folder_above_clips_whose_name_is_not_utf8_is_named(release, tmp_path):
    root = release("casme2")
    strange = (root / "CASME2_RAW_selected").rename(root / os.fsdecode(b"Gr\xf6\xdfe"))
    index = examine(root, "casme2")
    assert index.clips.empty
    assert {fault.file for fault in index.faults} == {strange}
    message = str(index.faults[0])
    message.encode()  # as a log does
    assert r"Gr\udcf6\udcdfe: casme2/sub01/" in message
    assert "its name is not UTF-8. Rename it" in message


def test_what_is_left_out_is_listed_with_what_is_not_utf8_in_its_name_escaped(release, tmp_path):
    root = release("samm")
    before = examine(root, "samm").clips
    stranger = root / "SAMM/006" / os.fsdecode(b"006_9_\xe9")
    stranger.mkdir()
    only(root, "*.xlsx").rename(root / os.fsdecode(b"Sh\xe9et.xlsx"))
    index = examine(root, "samm")
    assert index.clips.equals(before)
    assert list(index.skipped.clip_id) == [r"samm/006/006_9_\udce9"]
    assert r"Sh\udce9et.xlsx" in index.recognised["sheet"][0]
    write_csv(index.skipped, tmp_path / "skipped.csv")
    assert read_csv(tmp_path / "skipped.csv").to_dict() == index.skipped.to_dict()


def test_what_archivers_and_links_leave_is_no_second_copy(release):
    root = release("casme2")
    shutil.copytree(root / "CASME2_RAW_selected", root / "__MACOSX/CASME2_RAW_selected")
    (root / "latest").symlink_to("CASME2_RAW_selected")
    (root / "loop").symlink_to(".")
    (root / "me").symlink_to("me")
    index = examine(root, "casme2")
    assert not index.faults
    assert index.skipped.empty


def test_an_archive_that_was_not_unpacked_is_named(tmp_path):
    (tmp_path / "SAMM.zip").write_bytes(b"PK")
    assert "no clip of SAMM here, but SAMM.zip. Unpack it there" in refusal(tmp_path, "samm")
    assert "is a file, not a folder" in refusal(tmp_path / "SAMM.zip", "samm")


# Frames


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (
            lambda frame: frame.with_name(f"{frame.stem} (1){frame.suffix}").write_bytes(b""),
            "a copy, by its name",
        ),
        (lambda frame: frame.with_name(f"img{'9' * 20}.jpg").write_bytes(b""), "a frame number of 20 digits"),
        (lambda frame: (frame.unlink(), frame.symlink_to("nowhere.jpg")), "no file, or a broken link"),
        (lambda frame: (frame.unlink(), frame.mkdir()), "no file, or a broken link"),
        (lambda frame: (frame.unlink(), os.mkfifo(frame)), "no file, or a broken link"),
    ],
    ids=["copy", "digits", "broken link", "folder", "pipe"],
)
def test_what_is_no_frame_is_refused_by_name(release, spoil, words):
    root = release("casme2")
    frame = only(root / "CASME2_RAW_selected/sub01", "img*.jpg")
    clip = f"casme2/sub01/{frame.parent.name}"
    spoil(frame)
    (fault,) = examine(root, "casme2").faults
    assert words in fault.problem
    assert fault.clip == clip
    # While the DAG is built, its state is looked at and nothing more.
    assert listing([frame], root)


def test_a_frame_that_cannot_be_opened(tmp_path):
    with pytest.raises(InputError, match="cannot be opened"):
        looks_like_image(tmp_path / "img1.jpg")
    with pytest.raises(InputError, match="no such folder of frames"):
        list_frames(tmp_path / "nowhere")


# Sheets


def edited(path, change):
    """Change the first sheet of a workbook."""
    book = openpyxl.load_workbook(path)
    change(book)
    path.unlink()
    book.save(path)


def column(sheet, heading):
    header = next(row for row in sheet.iter_rows() if any(cell.value == "Filename" for cell in row))
    place = next(cell.column for cell in header if cell.value == heading)
    return [row[place - 1] for row in sheet.iter_rows(min_row=header[0].row + 1)]


def test_sheets_of_one_file_that_contradict_each_other(release):
    root = release("casme2")

    def contradict(book):
        other = book.copy_worksheet(book.worksheets[0])
        for cell in column(other, "Estimated Emotion"):
            cell.value = "others"

    edited(only(root, "*.xlsx"), contradict)
    assert "sheets 1 and 4 of the file contradict each other" in refusal(root, "casme2")


def test_all_sets_of_dfme_as_sheets_of_one_file(release):
    root = release("dfme")
    before = set(examine(root, "dfme").clips.clip_id)
    one = openpyxl.Workbook()
    for path in root.rglob("*.xlsx"):
        tab = one.create_sheet(path.stem)
        for row in openpyxl.load_workbook(path).worksheets[0].iter_rows(values_only=True):
            tab.append(row)
        path.unlink()
    one.save(root / "all of them.xlsx")
    assert set(examine(root, "dfme").clips.clip_id) == before


def test_apexes_without_stored_values_are_not_taken_for_none(release):
    root = release("casme2")

    def formulas(book):
        for cell in column(book.worksheets[0], "ApexFrame"):
            cell.value = f"=D{cell.row}+3"

    edited(only(root, "*.xlsx"), formulas)
    assert "the column ApexFrame is empty" in refusal(root, "casme2")

    def one_value(book):
        column(book.worksheets[0], "ApexFrame")[0].value = 3

    edited(only(root, "*.xlsx"), one_value)
    notes = examine(root, "casme2").notes
    assert notes.note.str.contains("the apex is given as ''").sum() == len(examine(root, "casme2").clips) - 1


def test_an_onset_after_its_offset_is_a_fault(release):
    root = release("casme2")

    def swap(book):
        column(book.worksheets[0], "OnsetFrame")[0].value = 9_000

    edited(only(root, "*.xlsx"), swap)
    (fault,) = examine(root, "casme2").faults
    assert "onset 9000 is not before offset" in fault.problem


@pytest.mark.parametrize("faults", [(), ("decimal_cells",), ("numeric_subjects",), ("others_plural",)])
def test_a_copy_that_says_the_same_in_other_words_contradicts_nothing(release, faults):
    root = release("samm")
    before = examine(root, "samm").clips
    other = release("samm", "other", faults=faults, sheet="csv")
    shutil.copy(only(other, "*.csv"), root / "a stripped copy.csv")
    assert examine(root, "samm").clips.equals(before)


def test_repairs_see_numbers_whatever_they_are_typed_as(tmp_path):
    options = Options(scale="true", pictures="blank", length=(12, 12), faults=("decimal_cells",), sheet="csv")
    write_corpus(tmp_path, "casme2", options, ["sub16"])
    index = examine(tmp_path, "casme2")
    notes = index.notes[index.notes.about == "repair"]
    assert list(notes.clip_id) == ["casme2/sub16/EP01_08"]
    assert notes.note.iloc[0].startswith("offset 110 -> 96")
    assert plan_sheet("casme2", ["sub16"], options), "the sheet of the generator has the old value"


def test_what_is_decided_is_about_clips_that_are_there(tmp_path):
    """A repaired row without a folder is left out, and nothing else is said about it."""
    write_corpus(tmp_path, "casme2", Options(scale="true", pictures="blank", length=(12, 12)), ["sub16"])
    shutil.rmtree(only(tmp_path, "EP01_08"))
    index = examine(tmp_path, "casme2")
    assert "casme2/sub16/EP01_08" in set(index.skipped.clip_id)
    assert "casme2/sub16/EP01_08" not in set(index.notes.clip_id)


def test_a_chosen_sheet_is_what_the_workflow_watches(release):
    root = release("casme2")
    deep = root / "a/b/c/d/e"
    deep.mkdir(parents=True)
    shutil.copy(only(root, "*.xlsx"), deep / "mine.xlsx")
    source = Source(root, sheets=("a/b/c/d/e/mine.xlsx", "./a/b/c/d/e/mine.xlsx"))
    assert set(get_corpus("casme2").sheet_files(source)) == {deep / "mine.xlsx"}
    assert not get_corpus("casme2").examine(source).faults


def test_a_sheet_for_a_corpus_that_has_none(release):
    root = release("smic")
    (root / "x.csv").touch()
    assert "SMIC-HS has no annotation sheet. Remove the key" in refusal(root, "smic", sheets=("x.csv",))


def test_spreadsheets_of_other_programs_are_named(release):
    root = release("samm")
    only(root, "*.xlsx").rename(root / "SAMM.ods")
    assert "SAMM.ods: not read, save it as .xlsx" in refusal(root, "samm")
