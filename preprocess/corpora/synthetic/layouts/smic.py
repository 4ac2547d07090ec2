"""SMIC-HS as shipped: `SMIC_all_raw/HS/s1/micro/negative/s1_ne_01/image034208.bmp`, no workbook."""

from pathlib import Path

from preprocess.corpora.synthetic.layouts import Frame
from preprocess.corpora.synthetic.plan import Options, PlannedClip, generator, number_of, pick, span

FRAME = Frame(640, 480, color=True, save={"format": "BMP"})

_MENU = {
    "negative": ["4", "4+7", "4+9", "10", "15"],
    "positive": ["12", "6+12"],
    "surprise": ["1+2", "1+2+5", "1+2+26"],
}
_SHORT = {"negative": "ne", "positive": "po", "surprise": "sur"}


def clips(subject: str, options: Options) -> list[PlannedClip]:
    """Every third subject's last positive clip skips one frame number, as `s3_po_08` does."""
    person = number_of(subject)
    # The camera's counter runs on from one person to the next: five digits for some, eight for others.
    counter = int(generator(options, "smic", subject).integers(30_000, 90_000)) * (1 if person % 2 else 199)
    planned = []
    for emotion, menu in _MENU.items():
        for k in range(1, options.clips_per_class + 1):
            clip = f"{subject}_{_SHORT[emotion]}_{k:02d}"
            rng = generator(options, "smic", clip)
            numbers, apex = span(rng, options, counter)
            counter = numbers[-1] + int(rng.integers(200, 2000))
            if person % 3 == 0 and emotion == "positive" and k == options.clips_per_class:
                lost = next(n for n in numbers[2:-2] if abs(n - apex) > 1)
                numbers = tuple(n for n in numbers if n != lost)
            disk = f"s{person}_{_SHORT[emotion]}_{k:02d}"
            planned.append(
                PlannedClip(
                    corpus="smic",
                    subject=subject,
                    clip=clip,
                    emotion=emotion,
                    action_units=pick(rng, menu),
                    fps=100.0,
                    numbers=numbers,
                    apex=apex,
                    sheet_apex=None,
                    folder=f"SMIC_all_raw/HS/s{person}/micro/{emotion}/{disk}",
                    files=tuple(f"image{number:06d}.bmp" for number in numbers),
                )
            )
    return planned


def write_sheet(root: Path, planned: list[PlannedClip]) -> list[Path]:
    """SMIC's short clips need no workbook."""
    return []
