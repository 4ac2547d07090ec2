"""Contract 3, predictions: one row per test clip, one file per model and seed, without labels.

`results/<run>/predictions/<protocol>/<model>/seed<k>.csv`:

| column | meaning |
|---|---|
| clip_id | as in the clip table |
| fold | the fold whose model, trained without this clip's subject, made the prediction |
| predicted | class name |
| p_<class> ... | one probability per class, in the protocol's class order, summing to 1 |
| recipe | digest of everything that shaped the training: model, options, optimiser, epochs, seed |

The scorer alone joins labels, by clip_id.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from contracts.errors import InputError
from contracts.files import read_csv, write_csv


def predictions_table(
    clip_ids: list[str], folds: list[str], probabilities: np.ndarray, classes: list[str], recipe: str
) -> pd.DataFrame:
    """Build the table from (n, classes) probabilities; `predicted` is the most probable class.

    A model that decides otherwise (DGCM picks the group first) replaces `predicted` afterwards.
    """
    probabilities = np.asarray(probabilities, dtype=np.float64)
    table = pd.DataFrame(
        {"clip_id": clip_ids, "fold": folds, "predicted": [classes[k] for k in probabilities.argmax(axis=1)]}
    )
    for k, name in enumerate(classes):
        table[f"p_{name}"] = probabilities[:, k]
    return table.assign(recipe=recipe)


def write_predictions(table: pd.DataFrame, path: str | Path) -> None:
    """Check and write predictions whole, sorted by clip_id, probabilities rounded to 1e-6.

    Rounding keeps files comparable between machines; `predicted` was taken before it.
    """
    table = _checked(table, path).sort_values("clip_id")
    probabilities = [name for name in table if name.startswith("p_")]
    write_csv(table.round(dict.fromkeys(probabilities, 6)), path)


def read_predictions(path: str | Path) -> pd.DataFrame:
    """Read and check a predictions file.

    Raises:
        InputError: a column is missing, a clip occurs twice, a row's probabilities are not all 0 or
            more or do not sum to 1, or `predicted` is none of the classes.
    """
    table = read_csv(path)
    try:
        probabilities = {name: float for name in table if name.startswith("p_")}
        return _checked(table.astype(probabilities), path)
    except ValueError as error:
        raise InputError(
            f"a probability is not a number ({error})", file=path, cure="predict again"
        ) from error


def classes_of(table: pd.DataFrame) -> list[str]:
    """The class names of a predictions table, in order."""
    return [name[2:] for name in table if name.startswith("p_")]


def _checked(table: pd.DataFrame, path) -> pd.DataFrame:
    classes = classes_of(table)
    expected = ["clip_id", "fold", "predicted", *(f"p_{name}" for name in classes), "recipe"]
    cure = "delete it and predict again"
    if list(table.columns) != expected or len(classes) < 2:
        raise InputError(f"columns are {list(table.columns)}, expected {expected}", file=path, cure=cure)
    if table.clip_id.duplicated().any():
        raise InputError(
            "predicted twice", file=path, clip=table.clip_id[table.clip_id.duplicated()].iloc[0], cure=cure
        )
    values = table[[f"p_{name}" for name in classes]].to_numpy(float)
    # A NaN is neither at least 0 nor part of a sum that is near 1.
    wrong = ~((values >= 0).all(axis=1) & np.isclose(values.sum(axis=1), 1, atol=1e-4))
    if wrong.any():
        clip = table.clip_id[wrong].iloc[0]
        raise InputError("not probabilities of 0 or more that sum to 1", file=path, clip=clip, cure=cure)
    if unknown := set(table.predicted) - set(classes):
        raise InputError(f"predicted class {min(unknown)!r} is none of {classes}", file=path, cure=cure)
    return table
