"""MERba at a quarter of the paper's width and less depth: 3.6 M parameters, for one small GPU."""

from merba.network import MERba
from merba.paper import Paper
from merba.recipe import Recipe
from merba.registry import register_model

PAPER = Paper(
    cite="Mao, Liu, Zhao, Xu, Chen. MERba: Multi-Receptive Field MambaVision for Micro-Expression "
    "Recognition. arXiv 2506.14468, 2025",
    url="https://arxiv.org/abs/2506.14468",
    fidelity="paper",
    selection="unknown",
)
RECIPE = Recipe(precision="bf16")

register_model("merba_small", dim=32, local_depths=(1, 2, 1), heads=(2, 4, 8), drop_path=0.1)(MERba)
