"""MERba for two CPU cores: 0.1 M parameters, a leave-one-subject-out fold of 60 clips in seconds.

Sizes are chosen by measurement at 28 x 28 on one thread. Global attention over stage 2's 784 tokens alone
costs as much as everything else together, so that stage has none; stages 3 and 4 keep one block each. The
scan is the next largest part and halves with its states. In the 200 steps of a fold, MambaVision's small
start and its layer scale would leave the blocks mute: weights start by fan-in, unscaled, at six times the
paper's learning rate. Batches are small because the number of steps, not their noise, is what limits it.
"""

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
RECIPE = Recipe(epochs=24, batch=8, lr=3e-3, warmup=2, cooldown=2)

register_model(
    "merba_tiny",
    dim=8,
    conv_depth=1,
    local_depths=(1, 1, 1),
    global_depths=(0, 1, 1),
    heads=(1, 2, 4),
    states=2,
    mlp_ratio=2.0,
    dropout=0.0,
    drop_path=0.0,
    layer_scale=None,
    init_std=None,
)(MERba)
