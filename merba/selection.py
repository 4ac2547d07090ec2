"""Choosing the number of epochs without the test subject: by an inner split of the training subjects.

That is `selection: nested` of a recipe. The training subjects are dealt into inner folds, classes as evenly
as can be. A model is trained on all inner folds but one and predicts that one after every epoch; UF1 is
pooled over the inner folds, as the benchmark itself scores. The epoch with the highest, the earliest of
several, is the number of epochs that the model is then trained for on all training clips, under the same
schedule. Test clips take no part, and nothing is fitted on an inner fold that is left out.
"""

from collections.abc import Callable, Sequence

import numpy as np

from contracts.errors import InputError


def choose_epochs(
    clip_ids: Sequence[str], labels: np.ndarray, folds: int, seed: int, train: Callable
) -> tuple[int, dict[int, float]]:
    """How many epochs to train for, and the inner UF1 after each.

    Args:
        clip_ids: training clips; all but the last part of an id is the subject.
        labels: their class indices, int64 (n,).
        folds: inner folds, at least 2.
        seed: of the deal.
        train: rows to train on, rows to predict -> classes int64 (epochs, rows to predict). Called once a
            fold.

    Raises:
        InputError: fewer subjects than inner folds, or fewer clips of every class.
    """
    from sklearn.metrics import f1_score
    from sklearn.model_selection import StratifiedGroupKFold

    subjects = [clip.rsplit("/", 1)[0] for clip in clip_ids]
    if not 2 <= folds <= len(set(subjects)):
        raise InputError(
            f"{len(set(subjects))} training subjects cannot be dealt into {folds} inner folds",
            clip="inner_folds",
            cure="give a number from 2 to that of the training subjects",
        )
    if max(np.bincount(labels)) < folds:
        raise InputError(
            f"no class has {folds} training clips, one for each inner fold",
            clip="inner_folds",
            cure="lower it, or leave selection at `last`",
        )
    deal = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    truth, predicted = [], []
    for rows, held in deal.split(labels, labels, subjects):
        truth.append(labels[held])
        predicted.append(train(rows, held))
    truth, predicted = np.concatenate(truth), np.concatenate(predicted, 1)
    # A class that the training clips lack has no F1; one that is never predicted has F1 0.
    present = np.unique(truth)
    scores = [f1_score(truth, one, labels=present, average="macro", zero_division=0.0) for one in predicted]
    return int(np.argmax(scores)) + 1, {k: float(score) for k, score in enumerate(scores, 1)}
