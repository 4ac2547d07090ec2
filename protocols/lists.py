"""From clip tables to lists: who trains each fold, what is tested, what was left out and why."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import pandas as pd

from contracts.errors import InputError
from contracts.files import whole, write_csv
from protocols.base import Protocol, Skip
from protocols.coverage import Coverage, complete
from protocols.folds import Fold

LABEL_COLUMNS = ["clip_id", "label", "fold", "part"]


@dataclass(frozen=True)
class Lists:
    """All lists of one protocol over one run; every table is sorted by clip_id.

    Attributes:
        train: per fold, columns `clip_id, label`: its training clips.
        test: columns `clip_id, fold`: every test clip once, without its label.
        labels: columns `clip_id, label, fold, part` of the test clips; for the scorer alone.
        skipped: columns `clip_id, reason`: every clip of the clip tables that is in none of the above.
        coverage: whether this is the full protocol or a part of it.
    """

    train: dict[str, pd.DataFrame]
    test: pd.DataFrame
    labels: pd.DataFrame
    skipped: pd.DataFrame
    coverage: Coverage


def make_lists(
    protocol: Protocol,
    clips: pd.DataFrame,
    subjects: Mapping[str, Sequence[str]] | None = None,
    excluded: Mapping[str, str] = MappingProxyType({}),
) -> Lists:
    """Label the clips and deal them out to the folds.

    Args:
        clips: the clip tables of all corpora of the run, one below the other (`contracts.clips`).
        subjects: per corpus, the subjects of the run; None means the full protocol. A subject whose clips are
            all left out by the rule keeps its fold, which then has training clips and no test clip.
        excluded: clip id -> reason, for clips that the user leaves out.

    Raises:
        InputError: a subject is not in the protocol, a clip occurs twice, an emotion is unknown to the
            rule, or a fold would be trained on fewer than two classes.
    """
    folds = protocol.folds(subjects)
    if (twice := clips.clip_id.duplicated()).any():
        raise InputError(
            "in the clip tables twice", clip=clips.clip_id[twice].iloc[0], cure="give each table once"
        )
    labelled, skipped = _labelled(protocol, clips, set(protocol.namespaced(subjects)), excluded)
    train = {fold.name: _training_list(labelled, fold) for fold in folds}
    fold_of = {subject: fold.name for fold in folds for subject in fold.test}
    tested = labelled[labelled.subject.isin(fold_of)]
    labels = tested.assign(fold=tested.subject.map(fold_of), part=tested.group)[LABEL_COLUMNS]
    return Lists(
        train=train,
        test=labels[["clip_id", "fold"]].reset_index(drop=True),
        labels=labels.reset_index(drop=True),
        skipped=skipped,
        coverage=complete(protocol, labelled),
    )


def write_lists(lists: Lists, folder: str | Path, labels: str | Path) -> None:
    """Write each list whole.

    Args:
        folder: gets `train/<fold>.csv`, `test.csv` and `skipped.csv`; training and prediction read these.
        labels: path of the label file, e.g. `results/demo/labels/megc2019.csv`; the coverage is written
            beside it as `.json`, so that tables can say from `results/` alone whether a run is partial.
    """
    folder, labels = Path(folder), Path(labels)
    for fold, table in lists.train.items():
        write_csv(table, folder / "train" / f"{fold}.csv")
    write_csv(lists.test, folder / "test.csv")
    write_csv(lists.skipped, folder / "skipped.csv")
    write_csv(lists.labels, labels)
    with whole(labels.with_suffix(".json")) as partial:
        partial.write_text(json.dumps(lists.coverage.to_json(), indent=2) + "\n")


def _labelled(
    protocol: Protocol, clips: pd.DataFrame, subjects: set[str], excluded: Mapping[str, str]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Clips of the protocol (`clip_id, label, subject, group`), and the others with their reasons."""
    kept, skipped, official = [], [], set(protocol.namespaced())
    for row in clips.sort_values("clip_id").itertuples(index=False):
        subject = f"{row.corpus}/{row.subject}"
        try:
            label = protocol.label(row)
            if row.clip_id in excluded:
                raise Skip(excluded[row.clip_id])
            if subject not in official:
                raise Skip("its subject is not in the protocol")
            if subject not in subjects:
                raise Skip("its subject is not among the run's subjects")
        except Skip as reason:
            skipped.append((row.clip_id, str(reason)))
        else:
            kept.append((row.clip_id, label, subject, protocol.group(subject)))
    return (
        pd.DataFrame(kept, columns=["clip_id", "label", "subject", "group"], dtype=str),
        pd.DataFrame(skipped, columns=["clip_id", "reason"], dtype=str),
    )


def _training_list(labelled: pd.DataFrame, fold: Fold) -> pd.DataFrame:
    table = labelled.loc[labelled.subject.isin(fold.train), ["clip_id", "label"]]
    if table.label.nunique() < 2:
        classes = ", ".join(sorted(set(table.label))) or "none"
        raise InputError(
            f"{len(table)} training clips with fewer than two classes ({classes})",
            clip=f"fold {fold.name}",
            cure="add subjects to the configuration whose clips have other emotions",
        )
    return table.reset_index(drop=True)
