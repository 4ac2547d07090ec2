"""MambaVision at MERba tiny's size, for two CPU cores and for a comparison on equal terms.

Widths, one block of each kind a level, states, MLPs, start of the weights and recipe are those of
`merba_tiny`, and were chosen for that one. What differs is what the papers differ in: levels 1 and 2
convolve, and a Mixer reads the whole map once, row by row.
"""

from merba.baselines.mambavision_b import MambaVisionB
from merba.paper import Paper
from merba.recipe import Recipe
from merba.registry import register_model

PAPER = Paper(
    cite="Hatamizadeh, Kautz. MambaVision: A Hybrid Mamba-Transformer Vision Backbone. CVPR 2025",
    url="https://arxiv.org/abs/2407.08083",
    fidelity="published code",
    selection="unknown",
)
RECIPE = Recipe(epochs=24, batch=8, lr=3e-3, warmup=2, cooldown=2)

register_model(
    "mambavision_tiny",
    dim=8,
    depths=(1, 1, 2, 2),
    heads=(2, 4),
    states=2,
    mlp_ratio=2.0,
    dropout=0.0,
    drop_path=0.0,
    layer_scale=None,
    init_std=None,
)(MambaVisionB)
