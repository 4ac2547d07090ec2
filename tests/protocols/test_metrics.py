"""Metrics against values worked by hand, and against scikit-learn."""

import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import accuracy_score, f1_score, recall_score

from contracts.errors import InputError
from protocols import metrics
from protocols.metrics import get_metric, list_metrics

MAJORITY = np.array([[250, 0, 0], [109, 0, 0], [83, 0, 0]])


@pytest.mark.parametrize(("metric", "value"), [("uf1", 0.241), ("uar", 0.333), ("acc", 0.566)])
def test_always_negative_on_the_composite(metric, value):
    assert get_metric(metric)(MAJORITY) == pytest.approx(value, abs=5e-4)


@pytest.mark.parametrize(
    ("matrix", "uf1", "uar", "acc"),
    [
        # F1 4/6, 2/5 and 4/5; recalls 2/3, 1/2 and 2/3.
        ([[2, 1, 0], [1, 1, 0], [0, 1, 2]], (4 / 6 + 2 / 5 + 4 / 5) / 3, (2 / 3 + 1 / 2 + 2 / 3) / 3, 5 / 8),
        # The third class is neither true nor predicted: left out of both means.
        ([[2, 0, 0], [1, 1, 0], [0, 0, 0]], (4 / 5 + 2 / 3) / 2, (1 + 1 / 2) / 2, 3 / 4),
        # The third class is never true but predicted once: an F1 of 0, and no recall.
        ([[2, 0, 0], [0, 1, 1], [0, 0, 0]], (1 + 2 / 3 + 0) / 3, (1 + 1 / 2) / 2, 3 / 4),
        # A class that is true but never predicted counts as 0 in both.
        ([[3, 0], [1, 0]], (6 / 7 + 0) / 2, (1 + 0) / 2, 3 / 4),
        ([[3, 0], [0, 1]], 1, 1, 1),
    ],
)
def test_hand_worked(matrix, uf1, uar, acc):
    matrix = np.array(matrix)
    for name, expected in (("uf1", uf1), ("uar", uar), ("acc", acc)):
        assert get_metric(name)(matrix) == pytest.approx(expected, abs=1e-12)


@given(arrays(int, (4, 4), elements=st.integers(0, 9)))
def test_agrees_with_scikit_learn(matrix):
    truth, predicted = (np.repeat(index.ravel(), matrix.ravel()) for index in np.indices(matrix.shape))
    if not len(truth):
        return
    options = {"average": "macro", "zero_division": np.nan, "labels": range(4)}
    assert get_metric("uf1")(matrix) == pytest.approx(f1_score(truth, predicted, **options))
    assert get_metric("uar")(matrix) == pytest.approx(recall_score(truth, predicted, **options))
    assert get_metric("acc")(matrix) == pytest.approx(accuracy_score(truth, predicted))


@pytest.mark.parametrize("name", list_metrics())
def test_every_metric_is_one_for_a_perfect_prediction(name):
    value = get_metric(name)(np.diag([3, 1, 2]))
    assert isinstance(value, float)
    assert value == 1


def test_unknown_metric_names_the_nearest():
    with pytest.raises(InputError, match=r"(?i)did you mean 'uf1'"):
        get_metric("uf11")


def test_a_new_metric_is_one_new_file(tmp_path, monkeypatch):
    (tmp_path / "hits.py").write_text("def hits(confusion):\n    return float(confusion.trace())\n")
    monkeypatch.setattr(metrics.__spec__, "submodule_search_locations", [*metrics.__path__, str(tmp_path)])
    monkeypatch.setattr(metrics, "__path__", metrics.__spec__.submodule_search_locations)
    assert "hits" in list_metrics()
    assert get_metric("hits")(MAJORITY) == 250
    sys.modules.pop("protocols.metrics.hits")
