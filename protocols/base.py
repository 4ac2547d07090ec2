"""What a protocol is: a labelling rule, the subjects, the folds, and what the full list must look like."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from contracts.errors import InputError
from protocols.census import Census
from protocols.folds import Fold
from protocols.registry import nearest


class Skip(Exception):
    """Raised by a labelling rule for a clip that is no part of the protocol; carries the reason."""


@dataclass(frozen=True)
class Part:
    """A column group of the protocol's table: the test clips of one or several groups, scored together."""

    name: str
    title: str
    groups: tuple[str, ...]


@dataclass(frozen=True)
class Protocol:
    """One evaluation protocol. Everything here is known without touching a disk.

    Attributes:
        name: path-safe, e.g. `megc2019`.
        title: as printed over its table.
        classes: class names, in the order of labels, probabilities and confusion matrices.
        subjects: per corpus, all subjects of the full protocol in the official spelling.
        rule: clip-table row (attributes `clip_id, corpus, subject, clip, emotion`) -> class name; raises
            Skip.
        splitter: namespaced subjects in protocol order -> folds.
        group: namespaced subject -> group, the finest unit of counting and reporting (corpus, or
            train/testA/testB).
        counts: per group, clips of each class in the full protocol.
        subject_counts: the same per namespaced subject; empty where only totals are known.
        checksums: per group, SHA-256 of the full list's lines, LF-joined, byte-sorted, with a final LF.
        line: (clip_id, label) -> the line that enters the checksum.
        parts: reported parts, in table order.
        metrics: metrics shown in the table, in order; the score file holds all that are registered.
        published: stem of the file in `results/published/` with the numbers to stand beside; empty if none.
        source: where rule, subjects and counts come from.
        strata: name -> namespaced subjects, where a condition of recording divides them; each in one.
        strata_are: what the names are, e.g. `frame rate`.
    """

    name: str
    title: str
    classes: tuple[str, ...]
    subjects: Mapping[str, tuple[str, ...]]
    rule: Callable[[Any], str]
    splitter: Callable[[Sequence[str]], list[Fold]]
    group: Callable[[str], str]
    counts: Mapping[str, tuple[int, ...]]
    checksums: Mapping[str, str]
    line: Callable[[str, str], str]
    parts: tuple[Part, ...]
    metrics: tuple[str, ...]
    published: str
    source: str
    subject_counts: Census = field(default_factory=dict)
    strata: Mapping[str, frozenset[str]] = field(default_factory=dict)
    strata_are: str = ""

    @property
    def corpora(self) -> tuple[str, ...]:
        """The corpora whose clip tables the protocol needs."""
        return tuple(self.subjects)

    @property
    def group_titles(self) -> dict[str, str]:
        """Title of each group that is a reported part by itself."""
        return {part.groups[0]: part.title for part in self.parts if len(part.groups) == 1}

    @property
    def widest(self) -> list[Part]:
        """The parts that no other contains: the composite, or both test sets. No two share a clip."""
        groups = [set(part.groups) for part in self.parts]
        return [part for part in self.parts if not any(set(part.groups) < other for other in groups)]

    def label(self, row: Any) -> str:
        """Class of one clip-table row.

        Raises:
            Skip: the protocol leaves the clip out; the reason is its text.
            InputError: the clip's corpus is not in the protocol, or the owner's emotion is unknown to the
                rule; names the clip.
        """
        if row.corpus not in self.subjects:
            raise InputError(
                f"corpus {row.corpus!r} is not in protocol {self.name}",
                clip=row.clip_id,
                cure=f"give only the clip tables of {', '.join(self.subjects)}",
            )
        return self.rule(row)

    def folds(self, subjects: Mapping[str, Sequence[str]] | None = None) -> list[Fold]:
        """The folds over `subjects` (per corpus, unprefixed ids), or over the full protocol.

        A subset gives the folds of a *partial* run. The order of folds is the protocol's, whatever the
        order given.

        Raises:
            InputError: a subject or corpus is not in the protocol (names the nearest), is given twice or is
                not text, or too few are left to split.
        """
        return self.splitter(self.namespaced(subjects))

    def namespaced(self, subjects: Mapping[str, Sequence[str]] | None = None) -> list[str]:
        """`subjects` checked and as `<corpus>/<subject>`, in the protocol's order."""
        subjects = self.subjects if subjects is None else subjects
        for corpus, given in subjects.items():
            if corpus not in self.subjects:
                raise InputError(
                    f"corpus {corpus!r} is not in protocol {self.name}", cure=nearest(corpus, self.subjects)
                )
            self._check(corpus, given)
        return [
            f"{corpus}/{subject}"
            for corpus, official in self.subjects.items()
            for subject in official
            if subject in set(subjects.get(corpus, ()))
        ]

    def _check(self, corpus: str, given: Sequence[str]) -> None:
        for subject in given:
            if not isinstance(subject, str):
                raise InputError(
                    f"subject {subject!r} of {corpus} is a number, and ids are text",
                    cure="put it in quotes, with its leading zeros",
                )
            if subject not in self.subjects[corpus]:
                raise InputError(
                    f"subject {subject!r} of {corpus} is not in protocol {self.name}",
                    cure=nearest(subject, self.subjects[corpus]),
                )
        if len(set(given)) != len(given):
            twice = next(subject for subject in given if list(given).count(subject) > 1)
            raise InputError(f"subject {twice!r} of {corpus} is given twice", cure="give it once")


def from_emotion(row: Any, classes: Mapping[str, str | None]) -> str:
    """Look the row's emotion up; None in `classes` means that the protocol drops this emotion.

    Raises:
        Skip: the emotion is dropped.
        InputError: the emotion is not in `classes`; names the clip and the nearest emotion.
    """
    if row.emotion not in classes:
        raise InputError(
            f"emotion {row.emotion!r} is unknown", clip=row.clip_id, cure=nearest(row.emotion, classes)
        )
    label = classes[row.emotion]
    if label is None:
        raise Skip(f"emotion {row.emotion!r} is no class of the protocol")
    return label


def corpus_of(subject: str) -> str:
    """`smic/s01` -> `smic`: the group where groups are corpora."""
    return subject.split("/")[0]


def subject_of(clip_id: str) -> str:
    """`smic/s01/s01_ne_01` -> `smic/s01`."""
    return clip_id.rpartition("/")[0]


def comma_line(clip_id: str, label: str) -> str:
    """`samm/006/006_1_2`, anger -> `samm,006,006_1_2,anger`."""
    return f"{clip_id.replace('/', ',')},{label}"
