"""On planted flow, leaving groups of subjects out: real labels are learnt, shuffled ones are not."""

import numpy as np
import torch
from toy_flow import CLASSES, planted

from merba import create_model
from merba.data import Normaliser
from merba.loop import fit
from merba.overrides import resolve

# Fitted at once, so that it can be repeated; tests/workflow/test_learning.py has the others.
MODEL = "kernel_ridge"
FOLDS = 3
REPEATS = 20
# Two-sided, one in a thousand, of Student's t with 19 degrees of freedom.
T = 3.883


def held_out_accuracy(shuffle: bool, seed: int = 0, leak: int = 0) -> float:
    """Share of clips that are right when their group of subjects is left out, but for `leak` clips."""
    ids, labels, flow = planted(subjects=12, clips=3, noise=0.15)
    group = np.array([int(clip.split("/")[1][1:]) % FOLDS for clip in ids])
    truth = np.array([CLASSES.index(label) for label in labels])
    recipe = resolve(MODEL)
    right = 0
    for fold in range(FOLDS):
        inside, outside = np.flatnonzero(group != fold), np.flatnonzero(group == fold)
        leaked = outside[:leak]
        y = truth[inside]
        y = np.random.default_rng([seed, fold]).permutation(y) if shuffle else y
        rows, y = np.concatenate([inside, leaked]), np.concatenate([y, truth[leaked]])
        normaliser = Normaliser.fit(flow[rows], recipe.coding, recipe.channels, "physical")
        torch.manual_seed(seed)
        model = create_model(MODEL, 3, len(recipe.channels), 28, **recipe.options)
        x = torch.from_numpy(normaliser(flow[rows]))
        fit(model, recipe, x, torch.from_numpy(y), seed, normaliser.mirror)
        predicted = model.predict(torch.from_numpy(normaliser(flow[outside])))[0].numpy()
        right += (predicted == truth[outside]).sum()
    return right / len(ids)


def test_real_labels_are_learnt():
    """Chance is 12 of 36. Of 300 shufflings 1 in 100 got 25 or more right: a fold's clips share a model, so
    shares have a standard deviation of .125, not the .079 of independent guesses."""
    assert held_out_accuracy(shuffle=False) >= 25 / 36


def away_from_chance(shares) -> float:
    """By how many standard errors the mean of the repeats lies above a third, by their own spread.

    Classes are alike in number, so a shuffled labelling and the same with its classes renamed are equally
    likely, and each clip is right in a third of them. Clips of one repeat stand or fall together: the error
    is taken over repeats, not over clips.
    """
    return (np.mean(shares) - 1 / 3) / (np.std(shares, ddof=1) / np.sqrt(len(shares)))


def test_twenty_shufflings_are_at_chance_and_a_leak_is_not():
    """The leaky variant is shown a quarter of its test clips, true labels and all."""
    shuffled = [held_out_accuracy(True, seed) for seed in range(REPEATS)]
    leaky = [held_out_accuracy(True, seed, leak=3) for seed in range(REPEATS)]
    print(f"{np.mean(shuffled):.3f} and {np.mean(leaky):.3f} right, chance .333")
    assert abs(away_from_chance(shuffled)) < T
    assert away_from_chance(leaky) > T
