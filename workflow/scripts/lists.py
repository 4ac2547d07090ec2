"""Clip tables -> training lists per fold, the test list without labels, and the labels for the scorer."""

from pathlib import Path

import pandas as pd
from _job import logged

from contracts.clips import read_clips
from contracts.errors import InputError
from protocols import get_protocol
from protocols.lists import make_lists, write_lists

with logged(snakemake):
    clips = pd.concat([read_clips(path) for path in snakemake.input.clips], ignore_index=True)
    for corpus, excluded in snakemake.params.exclude.items():
        for clip_id in sorted(set(excluded) - set(clips.clip_id)):
            raise InputError(
                "an excluded clip is not in the corpus",
                clip=clip_id,
                cure=f"correct its spelling under corpora.{corpus}.exclude",
            )
    reasons = {
        clip_id: f"excluded in the configuration: {reason}"
        for excluded in snakemake.params.exclude.values()
        for clip_id, reason in excluded.items()
    }
    lists = make_lists(get_protocol(snakemake.params.protocol), clips, snakemake.params.subjects, reasons)
    write_lists(lists, Path(snakemake.output.test).parent, snakemake.output.labels)
    print("\n".join([lists.coverage.text(), *lists.coverage.differences]))
    print(f"{len(lists.test)} test clips in {lists.test.fold.nunique()} folds, {len(lists.skipped)} skipped")
