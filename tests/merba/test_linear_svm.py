"""The linear SVM is scikit-learn's, whatever number of classes the training part has."""

import numpy as np
import pytest
import torch
from sklearn.svm import LinearSVC

from merba.linear_svm import LinearSVM


def planted(classes, n=30):
    y = torch.tensor(classes).repeat(n)[:n]
    return torch.randn(n, 6) + 1.5 * torch.eye(6)[y], y


@pytest.mark.parametrize("classes", [[0, 1, 2], [0, 2], [1, 3]])
def test_decisions_are_scikit_learns(classes):
    x, y = planted(classes)
    mine, theirs = LinearSVM(6, 4, c=0.5), LinearSVC(C=0.5, random_state=0)
    mine.fit(x, y)
    theirs.fit(x.double().numpy(), y.numpy())
    new = torch.randn(50, 6)
    np.testing.assert_array_equal(mine(new).argmax(1), theirs.predict(new.double().numpy()))


@pytest.mark.parametrize("classes", [[1], [0, 2], [0, 1, 3]])
def test_a_class_without_training_clips_is_never_decided_for(classes):
    model = LinearSVM(6, 4)
    model.fit(*planted(classes))
    probabilities = model(torch.randn(50, 6) * 5).softmax(1)
    assert set(probabilities.argmax(1).tolist()) <= set(classes)
    assert probabilities.isfinite().all()


def test_what_was_learned_is_a_state_dict_and_a_second_fit_forgets_the_first():
    x, y = planted([0, 1, 2, 3])
    fitted, loaded = LinearSVM(6, 4), LinearSVM(6, 4)
    fitted.fit(*planted([0, 1]))
    fitted.fit(x, y)
    loaded.load_state_dict(fitted.state_dict())
    assert torch.equal(fitted(x), loaded(x))
    fresh = LinearSVM(6, 4)
    fresh.fit(x, y)
    assert torch.equal(fitted(x), fresh(x))
