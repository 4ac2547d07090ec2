"""MERba at the paper's size: 93.9 M parameters with two channels and seven classes."""

from merba.network import MERba
from merba.recipe import Recipe
from merba.registry import register_model

register_model("merba_base", recipe=Recipe())(MERba)
