"""Loaders open what they are given and nothing else, and give clips in the list's order."""

import h5py
import numpy as np
import pytest
from torch.utils.data import DataLoader

from contracts.cache import write_cache
from contracts.errors import InputError
from contracts.sequences import Sequence, write_sequences
from merba.data import load_flow
from merba.sequences import Sequences

SUBJECTS = ("s1", "s2", "s3")


def sequence(length, seed, size=28):
    random = np.random.default_rng(seed)
    flow = random.normal(size=(length, 3, size, size)).astype(np.float32)
    flow[0] = 0
    frames = random.integers(0, 256, (length, size, size), dtype=np.uint8)
    return Sequence(frames, flow, np.arange(length) + 1.0, 2.0)


CLIPS = {f"c/{subject}/{k}": sequence(5, 10 * s + k) for s, subject in enumerate(SUBJECTS) for k in range(2)}


def write(folder, clips=CLIPS, steps=5, size=28):
    paths = {}
    for subject in SUBJECTS:
        own = {clip: one for clip, one in clips.items() if clip.split("/")[1] == subject}
        paths[subject] = folder / f"{subject}.h5"
        write_sequences(paths[subject], own.items(), size, steps, {})
    return paths


@pytest.fixture
def opened(monkeypatch):
    """Names of the HDF5 files that were opened since."""
    names, true = [], h5py.File

    def file(name, *args, **kwargs):
        names.append(name)
        return true(name, *args, **kwargs)

    monkeypatch.setattr(h5py, "File", file)
    return names


def test_clips_come_in_the_lists_order_and_every_bit(tmp_path):
    paths = write(tmp_path)
    wanted = ["c/s3/1", "c/s1/0", "c/s2/1"]
    dataset = Sequences(wanted, list(paths.values()), "list.csv")
    assert (len(dataset), dataset.size, dataset.steps) == (3, 28, 5)
    stacked = dataset.stacked()
    for k, clip in enumerate(wanted):
        for one, many, true in zip(dataset[k], stacked, CLIPS[clip], strict=True):
            np.testing.assert_array_equal(one, true)
            np.testing.assert_array_equal(many[k], true)


def test_only_given_files_are_opened(tmp_path, opened):
    """The test subject's file lies beside the others; a training job is not given it."""
    paths = write(tmp_path)
    given = [paths["s1"], paths["s3"]]
    opened.clear()
    dataset = Sequences(["c/s1/0", "c/s1/1", "c/s3/0"], given, "list.csv")
    assert opened == given
    opened.clear()
    dataset.stacked()
    assert set(opened) == set(given)


def test_only_given_caches_are_opened(tmp_path, opened):
    paths = [tmp_path / f"{subject}.h5" for subject in SUBJECTS]
    for subject, path in zip(SUBJECTS, paths, strict=True):
        write_cache(path, [f"c/{subject}/0"], np.zeros((1, 3, 28, 28)), {})
    opened.clear()
    load_flow(["c/s1/0"], paths[:2], "list.csv")
    assert opened == paths[:2], "each once"


def test_a_clip_is_read_only_when_asked_for(tmp_path, opened):
    paths = write(tmp_path)
    dataset = Sequences(["c/s1/0", "c/s2/0"], list(paths.values()), "list.csv")
    opened.clear()
    dataset[1]
    assert opened == [paths["s2"]]


def test_a_training_loop_can_take_them_in_batches(tmp_path):
    paths = write(tmp_path)
    loader = DataLoader(Sequences(sorted(CLIPS), list(paths.values()), "list.csv"), batch_size=4)
    assert [tuple(batch.flow.shape) for batch in loader] == [(4, 5, 3, 28, 28), (2, 5, 3, 28, 28)]


def test_clips_with_all_their_frames_keep_their_lengths(tmp_path):
    clips = {"c/s1/0": sequence(3, 0), "c/s2/0": sequence(7, 1)}
    dataset = Sequences(sorted(clips), list(write(tmp_path, clips, steps=None).values()), "list.csv")
    assert [len(one.frames) for one in (dataset[0], dataset[1])] == [3, 7]
    with pytest.raises(ValueError, match="differ in length"):
        dataset.stacked()


def test_what_does_not_belong_together_is_refused(tmp_path):
    paths = write(tmp_path)
    two = [paths["s1"], paths["s2"]]
    with pytest.raises(InputError, match=r"list\.csv: c/s3/0: not in any of the 2 files"):
        Sequences(["c/s1/0", "c/s3/0"], two, "list.csv")
    with pytest.raises(InputError, match=r"none\.h5: no such sequence file"):
        Sequences(["c/s1/0"], [tmp_path / "none.h5"], "list.csv")
    with pytest.raises(InputError, match=r"c/s1/0: the clip is also in"):
        Sequences(["c/s1/0"], [paths["s1"], paths["s1"]], "list.csv")
    other = tmp_path / "other.h5"
    write_sequences(other, [("c/s4/0", sequence(5, 0))], 28, 5, {"flow": "dis"})
    with pytest.raises(InputError, match=r"other\.h5: 5 frames of 28 px with dis flow; the others are 5"):
        Sequences(["c/s1/0"], [paths["s1"], other], "list.csv")
    longer = tmp_path / "longer.h5"
    write_sequences(longer, [("c/s4/0", sequence(6, 0))], 28, 6, {})
    with pytest.raises(InputError, match=r"longer\.h5: 6 frames of 28 px; the others are 5 frames of 28 px"):
        Sequences(["c/s1/0"], [paths["s1"], longer], "list.csv")
