"""SAMM alone: leave-one-subject-out over 27 of its 29 subjects, five classes, 136 clips.

All clips of five of the eight emotions; disgust (9), fear (8) and sadness (6) are too few to learn, and 024
and 036 have no clip of any other. `other` is a class here and is dropped in MEGC2019.

Source: Davison, Lansley, Costen, Tan, Yap, "SAMM: a spontaneous micro-facial movement dataset", IEEE
Transactions on Affective Computing 9(1), 2018, and the owners' coding (version 2).
"""

from typing import Any

from protocols.base import Part, Protocol, comma_line, corpus_of, from_emotion
from protocols.census import read_census, subjects_of, totals
from protocols.folds import leave_one_subject_out

CLASSES = ("anger", "contempt", "happiness", "other", "surprise")
EMOTIONS = {name: name for name in CLASSES} | {"disgust": None, "fear": None, "sadness": None}

# subject:anger/contempt/happiness/other/surprise
_CENSUS = read_census(
    "samm",
    """
006:7/0/0/0/2 007:0/0/5/2/2 009:2/0/0/0/1 010:4/0/0/0/0 011:5/3/7/0/0 012:0/0/0/0/1 013:6/0/0/0/0
014:0/1/7/1/1 015:0/1/0/0/1 016:2/0/1/0/2 017:1/2/0/2/1 018:0/0/0/1/1 019:0/0/1/2/0 020:1/1/2/5/0
021:2/0/0/0/0 022:3/0/2/0/0 023:1/0/0/0/0 025:0/0/0/4/0 026:6/2/0/4/0 028:0/1/0/0/2 030:3/0/0/0/0
031:1/0/0/0/0 032:3/0/0/2/0 033:3/0/1/0/0 034:3/0/0/0/0 035:3/1/0/1/1 037:1/0/0/2/0
""",
)


def label(row: Any) -> str:
    """Class of one clip; see `Protocol.label`."""
    return from_emotion(row, EMOTIONS)


PROTOCOL = Protocol(
    name="samm_5class",
    title="SAMM, leave-one-subject-out, 5 classes",
    classes=CLASSES,
    subjects=subjects_of(_CENSUS),
    rule=label,
    splitter=leave_one_subject_out,
    group=corpus_of,
    counts=totals(_CENSUS, corpus_of),
    subject_counts=_CENSUS,
    checksums={"samm": "b37f194b1201a68bdfdf317d2d850ee2ca73bd7c985004574f03de9d69fe2736"},
    line=comma_line,
    parts=(Part("samm", "SAMM", ("samm",)),),
    metrics=("uf1", "uar", "acc"),
    published="",
    source="Davison et al., IEEE TAFFC 9(1), 2018; the owners' coding, version 2",
)
