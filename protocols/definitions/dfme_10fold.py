"""DFME-public, training set only: subject-independent 10-fold cross-validation, seven classes, 1856 clips.

For choosing and comparing without touching Test A and Test B. The DFME paper's own protocol is 10-fold and
subject-independent over the *full* corpus, which is not public, and its folds are not known: numbers of
this protocol must not be compared with the paper's.

The folds are this benchmark's. The 176 training subjects, sorted, are dealt out round-robin. The owners'
ids are ordered by frame rate (0001-0015 and 0572-0671 at 500 fps, 0016-0110 at 300, 0111-0253 at 200), so
this deals each frame rate evenly over the folds.

Source: Zhao et al., "DFME: a new benchmark for dynamic facial micro-expression recognition", IEEE TAFFC
(arXiv 2301.00985).
"""

from collections.abc import Sequence

from protocols.base import Part, Protocol
from protocols.definitions import dfme
from protocols.folds import Fold, k_fold

FOLDS = 10
SUBJECTS = dfme.GROUPS["train"]


def split(subjects: Sequence[str]) -> list[Fold]:
    """Folds `fold01` to `fold10`; see `Protocol.folds`."""
    return k_fold(subjects, [f"dfme/{subject}" for subject in SUBJECTS], FOLDS)


def group(subject: str) -> str:
    """All clips are of the training set."""
    return "train"


PROTOCOL = Protocol(
    name="dfme_10fold",
    title="DFME-public training set, subject-independent 10-fold cross-validation, 7 classes",
    classes=dfme.CLASSES,
    subjects={"dfme": SUBJECTS},
    rule=dfme.label,
    splitter=split,
    group=group,
    counts={"train": dfme.PROTOCOL.counts["train"]},
    checksums={"train": dfme.PROTOCOL.checksums["train"]},
    line=dfme.line,
    parts=(Part("train", "Training set", ("train",)),),
    metrics=("uf1", "uar", "acc"),
    published="",
    source="Zhao et al., arXiv 2301.00985; the public release's training workbook; folds of this benchmark",
)
