"""What a table shows: one file is one table beyond the protocols' own, found by file name.

A protocol's own table has every model of the run. An outline here, one `OUTLINE = Outline(...)` a file, picks
rows of a run by name, those of an ablation say, and puts them into the paper's order. It is written for
every run that has at least one of them.
"""

from collections.abc import Collection
from dataclasses import dataclass

from protocols import registry
from protocols.base import Part, Protocol

# What every table is written as.
FORMS = ("md", "csv", "tex", "html")


@dataclass(frozen=True)
class Outline:
    """A table before it has numbers.

    Attributes:
        name: stem of the table's files.
        title: as printed over it.
        protocol: whose scores it shows.
        parts: its columns, some or all of the protocol's.
        published: stem of the file in `results/published/`; empty if none.
        rows: (title, row of the run), top to bottom; either a published method of that title, a row of the
            run, or both in one. None: all published methods, then whatever else the run has.
        remarks: sentences to stand beside it.
    """

    name: str
    title: str
    protocol: Protocol
    parts: tuple[Part, ...]
    published: str
    rows: tuple[tuple[str, str], ...] | None = None
    remarks: tuple[str, ...] = ()


def own_outline(protocol: Protocol) -> Outline:
    """The protocol's own table: all its parts, all models."""
    return Outline(protocol.name, protocol.title, protocol, protocol.parts, protocol.published)


def list_outlines() -> list[Outline]:
    """All that are files here, by name."""
    return [registry.load(__name__, name, kind="outline").OUTLINE for name in registry.names(__name__)]


def outlines_of(protocol: Protocol, models: Collection[str]) -> list[Outline]:
    """The tables of a run with these rows under a protocol; the protocol's own comes first."""
    fitting = [one for one in list_outlines() if one.protocol.name == protocol.name]
    shown = [one for one in fitting if one.rows is None or any(model in models for _, model in one.rows)]
    return [own_outline(protocol), *shown]


def planned_tables(protocol: Protocol, models: Collection[str]) -> dict[str, list[str]]:
    """What `protocols.tables` will write of one protocol: kind -> stems, before anything ran."""
    kinds = {kind: [f"{protocol.name}_{kind}"] for kind in ("comparisons", "classes", "subjects")}
    strata = [f"{protocol.name}_strata"] if protocol.strata else []
    return {"scores": [one.name for one in outlines_of(protocol, models)], **kinds, "strata": strata}
