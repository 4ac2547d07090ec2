"""CASME II as shipped: `CASME2_RAW_selected/sub01/EP02_01f/img46.jpg` and the 20140508 coding."""

from pathlib import Path

from preprocess.corpora.casme2 import SHEET
from preprocess.corpora.synthetic.layouts import Frame
from preprocess.corpora.synthetic.layouts.workbook import cell, write_workbook
from preprocess.corpora.synthetic.plan import Options, PlannedClip, generator, number_of, pick, span

FRAME = Frame(640, 480, color=True, save={"format": "JPEG", "quality": 95})

_MENU = {
    "disgust": ["9", "4+9", "10", "4+L10", "4+7+9"],
    "repression": ["15", "17", "15+17"],
    "happiness": ["12", "6+12", "R12"],
    "surprise": ["1+2", "1+2+26", "1+2+5"],
    "others": ["4", "7"],
}
_HEADINGS = (
    *("Subject", "Filename", None, "OnsetFrame", "ApexFrame", "OffsetFrame", None),
    *("Action Units", "Estimated Emotion"),
)


def clips(subject: str, options: Options) -> list[PlannedClip]:
    """Per class; negatives alternate disgust and repression.

    Subjects with an even number add a faint `others`; those divisible by four a disgust whose apex cell is
    `/`, as `sub04/EP12_01f` has.
    """
    person, per_class = number_of(subject), range(options.clips_per_class)
    emotions = [("disgust", "repression")[(person + k) % 2] for k in per_class]
    emotions += ["happiness" for _ in per_class] + ["surprise" for _ in per_class]
    emotions += ["others"] * (person % 2 == 0) + ["disgust"] * (person % 4 == 0)
    planned = []
    for k, emotion in enumerate(emotions):
        rng = generator(options, "casme2", subject, str(k))
        clip = f"EP{k + 1:02d}_{int(rng.integers(1, 12)):02d}" + ("f" if rng.random() < 0.6 else "")
        numbers, apex = span(rng, options, first=int(rng.integers(1, 260)))
        no_apex = person % 4 == 0 and k == len(emotions) - 1
        planned.append(
            PlannedClip(
                corpus="casme2",
                subject=subject,
                clip=clip,
                emotion=emotion,
                action_units=pick(rng, _MENU[emotion]),
                fps=200.0,
                numbers=numbers,
                apex=apex,
                sheet_apex="/" if no_apex else str(apex),
                folder=f"CASME2_RAW_selected/{subject}/{clip}",
                files=tuple(f"img{number}.jpg" for number in numbers),
                strength=0.5 if emotion == "others" else 1.0,
            )
        )
    return planned


def write_sheet(root: Path, planned: list[PlannedClip]) -> list[Path]:
    """Two blank columns, subjects as text, one-unit codes as numbers, two empty sheets."""
    rows = [list(_HEADINGS)]
    for clip in planned:
        apex, units = cell(clip.sheet_apex), cell(clip.action_units)
        rows.append(
            [clip.subject[3:], clip.clip, None, clip.onset, apex, clip.offset, None, units, clip.emotion]
        )
    write_workbook(root / SHEET, {"Sheet1": rows, "Sheet2": [], "Sheet3": []})
    return [root / SHEET]
