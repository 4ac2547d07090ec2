"""SMIC-HS as shipped: `SMIC_all_raw/HS/s1/micro/negative/s1_ne_01/image034208.bmp`, no workbook."""

from collections.abc import Iterator
from dataclasses import replace

from preprocess.corpora.synthetic import census, faults
from preprocess.corpora.synthetic.layouts import Coding, Frame, Variant
from preprocess.corpora.synthetic.layouts.workbook import Formula, Workbook
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
SUBJECTS = census.SMIC
ANY_CLIP = "{subject}_*"

_CLIP = "micro/{emotion}/s{person}_{take}"
_RAW, _CROPPED = "image{frame:06d}.bmp", "reg_image{frame:06d}.bmp"


def _extended(says: str, home: str) -> Variant:
    folder = f"{home}/{{subject}}/s{{person}}_{{take}}"
    return Variant(says, folder, "image{frame:06d}.jpg", whole=True, other_release=True)


VARIANTS = {
    "raw": Variant("the short clips, raw", f"SMIC_all_raw/HS/s{{person}}/{_CLIP}", _RAW),
    "doubled": Variant(
        "unpacked into folders of the archives' names",
        f"SMIC/SMIC_all_raw/SMIC_all_raw/HS/s{{person}}/{_CLIP}",
        _RAW,
    ),
    "padded": Variant(
        "subjects' folders as the lists spell them", f"SMIC_all_raw/HS/{{subject}}/{_CLIP}", _RAW
    ),
    "cropped": Variant(
        "registered faces", f"SMIC_all_cropped/HS/s{{person}}/{_CLIP}", _CROPPED, cropped=True
    ),
    "extended": _extended("SMIC-E: long clips, another release", "SMIC-E_raw image/HS_long/SMIC-HS-E/HS"),
    "extended_short": _extended("the same without its last level", "SMIC-E_raw image/HS_long/SMIC-HS-E"),
    "extended_alone": _extended("the same by a user's name, none above it", "SMIC_HS_E/HS"),
}
CODINGS: dict[str, Coding] = {}

_VIS = Variant("a slow camera's", f"SMIC_all_raw/VIS/s{{person}}/{_CLIP}", "{frame:05d}.bmp")
_NIR = replace(_VIS, folder=_VIS.folder.replace("VIS", "NIR"))
_NIR_SPACED = replace(_NIR, file="frame {frame:05d}.jpg")
_NON_MICRO = Variant("no micro-expression", "SMIC_all_raw/HS/s{person}/non_micro/s{person}_{take}", _RAW)


def _siblings(clips: list[PlannedClip], lies: Variant) -> list[tuple[PlannedClip, Variant]]:
    clip = clips[0]
    slow = tuple(range(clip.onset % 10_000, clip.onset % 10_000 + 8))
    vis = replace(faults.stranger(clip, clip.clip, "siblings"), numbers=slow, fps=25.0)
    vis = replace(vis, onset=slow[0], apex=slow[4], offset=slow[-1])
    neutral = faults.stranger(clip, f"{clip.subject}_nm_01", "siblings")
    return [(vis, _VIS), (vis, (_NIR_SPACED, _NIR)[number_of(clip.subject) % 2]), (neutral, _NON_MICRO)]


FAULTS = {
    **faults.COMMON,
    "across_a_width": faults.ACROSS_A_WIDTH,
    "both": faults.both(VARIANTS, "raw", "cropped"),
    "siblings": faults.Fault(
        "VIS, NIR (names with a space for even subjects) and non_micro lie beside; Thumbs.db and a pdf",
        more=_siblings,
        every=faults.with_strangers,
        beside=(_VIS, _NIR, _NON_MICRO),
    ),
}

_MENU = {
    "negative": ["4", "4+7", "4+9", "10", "15"],
    "positive": ["12", "6+12"],
    "surprise": ["1+2", "1+2+5", "1+2+26"],
}
_SHORT = {"negative": "ne", "positive": "po", "surprise": "sur"}


def words(clip: PlannedClip) -> dict[str, str]:
    """On disk `s03_po_08` is `s3_po_08`."""
    return {"take": clip.clip.partition("_")[2]}


def clips(subject: str, options: Options) -> list[PlannedClip]:
    """The camera's counter runs on through a subject's clips; a few of them skip a number or two."""
    # It runs on from one person to the next as well: five digits for some, eight for others.
    counter = int(generator(options, "smic", subject).integers(30_000, 90_000))
    counter *= 1 if number_of(subject) % 2 else 199
    planned = []
    for role in _roles(subject, options):
        rng = generator(options, "smic", role.clip)
        numbers, apex, _ = known_span(rng, options, counter, role.frames)
        counter = numbers[-1] + int(rng.integers(200, 2000))
        clip = PlannedClip(
            corpus="smic",
            subject=subject,
            clip=role.clip,
            emotion=role.emotion,
            action_units=pick(rng, _MENU[role.emotion]),
            fps=100.0,
            numbers=numbers,
            onset=numbers[0],
            apex=apex,
            offset=numbers[-1],
            sheet_onset=None,
            sheet_apex=None,
            sheet_offset=None,
            digits=6,
        )
        planned.append(clip.without([n for n in numbers[2:-2] if abs(n - apex) > 1][: role.lost]))
    return planned


def _roles(subject: str, options: Options) -> Iterator[Role]:
    """In the small corpus every third subject's last positive clip skips one number, as `s3_po_08` does."""
    if options.scale == "true":
        yield from census.roles("smic", subject)
        return
    for emotion, short in _SHORT.items():
        for k in range(1, options.clips_per_class + 1):
            skips = number_of(subject) % 3 == 0 and emotion == "positive" and k == options.clips_per_class
            yield Role(f"{subject}_{short}_{k:02d}", emotion, lost=int(skips))


def workbooks(planned: list[PlannedClip], options: Options) -> list[Workbook]:
    """The short clips need none; the extended release has one, whose last columns are formulas."""
    variant = VARIANTS[options.variant or "raw"]
    if not variant.other_release:
        return []
    headings = ["Subject", "Filename", None, "OnsetF", "OffsetF", "Onset2F", "Offset2F", None]
    headings += ["FirstF", "LastF", "TotalMF1", "TotalMF2", "TotalVL", "Emotion", None, None]
    rows: list[list] = [headings]
    for clip in planned:
        row = len(rows) + 1
        first, last = clip.numbers[0], clip.numbers[-1]
        name = f"s{number_of(clip.subject)}_{words(clip)['take']}"
        micro = Formula(f"=E{row}-D{row}+1", clip.offset - clip.onset + 1)
        video = Formula(f"=J{row}-I{row}+1", last - first + 1)
        cells = [number_of(clip.subject), name, None, clip.onset, clip.offset, None, None, None]
        rows.append([*cells, first, last, micro, None, video, clip.emotion, None, None])
    folder = variant.folder.partition("/{subject}")[0].removesuffix("/HS")
    return [Workbook(f"{folder}/SMIC-HS-E_annotation", {"HS": rows, "VIS": [], "Sheet2": [], "Sheet3": []})]
