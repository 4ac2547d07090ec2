"""MERba for two CPU cores."""

from merba.network import MERba
from merba.recipe import Recipe
from merba.registry import register_model

register_model(
    "merba_tiny",
    recipe=Recipe(epochs=30, batch=16, lr=2e-3, warmup=3, cooldown=2),
    dim=8,
    conv_depth=1,
    local_depths=(1, 1, 1),
    global_depths=(1, 1, 1),
    heads=(1, 2, 4),
    states=4,
    mlp_ratio=2.0,
    dropout=0.0,
    drop_path=0.0,
    layer_scale=None,
)(MERba)
