"""DFME's public part as shipped: `train_data/train_data/sub0003_01/00109.png` and three workbooks."""

from pathlib import Path

from preprocess.corpora.dfme import EMOTIONS, PART_OF, SHEETS
from preprocess.corpora.synthetic.layouts import Frame
from preprocess.corpora.synthetic.layouts.workbook import cell, write_workbook
from preprocess.corpora.synthetic.plan import Options, PlannedClip, generator, number_of, pick, span

# Whether the real pictures are grey is documented nowhere public; grey is the smaller guess.
FRAME = Frame(1024, 768, color=False, save={"format": "PNG", "compress_level": 1})

_MENU = {
    "anger": ["4", "4+7", "4+5+7"],
    "contempt": ["L14", "R14", "L12", "R12"],
    "disgust": ["9", "10", "4+9", "9+10"],
    "fear": ["1+4+20", "1+2+4+20", "4+20"],
    "happiness": ["12", "6+12"],
    "sadness": ["15", "1+15", "15+17"],
    "surprise": ["1+2", "1+2+5", "1+2+26"],
}
_HEADINGS = (
    "Subject",
    "Filename",
    "OnsetFrame",
    "ApexFrame",
    "OffsetFrame",
    "Emotion",
    "EmotionId",
    "Fps",
    "AU",
)
_TREE = {"train": "train_data", "testA": "test_data_A", "testB": "test_data_B"}


def frame_rate(subject: str) -> int:
    """One rate a subject: 0001-0015 and 0572-0671 at 500, 0016-0110 at 300, the others at 200 per second."""
    person = number_of(subject)
    return 500 if person <= 15 or person >= 572 else 300 if person <= 110 else 200


def clips(subject: str, options: Options) -> list[PlannedClip]:
    """One round of the seven emotions after the other; about half of the clips start at frame 0."""
    tree = _TREE[PART_OF[subject]]
    planned = []
    for k, emotion in enumerate(EMOTIONS * options.clips_per_emotion):
        clip = f"{subject}_{k + 1:02d}"
        rng = generator(options, "dfme", clip)
        first = 0 if rng.random() < 0.48 else int(rng.integers(1, 250))
        numbers, apex = span(rng, options, first)
        planned.append(
            PlannedClip(
                corpus="dfme",
                subject=subject,
                clip=clip,
                emotion=emotion,
                action_units=pick(rng, _MENU[emotion]),
                fps=float(frame_rate(subject)),
                numbers=numbers,
                apex=apex,
                sheet_apex=str(apex),
                folder=f"{tree}/{tree}/{clip}",
                files=tuple(f"{number:05d}.png" for number in numbers),
            )
        )
    return planned


def write_sheet(root: Path, planned: list[PlannedClip]) -> list[Path]:
    """One workbook a set, rows by falling frame rate, then name; a set without subjects is a bare header."""
    written = []
    for part, name in SHEETS.items():
        members = [clip for clip in planned if PART_OF[clip.subject] == part]
        rows = [
            {
                "Subject": clip.subject,
                "Filename": clip.clip,
                "OnsetFrame": clip.onset,
                "ApexFrame": clip.apex,
                "OffsetFrame": clip.offset,
                "Emotion": clip.emotion,
                "EmotionId": EMOTIONS.index(clip.emotion),
                "Fps": int(clip.fps),
                "AU": cell(clip.action_units),
            }
            for clip in sorted(members, key=lambda clip: (-clip.fps, clip.clip))
        ]
        path = root / "full_release_annotation" / "full_release_annotation" / name
        write_workbook(path, {"Sheet1": [list(_HEADINGS), *(list(row.values()) for row in rows)]})
        written.append(path)
    return written
