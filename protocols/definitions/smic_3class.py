"""SMIC-HS alone: leave-one-subject-out over its 16 subjects, three classes, 164 clips.

The clips, labels and subjects of MEGC2019's SMIC part, here trained on SMIC alone: a score of this protocol
and the SMIC column of MEGC2019's table come from different networks.

Source: Li, Pfister, Huang, Zhao, Pietikäinen, "A spontaneous micro-expression database: inducement,
collection and baseline", FG 2013.
"""

from protocols.base import Part, Protocol, corpus_of
from protocols.census import subjects_of, totals
from protocols.definitions import megc2019
from protocols.folds import leave_one_subject_out

PROTOCOL = Protocol(
    name="smic_3class",
    title="SMIC-HS, leave-one-subject-out, 3 classes",
    classes=megc2019.CLASSES,
    subjects=subjects_of(megc2019.SMIC),
    rule=megc2019.label,
    splitter=leave_one_subject_out,
    group=corpus_of,
    counts=totals(megc2019.SMIC, corpus_of),
    subject_counts=megc2019.SMIC,
    checksums={"smic": megc2019.PROTOCOL.checksums["smic"]},
    line=megc2019.line,
    parts=(Part("smic", "SMIC-HS", ("smic",)),),
    metrics=("uf1", "uar", "acc"),
    published="",
    source="Li et al., FG 2013; the SMIC part of the MEGC2019 organisers' list",
)
