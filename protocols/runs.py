"""Where a run keeps its results, and what it says about itself. Reads `results/` only, never `data/`."""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from contracts.errors import InputError
from contracts.files import read_csv
from protocols import get_protocol, list_protocols
from protocols.base import Protocol
from protocols.coverage import Coverage, complete
from protocols.lists import LABEL_COLUMNS
from protocols.registry import nearest

_CORPORA = {
    "synthetic": "The corpora of this run are synthetic: its numbers show that the pipeline works "
    "and are NOT comparable to the published ones.",
    "licensed": "This run used the licensed corpora.",
    "flows": "This run used flow of real clips that others have computed{title}, "
    "not flow computed from the recordings.",
    "unknown": "The run does not say which corpora it used: compare nothing with the published numbers.",
}


@dataclass(frozen=True)
class Run:
    """A run's own account, from `run.json`.

    Attributes:
        name: as configured.
        corpora: `synthetic`, `licensed`, `flows` (computed by others) or `unknown`.
        models: per protocol, the models that belong to the run, in the order of its configuration; None if
            it does not say.
        seeds: the seeds that belong to it; None if it does not say.
        fewer: per protocol, the seeds of models that have not all of them.
        title: of `flows`, what they are called; empty if it does not say.
        floors: per protocol, those of its models that show what little effort reaches.
        alarms: per protocol, its rows that learn from shuffled labels and must stay at chance.
        nested: per protocol, its rows whose number of epochs an inner split of the training subjects chose.
    """

    name: str
    corpora: str
    models: dict[str, list[str]] | None = None
    seeds: list[int] | None = None
    title: str = ""
    floors: dict[str, list[str]] = field(default_factory=dict)
    alarms: dict[str, list[str]] = field(default_factory=dict)
    fewer: dict[str, dict[str, list[int]]] = field(default_factory=dict)
    nested: dict[str, list[str]] = field(default_factory=dict)

    @classmethod
    def of(cls, record: dict, file: Path | None = None) -> "Run":
        """From what stands in a `run.json`; without corpora they are `unknown`.

        Args:
            file: where it stands, for messages.

        Raises:
            InputError: its corpora are none of those above.
        """
        corpora = record.get("corpora", "unknown")
        if corpora not in _CORPORA:
            raise InputError(f"corpora are {corpora!r}", file=file, cure=nearest(corpora, _CORPORA))
        return cls(
            record.get("run", ""),
            corpora,
            record.get("predictions"),
            record.get("seeds"),
            record.get("title", ""),
            record.get("floors", {}),
            {name: list(rows) for name, rows in _said_of_rows(record, "shuffle_labels").items()},
            _said_of_rows(record, "seeds"),
            {
                name: [row for row, selection in rows.items() if selection == "nested"]
                for name, rows in _said_of_rows(record, "selection").items()
            },
        )

    def seeds_of(self, protocol: str, model: str) -> list[int] | None:
        """The seeds that belong to a model; None if the run does not say."""
        return self.fewer.get(protocol, {}).get(model, self.seeds)

    @property
    def made_from(self) -> str:
        """A few words for a heading: `synthetic corpora`."""
        return "flow computed by others" if self.corpora == "flows" else f"{self.corpora} corpora"

    @property
    def remark(self) -> str:
        """The sentence that must stand beside the run's numbers: what they were made from."""
        return _CORPORA[self.corpora].format(title=f" ({self.title})" if self.title else "")


def read_run(results: str | Path) -> Run:
    """The run in folder `results`; without a `run.json` its corpora are `unknown`.

    Raises:
        InputError: there is no such folder, or its `run.json` does not read.
    """
    results = Path(results)
    return Run.of({"run": results.name} | read_record(results), results / "run.json")


def _said_of_rows(record: dict, key: str) -> dict[str, dict]:
    """Protocol -> row -> what the configuration says under a key, where it says something."""
    return {
        name: {row: settings[key] for row, settings in rows.items() if settings and settings.get(key)}
        for name, rows in record.get("config", {}).get("protocols", {}).items()
    }


def read_record(results: str | Path) -> dict:
    """The run's `run.json` as it stands; empty where there is none.

    Raises:
        InputError: there is no such results folder, or the file does not read.
    """
    results = Path(results)
    if not results.is_dir():
        raise InputError(
            "there is no such results folder", file=results, cure="run snakemake, or check --results"
        )
    path = results / "run.json"
    return _read_json(path) if path.exists() else {}


