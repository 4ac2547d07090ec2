"""SAMM as shipped: `SAMM/006/006_1_2/006_05562.jpg` and version 2 of the FACS codes."""

from pathlib import Path

from preprocess.corpora.samm import SHEET
from preprocess.corpora.synthetic.layouts import Frame
from preprocess.corpora.synthetic.layouts.workbook import cell, write_workbook
from preprocess.corpora.synthetic.plan import Options, PlannedClip, generator, number_of, pick, span

FRAME = Frame(960, 650, color=False, save={"format": "JPEG", "quality": 95})

_MENU = {
    "Anger": ["4", "4+7", "4+7+17"],
    "Contempt": ["L14", "R12"],
    "Disgust": ["9", "10", "4+9"],
    "Fear": ["4+20", "4+5+20"],
    "Sadness": ["15", "4+15", "15+17"],
    "Happiness": ["12", "6+12", "12B"],
    "Surprise": ["1+2", "1+2+5", "1+2+26"],
    "Other": ["7", "4"],
}
_NEGATIVE = ("Anger", "Contempt", "Disgust", "Fear", "Sadness")
_OBJECTIVE_CLASS = {"Happiness": 1, "Surprise": 2, "Anger": 3, "Disgust": 4, "Sadness": 5, "Fear": 6}
_PREAMBLE = [
    ["SAMM - Spontaneous Actions and Micro-Movements"],
    ["Micro-expressions only; two hundred frames per second"],
    [],
    ["Key"],
    ["/", None, "or"],
    ["?", None, "unclear offset"],
    ["L2 / R2", None, "one-sided action unit"],
    ["A2", None, "asymmetric action unit"],
    ["Duration", None, "offset - onset + 1"],
    ["Objective Classes", None, "by action units, one to seven"],
    [],
    ["Codes by certified coders"],
    [],
]
_HEADINGS = [
    "Subject",
    "Filename",
    "Inducement Code",
    "Onset Frame",
    "Apex Frame",
    "Offset Frame",
    "Duration",
]
_HEADINGS += ["Micro", "Action Units", "Estimated Emotion", "Objective Classes", "Notes"]


def clips(subject: str, options: Options) -> list[PlannedClip]:
    """Per class; negatives go through five emotions. Subjects with an even number add a faint `Other`.

    Every second clip numbers its files with five digits, the others with four.
    """
    person, per_class = number_of(subject), range(options.clips_per_class)
    emotions = [_NEGATIVE[(person + k) % len(_NEGATIVE)] for k in per_class]
    emotions += ["Happiness" for _ in per_class] + ["Surprise" for _ in per_class]
    emotions += ["Other"] * (person % 2 == 0)
    planned = []
    for k, emotion in enumerate(emotions):
        rng = generator(options, "samm", subject, str(k))
        clip = f"{subject}_{k % 7 + 1}_{k // 7 + 1 + int(rng.integers(0, 3))}"
        digits = 5 if k % 2 else 4
        numbers, apex = span(rng, options, first=int(rng.integers(300, 9000)))
        planned.append(
            PlannedClip(
                corpus="samm",
                subject=subject,
                clip=clip,
                emotion=emotion,
                action_units=pick(rng, _MENU[emotion]),
                fps=200.0,
                numbers=numbers,
                apex=apex,
                sheet_apex=str(apex),
                folder=f"SAMM/{subject}/{clip}",
                files=tuple(f"{subject}_{number:0{digits}d}.jpg" for number in numbers),
                strength=0.5 if emotion == "Other" else 1.0,
            )
        )
    return planned


def write_sheet(root: Path, planned: list[PlannedClip]) -> list[Path]:
    """Thirteen rows of preamble, the header on row 14, durations as formulas without a stored value."""
    rows = [*_PREAMBLE, _HEADINGS]
    for clip in planned:
        row = len(rows) + 1
        cells = {
            "Subject": clip.subject,
            "Filename": clip.clip,
            "Inducement Code": int(clip.clip.split("_")[1]),
            "Onset Frame": clip.onset,
            "Apex Frame": cell(clip.sheet_apex),
            "Offset Frame": clip.offset,
            "Duration": f"=F{row}-D{row}+1",
            "Micro": "Micro - 1/2",
            "Action Units": cell(clip.action_units),
            "Estimated Emotion": clip.emotion,
            "Objective Classes": _OBJECTIVE_CLASS.get(clip.emotion, 7),
        }
        rows.append([cells.get(heading) for heading in _HEADINGS])
    write_workbook(root / SHEET, {"MICRO_ONLY": rows})
    return [root / SHEET]
