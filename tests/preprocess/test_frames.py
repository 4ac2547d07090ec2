"""Listing and reading frames."""

import cv2
import numpy as np
import pytest
from PIL import Image

from contracts.errors import InputError
from preprocess.frames import faults_of, list_frames, read_clip, read_color, read_gray


def test_order_is_by_number_not_by_name(tmp_path):
    for name in ("img9.jpg", "img10.jpg", "reg_img2.JPG", "a clip 007.bmp", "006_00011.png", "00000.png"):
        (tmp_path / name).touch()
    for name in ("Thumbs.db", "notes12.txt", "._img3.jpg", ".DS_Store"):
        (tmp_path / name).touch()
    assert list(list_frames(tmp_path)) == [0, 2, 7, 9, 10, 11]


@pytest.mark.parametrize(
    ("names", "problem"),
    [
        (["img1.jpg", "img01.jpg"], "frame 1 is here twice, as img01.jpg and img1.jpg"),
        (["cover.jpg"], "an image without a frame number"),
        (["readme.txt"], "no frame in this clip's folder"),
    ],
)
def test_folders_that_are_no_clip(tmp_path, names, problem):
    for name in names:
        (tmp_path / name).touch()
    with pytest.raises(InputError, match=problem):
        list_frames(tmp_path)


def test_gray_is_luma_and_color_is_rgb(tmp_path):
    rgb = np.random.default_rng(0).integers(0, 256, (12, 16, 3), dtype=np.uint8)
    Image.fromarray(rgb).save(tmp_path / "1.png")
    assert np.array_equal(read_color(tmp_path / "1.png"), rgb)
    luma = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY).astype(int)
    assert np.abs(read_gray(tmp_path / "1.png") - luma).max() <= 1
    Image.fromarray(rgb[..., 0]).save(tmp_path / "2.png")
    assert np.array_equal(read_gray(tmp_path / "2.png"), rgb[..., 0])
    assert np.array_equal(read_color(tmp_path / "2.png"), np.repeat(rgb[..., :1], 3, axis=2))


@pytest.mark.parametrize("read", [read_gray, read_color])
@pytest.mark.parametrize("shape", [(12, 16), (12, 16, 3)], ids=["grey", "color"])
def test_sixteen_bits_are_refused(tmp_path, shape, read):
    deep = np.random.default_rng(0).integers(0, 65536, shape, dtype=np.uint16)
    cv2.imwrite(str(tmp_path / "1.png"), deep)
    with pytest.raises(InputError, match="not 8-bit"):
        read(tmp_path / "1.png")


def test_frames_of_one_size_come_in_turn_and_another_size_is_refused(tmp_path):
    for number, size in enumerate([(16, 12), (16, 12), (20, 12)]):
        Image.new("L", size, number).save(tmp_path / f"{number}.png")
    frames = read_clip(list_frames(tmp_path).values())
    assert [int(next(frames).mean()) for _ in range(2)] == [0, 1]
    with pytest.raises(InputError, match=r"0\.png 16x12, 2\.png 20x12"):
        next(frames)


def test_a_fault_is_given_the_name_of_its_clip(tmp_path):
    with pytest.raises(InputError) as caught, faults_of("casme2/sub01/EP02_01f"):
        read_gray(tmp_path / "1.png")
    assert (caught.value.clip, caught.value.file) == ("casme2/sub01/EP02_01f", tmp_path / "1.png")


@pytest.mark.parametrize("mode", ["L", "P", "RGB"])
@pytest.mark.parametrize("width", [16, 160, 1600])
def test_bitmaps_of_any_width(tmp_path, mode, width):
    """A row's length in bytes is no pixel depth."""
    Image.new(mode, (width, 4)).save(tmp_path / "1.bmp")
    assert read_gray(tmp_path / "1.bmp").shape == (4, width)