def find_predictions(results: str | Path) -> dict[str, dict[str, dict[int, Path]]]:
    """The prediction files of a run: protocol -> model -> seed -> path, each level sorted.

    They are the files that `run.json` says belong to the run, so that what an earlier configuration left
    behind does not count; everything found, where it does not say.

    Raises:
        InputError: one is missing, there is none, or a file's name or protocol is not understood.
    """
    run, folder = read_run(results), Path(results) / "predictions"
    if run.models is not None and run.seeds is not None:
        wanted = [
            (name, model, seed)
            for name in run.models
            for model in run.models[name]
            for seed in run.seeds_of(name, model)
        ]
    else:
        wanted = [_parse(path) for path in folder.glob("*/*/[!.]*.csv")]
    if not wanted:
        raise InputError("no predictions", file=folder, cure="run snakemake first")
    found: dict[str, dict[str, dict[int, Path]]] = {}
    for protocol, model, seed in sorted(wanted):
        path = folder / protocol / model / f"seed{seed}.csv"
        if not path.exists():
            raise InputError(
                "the predictions are missing", file=path, cure="run snakemake; it makes what is missing"
            )
        found.setdefault(protocol, {}).setdefault(model, {})[seed] = path
    return found


def _parse(path: Path) -> tuple[str, str, int]:
    """`predictions/<protocol>/<model>/seed<k>.csv` -> protocol, model, k."""
    protocol, model = path.parts[-3:-1]
    seed = re.fullmatch(r"seed(0|[1-9]\d*)", path.stem)
    if not seed:
        raise InputError("not a prediction file", file=path, cure="name it seed<k>.csv or take it away")
    if protocol not in list_protocols():
        raise InputError(
            "predictions of an unknown protocol", file=path, cure=nearest(protocol, list_protocols())
        )
    return protocol, model, int(seed[1])


def read_labels(results: str | Path, protocol: Protocol) -> pd.DataFrame:
    """Test labels of one protocol: text columns `clip_id, label, fold, part`.

    Raises:
        InputError: the file is missing, lacks a column, or holds a label or part the protocol does not know.
    """
    path = Path(results) / "labels" / f"{protocol.name}.csv"
    cure = "delete it and run snakemake again; its protocol rule writes it"
    if not path.exists():
        raise InputError(
            "the labels are missing", file=path, cure="run snakemake; its protocol rule writes them"
        )
    table = read_csv(path)
    if list(table.columns) != LABEL_COLUMNS:
        raise InputError(f"columns are {list(table.columns)}, expected {LABEL_COLUMNS}", file=path, cure=cure)
    for column, known in (("label", protocol.classes), ("part", protocol.counts)):
        wrong = ~table[column].isin(list(known))
        if wrong.any():
            row = table[wrong].iloc[0]
            raise InputError(f"unknown {column} {row[column]!r}", file=path, clip=row.clip_id, cure=cure)
    return table


def read_coverage(results: str | Path, protocol: Protocol) -> Coverage:
    """How much of the protocol a run covers; from the labels alone if the list-maker left no account."""
    path = Path(results) / "labels" / f"{protocol.name}.json"
    if path.exists():
        return Coverage.from_json(_read_json(path))
    return complete(protocol, read_labels(results, protocol).rename(columns={"part": "group"}))


def found_protocols(results: str | Path) -> list[Protocol]:
    """The protocols a run has scores for, of those that belong to it.

    Raises:
        InputError: it has none.
    """
    mine = read_run(results).models or list_protocols()
    found = [name for name in sorted(mine) if (Path(results) / "scores" / f"{name}.csv").exists()]
    if not found:
        raise InputError(
            "no scores",
            file=Path(results) / "scores",
            cure="run python -m protocols.scores on this folder first",
        )
    return [get_protocol(name) for name in found]


def read_scored(results: str | Path, name: str, columns: list[str], numbers: Iterable[str]) -> pd.DataFrame:
    """One table of `scores/`; `numbers` as float, nan where a cell is empty, the others as text.

    Raises:
        InputError: it is missing, has other columns or a cell that is no number.
    """
    path, cure = Path(results) / "scores" / f"{name}.csv", "run python -m protocols.scores on this folder"
    if not path.exists():
        raise InputError("the scores are missing", file=path, cure=cure)
    table = read_csv(path)
    if list(table.columns) != columns:
        raise InputError(f"columns are {list(table.columns)}, expected {columns}", file=path, cure=cure)
    numbers = list(numbers)
    try:
        return table.assign(**table[numbers].replace("", "nan").astype(float))
    except ValueError as error:
        raise InputError(f"a cell is not a number ({error})", file=path, cure=cure) from error


def _read_json(path: Path) -> dict:
    try:
        return json.loads(path.read_text())
    except ValueError as error:
        raise InputError(
            f"not readable JSON ({error})", file=path, cure="delete it and run snakemake again"
        ) from error
