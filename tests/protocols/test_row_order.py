"""The order of rows, folds and files changes no score."""

import pytest

from contracts.files import read_csv, write_csv
from protocols.scores import score_run


@pytest.mark.parametrize("seed", [1, 2])
def test_the_scorer_writes_the_same_bytes_in_any_order(scored, seed):
    """Predictions and labels shuffled row by row."""
    before = {path.name: path.read_bytes() for path in (scored / "scores").iterdir()}
    for path in [*scored.glob("predictions/*/*/*.csv"), *scored.glob("labels/*.csv")]:
        write_csv(read_csv(path).sample(frac=1, random_state=seed), path)
    for path in (scored / "scores").iterdir():
        path.unlink()
    score_run(scored)
    after = {path.name: path.read_bytes() for path in (scored / "scores").iterdir()}
    assert after.keys() == before.keys()
    assert [name for name in before if after[name] != before[name]] == []
