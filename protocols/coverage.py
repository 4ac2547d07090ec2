"""Is this the protocol's full list, clip by clip, or a part of it?"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pandas as pd

from contracts.errors import InputError
from protocols.base import Protocol, subject_of

# So many subjects are named in one line; the others are counted.
NAMED = 4


@dataclass(frozen=True)
class GroupCoverage:
    """One group of a protocol.

    Attributes:
        clips: at hand.
        expected: of the full list.
        official: whether they are the same ones.
        counts: clips at hand of each class; empty in the account of an older run.
    """

    clips: int
    expected: int
    official: bool
    counts: tuple[int, ...] = ()


@dataclass(frozen=True)
class Coverage:
    """How much of a protocol a run covers.

    Attributes:
        groups: per group of the protocol, in its order.
        differences: one line for each group that is not the official list, saying how it differs and, where
            the protocol knows its subjects' counts, in which subjects.
    """

    groups: dict[str, GroupCoverage]
    differences: tuple[str, ...]

    @property
    def clips(self) -> int:
        return sum(group.clips for group in self.groups.values())

    @property
    def expected(self) -> int:
        return sum(group.expected for group in self.groups.values())

    @property
    def complete(self) -> bool:
        return all(group.official for group in self.groups.values())

    @property
    def remark(self) -> str:
        """The sentence that must stand beside numbers of these clips."""
        return f"This run covers {self.text()}."

    def text(self) -> str:
        """`all 442 clips`, `77 of 442 clips, partial (...)`, or `442 of 442 clips, but not ...`."""
        if self.complete:
            return f"all {self.expected} clips"
        size = f"{self.clips} of {self.expected} clips"
        if self.clips >= self.expected:
            altered = ", ".join(name for name, group in self.groups.items() if not group.official)
            return f"{size}, but not the official list (other clips or labels in {altered})"
        groups = ", ".join(f"{name} {group.clips} of {group.expected}" for name, group in self.groups.items())
        return f"{size}, partial ({groups})"

    def to_json(self) -> dict:
        """Plain types, for a file beside the labels."""
        return {
            "complete": self.complete,
            "differences": list(self.differences),
            "groups": {name: vars(group) for name, group in self.groups.items()},
        }

    @classmethod
    def from_json(cls, stored: dict) -> "Coverage":
        groups = {
            name: GroupCoverage(**{**group, "counts": tuple(group.get("counts", ()))})
            for name, group in stored["groups"].items()
        }
        return cls(groups, tuple(stored["differences"]))


def complete(protocol: Protocol, labelled: pd.DataFrame) -> Coverage:
    """Compare labelled clips with the protocol's full list, by counts and by checksum.

    Args:
        labelled: columns `clip_id, label, group`; training clips of a fixed split included.
    """
    groups, differences = {}, []
    for name, expected in protocol.counts.items():
        rows = labelled[labelled.group == name]
        official = checksum(protocol, rows) == protocol.checksums[name]
        counts = _counts(rows.label, protocol.classes)
        groups[name] = GroupCoverage(len(rows), sum(expected), official, counts)
        if not official:
            differences.append(f"{name}: {_difference(protocol, rows, name)}")
    return Coverage(groups, tuple(differences))


def assert_official(protocol: Protocol, coverage: Coverage) -> None:
    """Refuse a run that is as large as the full protocol and yet is another list.

    A partial run, with fewer clips in some group, passes: its tables say that it is one.

    Raises:
        InputError: every group has at least as many clips as its official list, and not all are it; names
            the differences.
    """
    whole = all(group.clips >= group.expected for group in coverage.groups.values())
    if whole and not coverage.complete:
        raise InputError(
            f"{coverage.text()}: {'; '.join(coverage.differences)}",
            clip=f"protocol {protocol.name}",
            cure="run merba-check and correct the sheet, or exclude the clips in the configuration, which "
            "makes the run a partial one",
        )


def checksum(protocol: Protocol, labelled: pd.DataFrame) -> str:
    """SHA-256 of the list in the form in which the official lists' checksums were taken."""
    lines = sorted(
        protocol.line(clip, label).encode()
        for clip, label in zip(labelled.clip_id, labelled.label, strict=True)
    )
    return hashlib.sha256(b"".join(line + b"\n" for line in lines)).hexdigest()


def _difference(protocol: Protocol, rows: pd.DataFrame, group: str) -> str:
    """`143 of 145 clips; sub17: negative 22 of 23; no clip of sub21`."""
    full, classes = protocol.counts[group], protocol.classes
    found = _counts(rows.label, classes)
    by_subject = {
        subject: _counts(labels, classes)
        for subject, labels in rows.label.groupby(rows.clip_id.map(subject_of))
    }
    expected = {
        subject: counts
        for subject, counts in protocol.subject_counts.items()
        if protocol.group(subject) == group
    }
    details = list(_subject_differences(by_subject, expected, classes)) if expected else []
    if not details and found != full:
        details = [_class_differences(found, full, classes)]
    if not details:
        return f"{len(rows)} clips and every class as in the full list, yet other clips or other labels"
    return "; ".join([f"{len(rows)} of {sum(full)} clips", *details])


def _counts(labels: pd.Series, classes: tuple[str, ...]) -> tuple[int, ...]:
    return tuple(int((labels == name).sum()) for name in classes)


def _subject_differences(
    found: Mapping[str, tuple[int, ...]], expected: Mapping[str, tuple[int, ...]], classes: tuple[str, ...]
) -> Iterator[str]:
    """First the subjects with some of their clips, then those with none, then those out of place."""
    present = [subject for subject in expected if subject in found]
    differing = [subject for subject in present if found[subject] != expected[subject]]
    for subject in differing[:NAMED]:
        yield f"{_id(subject)}: {_class_differences(found[subject], expected[subject], classes)}"
    if len(differing) > NAMED:
        yield f"and {len(differing) - NAMED} more with other counts"
    if missing := [subject for subject in expected if subject not in found]:
        yield f"no clip of {_named(missing)}"
    if strange := [subject for subject in found if subject not in expected]:
        yield f"clips of {_named(strange)}, not in the protocol"


def _class_differences(found: tuple[int, ...], expected: tuple[int, ...], classes: tuple[str, ...]) -> str:
    differing = [entry for entry in zip(classes, found, expected, strict=True) if entry[1] != entry[2]]
    return ", ".join(f"{name} {here} of {full}" for name, here, full in differing)


def _named(subjects: list[str]) -> str:
    """`sub04, sub05`, or `22 subjects (sub03, sub04, sub05, sub06, ...)`."""
    names = ", ".join(map(_id, subjects[:NAMED]))
    return names if len(subjects) <= NAMED else f"{len(subjects)} subjects ({names}, ...)"


def _id(subject: str) -> str:
    return subject.rpartition("/")[2]
