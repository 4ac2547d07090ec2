"""The cache contract: what is written comes back, and nothing incomplete or foreign is accepted."""

import h5py
import numpy as np
import pytest

from contracts.cache import read_cache, read_caches, write_cache
from contracts.errors import InputError


def flows(n, size=28, seed=0):
    return np.random.default_rng(seed).normal(size=(n, 3, size, size)).astype(np.float32)


def test_round_trip_sorts_by_clip_id_and_keeps_every_bit(tmp_path):
    flow = flows(3)
    write_cache(tmp_path / "s.h5", ["c/s/3", "c/s/1", "c/s/2"], flow, {"flow": "tvl1"})
    cache = read_cache(tmp_path / "s.h5")
    assert cache.clip_ids == ["c/s/1", "c/s/2", "c/s/3"]
    np.testing.assert_array_equal(cache.flow, flow[[1, 2, 0]])
    assert (cache.coding, cache.made_with) == ("physical", {"flow": "tvl1"})


def test_stretched_flow_says_so_and_keeps_every_value(tmp_path):
    pictures = np.random.default_rng(0).integers(0, 256, (2, 3, 28, 28))
    write_cache(tmp_path / "s.h5", ["c/s/1", "c/s/2"], pictures, {}, coding="minmax")
    assert read_cache(tmp_path / "s.h5").coding == "minmax"
    _, flow, coding = read_caches([tmp_path / "s.h5"])
    assert coding == "minmax"
    np.testing.assert_array_equal(flow, pictures)


def test_same_content_same_bytes(tmp_path):
    for name in ("a.h5", "b.h5"):
        write_cache(tmp_path / name, ["c/s/1"], flows(1), {"b": 1, "a": 2})
    assert (tmp_path / "a.h5").read_bytes() == (tmp_path / "b.h5").read_bytes()


def test_a_subject_without_clips_has_an_empty_cache(tmp_path):
    write_cache(tmp_path / "s.h5", [], flows(0), {})
    write_cache(tmp_path / "t.h5", ["c/t/1"], flows(1), {})
    assert read_caches([tmp_path / "s.h5", tmp_path / "t.h5"])[0] == ["c/t/1"]


def test_incomplete_foreign_and_truncated_caches_are_refused(tmp_path):
    path = tmp_path / "s.h5"
    write_cache(path, ["c/s/1"], flows(1), {})
    whole_bytes = path.read_bytes()
    path.write_bytes(whole_bytes[: len(whole_bytes) // 2])
    with pytest.raises(InputError, match=r"s\.h5.*snakemake again"):
        read_cache(path)
    path.write_bytes(b"not hdf5 at all")
    with pytest.raises(InputError, match=r"s\.h5"):
        read_cache(path)
    write_cache(path, ["c/s/1"], flows(1), {})
    with h5py.File(path, "a") as file:
        del file.attrs["complete"]
    with pytest.raises(InputError, match="not complete"):
        read_cache(path)


def test_caches_that_do_not_belong_together_are_refused(tmp_path):
    write_cache(tmp_path / "a.h5", ["c/s/1"], flows(1), {})
    write_cache(tmp_path / "b.h5", ["c/s/1"], flows(1), {})
    write_cache(tmp_path / "c.h5", ["c/s/2"], flows(1, size=56), {})
    with pytest.raises(InputError, match="c/s/1"):
        read_caches([tmp_path / "a.h5", tmp_path / "b.h5"])
    with pytest.raises(InputError, match=r"c\.h5"):
        read_caches([tmp_path / "a.h5", tmp_path / "c.h5"])


def test_codings_are_not_mixed_but_an_empty_cache_has_none(tmp_path):
    write_cache(tmp_path / "pixels.h5", ["c/s/1"], flows(1), {})
    write_cache(tmp_path / "pictures.h5", ["c/t/1"], 255 * np.ones((1, 3, 28, 28)), {}, coding="minmax")
    write_cache(tmp_path / "empty.h5", [], flows(0), {})
    with pytest.raises(InputError, match=r"pictures\.h5: flow is minmax, the others are physical"):
        read_caches([tmp_path / "pixels.h5", tmp_path / "pictures.h5"])
    assert read_caches([tmp_path / "empty.h5", tmp_path / "pictures.h5"])[2] == "minmax"


def test_a_cache_of_another_format_version_is_refused(tmp_path):
    path = tmp_path / "s.h5"
    write_cache(path, ["c/s/1"], flows(1), {})
    with h5py.File(path, "a") as file:
        file.attrs["format_version"] = 1
    with pytest.raises(InputError, match="cache format 1, this code reads 2"):
        read_cache(path)


@pytest.mark.parametrize(
    ("clip_ids", "flow", "coding"),
    [
        (["c/s/1"], flows(2), "physical"),
        (["c/s/1", "c/s/1"], flows(2), "physical"),
        (["c/s/1"], np.full((1, 3, 28, 28), np.nan), "physical"),
        (["c/s/1"], np.zeros((1, 2, 28, 28)), "physical"),
        (["c/s/1"], flows(1), "min-max"),
        (["c/s/1"], np.full((1, 3, 28, 28), 256), "minmax"),
        (["c/s/1"], np.full((1, 3, 28, 28), -1), "minmax"),
    ],
    ids=["count", "repeat", "nan", "shape", "coding", "above 255", "below 0"],
)
def test_a_faulty_writer_is_stopped(tmp_path, clip_ids, flow, coding):
    with pytest.raises(ValueError):
        write_cache(tmp_path / "s.h5", clip_ids, flow, {}, coding)
    assert not list(tmp_path.iterdir())
