"""3DB-combined: the composite-database evaluation of MEGC 2019.

Leave-one-subject-out over the 68 subjects of SMIC-HS, CASME II and SAMM together, three classes, 442 clips.

Source: See, Yap, Li, Hong, Wang, "MEGC 2019 - the second facial micro-expressions grand challenge", FG
2019; its recognition guideline; and the organisers' list `combined_3class_gt.csv`, which the rule below
reproduces clip by clip (checksums at the end).
"""

from typing import Any

from contracts.errors import InputError
from protocols.base import Part, Protocol, Skip, from_emotion
from protocols.folds import leave_one_subject_out

CLASSES = ("negative", "positive", "surprise")

SUBJECTS = {
    "smic": tuple(f"s{k:02d}" for k in (1, 2, 3, 4, 5, 6, 8, 9, 11, 12, 13, 14, 15, 18, 19, 20)),
    # sub10 and sub18 have only clips of dropped emotions.
    "casme2": tuple(f"sub{k:02d}" for k in range(1, 27) if k not in (10, 18)),
    # 025 has only `other`; 008, 027 and 029 have no micro-expression.
    "samm": tuple(f"{k:03d}" for k in (6, 7, *range(9, 25), 26, 28, *range(30, 38))),
}

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

_APEX = "no usable apex annotation (MEGC2019 rule)"
_CODING = "sadness in the 2014 coding that MEGC2019 used"

# By name, not by `apex_source`: the clip table also calls apexes unusable that the official list accepts
# (samm/028/028_4_1, casme2/sub05/EP16_04f). The last three became `surprise` in the owners' 2019 coding.
EXCLUDED = {
    "casme2/sub04/EP12_01f": _APEX,
    "casme2/sub05/EP09_05f": _APEX,
    "casme2/sub24/EP07_01": _CODING,
    "casme2/sub24/EP07_04f": _CODING,
    "casme2/sub24/EP10_03": _CODING,
}


def label(row: Any) -> str:
    """Class of one clip; see `Protocol.label`."""
    if row.corpus not in EMOTIONS:
        raise InputError(
            f"corpus {row.corpus!r} is not in MEGC2019",
            clip=row.clip_id,
            cure="give only its three clip tables",
        )
    if row.clip_id in EXCLUDED:
        raise Skip(EXCLUDED[row.clip_id])
    return from_emotion(row, EMOTIONS[row.corpus])


def corpus_of(subject: str) -> str:
    """`smic/s01` -> `smic`."""
    return subject.split("/")[0]


def line(clip_id: str, label: str) -> str:
    """`smic/s01/s01_ne_01`, negative -> `smic,s01,s01_ne_01,0`, as in the organisers' list."""
    return f"{clip_id.replace('/', ',')},{CLASSES.index(label)}"


PROTOCOL = Protocol(
    name="megc2019",
    title="3DB-combined (MEGC2019), leave-one-subject-out, 3 classes",
    classes=CLASSES,
    subjects=SUBJECTS,
    rule=label,
    splitter=leave_one_subject_out,
    group=corpus_of,
    counts={"smic": (70, 51, 43), "casme2": (88, 32, 25), "samm": (92, 26, 15)},
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
