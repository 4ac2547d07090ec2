"""Table VII of MERba v1: sets of scan directions, on DFME's Test B.

The symbols of the paper's six rows are lost in its text. Rows 1, 4, 5 and 6 follow from the prose; each of
rows 2 and 3 fits two sets. So the run has every set that fits any row, the candidates stand below the row
that they may be, and two controls have four passes and four Mixers as the proposed set has with a Mixer each:
what is left between them is the directions. The rows of the run are those of `config/ablations.yaml`.
"""

from protocols.definitions import dfme
from protocols.outlines import Outline

OUTLINE = Outline(
    name="ablation_directions",
    title="Scan directions (MERba v1, Table VII), DFME-public, Test B",
    protocol=dfme.PROTOCOL,
    parts=tuple(part for part in dfme.PROTOCOL.parts if part.name == "testB"),
    published="ablation_directions",
    rows=(
        ("row 1: h", "scan_h"),
        ("row 2: v, or h and v", ""),
        ("v (row 2, or none)", "scan_v"),
        ("h, v (row 2 or 3)", "scan_h_v"),
        ("row 3: h and v, or hz and vz", ""),
        ("hz, vz (row 3, or none)", "scan_hz_vz"),
        ("hz (not in the paper)", "scan_hz"),
        ("vz (not in the paper)", "scan_vz"),
        ("row 4: h, v, both backwards", "scan_h_v_backwards"),
        ("row 5: h, v, both mirrored", "scan_h_v_mirrored"),
        ("row 6: h, v, hz, vz (proposed)", "scan_h_v_hz_vz"),
        ("control: proposed, a Mixer each", "scan_h_v_hz_vz_separate"),
        ("control: h four times, a Mixer each", "scan_h_four_separate"),
    ),
    remarks=(
        "h, v: along rows and along columns; hz, vz: the same in zigzag. This run averages the directions, "
        "so that one of them is not a fourth of the size of four; how the paper fused fewer than four is "
        "not said.",
        "The printed column spans .049 of UF1, less than two standard deviations of one run's sampling noise "
        "on Test B (.029).",
        "The two controls have the same passes and the same parameters: what is left between them is the "
        "directions.",
    ),
)
