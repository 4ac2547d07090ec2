"""On planted flow, leaving groups of subjects out: real labels are learnt, shuffled ones are not."""

import numpy as np
import pytest
import torch
from toy_flow import CLASSES, planted

from merba import create_model
from merba.data import Normaliser
from merba.loop import fit
from merba.overrides import resolve

FOLDS = 3


# Enough for these clips, and short enough to run with every change.
BRIEF = {"merba_tiny": {"epochs": 24, "batch": 4}}


def held_out_accuracy(model_name: str, shuffle: bool, seed: int = 0) -> float:
    """Share of clips that are right when their group of subjects is left out."""
    ids, labels, flow = planted(subjects=12, clips=3, noise=0.15)
    group = np.array([int(clip.split("/")[1][1:]) % FOLDS for clip in ids])
    truth = np.array([CLASSES.index(label) for label in labels])
    recipe = resolve(model_name, BRIEF.get(model_name))
    right = 0
    for fold in range(FOLDS):
        inside, outside = group != fold, group == fold
        normaliser = Normaliser.fit(flow[inside], recipe.coding, recipe.channels, "physical")
        y = np.random.default_rng(seed + fold).permutation(truth[inside]) if shuffle else truth[inside]
        torch.manual_seed(seed)
        model = create_model(model_name, 3, len(recipe.channels), 28, **recipe.options)
        x = torch.from_numpy(normaliser(flow[inside]))
        fit(model, recipe, x, torch.from_numpy(y), seed, normaliser.mirror)
        predicted = model.predict(torch.from_numpy(normaliser(flow[outside])))[0].numpy()
        right += (predicted == truth[outside]).sum()
    return right / len(ids)


@pytest.mark.parametrize("model_name", ["merba_tiny", "kernel_ridge"])
def test_real_labels_are_learnt_and_shuffled_ones_are_not(model_name):
    """Chance is 12 of 36; by a binomial tail, 21 right has a chance below 0.3 % and 25 below 0.001 %."""
    assert held_out_accuracy(model_name, shuffle=False) >= 25 / 36
    assert held_out_accuracy(model_name, shuffle=True) <= 20 / 36
