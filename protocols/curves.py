"""Learning curves of a model on a protocol, from the logs of its trainings: training part only.

A curve tells the middle training from the spread of all: for each epoch the median over folds and seeds, and
the quartiles as `_low` and `_high`. Half of the trainings lie between them.
"""

from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from contracts.errors import InputError
from contracts.files import read_csv

MEASURES = ("loss", "accuracy", "inner_uf1")
COLUMNS = ["epoch", "trainings", "lr", *(f"{one}{end}" for one in MEASURES for end in ("", "_low", "_high"))]
_QUANTILES = {"": 0.5, "_low": 0.25, "_high": 0.75}


def summarise(logs: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """One row an epoch, columns `COLUMNS`; `trainings` counts those that came so far.

    A measure that no training has (the loss of a model that is fitted at once, inner UF1 without `selection:
    nested`) is NaN.

    Args:
        logs: of each fold, columns `seed, epoch, lr, loss, accuracy, inner_uf1` as `merba.train` writes them.
    """
    by_epoch = pd.concat([log.astype(float) for log in logs]).groupby("epoch")
    curve = pd.DataFrame({"trainings": by_epoch.size(), "lr": by_epoch.lr.median()})
    for one in MEASURES:
        for end, share in _QUANTILES.items():
            curve[one + end] = by_epoch[one].quantile(share)
    return curve.reset_index().astype({"epoch": int})[COLUMNS]


def read_curve(path: str | Path) -> pd.DataFrame:
    """A curve as `summarise` made it; an empty cell is NaN.

    Raises:
        InputError: it is missing, has other columns or a cell that is no number.
    """
    path, cure = Path(path), "run snakemake again; its rule `curves` writes it"
    if not path.exists():
        raise InputError("the learning curve is missing", file=path, cure=cure)
    table = read_csv(path)
    if list(table.columns) != COLUMNS:
        raise InputError(f"columns are {list(table.columns)}, expected {COLUMNS}", file=path, cure=cure)
    try:
        return table.replace("", "nan").astype(float)
    except ValueError as error:
        raise InputError(f"a cell is not a number ({error})", file=path, cure=cure) from error
