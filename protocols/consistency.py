"""Can a printed row be true? UF1 and UAR of three classes, tried against every confusion count there is.

    python -m protocols.consistency                                        # results/published/3db.csv
    python -m protocols.consistency --uf1 .2000 --uar .5280 --counts 70 51 43

Two questions. *Is the pair possible?* UAR depends on the hits of each class (TP) alone, and few triples of
hits give a printed one; for each, UF1 further depends on how the misses spread over the classes (FP), and
these ways are few enough to try them all. *Do the rows per corpus add up to the combined row?* Every
combination of counts that the rows allow is pooled, TP, FP and FN summed as MEGC 2019 asks, and the nearest
is taken.

A number counts as given where it is no more than one unit of its last decimal away: authors round, or cut
off. A row that fails is not one run's pooled predictions on these clips. Why is not said: another clip list,
rows of several runs or epochs, another averaging, another metric, a slip of the pen.
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from contracts.errors import InputError
from protocols import get_protocol
from protocols.published import Method, read_published

PROTOCOL = "megc2019"
# Printed decimals are no exact binary fractions.
_SLACK = 1e-9


@dataclass(frozen=True)
class Pair:
    """A printed UF1 and UAR, and of either the unit of its last decimal."""

    uf1: float
    uar: float
    uf1_unit: float = 1e-4
    uar_unit: float = 1e-4

    @property
    def unit(self) -> float:
        """The coarser of the two."""
        return max(self.uf1_unit, self.uar_unit)

    def __str__(self) -> str:
        return f"UF1 {self.uf1:.4f}, UAR {self.uar:.4f}"


@dataclass(frozen=True)
class Fit:
    """The counts that give a pair.

    Attributes:
        states: (n, 6) int, TP and FP of the three classes; n is 0 if the pair is impossible.
        uf1_range: the least and the greatest UF1 that goes with this UAR; None if no counts give it.
    """

    states: np.ndarray
    uf1_range: tuple[float, float] | None


@dataclass(frozen=True)
class Pooled:
    """The combination of rows that comes nearest to a printed combined row.

    Attributes:
        uf1, uar: of that combination.
        distance: to what is printed, the larger of the two differences.
        step: what one hit more changes UAR by, at the least.
        uar_range: the least and the greatest pooled UAR that the rows allow.
    """

    uf1: float
    uar: float
    distance: float
    step: float
    uar_range: tuple[float, float]


def fit(pair: Pair, clips: Sequence[int]) -> Fit:
    """Every confusion count that gives a printed pair.

    Args:
        clips: of each of the three classes, as given by the protocol.

    Raises:
        InputError: not three classes, each with a clip.
    """
    if len(clips) != 3 or min(clips) < 1:
        raise InputError(
            f"clips of the classes are {list(clips)}", cure="give three numbers, each one or more"
        )
    clips = np.asarray(clips)
    hits = _grid(*(clips + 1))
    found, extremes = [], []
    for tp in hits[abs((hits / clips).mean(axis=1) - pair.uar) < pair.uar_unit + _SLACK]:
        fp = _false_alarms(clips - tp)
        uf1 = _uf1(clips, tp, fp)
        extremes += [uf1.min(), uf1.max()]
        fp = fp[abs(uf1 - pair.uf1) < pair.uf1_unit + _SLACK]
        found.append(np.hstack([np.broadcast_to(tp, fp.shape), fp]))
    if not found:
        return Fit(np.empty((0, 6), dtype=int), None)
    return Fit(np.concatenate(found), (float(min(extremes)), float(max(extremes))))


def pool(combined: Pair, fits: Sequence[Fit], clips: Sequence[Sequence[int]]) -> Pooled:
    """The nearest that the rows come to the combined one; the search ends at the first that rounds to it.

    Args:
        fits: of the rows, none of them impossible.
        clips: of each row, as for `fit`.
    """
    *others, last = sorted((one.states for one in fits), key=len)
    clips = np.sum(clips, axis=0)
    sums = others[0]
    for states in others[1:]:
        sums = np.unique((sums[:, None] + states).reshape(-1, 6), axis=0)
    # UAR is linear in TP: only sums within the best distance so far on its axis need to be looked at.
    recall = (sums[:, :3] / clips).mean(axis=1)
    order = np.argsort(recall, kind="stable")
    sums, recall = sums[order], recall[order]
    added = (last[:, :3] / clips).mean(axis=1)
    best = (np.inf, np.nan, np.nan)
    for state, own in zip(last, added, strict=True):
        low, high = np.searchsorted(recall, [combined.uar - own - best[0], combined.uar - own + best[0]])
        if low == high:
            continue
        pooled = sums[low:high] + state
        uf1, uar = _uf1(clips, pooled[:, :3], pooled[:, 3:]), recall[low:high] + own
        distance = np.maximum(abs(uf1 - combined.uf1), abs(uar - combined.uar))
        k = distance.argmin()
        best = min(best, (float(distance[k]), float(uf1[k]), float(uar[k])))
        if best[0] < combined.unit / 2 + _SLACK:
            break
    reach = tuple(float(limit(recall) + limit(added)) for limit in (np.min, np.max))
    return Pooled(best[1], best[2], best[0], float(1 / (3 * clips.max())), reach)


def check_method(
    rows: Mapping[str, Pair], combined: str, clips: Mapping[str, Sequence[int]]
) -> tuple[dict[str, Fit], Pooled | None]:
    """The fits of a method's rows, and their pooled sum; None where a row is impossible or not printed.

    Args:
        rows: part -> printed pair, the combined one included.
        combined: the name of that part.
        clips: part -> clips of each class, without the combined part.
    """
    fits = {part: fit(rows[part], clips[part]) for part in clips if part in rows}
    if combined in rows and fits.keys() == clips.keys() and all(len(one.states) for one in fits.values()):
        return fits, pool(rows[combined], list(fits.values()), list(clips.values()))
    return fits, None


def rows_of(method: Method, *, corrected: bool = False) -> dict[str, Pair]:
    """A published method's pairs, as printed or as corrected; only parts of which both numbers are printed.

    Where all its numbers end in 0 they were printed with a decimal less, and quoted with one too many.
    """
    numbers = {
        key: value.shown if corrected else value.printed
        for key, value in method.values.items()
        if key[1] in ("uf1", "uar")
    }
    unit = 10.0 ** -max((len(repr(number).partition(".")[2]) for number in numbers.values()), default=4)
    parts = [part for part, metric in numbers if metric == "uf1" and (part, "uar") in numbers]
    return {part: Pair(numbers[part, "uf1"], numbers[part, "uar"], unit, unit) for part in parts}


def verdict(pair: Pair, found: Fit) -> str:
    """What there is to say of one pair."""
    if found.uf1_range is None:
        return f"{pair}: impossible, no counts give this UAR"
    limits = "UF1 from {:.4f} to {:.4f}".format(*found.uf1_range)
    if len(found.states):
        ways = "one way" if len(found.states) == 1 else f"{len(found.states)} ways"
        return f"{pair}: possible, in {ways} (this UAR allows {limits})"
    return f"{pair}: IMPOSSIBLE: this UAR allows {limits}" + (
        ", but none this near" if found.uf1_range[0] <= pair.uf1 <= found.uf1_range[1] else ""
    )


def verdict_on_sum(combined: Pair, found: Pooled) -> str:
    """What there is to say of the combined row."""
    if found.distance < combined.unit + _SLACK:
        return f"{combined}: the rows add up"
    said = f"nearest sum UF1 {found.uf1:.4f}, UAR {found.uar:.4f}, off by {found.distance:.5f}"
    said += f" (one clip changes UAR by {found.step:.4f} or more)"
    least, greatest = found.uar_range
    if not least - combined.unit <= combined.uar <= greatest + combined.unit:
        said += f"; the rows allow a UAR from {least:.4f} to {greatest:.4f}"
    return f"{combined}: the rows do NOT add up: {said}"


def report(published: str | Path) -> list[str]:
    """Verdicts on every method of `3db.csv` as printed, and as corrected where that differs."""
    protocol = get_protocol(PROTOCOL)
    whole, *parts = protocol.parts
    clips = {part.name: protocol.counts[part.name] for part in parts}
    lines = []
    for method in read_published(published, protocol.published, protocol.parts):
        printed, corrected = rows_of(method), rows_of(method, corrected=True)
        for name, rows in ((method.name, printed), (f"{method.name}, corrected", corrected)):
            if rows is corrected and corrected == printed:
                continue
            fits, pooled = check_method(rows, whole.name, clips)
            said = {
                part.title: verdict(rows[part.name], fits[part.name])
                if part.name in rows
                else "not tried, not both numbers are printed"
                for part in parts
            }
            said[whole.title] = _said_of_sum(rows.get(whole.name), pooled, len(fits) == len(parts))
            lines += [name, *(f"  {title:9} {text}" for title, text in said.items())]
    return lines


def _said_of_sum(combined: Pair | None, pooled: Pooled | None, printed: bool) -> str:
    """`printed`: whether both numbers of every row are."""
    if combined is None:
        return "not tried, not both numbers are printed"
    if pooled is None:
        return f"{combined}: not tried, a row is {'impossible' if printed else 'not printed'}"
    return verdict_on_sum(combined, pooled)


def _grid(*sizes: int) -> np.ndarray:
    """All index tuples of an array of these sizes, one a row."""
    return np.indices(sizes).reshape(len(sizes), -1).T


def _false_alarms(misses: np.ndarray) -> np.ndarray:
    """Every FP triple that goes with the misses of three classes.

    A class cannot receive its own misses, so that none receives more than the others have; that is enough
    (Hall's theorem: two classes' misses together can go anywhere).
    """
    total = misses.sum()
    most = total - misses
    two = _grid(most[0] + 1, most[1] + 1)
    fp = np.column_stack([two, total - two.sum(axis=1)])
    return fp[(fp[:, 2] >= 0) & (fp[:, 2] <= most[2])]


def _uf1(clips: np.ndarray, tp: np.ndarray, fp: np.ndarray) -> np.ndarray:
    return (2 * tp / (clips + tp + fp)).mean(axis=-1)


def _number(text: str) -> tuple[float, int]:
    """`.5280` -> .528 and its 4 decimals."""
    value = float(text)
    if not 0 <= value <= 1:
        raise ValueError
    return value, len(text.partition(".")[2])


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the verdicts; status 1 for a single pair that is impossible."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--published", type=Path, default=Path("results/published"), help="folder of 3db.csv")
    parser.add_argument("--uf1", type=_number, help="one printed UF1, with all its decimals")
    parser.add_argument("--uar", type=_number, help="the UAR beside it")
    parser.add_argument("--counts", type=int, nargs=3, help="clips of the three classes")
    options = parser.parse_args(arguments)
    single = (options.uf1, options.uar, options.counts)
    if any(single) and not all(single):
        parser.error("--uf1, --uar and --counts go together")
    try:
        if not options.counts:
            print("\n".join(report(options.published)))
            return
        (uf1, uf1_decimals), (uar, uar_decimals) = options.uf1, options.uar
        pair = Pair(uf1, uar, 10.0**-uf1_decimals, 10.0**-uar_decimals)
        found = fit(pair, options.counts)
    except InputError as error:
        sys.exit(str(error))
    print(verdict(pair, found))
    sys.exit(0 if len(found.states) else 1)


if __name__ == "__main__":
    main()
