"""One model's predictions in the form in which a challenge takes them.

    python -m protocols.submission --results results/paper --protocol dfme --model merba_base --seed 0 \\
        --out results/paper/submissions/dfme --clips data/paper/clips/dfme.csv
    python -m protocols.submission --results results/paper --protocol megc2019 --model ststnet --seed 0 \\
        --out results/paper/submissions/megc2019

A format is one file in `protocols/submissions/`. A run that does not cover the protocol's official list is
refused, unless `--partial` says that it is meant.
"""

import argparse
from pathlib import Path

import pandas as pd

from contracts.clips import read_clips
from contracts.errors import InputError
from contracts.files import whole
from contracts.predictions import read_predictions
from protocols import get_protocol
from protocols.base import Protocol
from protocols.cli import run_command
from protocols.registry import nearest
from protocols.runs import find_predictions, read_coverage, read_labels
from protocols.scores import join
from protocols.submissions import get_format


def write_submission(
    results: str | Path,
    protocol: Protocol,
    model: str,
    seed: int,
    out: str | Path,
    *,
    clips: str | Path | None = None,
    form: str | None = None,
    partial: bool = False,
) -> list[Path]:
    """Write one model's submission under `out`; returns the paths.

    Args:
        clips: the run's clip table, for formats in the order of the owner's sheet.
        form: the submission format; by default the one that serves `protocol`.
        partial: write what there is of a run that does not cover the official list.

    Raises:
        InputError: the run is partial, has no such predictions, or they are not those of its test clips; the
            format serves another protocol or needs the clip table; a clip is not in it.
    """
    module = get_format(form, protocol)
    coverage = read_coverage(results, protocol)
    if not coverage.complete and not partial:
        raise InputError(
            f"the run is not the full protocol: {'; '.join(coverage.differences)}",
            file=results,
            cure="add what is missing and run snakemake, or write what there is with --partial",
        )
    outcomes = _outcomes(results, protocol, model, seed)
    if clips is not None:
        outcomes = _with_sheet_rows(outcomes, Path(clips))
    written = []
    for name, content in module.files(outcomes, protocol).items():
        written.append(Path(out) / name)
        with whole(written[-1]) as path:
            path.write_bytes(content)
    return written


def _outcomes(results: str | Path, protocol: Protocol, model: str, seed: int) -> pd.DataFrame:
    found = find_predictions(results).get(protocol.name, {})
    if model not in found or seed not in found[model]:
        if not found:
            wanted, cure = f"protocol {protocol.name}", "run snakemake with this protocol configured"
        elif model not in found:
            wanted, cure = f"model {model}", nearest(model, found)
        else:
            wanted, cure = f"seed {seed} of {model}", nearest(str(seed), map(str, found[model]))
        raise InputError(f"the run has no predictions of {wanted}", file=results, cure=cure)
    path = found[model][seed]
    try:
        return join(read_predictions(path), read_labels(results, protocol), protocol)
    except InputError as error:
        raise InputError(error.problem, cure=error.cure, file=error.file or path, clip=error.clip) from error


def _with_sheet_rows(outcomes: pd.DataFrame, path: Path) -> pd.DataFrame:
    if not path.exists():
        raise InputError("there is no such clip table", file=path, cure="check --clips")
    rows = read_clips(path).set_index("clip_id").sheet_row
    if missing := sorted(set(outcomes.clip_id) - set(rows.index)):
        raise InputError(
            f"{len(missing)} test clips of the run are not in the clip table",
            file=path,
            clip=missing[0],
            cure="give the clip table of the same run",
        )
    return outcomes.assign(sheet_row=outcomes.clip_id.map(rows))


def _command(options: argparse.Namespace) -> list[Path]:
    return write_submission(
        options.results,
        get_protocol(options.protocol),
        options.model,
        options.seed,
        options.out,
        clips=options.clips,
        form=options.format,
        partial=options.partial,
    )


if __name__ == "__main__":
    run_command(
        __doc__,
        _command,
        protocol={"required": True, "help": "e.g. dfme"},
        model={"required": True, "help": "row name in the configuration, e.g. merba_base"},
        seed={"required": True, "type": int},
        out={"required": True, "type": Path, "help": "folder for the submission's files"},
        clips={"type": Path, "help": "the run's clip table, e.g. data/paper/clips/dfme.csv"},
        format={"help": "default: the one that serves the protocol"},
        partial={"action": "store_true", "help": "accept a run that does not cover the official list"},
    )
