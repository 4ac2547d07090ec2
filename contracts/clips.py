"""Contract 1, the clip table: one row per clip of one corpus.

`data/<run>/clips/<corpus>.csv`, written by `preprocess.corpora`, read by preprocessing and `protocols`.

| column | meaning |
|---|---|
| clip_id | `<corpus>/<subject>/<clip>` in the official lists' spelling, e.g. `casme2/sub01/EP02_01f` |
| corpus, subject, clip | its three parts, always text (`006` keeps its zeros) |
| frames_dir | folder with the frames, relative to the corpus root |
| onset, apex, offset | frame numbers as in the file names; apex is -1 where the corpus annotates none |
| fps | frames per second |
| emotion | the owner's label, lower case |
| action_units | the owner's string, untouched |
| apex_source | `annotated`, or `none` where the apex is still to be found |
| range_source | `annotated`, or `folder` where onset and offset are the folder's first and last frame |
| sheet_sha256 | digest of the annotation sheet the row came from; empty where the corpus has none |
"""

from pathlib import Path

import pandas as pd
import pandera.pandas as pa

from contracts.errors import InputError
from contracts.files import read_csv, write_csv

NO_APEX = -1

_text = pa.Column(str, pa.Check.str_length(min_value=1))
SCHEMA = pa.DataFrameSchema(
    {
        "clip_id": pa.Column(str, unique=True),
        "corpus": _text,
        "subject": _text,
        "clip": _text,
        "frames_dir": _text,
        "onset": pa.Column(int, pa.Check.ge(0)),
        "apex": pa.Column(int, pa.Check.ge(NO_APEX)),
        "offset": pa.Column(int, pa.Check.ge(0)),
        "fps": pa.Column(float, pa.Check.gt(0)),
        "emotion": _text,
        "action_units": pa.Column(str),
        "apex_source": pa.Column(str, pa.Check.isin(["annotated", "none"])),
        "range_source": pa.Column(str, pa.Check.isin(["annotated", "folder"])),
        "sheet_sha256": pa.Column(str),
    },
    checks=[
        pa.Check(
            lambda t: t["clip_id"] == t["corpus"] + "/" + t["subject"] + "/" + t["clip"],
            name="clip_id is its parts",
        ),
        pa.Check(lambda t: t.onset < t.offset, name="onset before offset"),
        pa.Check(
            lambda t: (t.apex == NO_APEX) == (t.apex_source == "none"), name="apex and its source agree"
        ),
    ],
    strict=True,
    ordered=True,
)
COLUMNS = list(SCHEMA.columns)


def write_clips(table: pd.DataFrame, path: str | Path) -> None:
    """Check `table` against the contract, sort it by clip_id and write it whole.

    Raises:
        InputError: a row breaks the contract; names the column, the check and the first offending value.
    """
    write_csv(_checked(table, path).sort_values("clip_id"), path)


def read_clips(path: str | Path) -> pd.DataFrame:
    """Read a clip table; ids are text, frame numbers int64, fps float64.

    Raises:
        InputError: the file is not a clip table.
    """
    return _checked(read_csv(path), path)


def _checked(table: pd.DataFrame, path: str | Path) -> pd.DataFrame:
    cure = (
        "delete it and run again; if it comes back, the annotation sheet has a row the reader misunderstands"
    )
    missing = [name for name in COLUMNS if name not in table]
    if missing:
        raise InputError(f"not a clip table: column {missing[0]!r} is missing", file=path, cure=cure)
    try:
        table = table.astype({"onset": int, "apex": int, "offset": int, "fps": float})
        return SCHEMA.validate(table[COLUMNS], lazy=True)
    except ValueError as error:
        raise InputError(f"a frame number or fps is not a number ({error})", file=path, cure=cure) from error
    except pa.errors.SchemaErrors as errors:
        first = errors.failure_cases.iloc[0]
        raise InputError(
            f"{len(errors.failure_cases)} cells break the contract, the first: column {first.column!r}, "
            f"check {first.check!r}, value {first.failure_case!r}",
            file=path,
            cure=cure,
        ) from errors
