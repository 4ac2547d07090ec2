"""Clip tables -> training lists per fold, the test list without labels, and the labels for the scorer."""

from pathlib import Path

import pandas as pd
from _job import logged

from contracts.clips import read_clips
from protocols import get_protocol
from protocols.coverage import assert_official
from protocols.lists import make_lists, write_lists
from workflow.configuration import check_excluded

with logged(snakemake):
    clips = pd.concat([read_clips(path) for path in snakemake.input.clips], ignore_index=True)
    for corpus, excluded in snakemake.params.exclude.items():
        check_excluded(excluded, clips.clip_id, snakemake.params.providers[corpus])
    reasons = {
        clip_id: f"excluded in the configuration: {reason}"
        for excluded in snakemake.params.exclude.values()
        for clip_id, reason in excluded.items()
    }
    protocol = get_protocol(snakemake.params.protocol)
    lists = make_lists(protocol, clips, snakemake.params.subjects, reasons)
    if not snakemake.params.synthetic:
        assert_official(protocol, lists.coverage)
    write_lists(lists, Path(snakemake.output.test).parent, snakemake.output.labels)
    print("\n".join([lists.coverage.text(), *lists.coverage.differences]))
    print(f"{len(lists.test)} test clips in {lists.test.fold.nunique()} folds, {len(lists.skipped)} skipped")
