"""Contract 1, the clip table: one row per clip of one corpus.

`data/<run>/clips/<corpus>.csv`, written by `preprocess.corpora`, read by preprocessing and `protocols`.

| column | meaning |
|---|---|
| clip_id | `<corpus>/<subject>/<clip>` in the official lists' spelling, e.g. `casme2/sub01/EP02_01f` |
| corpus, subject, clip | its three parts, always text (`006` keeps its zeros) |
| frames_dir | folder with the frames, relative to the corpus root |
| onset, apex, offset | frame numbers as in the file names; -1 where there is none |
| fps | frames per second |
| emotion | the owner's label, lower case |
| action_units | the owner's string, untouched |
| apex_source | `annotated`; `nearest-on-disk` where that frame is missing; `none` where it is to be found |
| range_source | `annotated`; `on-disk`, cut to its frames on disk; `folder`, first to last; `none` for flow |
| pictures | `raw` recordings, faces `cropped` by the owner, or `flow` that others have computed |
| sheet_sha256 | digest of the annotation sheet the row came from; empty where the corpus has none |
| sheet_row | the row in that sheet, from 1; 0 where the corpus has none |
"""

from pathlib import Path

import pandas as pd
import pandera.pandas as pa

from contracts.errors import InputError
from contracts.files import read_csv, write_csv

NO_FRAME = -1
APEX_SOURCES = ("annotated", "nearest-on-disk", "none")
RANGE_SOURCES = ("annotated", "on-disk", "folder", "none")
PICTURES = ("raw", "cropped", "flow")

_text = pa.Column(str, pa.Check.str_length(min_value=1))
_frame = pa.Column(int, pa.Check.ge(NO_FRAME))
SCHEMA = pa.DataFrameSchema(
    {
        "clip_id": pa.Column(str, unique=True),
        "corpus": _text,
        "subject": _text,
        "clip": _text,
        "frames_dir": _text,
        "onset": _frame,
        "apex": _frame,
        "offset": _frame,
        "fps": pa.Column(float, pa.Check.gt(0)),
        "emotion": _text,
        "action_units": pa.Column(str),
        "apex_source": pa.Column(str, pa.Check.isin(APEX_SOURCES)),
        "range_source": pa.Column(str, pa.Check.isin(RANGE_SOURCES)),
        "pictures": pa.Column(str, pa.Check.isin(PICTURES)),
        "sheet_sha256": pa.Column(str),
        "sheet_row": pa.Column(int, pa.Check.ge(0)),
    },
    checks=[
        pa.Check(
            lambda t: t["clip_id"] == t["corpus"] + "/" + t["subject"] + "/" + t["clip"],
            name="clip_id is its parts",
        ),
        pa.Check(
            lambda t: (t.onset < t.offset) & (t.onset > NO_FRAME) | (t.range_source == "none"),
            name="onset before offset",
        ),
        pa.Check(
            lambda t: (t.apex == NO_FRAME) == (t.apex_source == "none"), name="apex and its source agree"
        ),
        pa.Check(
            lambda t: (t.range_source == "none") == (t.pictures == "flow"), name="flow alone has no frames"
        ),
    ],
    strict=True,
    ordered=True,
)
COLUMNS = list(SCHEMA.columns)
_NUMBERS = {"onset": int, "apex": int, "offset": int, "fps": float, "sheet_row": int}
_TYPES = dict.fromkeys(COLUMNS, "str") | _NUMBERS


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
        table = table.astype(_TYPES)
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
