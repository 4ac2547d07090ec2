"""The folds that packs are timed on."""

import pandas as pd
import pytest

from benchmarks.folds import made_up, of_run
from contracts.errors import InputError
from contracts.files import read_csv, write_csv

CLIPS = {"smic/s01/a": "negative", "smic/s01/b": "positive", "casme2/sub01/c": "surprise"}


def test_made_up_folds_are_the_composites_and_leave_their_subject_out(tmp_path):
    folds = made_up(tmp_path)
    assert len(folds.tested) == 68 and len(folds.truth) == 442
    for name in folds.spread(3):
        listed = read_csv(folds.lists[name])
        assert set(listed.clip_id) == set(folds.truth) - set(folds.tested[name])
        (own,) = folds.subjects([name])
        assert not listed.clip_id.str.startswith(f"{own}/").any()
        assert folds.caches[own].is_file()
    with pytest.raises(InputError, match=r"--packed: 69 folds\. Give 1 to 68"):
        folds.spread(69)


@pytest.fixture
def run(tmp_path):
    fold_of = {clip: clip.rsplit("/", 1)[0].replace("/", "_") for clip in CLIPS}
    lists = tmp_path / "data/one/protocols/megc2019"
    listed = pd.DataFrame({"clip_id": list(fold_of), "fold": list(fold_of.values())})
    write_csv(listed, lists / "test.csv")
    write_csv(
        pd.DataFrame({"clip_id": list(CLIPS), "label": list(CLIPS.values())}),
        tmp_path / "results/one/labels/megc2019.csv",
    )
    for fold in fold_of.values():
        write_csv(listed[listed.fold != fold], lists / "train" / f"{fold}.csv")
    for subject in ("smic/s01", "casme2/sub01"):
        path = tmp_path / f"data/one/cache/28/{subject}.h5"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return tmp_path


def test_a_runs_folds_are_read_where_the_workflow_leaves_them(run):
    folds = of_run("one", root=run)
    assert folds.tested == {"smic_s01": ["smic/s01/a", "smic/s01/b"], "casme2_sub01": ["casme2/sub01/c"]}
    assert folds.subjects(["smic_s01"]) == ["smic/s01"]
    assert folds.truth == CLIPS
    assert folds.spread(2) == ["smic_s01", "casme2_sub01"]


@pytest.mark.parametrize(
    "missing",
    [
        "data/one/protocols/megc2019/test.csv",
        "results/one/labels/megc2019.csv",
        "data/one/protocols/megc2019/train/smic_s01.csv",
        "data/one/cache/28/casme2/sub01.h5",
    ],
)
def test_what_a_run_lacks_is_named_with_what_makes_it(run, missing):
    (run / missing).unlink()
    with pytest.raises(InputError, match=f"{missing}.*configuration of the run 'one'"):
        of_run("one", root=run)
