"""A public flow set of invented motion: the published names, list and layout, and none of its pictures.

Each picture is smooth noise, stretched to 0..255 channel by channel as the published ones are. Beside them
lies what a reader must not take: copies of the pictures per fold, and face crops (here plain grey).
"""

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from preprocess.corpora import Source, get_corpus
from preprocess.corpora.public_flows import FOLDER, LIST

OFFICIAL = Path(__file__).parents[2] / "preprocess/corpora/synthetic/megc2019.csv"
HEADER = ("dataset", "sub", "filename_o", "label", "apex", "imagename", "sub_filename")


class Clip(NamedTuple):
    """One clip in the official spelling; label 0, 1 or 2 as text."""

    corpus: str
    subject: str
    clip: str
    label: str

    @property
    def clip_id(self) -> str:
        return f"{self.corpus}/{self.subject}/{self.clip}"

    @property
    def image_name(self) -> str:
        """As in the list's column of that name, which spells SMIC's clips in another way."""
        clip = self.clip.replace("s0", "s", 1) if self.corpus == "smic" else self.clip
        return f"{self.subject}_{clip}.jpg"


# A handful, with every peculiarity of spelling: names that repeat under two subjects among them.
HANDFUL = (
    Clip("smic", "s01", "s01_ne_01", "0"),
    Clip("smic", "s01", "s01_po_02", "1"),
    Clip("smic", "s20", "s20_sur_05", "2"),
    Clip("casme2", "sub01", "EP02_01f", "1"),
    Clip("casme2", "sub02", "EP02_01f", "2"),
    Clip("casme2", "sub02", "EP06_02_01", "0"),
    Clip("casme2", "sub17", "EP09f", "0"),
    Clip("samm", "006", "006_1_2", "0"),
    Clip("samm", "011", "011_6_10", "1"),
    Clip("samm", "020", "020_2_1", "2"),
)


@dataclass
class FlowTree:
    """The repository below `root`, with the list and the pictures in published form."""

    root: Path
    clips: tuple[Clip, ...] = HANDFUL

    def __post_init__(self):
        self.home = self.root / "datasets" / FOLDER
        self.sheet = self.root / LIST

    def picture(self, clip: Clip) -> Path:
        """Most names have a space before the suffix."""
        return self.home / f"{clip.subject}_{clip.clip} .png"

    def rows(self) -> list[list[str]]:
        return [
            [clip.corpus, clip.subject, clip.clip, clip.label, "", clip.image_name, ""] for clip in self.clips
        ]

    def write(self) -> "FlowTree":
        for number, clip in enumerate(self.clips):
            save(self.picture(clip), flow(number))
        self.write_list(self.rows())
        # What lies beside them in the published repository.
        first = self.clips[0]
        fold = self.root / "datasets/three_norm_u_v_os" / first.subject / "u_test" / first.label
        save(fold / f"{first.subject}_{first.clip} .png", flow(0))
        save(
            self.root / "datasets/combined_datasets_whole" / f"{first.subject}_{first.clip}.png",
            np.full((64, 64, 3), 128),
        )
        (self.root / ".git").mkdir()
        return self

    def write_list(self, rows: Iterable[Iterable[str]], header: Iterable[str] = HEADER) -> None:
        with self.sheet.open("w", newline="") as handle:
            csv.writer(handle, lineterminator="\n").writerows([header, *rows])


def flow(seed: int, size: int = 28) -> np.ndarray:
    """A smooth pattern whose three channels each span 0..255: (size, size, 3) uint8."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:size, :size] / size
    waves = random.normal(size=(3, 6, 3))
    planes = [sum(a * np.sin(2 * np.pi * (3 * b * x + 3 * c * y)) for a, b, c in wave) for wave in waves]
    stretched = [255 * (plane - plane.min()) / np.ptp(plane) for plane in planes]
    return np.round(np.stack(stretched, -1)).astype(np.uint8)


def save(path: Path, pixels: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels.astype(np.uint8)).save(path)


def official_clips() -> tuple[Clip, ...]:
    """All 442, from the list of facts that the generator of synthetic corpora keeps."""
    return tuple(Clip(*line.split(",")) for line in OFFICIAL.read_text().splitlines())


def examined(root: Path, **options) -> tuple[list[str], dict[str, str], list[str]]:
    """Over all three corpora: clip ids, skipped id -> reason, faults as text."""
    ids, skipped, faults = [], {}, []
    reader = get_corpus("public_flows")
    for corpus in reader.provides:
        index = reader.examine(Source(root, **options), corpus=corpus)
        ids += list(index.clips.clip_id)
        skipped |= dict(zip(index.skipped.clip_id, index.skipped.reason, strict=True))
        faults += [str(fault) for fault in index.faults]
    return ids, skipped, list(dict.fromkeys(faults))


def all_ids(clips: Iterable[Clip] = HANDFUL) -> list[str]:
    return sorted(clip.clip_id for clip in clips)
