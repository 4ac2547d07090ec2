"""Folds: who trains and who is tested. Subjects are namespaced, `casme2/sub01`."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from contracts.errors import InputError


@dataclass(frozen=True)
class Fold:
    """One training job: a name that is safe in a path, and the subjects on its two sides.

    Raises:
        ValueError: a subject stands on both sides.
    """

    name: str
    train: tuple[str, ...]
    test: tuple[str, ...]

    def __post_init__(self):
        if both := set(self.train) & set(self.test):
            raise ValueError(f"fold {self.name}: {min(both)} would be trained on and tested")


def leave_one_subject_out(subjects: Sequence[str]) -> list[Fold]:
    """One fold a subject, named `<corpus>_<subject>`, trained on all others of all corpora.

    Raises:
        InputError: fewer than two subjects.
    """
    if len(subjects) < 2:
        raise InputError(
            f"leave-one-subject-out needs two subjects or more, not {len(subjects)}",
            cure="add subjects to the configuration",
        )
    return [
        Fold(
            name=subject.replace("/", "_"),
            train=tuple(other for other in subjects if other != subject),
            test=(subject,),
        )
        for subject in subjects
    ]


def k_fold(subjects: Sequence[str], official: Sequence[str], k: int) -> list[Fold]:
    """`k` folds: the official list is dealt round-robin, its first subject to `fold01`, its second to
    `fold02`, and so on.

    A subject's fold follows from the official list alone, whatever part of it `subjects` is. A fold that
    would test none of `subjects` is left out.

    Raises:
        InputError: all of `subjects` are tested by one fold, so that none is left to train it.
    """
    dealt = {subject: n % k for n, subject in enumerate(official)}
    used = sorted({dealt[subject] for subject in subjects})
    if len(used) < 2:
        raise InputError(
            f"{k}-fold cross-validation needs subjects of two folds or more, not of {len(used)}",
            cure="add subjects to the configuration; neighbours in the official list are in different folds",
        )
    return [
        Fold(
            name=f"fold{fold + 1:02d}",
            train=tuple(subject for subject in subjects if dealt[subject] != fold),
            test=tuple(subject for subject in subjects if dealt[subject] == fold),
        )
        for fold in used
    ]


def fixed_split(subjects: Sequence[str], train: Collection[str]) -> list[Fold]:
    """A single fold `train`: subjects in `train` on one side, all others on the other.

    Raises:
        InputError: a side is empty.
    """
    trained = tuple(subject for subject in subjects if subject in train)
    tested = tuple(subject for subject in subjects if subject not in train)
    for side, members in (("training", trained), ("test", tested)):
        if not members:
            raise InputError(
                f"no {side} subject among those asked for", cure=f"add {side} subjects to the configuration"
            )
    return [Fold(name="train", train=trained, test=tested)]
