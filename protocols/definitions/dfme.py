"""DFME-public: train on 1856 clips, test on Test A (474) and Test B (299), seven classes.

One fold: a network is trained once, on the training subjects, and predicts both test sets, with which it
shares no subject. Whatever is chosen is chosen inside the training set; A and B are never pooled.

Source: Zhao et al., "DFME: a new benchmark for dynamic facial micro-expression recognition", IEEE TAFFC
(arXiv 2301.00985); the split is the public release's, first used in the CCAC 2024 challenge.
"""

from typing import Any

from protocols.base import Part, Protocol, from_emotion
from protocols.folds import Fold, fixed_split

CLASSES = ("anger", "contempt", "disgust", "fear", "happiness", "sadness", "surprise")

_TRAIN = """
0003-0005 0007 0009-0015 0017 0019 0021-0023 0025-0028 0031-0045 0047-0049 0051 0053-0054 0057-0060
0062-0063 0065 0069 0071-0076 0078-0080 0082 0084-0085 0087 0089-0091 0093-0095 0099-0102 0104-0109
0111-0124 0126 0129 0132-0135 0137-0138 0140-0141 0143-0144 0146-0148 0150 0152-0154 0157-0158 0160-0165
0167-0169 0171-0172 0176-0177 0179-0188 0193-0194 0196-0198 0200 0572-0575 0577 0580 0584 0590 0594
0597-0599 0641-0643 0645-0647 0649-0650 0653-0655 0657 0660-0662 0664-0670
"""
_TEST_A = """
0008 0020 0024 0046 0050 0052 0055 0064 0066 0070 0086 0088 0092 0096-0097 0103 0110 0131 0139 0142 0145
0149 0151 0155 0170 0174 0191-0192 0195 0199 0581-0583 0587-0589 0591 0593 0595 0652 0656 0658
"""
_TEST_B = """
0001-0002 0006 0016 0030 0056 0061 0077 0081 0083 0098 0127 0136 0156 0166 0203 0206 0210 0212 0215-0216 0219
0222-0223 0225 0233 0236 0243 0251 0253 0576 0578-0579 0592 0596 0644 0648 0651 0659 0663 0671
"""


def _ids(text: str) -> tuple[str, ...]:
    """`0003-0005 0007` -> sub0003, sub0004, sub0005, sub0007."""
    spans = [(span.split("-")[0], span.split("-")[-1]) for span in text.split()]
    return tuple(f"sub{k:04d}" for first, last in spans for k in range(int(first), int(last) + 1))


GROUPS = {"train": _ids(_TRAIN), "testA": _ids(_TEST_A), "testB": _ids(_TEST_B)}
_GROUP_OF = {f"dfme/{subject}": group for group, members in GROUPS.items() for subject in members}


def _recorded_at(subject: str) -> str:
    """The frame rate follows from the subject's number."""
    number = int(subject.removeprefix("sub"))
    if number <= 15 or number >= 572:
        return "500 fps"
    return "300 fps" if number <= 110 else "200 fps"


RATES = {
    rate: frozenset(
        f"dfme/{one}" for members in GROUPS.values() for one in members if _recorded_at(one) == rate
    )
    for rate in ("500 fps", "300 fps", "200 fps")
}


def label(row: Any) -> str:
    """Class of one clip: the owner's emotion as it stands; no clip is left out."""
    return from_emotion(row, {name: name for name in CLASSES})


def split(subjects: list[str]) -> list[Fold]:
    """The single fold `train`; see `Protocol.folds`."""
    return fixed_split(subjects, train={subject for subject in subjects if _GROUP_OF[subject] == "train"})


def line(clip_id: str, label: str) -> str:
    """`dfme/sub0003/sub0003_01`, anger -> `sub0003_01,anger`."""
    return f"{clip_id.rsplit('/', 1)[1]},{label}"


PROTOCOL = Protocol(
    name="dfme",
    title="DFME-public, train to Test A and Test B, 7 classes",
    classes=CLASSES,
    subjects={"dfme": tuple(sorted(subject for members in GROUPS.values() for subject in members))},
    rule=label,
    splitter=split,
    group=_GROUP_OF.__getitem__,
    counts={
        "train": (161, 100, 548, 265, 206, 278, 298),
        "testA": (39, 34, 129, 62, 63, 46, 101),
        "testB": (41, 37, 58, 38, 42, 35, 48),
    },
    checksums={
        "train": "70a9516d58c581a241a688d046924791b865400ab6813c1f4fdde1269eae17e6",
        "testA": "592ecc42ccde193967560fbb5278575464c2c1780013d21b094cf005a28803df",
        "testB": "0a80d9bd3112d6845446817b46821912e5c56ed102591c993a06710c149a930f",
    },
    line=line,
    parts=(Part("testA", "Test A", ("testA",)), Part("testB", "Test B", ("testB",))),
    metrics=("uf1", "uar", "acc"),
    published="dfme",
    source="Zhao et al., arXiv 2301.00985; the public release's three workbooks",
    strata=RATES,
    strata_are="frame rate",
)
