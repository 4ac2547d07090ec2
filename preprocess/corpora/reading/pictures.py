"""Whether a corpus's pictures are raw or cropped by its owner, told by the names of releases.

Names in use: `SMIC_all_cropped`, `Cropped`, `Cropped-updated`, `CASME2-RAW-cropped`, `SAMM_CROP`, and
`CASME2_preprocessed_Li Xiaobai`; frames `reg_img46.jpg`. Words decide, not letters: `uncropped` and
`not_cropped` say the contrary, and a folder called `preprocessing` says nothing of its pictures.
"""

import os
import re
from pathlib import Path

from contracts.errors import InputError
from preprocess.corpora.corpus import Source

_CROPPED = re.compile(r"(?!.*(un|not|non)crop).*crop(s|ped)?")
_NOT = ("no", "non", "not", "un", "without", "before", "to")


def kind_of(source: Source, frames: list[Path], clip_id: str) -> str:
    """`raw` or `cropped`, of the frames of one folder; where the source says which, it is believed.

    Raises:
        InputError: raw and cropped frames lie in the folder.
    """
    registered = {frame.name.lower().startswith("reg_") for frame in frames}
    if len(registered) > 1:
        raise InputError(
            "raw and cropped frames lie in one folder",
            file=frames[0].parent,
            clip=clip_id,
            cure="remove one kind",
        )
    if source.pictures:
        return source.pictures
    folder = frames[0].parent
    above = [folder, *folder.parents][: len(folder.relative_to(source.root).parts)]
    cropped = registered == {True} or any(map(named_cropped, [*above, source.root]))
    return "cropped" if cropped else "raw"


def named_cropped(folder: Path) -> bool:
    """Whether a folder's name is a cropped release's; that of a link, or of what it leads to."""
    names = {folder.absolute().name}
    if folder.is_symlink():
        # Of a link that leads to itself, too, it gives a name.
        names.add(Path(os.path.realpath(folder)).name)
    return any(map(_says_cropped, names))


def _says_cropped(name: str) -> bool:
    # `CroppedFaces` is two words; digits and marks part words, too.
    words = re.findall(r"[a-z]+", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower())
    for before, word in zip(["", *words], words, strict=False):
        # The release says of what it is the preprocessed one; a folder `preprocessed` may hold anything.
        if before not in _NOT and (_CROPPED.fullmatch(word) or (before and word == "preprocessed")):
            return True
    return False
