"""CASME II as shipped: `CASME2_RAW_selected/sub01/EP02_01f/img46.jpg` and the 20140508 coding."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from preprocess.corpora.synthetic import census, faults
from preprocess.corpora.synthetic.layouts import Coding, Frame, Variant
from preprocess.corpora.synthetic.layouts.workbook import Workbook, cell
from preprocess.corpora.synthetic.plan import (
    Options,
    PlannedClip,
    Role,
    generator,
    known_span,
    number_of,
    pick,
)

FRAME = Frame(640, 480, color=True)
SUBJECTS = census.CASME2
ANY_CLIP = "EP*"

_RAW, _CROPPED = "img{frame}.jpg", "reg_img{frame}.jpg"


def _cropped(says: str, home: str) -> Variant:
    return Variant(says, f"{home}/{{subject}}/{{clip}}", _CROPPED, cropped=True)


VARIANTS = {
    "selected": Variant("raw, onset to offset", "CASME2_RAW_selected/{subject}/{clip}", _RAW),
    "selected_doubled": Variant(
        "the same, unpacked doubled", "CASME2_RAW_selected/CASME2_RAW_selected/{subject}/{clip}", _RAW
    ),
    "raw": Variant(
        "raw, whole recordings from img1", "CASME2-RAW/{subject}/{clip}", _RAW, whole=True, first=1
    ),
    "raw_nested": Variant(
        "the same, under the archive's name",
        "CASME2_RAW/CASME2-RAW/{subject}/{clip}",
        _RAW,
        whole=True,
        first=1,
    ),
    "cropped": _cropped("registered faces", "Cropped"),
    "cropped_doubled": _cropped("registered faces, unpacked doubled", "Cropped/Cropped"),
    "cropped_updated": _cropped("registered faces, a later release", "Cropped-updated/Cropped"),
    "cropped_original": _cropped("registered faces, as users name them beside others", "Cropped_original"),
    "li_xiaobai": _cropped("faces by X. Li; a space in the path", "CASME2_preprocessed_Li Xiaobai/Cropped"),
    "li_xiaobai_small": _cropped(
        "the same by the name of a smaller set", "CASME2_preprocessed_small_Li Xiaobai/Cropped"
    ),
    "recropped": Variant(
        "a user's own crops, numbers padded",
        "CASME2-RAW-cropped/{subject}/{clip}",
        "img{frame:03d}.jpg",
        cropped=True,
        whole=True,
        first=1,
    ),
}
CODINGS = {
    "2014": Coding("255 rows, as shipped", "CASME2-coding-20140508"),
    "2019": Coding(
        "true scale: sub24 has three surprises more, one offset is earlier", "CASME2-coding-20190701"
    ),
    "updated": Coding("true scale: a row more, sub24/EP02_07", "CASME2-coding-updated"),
    "old": Coding("no blank columns", "CASME2_label_Ver_2", suffix="xls"),
}


def _unlabelled(clips: list[PlannedClip], lies: Variant) -> list[tuple[PlannedClip, Variant]]:
    """The two folders of the release that no row mentions, each under its own subject."""
    names = {"sub09": "EP02_02f", "sub24": "EP02_07"}
    name = names.get(clips[0].subject)
    if name is None or name in {clip.clip for clip in clips}:
        return []
    return [(faults.stranger(clips[0], name, "unlabelled"), lies)]


FAULTS = {
    **faults.COMMON,
    **faults.SHEET,
    "numeric_subjects": faults.NUMERIC_SUBJECTS,
    "unlabelled": faults.Fault("sub09/EP02_02f and sub24/EP02_07 have folders and no rows", more=_unlabelled),
    "both": faults.both(VARIANTS, "selected", "cropped"),
}

_MENU = {
    "disgust": ["9", "4+9", "10", "4+L10", "4+7+9"],
    "repression": ["15", "17", "15+17"],
    "happiness": ["12", "6+12", "R12"],
    "surprise": ["1+2", "1+2+26", "1+2+5"],
    "others": ["4", "7"],
    "sadness": ["15", "1+15"],
    "fear": ["1+4+20", "4+20"],
}


def words(clip: PlannedClip) -> dict[str, str]:
    """Folders on disk are spelled as the lists spell them."""
    return {}


def clips(subject: str, options: Options) -> list[PlannedClip]:
    """Frame numbers start within the first second or so of a recording."""
    planned = []
    for role, rng in _roles(subject, options):
        numbers, apex, sheet_apex = known_span(rng, options, int(rng.integers(1, 260)), role.frames)
        planned.append(
            PlannedClip(
                corpus="casme2",
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
                strength=0.5 if role.emotion == "others" else 1.0,
            )
        )
    return [_recoded(clip, options.coding) for clip in planned]


def _roles(subject: str, options: Options) -> Iterator[tuple[Role, np.random.Generator]]:
    """The small corpus: per class; negatives alternate disgust and repression.

    Subjects with an even number add a faint `others`; those divisible by four a disgust whose apex cell is
    `/`, as `sub04/EP12_01f` has.
    """
    if options.scale == "true":
        for role in census.roles("casme2", subject, updated=options.coding == "updated"):
            yield role, generator(options, "casme2", subject, role.clip)
        return
    person, per_class = number_of(subject), range(options.clips_per_class)
    emotions = [("disgust", "repression")[(person + k) % 2] for k in per_class]
    emotions += ["happiness" for _ in per_class] + ["surprise" for _ in per_class]
    emotions += ["others"] * (person % 2 == 0) + ["disgust"] * (person % 4 == 0)
    for k, emotion in enumerate(emotions):
        rng = generator(options, "casme2", subject, str(k))
        name = f"EP{k + 1:02d}_{int(rng.integers(1, 12)):02d}" + ("f" if rng.random() < 0.6 else "")
        no_apex = person % 4 == 0 and k == len(emotions) - 1
        yield Role(name, emotion, ("", "/" if no_apex else "", "")), rng


def _recoded(clip: PlannedClip, coding: str) -> PlannedClip:
    """What the 2019 coding says otherwise."""
    name = f"{clip.subject}/{clip.clip}"
    if coding == "2019" and name in ("sub24/EP07_01", "sub24/EP07_04f", "sub24/EP10_03"):
        return replace(clip, emotion="surprise")
    if coding == "2019" and name == "sub16/EP01_08":
        return replace(clip, sheet_offset=96)
    return clip


def workbooks(planned: list[PlannedClip], options: Options) -> list[Workbook]:
    """Two blank columns (the old one has none), subjects as text, one-unit codes as numbers, empty sheets."""
    coding = CODINGS[options.coding or "2014"]
    blank = [] if options.coding == "old" else [None]
    rows: list[list] = [
        ["Subject", "Filename", *blank, "OnsetFrame", "ApexFrame", "OffsetFrame", *blank]
        + ["Action Units", "Estimated Emotion"]
    ]
    for clip in planned:
        frames = [clip.sheet_onset, cell(clip.sheet_apex), clip.sheet_offset]
        units = cell(clip.action_units)
        rows.append([clip.subject[3:], clip.clip, *blank, *frames, *blank, units, clip.emotion])
    pages = {"Sheet1": rows, "Sheet2": [], "Sheet3": []}
    return [Workbook(coding.name, pages, suffix=coding.suffix)]
