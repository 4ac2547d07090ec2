"""DFME, public part: its emotions, its sheets, who is in which set, and who may never be shown."""

from collections.abc import Iterator

EMOTIONS = ("anger", "contempt", "disgust", "fear", "happiness", "sadness", "surprise")
"""Alphabetical; the position is the owner's EmotionId."""
SHEETS = {
    "train": "training_full_with_AU.xlsx",
    "testA": "testA_full_with_AU.xlsx",
    "testB": "testB_full_with_AU.xlsx",
}
"""The owner's annotation sheet of each set."""
_MEMBERS = {
    "train": """0003-0005 0007 0009-0015 0017 0019 0021-0023 0025-0028 0031-0045 0047-0049 0051 0053-0054
        0057-0060 0062-0063 0065 0069 0071-0076 0078-0080 0082 0084-0085 0087 0089-0091 0093-0095 0099-0102
        0104-0109 0111-0124 0126 0129 0132-0135 0137-0138 0140-0141 0143-0144 0146-0148 0150 0152-0154
        0157-0158 0160-0165 0167-0169 0171-0172 0176-0177 0179-0188 0193-0194 0196-0198 0200 0572-0575 0577
        0580 0584 0590 0594 0597-0599 0641-0643 0645-0647 0649-0650 0653-0655 0657 0660-0662 0664-0670""",
    "testA": """0008 0020 0024 0046 0050 0052 0055 0064 0066 0070 0086 0088 0092 0096-0097 0103 0110 0131 0139
        0142 0145 0149 0151 0155 0170 0174 0191-0192 0195 0199 0581-0583 0587-0589 0591 0593 0595 0652 0656
        0658""",
    "testB": """0001-0002 0006 0016 0030 0056 0061 0077 0081 0083 0098 0127 0136 0156 0166 0203 0206 0210 0212
        0215-0216 0219 0222-0223 0225 0233 0236 0243 0251 0253 0576 0578-0579 0592 0596 0644 0648 0651 0659
        0663 0671""",
}
_NEVER_SHOWN = """
    0004 0010 0030-0031 0034-0035 0039 0047 0049 0051 0055 0058 0069 0072-0073 0085-0086 0089 0097 0100-0102
    0110 0115 0122 0131 0136-0137 0140-0141 0145 0150 0154-0155 0164 0166 0169 0179-0180 0182 0188 0191 0193
    0196 0199 0206 0216 0573 0577 0643-0644 0649 0651-0653 0656-0657 0661-0664 0667 0669-0670"""


def _expand(ranges: str) -> Iterator[str]:
    for part in ranges.split():
        first, _, last = part.partition("-")
        yield from (f"sub{number:04d}" for number in range(int(first), int(last or first) + 1))


MEMBERS = {part: tuple(_expand(ranges)) for part, ranges in _MEMBERS.items()}
"""Subjects of the three public sets: train (176), testA (42), testB (41)."""
PART_OF = {subject: part for part, subjects in MEMBERS.items() for subject in subjects}
"""The set of each subject."""
NEVER_SHOWN = frozenset(_expand(_NEVER_SHOWN))
"""Subjects whose pictures the licence lets nobody print."""
