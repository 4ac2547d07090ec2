"""The state of a subject's frames: the same until something changes, and never changed by being generated."""

import os

import pytest

from preprocess.receipts import (
    AS_GENERATED,
    frames_below,
    listing,
    read_receipt,
    state,
    write_receipt,
)


@pytest.fixture
def recordings(tmp_path):
    """Root, its frames, and the receipt of a generator that wrote them."""
    root = tmp_path / "raw"
    for name in ("s1/clip/image1.bmp", "s1/clip/image2.bmp", "s1/other/image1.bmp"):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"pixels")
    receipt = tmp_path / "receipt.tsv"
    write_receipt(receipt, frames_below([root]), root)
    return root, receipt


def now(root):
    return listing(frames_below([root]), root)


def test_not_yet_generated_and_as_generated_are_one_state(recordings, tmp_path):
    root, receipt = recordings
    assert state([], read_receipt(tmp_path / "to come", [])) == AS_GENERATED
    assert state(now(root), read_receipt(receipt, now(root))) == AS_GENERATED


@pytest.mark.parametrize("edit", ["content", "time", "added", "removed"])
def test_any_edit_changes_the_state(recordings, edit):
    root, receipt = recordings
    licensed = state(now(root), None)
    frame = root / "s1/clip/image2.bmp"
    if edit == "content":
        frame.write_bytes(b"other pixels")
    elif edit == "time":
        os.utime(frame, ns=(0, 0))
    elif edit == "added":
        (root / "s1/clip/image3.bmp").write_bytes(b"pixels")
    else:
        frame.unlink()
    assert state(now(root), read_receipt(receipt, now(root))) not in (AS_GENERATED, licensed)
    assert state(now(root), None) != licensed


def test_what_file_managers_leave_behind_is_no_edit(recordings):
    root, receipt = recordings
    for name in ("Thumbs.db", ".DS_Store", "._image1.bmp"):
        (root / "s1/clip" / name).write_bytes(b"thumbnails")
    assert state(now(root), read_receipt(receipt, now(root))) == AS_GENERATED


def test_names_alone_do_not_see_an_edited_frame(recordings):
    root, receipt = recordings
    (root / "s1/clip/image2.bmp").write_bytes(b"other pixels")
    assert state(now(root), read_receipt(receipt, now(root)), times=False) == AS_GENERATED
    (root / "s1/clip/image3.bmp").write_bytes(b"pixels")
    assert state(now(root), read_receipt(receipt, now(root)), times=False) != AS_GENERATED


def test_names_that_are_not_utf8_have_a_state_of_their_own():
    states = {state([f"s1/{name}/image1.bmp\t6\t1"], None) for name in ("caf\udce9", "caf\udce8", "café")}
    assert len(states) == 3
