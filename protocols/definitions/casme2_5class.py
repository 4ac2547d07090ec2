"""CASME II alone: leave-one-subject-out over its 26 subjects, five classes, 246 clips.

All clips of five of the seven emotions; fear (2) and sadness (7) are too few to learn. Unlike MEGC2019 it
keeps the two clips without a usable apex annotation, sub04/EP12_01f and sub05/EP09_05f: they get the middle
of their files or a spotted apex, as `corpora.casme2.apex` says. Papers call lists of 246, 247 (with
sub24/EP02_07) and 249 clips (the 2019 coding) by the same name.

Source: Yan et al., "CASME II: an improved spontaneous micro-expression database and the baseline
evaluation", PLoS ONE 9(1), 2014, and the owners' coding of 2014.
"""

from typing import Any

from protocols.base import Part, Protocol, Skip, comma_line, corpus_of, from_emotion
from protocols.census import read_census, subjects_of, totals
from protocols.definitions.megc2019 import RECODED
from protocols.folds import leave_one_subject_out

CLASSES = ("happiness", "disgust", "surprise", "repression", "others")
EMOTIONS = {name: name for name in CLASSES} | {"fear": None, "sadness": None}

# subject:happiness/disgust/surprise/repression/others
_CENSUS = read_census(
    "casme2",
    """
sub01:1/2/0/0/6 sub02:1/0/3/5/4 sub03:0/4/1/0/2 sub04:0/3/0/0/2 sub05:1/1/5/0/12 sub06:1/1/2/0/1
sub07:0/5/0/0/4 sub08:0/0/0/1/2 sub09:5/0/0/5/3 sub10:0/0/0/0/13 sub11:0/4/0/0/6 sub12:2/5/4/0/1
sub13:2/0/0/0/6 sub14:3/0/0/0/1 sub15:1/1/1/0/0 sub16:2/0/0/1/1 sub17:7/14/1/9/3 sub18:0/0/0/0/3
sub19:3/3/5/0/4 sub20:0/2/0/0/9 sub21:0/0/0/1/1 sub22:0/0/0/2/0 sub23:1/4/0/3/4 sub24:0/2/1/0/4
sub25:0/3/2/0/2 sub26:2/9/0/0/5
""",
)


def label(row: Any) -> str:
    """Class of one clip; see `Protocol.label`."""
    if row.clip_id in RECODED:
        raise Skip(RECODED[row.clip_id])
    return from_emotion(row, EMOTIONS)


PROTOCOL = Protocol(
    name="casme2_5class",
    title="CASME II, leave-one-subject-out, 5 classes",
    classes=CLASSES,
    subjects=subjects_of(_CENSUS),
    rule=label,
    splitter=leave_one_subject_out,
    group=corpus_of,
    counts=totals(_CENSUS, corpus_of),
    subject_counts=_CENSUS,
    checksums={"casme2": "477193ee3527a8719dbc86ef22c409d0217e69468380cf5b4753c43867fd74d6"},
    line=comma_line,
    parts=(Part("casme2", "CASME II", ("casme2",)),),
    metrics=("uf1", "uar", "acc"),
    published="",
    source="Yan et al., PLoS ONE 9(1), 2014; the owners' coding of 2014",
)
