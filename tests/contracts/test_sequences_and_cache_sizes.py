"""Sequence files: what is written comes back, clip by clip. And flow caches at every size a network takes."""

import h5py
import numpy as np
import pytest

from contracts import sequences
from contracts.cache import read_caches, write_cache
from contracts.errors import InputError
from contracts.sequences import Sequence, read_contents, read_sequence, write_sequences


def sequence(length=4, size=28, seed=0):
    random = np.random.default_rng(seed)
    flow = random.normal(size=(length, 3, size, size)).astype(np.float32)
    flow[0] = 0
    frames = random.integers(0, 256, (length, size, size), dtype=np.uint8)
    return Sequence(frames, flow, np.linspace(46, 86, length), np.float64(46))


def same(one, other):
    return all(np.array_equal(a, b) and a.dtype == b.dtype for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize(("steps", "lengths"), [(4, (4, 4, 4)), (None, (2, 67, 1))], ids=["steps", "all"])
def test_every_bit_comes_back_and_ids_ascend(tmp_path, steps, lengths):
    clips = {f"c/s/{3 - k}": sequence(length, seed=k) for k, length in enumerate(lengths)}
    write_sequences(tmp_path / "s.h5", clips.items(), 28, steps, {"flow": "tvl1"})
    assert read_contents(tmp_path / "s.h5") == (["c/s/1", "c/s/2", "c/s/3"], 28, steps, {"flow": "tvl1"})
    for clip, one in clips.items():
        assert same(read_sequence(tmp_path / "s.h5", clip), one)


def test_clips_are_written_as_they_come(tmp_path):
    """The second is made only when the first is on its way to disk: one clip in memory at a time."""

    def clips():
        for name in ("1", "2"):
            yield f"c/s/{name}", sequence()
            (partial,) = tmp_path.glob(".s.h5@*.partial")
            assert not (tmp_path / "s.h5").exists()
            seen.append(partial.name)

    seen = []
    write_sequences(tmp_path / "s.h5", clips(), 28, 4, {})
    assert len(seen) == 2
    assert [path.name for path in tmp_path.iterdir()] == ["s.h5"]


def test_same_sequences_same_bytes(tmp_path):
    for name in ("a.h5", "b.h5"):
        write_sequences(tmp_path / name, [("c/s/1", sequence())], 28, 4, {"b": 1, "a": 2})
    assert (tmp_path / "a.h5").read_bytes() == (tmp_path / "b.h5").read_bytes()


def test_a_subject_without_clips_has_an_empty_file(tmp_path):
    write_sequences(tmp_path / "s.h5", [], 28, 10, {})
    assert read_contents(tmp_path / "s.h5").clip_ids == []


@pytest.mark.parametrize("size", [28, 224])
def test_chunks_hold_whole_frames_and_no_more_than_a_mebibyte_of_them(tmp_path, size):
    write_sequences(tmp_path / "s.h5", [("c/s/1", sequence(30, size))], size, 30, {})
    with h5py.File(tmp_path / "s.h5") as file:
        for name in ("frames", "flow"):
            values = file["c/s/1"][name]
            assert values.compression == "gzip"
            assert values.chunks[1:] == values.shape[1:]
            nbytes = int(np.prod(values.chunks)) * values.dtype.itemsize
            assert values.chunks[0] == 1 or nbytes <= 2**20
            assert values.chunks[0] == 30 or nbytes > 2**19


def test_incomplete_foreign_and_truncated_files_are_refused(tmp_path):
    path = tmp_path / "s.h5"
    write_sequences(path, [("c/s/1", sequence())], 28, 4, {})
    with pytest.raises(InputError, match=r"s\.h5: c/s/2: the clip is not in this file"):
        read_sequence(path, "c/s/2")
    for attribute, value, said in (
        ("format_version", sequences.FORMAT_VERSION + 1, "this code reads"),
        ("complete", False, "not complete"),
    ):
        with h5py.File(path, "a") as file:
            file.attrs[attribute] = value
        for read in (read_contents, lambda path: read_sequence(path, "c/s/1")):
            with pytest.raises(InputError, match=said):
                read(path)
    whole_bytes = path.read_bytes()
    for spoilt in (whole_bytes[: len(whole_bytes) // 2], b"not hdf5 at all"):
        path.write_bytes(spoilt)
        with pytest.raises(InputError, match=r"s\.h5.*snakemake again"):
            read_contents(path)


GOOD = sequence()
MOVING = GOOD.flow + np.float32(1)


@pytest.mark.parametrize(
    ("clips", "said"),
    [
        ([GOOD._replace(frames=GOOD.frames[:3])], "frames are"),
        ([GOOD._replace(frames=GOOD.frames.astype(np.float32))], "frames are float32"),
        ([GOOD._replace(flow=GOOD.flow[:, :2])], "flow is"),
        ([GOOD._replace(flow=GOOD.flow.astype(np.float64))], "flow is float64"),
        ([GOOD._replace(flow=GOOD.flow * np.float32(np.nan))], "not finite"),
        ([GOOD._replace(flow=MOVING)], "onset against itself"),
        ([GOOD._replace(position=GOOD.position[::-1])], "do not ascend"),
        ([GOOD._replace(apex=87.0)], "apex 87.0 is not within 46.0 to 86.0"),
        ([GOOD._replace(apex=float("nan"))], "apex nan"),
        ([sequence(5)], "5 steps, not 4"),
        ([sequence(size=56)], "not uint8"),
        ([GOOD, GOOD], "comes twice"),
    ],
    ids=[
        "count",
        "frames",
        "channels",
        "double",
        "nan",
        "moving onset",
        "time",
        "apex",
        "no apex",
        "length",
        "size",
        "repeat",
    ],
)
def test_a_faulty_writer_of_sequences_is_stopped(tmp_path, clips, said):
    with pytest.raises(ValueError, match=f"c/s/1.*{said}"):
        write_sequences(tmp_path / "s.h5", [("c/s/1", one) for one in clips], 28, 4, {})
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("size", [28, 56, 112, 224])
def test_a_cache_of_any_size_is_compressed_by_clip_and_read_in_one_go(tmp_path, size):
    flow = np.random.default_rng(0).normal(size=(3, 3, size, size)).astype(np.float32).round(1)
    paths = [tmp_path / f"s{k}.h5" for k in range(3)]
    for k, path in enumerate(paths):
        write_cache(path, [f"c/s{k}/1"], flow[k : k + 1], {})
        with h5py.File(path) as file:
            assert file["flow"].chunks == (1, 3, size, size), "a clip is one read, and no other comes with it"
            assert file["flow"].compression == "gzip"
            assert file["flow"].id.get_storage_size() < flow[k].nbytes
    clip_ids, read, _ = read_caches(paths)
    assert clip_ids == ["c/s0/1", "c/s1/1", "c/s2/1"]
    np.testing.assert_array_equal(read, flow)
