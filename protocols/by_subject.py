"""Accuracy of every model on every subject, as a table for a reader."""

from pathlib import Path

from protocols.base import Protocol
from protocols.layout import NONE, Cell, Grid, alarm_remark, heading, number
from protocols.runs import read_coverage, read_run, read_scored
from protocols.subjects import SUBJECT_COLUMNS


def lay_out_subjects(protocol: Protocol, results: str | Path) -> Grid:
    """Subject | clips | a column a model, in the order of the configuration.

    Raises:
        InputError: the scores are missing or malformed.
    """
    run = read_run(results)
    table = read_scored(results, f"subjects_{protocol.name}", SUBJECT_COLUMNS, ("clips", "accuracy"))
    found = sorted(set(table.model))
    models = [one for one in (run.models or {}).get(protocol.name, found) if one in found]
    accuracy = table.set_index(["model", "subject"]).accuracy
    rows = []
    for subject, clips in dict(zip(table.subject, table.clips, strict=True)).items():
        shown = [accuracy.get((model, subject)) for model in models]
        texts = [NONE if one is None else number(one, 2) for one in shown]
        rows.append([Cell(subject), Cell(str(int(clips))), *map(Cell, texts)])
    return Grid(
        title=f"{protocol.title}: accuracy by subject",
        remarks=[
            run.remark,
            read_coverage(results, protocol).remark,
            "Share of a subject's clips that are right, mean over seeds. Most subjects have few clips, and "
            "few have all classes: a row says whom no model reads, a cell says little.",
            *alarm_remark(run, protocol),
        ],
        blocks=[("", 2), (heading(run), len(models))],
        headings=["Subject", "Clips", *models],
        rows=rows,
        footnotes=[],
    )
