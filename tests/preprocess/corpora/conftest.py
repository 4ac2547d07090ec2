"""Tiny synthetic trees of every corpus and a small public flow set, and copies of them to spoil."""

import functools
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest
from public_flow_tree import FlowTree
from shared import once

from preprocess.corpora import Index, Source, get_corpus
from preprocess.corpora.reading.recordings import Recordings
from preprocess.corpora.synthetic import Options, PlannedClip, list_layouts, plan, write_sheet, write_subject

OPTIONS = Options(clips_per_class=1, length=(8, 10))
# Chosen for their quirks: a skipped number, an apex cell `/`, both file-name widths, all three DFME sets.
SUBJECTS = {
    "smic": ["s03", "s20"],
    "casme2": ["sub01", "sub04"],
    "samm": ["006", "011"],
    "dfme": ["sub0003", "sub0008", "sub0001"],
}


@dataclass(frozen=True)
class Tree:
    """One corpus on disk, and what was planned for it."""

    root: Path
    truth: Path
    corpus: Recordings
    subjects: list[str]
    planned: list[PlannedClip]
    options: Options = OPTIONS

    @property
    def source(self) -> Source:
        return Source(self.root)

    @property
    def workbooks(self) -> list[Path]:
        return sorted(self.root.rglob("*.xlsx"))

    def index(self, subjects: list[str] | None = None, **choice) -> Index:
        """What the reader makes of it; `choice` as in `Source`."""
        return self.corpus.index(Source(self.root, **choice), subjects)

    def folder(self, clip: PlannedClip) -> Path:
        return self.root / clip.folder

    def copied_to(self, root: Path) -> "Tree":
        """A copy whose files may be replaced, though not written into: they are hard links."""
        shutil.copytree(self.root, root, copy_function=os.link)
        return Tree(root, self.truth, self.corpus, self.subjects, self.planned)


@pytest.fixture(scope="session")
def tree_of(tmp_path_factory):
    """The tree of a corpus by name, made on first use."""

    def make(name: str) -> Tree:
        subjects = SUBJECTS.get(name, [])

        def write(base):
            for subject in subjects:
                write_subject(base / "raw", base / "truth" / f"{subject}.h5", name, subject, OPTIONS)
            write_sheet(base / "raw", name, subjects, OPTIONS)

        base = once(tmp_path_factory, f"tree of {name}", write)
        return Tree(base / "raw", base / "truth", get_corpus(name), subjects, plan(name, subjects, OPTIONS))

    return functools.cache(make)


@pytest.fixture(params=list_layouts())
def tree(request, tree_of) -> Tree:
    """Every corpus in turn; not to be changed."""
    return tree_of(request.param)


@pytest.fixture
def spoilt(tree, tmp_path) -> Tree:
    """Every corpus in turn, a copy to spoil."""
    return tree.copied_to(tmp_path / "raw")


@pytest.fixture(scope="session")
def flows_written(tmp_path_factory) -> FlowTree:
    """The public flow set, a handful of clips; not to be changed."""
    return FlowTree(tmp_path_factory.mktemp("flows") / "HTNet").write()


@pytest.fixture
def flows(flows_written, tmp_path) -> FlowTree:
    """A copy to spoil."""
    shutil.copytree(flows_written.root, tmp_path / "HTNet")
    return FlowTree(tmp_path / "HTNet")
