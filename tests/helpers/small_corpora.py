"""Small corpora of blank pictures, in whatever folders and sheets, with whatever faults."""

from pathlib import Path

from preprocess.corpora.synthetic import Options, PlannedClip, list_layouts, write_corpus
from preprocess.corpora.synthetic.layouts import get_layout

SUBJECTS = {
    "smic": ["s03", "s20"],
    "casme2": ["sub09", "sub24"],
    "samm": ["006", "011"],
    "dfme": ["sub0003", "sub0008", "sub0001"],
}


def cases(kind: str) -> list[tuple[str, str]]:
    """(corpus, name) of every entry of the layouts' `VARIANTS`, `CODINGS` or `FAULTS`."""
    return [(corpus, name) for corpus in list_layouts() for name in getattr(get_layout(corpus), kind)]


def made(root: Path, corpus: str, **options) -> list[PlannedClip]:
    """Write these subjects of a corpus; what was planned."""
    return write_corpus(root, corpus, Options(length=(12, 15), pictures="blank", **options), SUBJECTS[corpus])


def files_below(root: Path) -> set[str]:
    return {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}
