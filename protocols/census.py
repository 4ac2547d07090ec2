"""Clips of each class, subject by subject: one compact table, from which subjects and totals follow."""

from collections.abc import Callable, Mapping

Census = Mapping[str, tuple[int, ...]]


def read_census(corpus: str, table: str) -> dict[str, tuple[int, ...]]:
    """`s01:3/2/1 s02:0/1/5` of corpus smic -> {`smic/s01`: (3, 2, 1), `smic/s02`: (0, 1, 5)}.

    Raises:
        ValueError: a subject stands there twice.
    """
    entries = [entry.split(":") for entry in table.split()]
    census = {f"{corpus}/{subject}": tuple(map(int, counts.split("/"))) for subject, counts in entries}
    if len(census) != len(entries):
        raise ValueError(f"a subject of {corpus} is counted twice")
    return census


def subjects_of(census: Census) -> dict[str, tuple[str, ...]]:
    """Per corpus, its subjects without prefix, in the census's order."""
    subjects: dict[str, tuple[str, ...]] = {}
    for namespaced in census:
        corpus, subject = namespaced.split("/")
        subjects[corpus] = (*subjects.get(corpus, ()), subject)
    return subjects


def totals(census: Census, group: Callable[[str], str]) -> dict[str, tuple[int, ...]]:
    """Per group, clips of each class."""
    summed: dict[str, tuple[int, ...]] = {}
    for subject, counts in census.items():
        before = summed.get(group(subject), (0,) * len(counts))
        summed[group(subject)] = tuple(a + b for a, b in zip(before, counts, strict=True))
    return summed
