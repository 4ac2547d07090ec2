"""SAMM as shipped: `SAMM/006/006_1_2/006_05562.jpg` and version 2 of the FACS codes."""

from collections.abc import Iterator

import numpy as np

from preprocess.corpora.synthetic import census, faults
from preprocess.corpora.synthetic.layouts import Coding, Frame, Variant
from preprocess.corpora.synthetic.layouts.workbook import Formula, Workbook, cell
from preprocess.corpora.synthetic.plan import (
    Options,
    PlannedClip,
    Role,
    generator,
    known_span,
    number_of,
    pick,
)

FRAME = Frame(960, 650, color=False)
SUBJECTS = census.SAMM
ANY_CLIP = "{subject}_*_*"

_FILE = "{subject}_{frame:0{digits}d}.jpg"
VARIANTS = {
    "single": Variant("one level above the subjects", "SAMM/{subject}/{clip}", _FILE),
    "doubled": Variant("unpacked doubled", "SAMM/SAMM/{subject}/{clip}", _FILE),
    "flat": Variant("the root is the folder of subjects", "{subject}/{clip}", _FILE),
    "cropped": Variant("a user's own crops", "SAMM_CROP/{subject}/{clip}", _FILE, cropped=True),
    "cropped_in_full": Variant(
        "the same by another name", "SAMM_Cropped/{subject}/{clip}", _FILE, cropped=True
    ),
    "clip": Variant(
        "users' crops go by this name too, but no name in it says so: written and read as raw",
        "SAMM_clip/{subject}/{clip}",
        _FILE,
    ),
    "long_videos": Variant(
        "SAMM Long Videos, another release",
        "SAMM_longvideos/{video}",
        "{video}_{frame:04d}.jpg",
        whole=True,
        first=1,
        other_release=True,
    ),
}
CODINGS = {
    "v2": Coding("with thirteen rows of preamble", "SAMM_Micro_FACS_Codes_v2"),
    "2018": Coding("the same by a dated name", "SAMM_20181215_Micro_FACS_Codes_v2"),
    "stripped": Coding("a user's copy without the preamble", "SAMM"),
    "stripped_micro": Coding("the same by another name", "SAMM_Micro"),
}
FAULTS = {
    **faults.COMMON,
    **faults.SHEET,
    "numeric_subjects": faults.NUMERIC_SUBJECTS,
    "others_plural": faults.OTHERS_PLURAL,
    "both": faults.both(VARIANTS, "single", "cropped"),
}

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
    *("Subject", "Filename", "Inducement Code", "Onset Frame", "Apex Frame", "Offset Frame", "Duration"),
    *("Micro", "Action Units", "Estimated Emotion", "Objective Classes", "Notes"),
]
_LONG_HEADINGS = ["Subject", "Filename", "Inducement Code", "Onset", "Apex", "Offset", "Duration", "Type"]
_LONG_HEADINGS += ["Action Units", "Notes"]


def words(clip: PlannedClip) -> dict[str, str]:
    """A long video is named by subject and inducement."""
    return {"video": clip.clip.rpartition("_")[0]}


def clips(subject: str, options: Options) -> list[PlannedClip]:
    """File names have four digits in most recordings and five in some."""
    planned = []
    for role, rng in _roles(subject, options):
        numbers, apex, sheet_apex = known_span(rng, options, int(rng.integers(300, 9000)), role.frames)
        planned.append(
            PlannedClip(
                corpus="samm",
                subject=subject,
                clip=role.clip,
                emotion=role.emotion,
                action_units=pick(rng, _MENU[role.emotion]),
                fps=200.0,
                numbers=numbers,
                onset=numbers[0],
                apex=apex,
                offset=numbers[-1],
                sheet_onset=numbers[0],
                sheet_apex=sheet_apex,
                sheet_offset=numbers[-1],
                digits=role.digits,
                strength=0.5 if role.emotion == "Other" else 1.0,
            )
        )
    return _one_a_video(planned) if options.variant == "long_videos" else planned


def _roles(subject: str, options: Options) -> Iterator[tuple[Role, np.random.Generator]]:
    """The small corpus: per class; negatives go through five emotions.

    Subjects with an even number add a faint `Other`. Every second clip numbers its files with five digits.
    """
    if options.scale == "true":
        for role in census.roles("samm", subject):
            yield role, generator(options, "samm", subject, role.clip)
        return
    person, per_class = number_of(subject), range(options.clips_per_class)
    emotions = [_NEGATIVE[(person + k) % len(_NEGATIVE)] for k in per_class]
    emotions += ["Happiness" for _ in per_class] + ["Surprise" for _ in per_class]
    emotions += ["Other"] * (person % 2 == 0)
    for k, emotion in enumerate(emotions):
        rng = generator(options, "samm", subject, str(k))
        name = f"{subject}_{k % 7 + 1}_{k // 7 + 1 + int(rng.integers(0, 3))}"
        yield Role(name, emotion, digits=5 if k % 2 else 4), rng


def _one_a_video(planned: list[PlannedClip]) -> list[PlannedClip]:
    """The first clip of every inducement, some time into a video that starts at frame 1."""
    videos = {words(clip)["video"]: clip for clip in reversed(planned)}
    return [clip.shifted(40 - clip.onset) for clip in planned if clip in videos.values()]


def workbooks(planned: list[PlannedClip], options: Options) -> list[Workbook]:
    """Thirteen rows of preamble, the header on row 14, durations as formulas without a stored value."""
    if options.variant == "long_videos":
        return [_long_videos(planned)]
    coding = CODINGS[options.coding or "v2"]
    preamble = [] if "stripped" in options.coding else _PREAMBLE
    rows: list[list] = [*preamble, _HEADINGS]
    for clip in planned:
        row = len(rows) + 1
        cells = {
            "Subject": clip.subject,
            "Filename": clip.clip,
            "Inducement Code": int(clip.clip.split("_")[1]),
            "Onset Frame": clip.sheet_onset,
            "Apex Frame": cell(clip.sheet_apex),
            "Offset Frame": clip.sheet_offset,
            "Duration": Formula(f"=F{row}-D{row}+1", clip.sheet_offset - clip.sheet_onset + 1),
            "Micro": "Micro - 1/2",
            "Action Units": cell(clip.action_units),
            "Estimated Emotion": clip.emotion,
            "Objective Classes": _OBJECTIVE_CLASS.get(clip.emotion, 7),
        }
        rows.append([cells.get(heading) for heading in _HEADINGS])
    return [Workbook(coding.name, {"MICRO_ONLY": rows}, header=len(preamble) + 1)]


def _long_videos(planned: list[PlannedClip]) -> Workbook:
    """Ten rows of preamble and no emotion."""
    rows: list[list] = [*_PREAMBLE[:10], _LONG_HEADINGS]
    for clip in planned:
        frames = [clip.sheet_onset, cell(clip.sheet_apex), clip.sheet_offset]
        length = clip.sheet_offset - clip.sheet_onset + 1
        names = [clip.subject, clip.clip, int(clip.clip.split("_")[1])]
        rows.append([*names, *frames, length, "Micro - 1/2", cell(clip.action_units), None])
    return Workbook("SAMM_LongVideos_V2_Release", {"Sheet1": rows}, header=11)
