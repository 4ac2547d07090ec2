"""Is this the protocol's full list, clip by clip, or a part of it?"""

import hashlib
from dataclasses import dataclass

import pandas as pd

from protocols.base import Protocol


@dataclass(frozen=True)
class GroupCoverage:
    """One group of a protocol: clips at hand, clips of the full list, and whether they are the same ones."""

    clips: int
    expected: int
    official: bool


@dataclass(frozen=True)
class Coverage:
    """How much of a protocol a run covers.

    Attributes:
        groups: per group of the protocol, in its order.
        differences: one line for each group that is not the official list, saying how it differs.
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

    def text(self) -> str:
        """`all 442 clips`, `77 of 442 clips, partial (...)`, or `442 of 442 clips, but not ...`."""
        if self.complete:
            return f"all {self.expected} clips"
        size = f"{self.clips} of {self.expected} clips"
        if self.clips >= self.expected:
            return f"{size}, but not the official list ({'; '.join(self.differences)})"
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
        groups = {name: GroupCoverage(**group) for name, group in stored["groups"].items()}
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
        groups[name] = GroupCoverage(len(rows), sum(expected), official)
        if not official:
            differences.append(f"{name}: {_difference(protocol, rows, expected)}")
    return Coverage(groups, tuple(differences))


def checksum(protocol: Protocol, labelled: pd.DataFrame) -> str:
    """SHA-256 of the list in the form in which the official lists' checksums were taken."""
    lines = sorted(
        protocol.line(clip, label).encode()
        for clip, label in zip(labelled.clip_id, labelled.label, strict=True)
    )
    return hashlib.sha256(b"".join(line + b"\n" for line in lines)).hexdigest()


def _difference(protocol: Protocol, rows: pd.DataFrame, expected: tuple[int, ...]) -> str:
    found = tuple(int((rows.label == label).sum()) for label in protocol.classes)
    if found == expected:
        return f"{sum(found)} clips and every class as in the full list, yet other clips or other labels"
    counts = ", ".join(
        f"{label} {here} of {full}"
        for label, here, full in zip(protocol.classes, found, expected, strict=True)
    )
    return f"{sum(found)} of {sum(expected)} clips: {counts}"
