"""MEGC 2019 result log: for each fold its subject, then one line a clip with truth and prediction.

    casme2 sub01
    EP02_01f 1 0
    EP03_02 1 1
    casme2 sub02
    ...

Labels are 0 negative, 1 positive, 2 surprise; ids are in the organisers' spelling (`s01_ne_01`, `006`).

Source: the challenge's recognition guideline (See et al., FG 2019).
"""

import pandas as pd

from protocols.base import Protocol, subject_of

SERVES = "megc2019"


def files(outcomes: pd.DataFrame, protocol: Protocol) -> dict[str, bytes]:
    """`result_log.txt`, folds in the protocol's order; see `protocols.submissions`."""
    number = protocol.classes.index
    clips_of = dict(list(outcomes.groupby(outcomes.clip_id.map(subject_of))))
    lines = []
    for subject in protocol.namespaced():
        if subject in clips_of:
            lines.append(subject.replace("/", " "))
            lines += [
                f"{row.clip_id.rpartition('/')[2]} {number(row.label)} {number(row.predicted)}"
                for row in clips_of[subject].itertuples()
            ]
    return {"result_log.txt": "".join(f"{line}\n" for line in lines).encode()}
