"""3DB-combined: the composite-database evaluation of MEGC 2019.

Leave-one-subject-out over the 68 subjects of SMIC-HS, CASME II and SAMM together, three classes, 442 clips.

Source: See, Yap, Li, Hong, Wang, "MEGC 2019 - the second facial micro-expressions grand challenge", FG
2019; its recognition guideline; and the organisers' list `combined_3class_gt.csv`, which the rule below
reproduces clip by clip (checksums at the end).
"""

from typing import Any

from protocols.base import Part, Protocol, Skip, corpus_of, from_emotion
from protocols.census import read_census, subjects_of, totals
from protocols.folds import leave_one_subject_out

CLASSES = ("negative", "positive", "surprise")

# subject:negative/positive/surprise, counted in the organisers' list.
SMIC = read_census(
    "smic",
    """
s01:3/2/1 s02:0/1/5 s03:22/11/6 s04:10/4/5 s05:1/0/1 s06:2/0/2 s08:9/4/0 s09:0/1/3 s11:3/3/1
s12:0/8/1 s13:0/10/0 s14:3/2/5 s15:1/1/2 s18:2/0/5 s19:0/1/1 s20:14/3/5
""",
)
# sub10 and sub18 have only clips of dropped emotions.
_CASME2 = read_census(
    "casme2",
    """
sub01:2/1/0 sub02:5/1/3 sub03:4/0/1 sub04:2/0/0 sub05:0/1/5 sub06:1/1/2 sub07:5/0/0 sub08:1/0/0
sub09:5/5/0 sub11:4/0/0 sub12:5/2/4 sub13:0/2/0 sub14:0/3/0 sub15:1/1/1 sub16:1/2/0 sub17:23/7/1
sub19:3/3/5 sub20:2/0/0 sub21:1/0/0 sub22:2/0/0 sub23:7/1/0 sub24:2/0/1 sub25:3/0/2 sub26:9/2/0
""",
)
# 025 has only `other`; 008, 027 and 029 have no micro-expression.
_SAMM = read_census(
    "samm",
    """
006:9/0/2 007:1/5/2 009:3/0/1 010:4/0/0 011:13/7/0 012:2/0/1 013:6/0/0 014:2/7/1 015:2/0/1 016:2/1/2
017:3/0/1 018:2/0/1 019:0/1/0 020:2/2/0 021:2/0/0 022:3/2/0 023:1/0/0 024:1/0/0 026:9/0/0 028:1/0/2
030:3/0/0 031:1/0/0 032:4/0/0 033:4/1/0 034:3/0/0 035:7/0/1 036:1/0/0 037:1/0/0
""",
)
_CENSUS = SMIC | _CASME2 | _SAMM

# SMIC's own labels; also all that is known of clips taken from the organisers' list instead of the owners'
# sheets.
_CLASSES = {name: name for name in CLASSES}

EMOTIONS = {
    "smic": _CLASSES,
    "casme2": _CLASSES
    | {
        "disgust": "negative",
        "repression": "negative",
        "happiness": "positive",
        # The guideline's general rule would make the last two negative; it exempts CASME II by name.
        "others": None,
        "sadness": None,
        "fear": None,
    },
    "samm": _CLASSES
    | {
        "anger": "negative",
        "contempt": "negative",
        "disgust": "negative",
        "fear": "negative",
        "sadness": "negative",
        "happiness": "positive",
        "other": None,
    },
}

# CASME II clips that later sheets moved (the coding of 2019, as public derivatives show it) or added (a
# users' copy). The protocols over CASME II follow the coding of 2014, so that every edition of the sheet
# gives the official list. EP02_07 is ignored by this project's reader: it stands here for clip tables made by
# other readers.
RECODED = dict.fromkeys(
    ("casme2/sub24/EP07_01", "casme2/sub24/EP07_04f", "casme2/sub24/EP10_03"),
    "sadness in the 2014 coding, which the protocol follows",
) | {"casme2/sub24/EP02_07": "no row in the 2014 coding, which the protocol follows"}

# By name, not by `apex_source`: the clip table also calls apexes unusable that the official list accepts
# (samm/028/028_4_1, casme2/sub05/EP16_04f).
_EXCLUDED = RECODED | dict.fromkeys(
    ("casme2/sub04/EP12_01f", "casme2/sub05/EP09_05f"), "no usable apex annotation (MEGC2019 rule)"
)


def label(row: Any) -> str:
    """Class of one clip; see `Protocol.label`."""
    if row.clip_id in _EXCLUDED:
        raise Skip(_EXCLUDED[row.clip_id])
    return from_emotion(row, EMOTIONS[row.corpus])


def line(clip_id: str, label: str) -> str:
    """`smic/s01/s01_ne_01`, negative -> `smic,s01,s01_ne_01,0`, as in the organisers' list."""
    return f"{clip_id.replace('/', ',')},{CLASSES.index(label)}"


PROTOCOL = Protocol(
    name="megc2019",
    title="3DB-combined (MEGC2019), leave-one-subject-out, 3 classes",
    classes=CLASSES,
    subjects=subjects_of(_CENSUS),
    rule=label,
    splitter=leave_one_subject_out,
    group=corpus_of,
    counts=totals(_CENSUS, corpus_of),
    subject_counts=_CENSUS,
    checksums={
        "smic": "ee04ac002186af7bfee184ff1ce7f4e377bab18f9227e37142ac6a3b3918bd5d",
        "casme2": "bfaff179ce66080584f2cdc04bbce3ac4cbda441eafcd680b85223fae2252b2d",
        "samm": "9cd4c30bcec114aacd37aca24c7d7a0a2a40e997c4877513505ff55482e2e138",
    },
    line=line,
    parts=(
        Part("combined", "Combined", ("smic", "casme2", "samm")),
        Part("smic", "SMIC-HS", ("smic",)),
        Part("casme2", "CASME II", ("casme2",)),
        Part("samm", "SAMM", ("samm",)),
    ),
    metrics=("uf1", "uar"),
    published="3db",
    source="See et al., FG 2019; combined_3class_gt.csv of the MEGC2019 organisers",
)
