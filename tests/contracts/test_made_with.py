"""What shaped the pixels is read from caches and sequence files alike, and must be one thing."""

import numpy as np
import pytest

from contracts.cache import write_cache
from contracts.errors import InputError
from contracts.made_with import made_alike
from contracts.sequences import Sequence, write_sequences

ALIKE = {"crop_size": 224, "flow": "tvl1", "tvl1": {"tau": 0.25}}


def cache(path, subject, **made_with):
    clips = [f"smic/{subject}/{k}" for k in range(2)]
    own = {"apex": {clip: f"{k} spotted" for k, clip in enumerate(clips)}}
    write_cache(path, clips, np.zeros((2, 3, 28, 28)), {**ALIKE, **own, **made_with})
    return path


def sequences(path, subject, **made_with):
    one = Sequence(np.zeros((2, 4, 4), np.uint8), np.zeros((2, 3, 4, 4), np.float32), np.arange(2.0), 1.0)
    clip = f"smic/{subject}/0"
    write_sequences(path, [(clip, one)], 4, 2, {**ALIKE, "apex": {clip: "1 spotted"}, **made_with})
    return path


@pytest.mark.parametrize("write", [cache, sequences])
def test_files_made_alike_share_all_but_what_is_said_of_clips(tmp_path, write):
    assert made_alike([write(tmp_path / f"{name}.h5", name) for name in ("s01", "s02")]) == ALIKE


@pytest.mark.parametrize("write", [cache, sequences])
def test_a_file_made_otherwise_is_refused_by_the_parameter(tmp_path, write):
    first = write(tmp_path / "a.h5", "s01")
    other = write(tmp_path / "b.h5", "s02", flow="dis")
    with pytest.raises(InputError, match=r"b\.h5: made with flow dis, .*a\.h5 with tvl1\. Give files"):
        made_alike([first, other])
    silent = write(tmp_path / "c.h5", "s03", more=1)
    with pytest.raises(InputError, match=r"c\.h5: made with more 1, .*a\.h5 with None"):
        made_alike([first, silent])


def test_a_subject_without_clips_is_made_alike(tmp_path):
    write_cache(tmp_path / "e.h5", [], np.zeros((0, 3, 28, 28)), {**ALIKE, "apex": {}})
    assert made_alike([cache(tmp_path / "a.h5", "s01"), tmp_path / "e.h5"]) == ALIKE
    write_cache(tmp_path / "e.h5", [], np.zeros((0, 3, 28, 28)), {**ALIKE, "list_sha256": []})
    others = [cache(tmp_path / f"{name}.h5", name, list_sha256=["ab"]) for name in ("s02", "s03")]
    assert made_alike([tmp_path / "e.h5", *others]) == {**ALIKE, "list_sha256": ["ab"]}, "whatever it says"
