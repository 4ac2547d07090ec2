"""The order of folds, files and rows changes nothing, and no fold depends on another having run before."""

import random
from pathlib import Path

import pytest
from bench import BRIEF, write_rows
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from toy_flow import CLASSES

from merba import predict, train

FOLDS = {f"smic_{name}": [f"s{3 * k + j:02d}" for j in range(3)] for k, name in enumerate("abcd")}


def trained(folder, bench, fold, model="kernel_ridge", overrides="{}", order=0, subjects=2):
    """Bytes of the checkpoint of one fold: the first `subjects` of every other fold train it."""
    inside = [one for other, own in FOLDS.items() if other != fold for one in own[:subjects]]
    rows = [(clip, bench.label_of[clip]) for clip in bench.clips(inside)]
    listed = write_rows(folder / "list.csv", ["clip_id", "label"], rows)
    caches = random.Random(order).sample([str(bench.caches[one]) for one in inside], len(inside))
    made = folder / f"{fold}.pt"
    arguments = ["--model", model, "--overrides", overrides, "--classes", *CLASSES, "--fold", fold]
    arguments += ["--list", str(listed), "--caches", *caches, "--seeds", "0", "--checkpoints", str(made)]
    train.main([*arguments, "--log", str(folder / "log.csv"), "--device", "cpu"])
    return made.read_bytes()


@pytest.mark.parametrize(
    ("model", "overrides"), [("kernel_ridge", "{}"), ("ststnet", BRIEF), ("merba_tiny", BRIEF)]
)
def test_a_folds_model_depends_on_no_fold_before_it_nor_on_the_order_of_its_files(bench, model, overrides):
    """One process trains all folds, forwards and backwards, and each alone gives the same bytes."""
    given = bench, "smic_a", model, overrides
    alone = trained(bench.folder, *given, subjects=1)
    for order, fold in enumerate(reversed(FOLDS)):
        again = trained(bench.folder, bench, fold, model, overrides, order, subjects=1)
    assert again == alone


@pytest.fixture
def predicting(bench):
    """Predicts with checkpoints, caches and rows of the test list in any order; returns the file's bytes."""
    for fold in FOLDS:
        trained(bench.folder, bench, fold)
    made = [str(bench.folder / f"{fold}.pt") for fold in FOLDS]
    caches = [str(path) for path in bench.caches.values()]
    rows = [(clip, fold) for fold, own in FOLDS.items() for clip in bench.clips(own)]

    def run(seed):
        mixed = random.Random(seed) if seed else None

        def order(items):
            return mixed.sample(items, len(items)) if mixed else items

        test = write_rows(bench.folder / "any.csv", ["clip_id", "fold"], order(rows))
        out = bench.folder / "any_out.csv"
        arguments = ["--test", str(test), "--checkpoints", *order(made), "--caches", *order(caches)]
        predict.main([*arguments, "--out", str(out), "--device", "cpu"])
        return Path(out).read_bytes()

    return run


@given(seed=st.integers(1, 10_000))
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_predictions_are_the_same_in_any_order(predicting, seed):
    assert predicting(seed) == predicting(0)
