"""A video and a folder of the same frames show the same pixels, under numbers of their own."""

import tracemalloc

import cv2
import numpy as np
import pytest
from PIL import Image

from contracts.errors import InputError
from preprocess.footage import open_footage

COUNT, FPS = 12, 120
NUMBERS = range(31, 31 + 2 * COUNT, 2)  # a folder's numbers need not be 1, 2, 3


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """Coloured noise as a folder and, without loss, as a video."""
    base, random = tmp_path_factory.mktemp("footage"), np.random.default_rng(0)
    (base / "frames").mkdir()
    video = cv2.VideoWriter(str(base / "clip.avi"), cv2.VideoWriter_fourcc(*"FFV1"), FPS, (64, 48))
    for number in NUMBERS:
        picture = random.integers(0, 256, (48, 64, 3), dtype=np.uint8)
        Image.fromarray(picture).save(base / "frames" / f"reg_{number:05}.png")
        video.write(picture[..., ::-1])
    video.release()
    return open_footage(base / "frames"), open_footage(base / "clip.avi")


def test_numbers_are_those_on_disk_or_counted_from_one(both):
    folder, video = both
    assert (list(folder.numbers), folder.fps) == (list(NUMBERS), None)
    assert (list(video.numbers), video.fps) == (list(range(1, COUNT + 1)), FPS)


@pytest.mark.parametrize("chosen", [[0], [COUNT - 1], [0, 5], [3, 4, 9], range(COUNT)], ids=str)
def test_a_video_shows_what_the_folder_shows(both, chosen):
    folder, video = (list(one.grays(one.numbers[k] for k in chosen)) for one in both)
    assert len(video) == len(chosen)
    for mine, other in zip(video, folder, strict=True):
        assert (mine.dtype, mine.shape) == (np.uint8, (48, 64))
        np.testing.assert_array_equal(mine, other)
    mine, other = (one.color(one.numbers[chosen[-1]]) for one in both)
    np.testing.assert_array_equal(mine, other)


def test_no_frame_is_decoded_twice_nor_one_after_the_last_wanted(both, monkeypatch):
    grabbed, true = [], cv2.VideoCapture

    class Counted:  # no subclass: OpenCV's types do not survive the garbage collector as a base
        def __init__(self, *where):
            self.own = true(*where)

        def grab(self):
            grabbed.append(1)
            return self.own.grab()

        def __getattr__(self, name):
            return getattr(self.own, name)

    monkeypatch.setattr(cv2, "VideoCapture", Counted)
    assert len(list(both[1].grays([2, 5, 6]))) == 3
    assert len(grabbed) == 6


def test_a_long_video_is_never_in_memory_as_a_whole(tmp_path):
    side, count = 256, 200
    video = cv2.VideoWriter(str(tmp_path / "long.avi"), cv2.VideoWriter_fourcc(*"MJPG"), FPS, (side, side))
    for k in range(count):
        video.write(np.full((side, side, 3), k, np.uint8))
    video.release()
    footage = open_footage(tmp_path / "long.avi")
    tracemalloc.start()
    means = [float(picture.mean()) for picture in footage.grays(footage.numbers)]
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    np.testing.assert_allclose(means, range(count), atol=3)
    assert peak < 20 * side * side * 3


def test_a_video_that_has_become_shorter_is_refused_by_frame(both, tmp_path):
    content = both[1].path.read_bytes()
    (tmp_path / "clip.avi").write_bytes(content)
    footage = open_footage(tmp_path / "clip.avi")
    (tmp_path / "clip.avi").write_bytes(content[: len(content) // 2])
    with pytest.raises(InputError, match=r"clip\.avi: frame \d+ cannot be decoded"):
        list(footage.grays([1, COUNT]))
