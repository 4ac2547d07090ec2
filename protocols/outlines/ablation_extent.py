"""Table VI of MERba v1: local and global reach of the extractors and of attention, on DFME's Test B.

The paper has three of the four combinations; the fourth is ours to complete them. The rows of the run are
those of `config/ablations.yaml`.
"""

from protocols.definitions import dfme
from protocols.outlines import Outline

OUTLINE = Outline(
    name="ablation_extent",
    title="Local and global: extractors / attention (MERba v1, Table VI), DFME-public, Test B",
    protocol=dfme.PROTOCOL,
    parts=tuple(part for part in dfme.PROTOCOL.parts if part.name == "testB"),
    published="ablation_extent",
    rows=(
        ("local / local", "extent_local_local"),
        ("global / global", "extent_global_global"),
        ("local / global (proposed)", "extent_local_global"),
        ("global / local", "extent_global_local"),
    ),
    remarks=(
        "Rows differ in the reach of stages 2 and 3 alone: in stage 4 the map is one window. All have the "
        "same parameters.",
    ),
)
