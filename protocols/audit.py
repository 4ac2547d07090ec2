"""What choosing the epoch on the test subject gains: leaky figures beside the honest one, of one training.

    python -m protocols.audit --results results/public_flows

reads `audit/<protocol>/<model>/seed<k>.csv` (clip_id, fold, predicted: the class index after every epoch, one
digit each; `python -m merba.audit` makes them fold by fold) and `labels/` under that folder and writes
`audit/<protocol>.csv`: model, seed, rule, part, metric, value, n. `protocols.inflation` makes a table of it.

| rule | the epoch that counts | |
|---|---|---|
| last | the last | honest |
| best common | the last of those with the best UF1 pooled over test subjects, one for all folds | leaky |
| best on test subject | for each test subject, the last of those with most clips right | leaky |

Test sets that a protocol never pools, as Test A and Test B of DFME, have a best common epoch each.

The third is the rule of HTNet's public code and of several others (`results/published/README.md`). A leaky
figure is no result of a model: it shows how much of a published one the choice of the epoch explains.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from contracts.errors import InputError
from contracts.files import read_csv, write_csv
from protocols import get_protocol
from protocols.base import Protocol, subject_of
from protocols.cli import run_command
from protocols.metrics import get_metric, list_metrics
from protocols.runs import Run, read_labels, read_record
from protocols.scores import DECIMALS, count

RULES = {"last": "honest", "best common": "leaky", "best on test subject": "leaky"}


def audit_run(results: str | Path, record: dict | None = None) -> list[Path]:
    """Write the figures of every protocol that was audited; returns the paths.

    Args:
        record: what `run.json` says or, before a run has ended, will say; it names the rows and seeds that
            count. Without it the file itself is read.

    Raises:
        InputError: nothing was audited, or a file does not hold every test clip once, with as many epochs as
            the others.
    """
    folder = Path(results) / "audit"
    files: dict[str, dict[str, list[Path]]] = {}
    record = read_record(results) if record is None else record
    asked, run = record.get("config", {}).get("audit"), Run.of(record, Path(results) / "run.json")
    for path in sorted(folder.glob("*/*/seed*.csv")):
        protocol, model, seed = path.parts[-3], path.parts[-2], int(path.stem.removeprefix("seed"))
        # What an earlier configuration left behind does not count.
        seeds = run.seeds_of(protocol, model)
        if (asked is None or model in asked.get(protocol, ())) and (seeds is None or seed in seeds):
            files.setdefault(protocol, {}).setdefault(model, []).append(path)
    if not files:
        raise InputError("nothing was audited", file=folder, cure="run `snakemake audit` first")
    written = []
    for name, by_model in files.items():
        protocol = get_protocol(name)
        labels = read_labels(results, protocol)
        rows = []
        for model, paths in by_model.items():
            for path in paths:
                scores = audit(read_csv(path), labels, protocol, path)
                rows.append(scores.assign(model=model, seed=int(path.stem.removeprefix("seed"))))
        table = pd.concat(rows)[["model", "seed", "rule", "part", "metric", "value", "n"]]
        written.append(folder / f"{name}.csv")
        write_csv(table.round({"value": DECIMALS}), written[-1])
    return written


def audit(epochs: pd.DataFrame, labels: pd.DataFrame, protocol: Protocol, file: Path) -> pd.DataFrame:
    """Every metric on every part by every rule: columns `rule, part, metric, value, n`.

    Args:
        epochs: columns `clip_id, fold, predicted` of one model and seed.
        labels: columns `clip_id, label, fold, part`.
        file: where `epochs` came from, for messages.

    Raises:
        InputError: see `audit_run`.
    """
    joined = labels.merge(epochs, on="clip_id", how="outer", suffixes=("", "_used"), indicator=True)
    wrong = joined[
        (joined._merge != "both") | (joined.fold != joined.fold_used) | joined.clip_id.duplicated()
    ]
    cure = "delete it and run `snakemake audit` again"
    if len(wrong):
        raise InputError("not once in its own fold", file=file, clip=wrong.clip_id.iloc[0], cure=cure)
    length = joined.predicted.str.len()
    if length.nunique() != 1:
        odd = joined.clip_id[length != length.mode()[0]].iloc[0]
        raise InputError("another number of epochs than the others", file=file, clip=odd, cure=cure)
    if (odd := ~joined.predicted.str.fullmatch("[0-9]+")).any():
        raise InputError("not a digit an epoch", file=file, clip=joined.clip_id[odd].iloc[0], cure=cure)
    # (clips, epochs): a digit is a class index.
    said = np.array([[int(digit) for digit in word] for word in joined.predicted])
    if said.max() >= len(protocol.classes):
        raise InputError("a digit that is no class", file=file, cure=cure)
    rows = []
    for rule, epoch in chosen_epochs(said, joined, protocol).items():
        predicted = np.array(protocol.classes, dtype=object)[said[np.arange(len(said)), epoch]]
        for part in protocol.parts:
            own = joined.part.isin(part.groups)
            if own.any():
                matrix = count(joined.label[own], pd.Series(predicted)[own.to_numpy()], protocol)
                rows += [
                    (rule, part.name, name, get_metric(name)(matrix), own.sum()) for name in list_metrics()
                ]
    return pd.DataFrame(rows, columns=["rule", "part", "metric", "value", "n"])


def chosen_epochs(said: np.ndarray, clips: pd.DataFrame, protocol: Protocol) -> dict[str, np.ndarray]:
    """For each rule the epoch, counted from 0, that counts for each clip: int64 (clips,).

    Args:
        said: class indices (clips, epochs).
        clips: columns `clip_id, label, part` of the same clips.
    """
    truth = np.array([protocol.classes.index(label) for label in clips.label])
    last = said.shape[1] - 1
    common, best = np.full((2, len(said)), last)
    for part in protocol.widest:
        rows = np.flatnonzero(clips.part.isin(part.groups))
        if len(rows):
            common[rows] = last - np.argmax(_pooled_uf1(said[rows], truth[rows], protocol)[::-1])
    for rows in clips.groupby(clips.clip_id.map(subject_of)).indices.values():
        hits = (said[rows] == truth[rows, None]).sum(0)
        best[rows] = last - np.argmax(hits[::-1])
    return {"last": np.full(len(said), last), "best common": common, "best on test subject": best}


def _pooled_uf1(said: np.ndarray, truth: np.ndarray, protocol: Protocol) -> np.ndarray:
    """After every epoch: class indices (clips, epochs) and (clips,) -> (epochs,)."""
    classes = len(protocol.classes)
    cells = classes * truth[:, None] + said
    counts = np.stack([np.bincount(column, minlength=classes**2) for column in cells.T])
    return get_metric("uf1")(counts.reshape(-1, classes, classes))


if __name__ == "__main__":
    run_command(__doc__, lambda options: audit_run(options.results))
