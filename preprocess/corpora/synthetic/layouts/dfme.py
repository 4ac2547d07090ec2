"""DFME's public part as shipped: `train_data/train_data/sub0003_01/00109.png` and three workbooks."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import PurePosixPath

from preprocess.corpora.facts.dfme import EMOTIONS, PART_OF, SHEETS
from preprocess.corpora.synthetic import census, faults
from preprocess.corpora.synthetic.layouts import Coding, Frame, Variant
from preprocess.corpora.synthetic.layouts.workbook import Workbook, cell
from preprocess.corpora.synthetic.plan import Options, PlannedClip, Role, generator, known_span, pick

# Whether the real pictures are grey is documented nowhere public; grey is the smaller guess.
FRAME = Frame(1024, 768, color=False)
SUBJECTS = tuple(PART_OF)
ANY_CLIP = "{subject}_*"

_FILE = "{frame:05d}.png"
VARIANTS = {
    "doubled": Variant("unpacked doubled, as most have it", "{archive}/{archive}/{clip}", _FILE),
    "single": Variant("one level for each set", "{archive}/{clip}", _FILE),
    "renamed": Variant("sets by users' names", "{users}/{clip}", _FILE),
}
CODINGS = {
    "release": Coding("one workbook a set, with action units", "full_release_annotation"),
    "challenge": Coding("as users kept them then: neither Subject nor AU", "CCAC2024", suffix="csv"),
}
FAULTS = {
    **faults.COMMON,
    **faults.SHEET,
    "row_out_of_place": faults.ROW_OUT_OF_PLACE,
    "both": faults.both(VARIANTS, "doubled", "renamed"),
}

_HEADINGS = [
    "Subject",
    "Filename",
    "OnsetFrame",
    "ApexFrame",
    "OffsetFrame",
    "Emotion",
    "EmotionId",
    "Fps",
    "AU",
]
_ARCHIVES = {"train": "train_data", "testA": "test_data_A", "testB": "test_data_B"}
_USERS = {"train": "dfme", "testA": "dfme_testA", "testB": "dfme_testB"}
_CHALLENGE = {"train": "CCAC2024", "testA": "CCAC2024_A", "testB": "CCAC2024_B"}
_RUNS_ON = {"sub0593_09": 140}

_MENU = {
    "anger": ["4", "4+7", "4+5+7"],
    "contempt": ["L14", "R14", "L12", "R12"],
    "disgust": ["9", "10", "4+9", "9+10"],
    "fear": ["1+4+20", "1+2+4+20", "4+20"],
    "happiness": ["12", "6+12"],
    "sadness": ["15", "1+15", "15+17"],
    "surprise": ["1+2", "1+2+5", "1+2+26"],
}


def words(clip: PlannedClip) -> dict[str, str]:
    """The set's folder, which is all that tells train from test."""
    part = PART_OF[clip.subject]
    return {"archive": _ARCHIVES[part], "users": _USERS[part]}


def clips(subject: str, options: Options) -> list[PlannedClip]:
    """About half of the clips start at frame 0."""
    planned = []
    for role in _roles(subject, options):
        rng = generator(options, "dfme", role.clip)
        first = 0 if rng.random() < 0.48 else int(rng.integers(1, 250))
        numbers, apex, sheet_apex = known_span(rng, options, first, role.frames)
        clip = PlannedClip(
            corpus="dfme",
            subject=subject,
            clip=role.clip,
            emotion=role.emotion,
            action_units=pick(rng, _MENU[role.emotion]),
            fps=float(census.frame_rate(subject)),
            numbers=numbers,
            onset=numbers[0],
            apex=apex,
            offset=numbers[-1],
            sheet_onset=numbers[0],
            sheet_apex=sheet_apex,
            sheet_offset=numbers[-1],
            digits=5,
        )
        if options.scale == "true" and role.clip in _RUNS_ON:
            clip = replace(clip, numbers=tuple(range(clip.onset, _RUNS_ON[role.clip] + 1)))
        planned.append(clip)
    return planned


def _roles(subject: str, options: Options) -> Iterator[Role]:
    """The small corpus: one round of the seven emotions after the other."""
    if options.scale == "true":
        yield from census.roles("dfme", subject)
        return
    for k, emotion in enumerate(EMOTIONS * options.clips_per_emotion):
        yield Role(f"{subject}_{k + 1:02d}", emotion)


def workbooks(planned: list[PlannedClip], options: Options) -> list[Workbook]:
    """One a set, rows by falling frame rate, then name; a set without subjects is a bare header."""
    challenge = options.coding == "challenge"
    books = []
    for part, usual in SHEETS.items():
        members = [clip for clip in planned if PART_OF[clip.subject] == part]
        rows = [
            {
                "Subject": clip.subject,
                "Filename": clip.clip,
                "OnsetFrame": clip.sheet_onset,
                "ApexFrame": cell(clip.sheet_apex),
                "OffsetFrame": clip.sheet_offset,
                "Emotion": clip.emotion,
                "EmotionId": EMOTIONS.index(clip.emotion),
                "Fps": int(clip.fps),
                "AU": cell(clip.action_units),
            }
            for clip in sorted(members, key=lambda clip: (-clip.fps, clip.clip))
        ]
        left_out = ("Subject", "AU") if challenge else ()
        headings = [heading for heading in _HEADINGS if heading not in left_out]
        table = [headings, *([row[heading] for heading in headings] for row in rows)]
        release = f"full_release_annotation/full_release_annotation/{PurePosixPath(usual).stem}"
        books.append(
            Workbook(_CHALLENGE[part], {"Sheet1": table}, suffix=CODINGS["challenge"].suffix)
            if challenge
            else Workbook(release, {"Sheet1": table})
        )
    return books
