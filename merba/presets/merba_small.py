"""MERba at a quarter of the paper's width and less depth: 3.6 M parameters, for one small GPU."""

from merba.network import MERba
from merba.recipe import Recipe
from merba.registry import register_model

register_model(
    "merba_small", recipe=Recipe(), dim=32, local_depths=(1, 2, 1), heads=(2, 4, 8), drop_path=0.1
)(MERba)
