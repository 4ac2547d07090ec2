"""Bad input: the message names the file, the clip and the cure."""

import re

import openpyxl
import pytest
from PIL import Image

from contracts.errors import InputError
from preprocess.corpora import Source
from preprocess.frames import list_frames, looks_like_image, read_color, read_gray


def error_of(tree, subjects=None) -> InputError:
    with pytest.raises(InputError) as caught:
        tree.index(subjects)
    return caught.value


def test_missing_root(tree, tmp_path):
    with pytest.raises(InputError, match=r"nowhere.*does not exist.*Unpack"):
        tree.corpus.index(Source(tmp_path / "nowhere"))


def test_root_without_the_corpus(tree, tmp_path):
    with pytest.raises(InputError, match=rf"no clip of {tree.corpus.title}.*Set corpora."):
        tree.corpus.index(Source(tmp_path))


def test_missing_workbook(spoilt):
    if not spoilt.workbooks:
        pytest.skip("labelled by its folders")
    gone = spoilt.workbooks[-1]
    gone.unlink()
    message = str(error_of(spoilt))
    assert gone.name in message
    assert re.search(r"annotation sheet of .* is missing", message)
    assert "Put the owner's sheet there" in message


def test_workbook_without_the_expected_columns(spoilt):
    if not spoilt.workbooks:
        pytest.skip("labelled by its folders")
    for workbook in spoilt.workbooks:
        book = openpyxl.load_workbook(workbook)
        for row in book.worksheets[0].iter_rows():
            for cell in row:
                if str(cell.value).replace(" ", "") == "OnsetFrame":
                    cell.value = "Start"
        workbook.unlink()
        book.save(workbook)
    message = str(error_of(spoilt))
    assert any(workbook.name in message for workbook in spoilt.workbooks)
    assert "no sheet has the columns 'Onset" in message
    assert "found: 'Subject', 'Filename'" in message
    assert "'Start'" in message


def test_workbook_that_is_none(spoilt):
    if not spoilt.workbooks:
        pytest.skip("labelled by its folders")
    for workbook in spoilt.workbooks:
        workbook.unlink()
        workbook.write_text("Subject Filename")
    message = str(error_of(spoilt))
    assert all(workbook.name in message for workbook in spoilt.workbooks)
    assert "not a readable sheet" in message


def test_empty_clip_folder(spoilt):
    clip = spoilt.planned[0]
    for path in spoilt.folder(clip).iterdir():
        path.unlink()
    message = str(error_of(spoilt))
    assert str(spoilt.folder(clip)) in message
    assert "no frame in this clip's folder" in message
    assert "Unpack the clip again" in message


def test_cell_that_is_no_number(tree_of, tmp_path):
    tree = tree_of("casme2").copied_to(tmp_path / "raw")
    book = openpyxl.load_workbook(tree.workbooks[0])
    book.worksheets[0]["D2"] = "soon"
    tree.workbooks[0].unlink()
    book.save(tree.root / "CASME2-coding-20140508.xlsx")
    message = str(error_of(tree))
    assert tree.planned[0].clip_id in message
    assert "OnsetFrame in row 2 is 'soon'" in message


def test_row_given_twice(tree_of, tmp_path):
    tree = tree_of("casme2").copied_to(tmp_path / "raw")
    book = openpyxl.load_workbook(tree.workbooks[0])
    book.worksheets[0].append([cell.value for cell in book.worksheets[0][2]])
    tree.workbooks[0].unlink()
    book.save(tree.root / "CASME2-coding-20140508.xlsx")
    assert f"{tree.planned[0].clip_id}: annotated twice, in rows 2 and " in str(error_of(tree))


def test_truncated_image(spoilt, tmp_path):
    frame = next(iter(list_frames(spoilt.folder(spoilt.planned[0])).values()))
    short = tmp_path / frame.name
    short.write_bytes(frame.read_bytes()[: frame.stat().st_size // 2])
    for read in (read_gray, read_color):
        with pytest.raises(InputError, match=rf"{frame.name}: the image is damaged.*Unpack the clip again"):
            read(short)


@pytest.mark.parametrize("read", [read_gray, read_color])
def test_what_only_looks_like_an_image(tmp_path, read):
    (tmp_path / "img1.jpg").write_text("no picture")
    assert not looks_like_image(tmp_path / "img1.jpg")
    with pytest.raises(InputError, match=r"img1\.jpg: not an image.*Unpack"):
        read(tmp_path / "img1.jpg")
    with pytest.raises(InputError, match=r"img2\.jpg: the frame is not on disk"):
        read(tmp_path / "img2.jpg")


def test_sixteen_bits_are_refused_by_name(tmp_path):
    Image.new("I;16", (8, 8)).save(tmp_path / "img1.png")
    with pytest.raises(InputError, match=r"img1\.png: pixels are not 8-bit"):
        read_gray(tmp_path / "img1.png")


def test_smic_emotion_folder_by_another_name(tree_of, tmp_path):
    tree = tree_of("smic").copied_to(tmp_path / "raw")
    clip = tree.planned[0]
    tree.folder(clip).parent.rename(tree.folder(clip).parent.with_name("bad"))
    message = str(error_of(tree))
    assert clip.clip_id in message
    assert "'bad', not negative, positive, surprise" in message
