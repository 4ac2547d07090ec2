"""CCAC 2024 challenge on DFME: `prediction.txt`, zipped as `prediction.zip`, one for each test set.

One EmotionId a line, no clip names. Ids are alphabetical, from anger 0 to surprise 6. Lines follow the rows
of the owner's sheet, which are *not* sorted by name; a list in any other order scores near chance, so the
order comes from the clip table and nowhere else. That the challenge's own list has the order of the sheet is
inferred: the test lists of one participating team have it, the organisers' own was not seen.

Source: the challenge's page (MEA-LAB, CCAC 2024) for the metrics and test sets; the format as several
participating teams' public code writes it.
"""

import io
import zipfile

import pandas as pd

from contracts.errors import InputError
from protocols.base import Protocol

SERVES = "dfme"

_DATE = (1980, 1, 1, 0, 0, 0)  # the earliest date a zip file knows: the same predictions give the same bytes


def files(outcomes: pd.DataFrame, protocol: Protocol) -> dict[str, bytes]:
    """`testA/prediction.txt`, `testA/prediction.zip` and the same of Test B; see `protocols.submissions`.

    A test set without any clip (of a partial run) gets no file.

    Raises:
        InputError: the rows of the owner's sheets are not known, or two clips of a test set share one.
    """
    made = {}
    for part in protocol.parts:
        clips = outcomes[outcomes.part.isin(part.groups)]
        if len(clips):
            text = "".join(f"{protocol.classes.index(name)}\n" for name in _in_sheet_order(clips).predicted)
            made[f"{part.name}/prediction.txt"] = text.encode()
            made[f"{part.name}/prediction.zip"] = _zipped("prediction.txt", text.encode())
    return made


def _in_sheet_order(clips: pd.DataFrame) -> pd.DataFrame:
    if "sheet_row" not in clips:
        raise InputError(
            "the order of the owner's sheet is needed",
            cure="name the clip table with --clips, e.g. data/paper/clips/dfme.csv",
        )
    if len(unknown := clips[clips.sheet_row == 0]):
        raise InputError(
            f"{len(unknown)} of {len(clips)} test clips have no row in the owner's sheet",
            clip=unknown.clip_id.iloc[0],
            cure="use the clip table of a run that read the owner's three workbooks",
        )
    if (twice := clips.sheet_row.duplicated(keep=False)).any():
        first, second = clips[twice].sort_values("sheet_row").clip_id.iloc[:2]
        raise InputError(
            f"has the same row of the owner's sheet as {second}",
            clip=first,
            cure="give each test set its own workbook, and make the clip table again",
        )
    return clips.sort_values("sheet_row")


def _zipped(name: str, content: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(zipfile.ZipInfo(name, _DATE), content)
    return buffer.getvalue()
