"""MERba at the paper's size: 93.9 M parameters with two channels and seven classes."""

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

register_model("merba_base")(MERba)
