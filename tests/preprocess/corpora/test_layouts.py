"""The synthetic corpora in every folder they are met in, and the command that writes them."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image
from small_corpora import SUBJECTS, cases, files_below, made

from preprocess.corpora.synthetic import Options, list_layouts, plan
from preprocess.corpora.synthetic.__main__ import main
from preprocess.corpora.synthetic.layouts import get_layout
from preprocess.frames import SUFFIXES, list_frames, read_gray


@pytest.mark.parametrize(("corpus", "variant"), cases("VARIANTS"))
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
    assert {case[:2] for case in mark.args[1]} == set(cases("VARIANTS"))


@pytest.mark.parametrize(("corpus", "variant"), cases("VARIANTS"))
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
