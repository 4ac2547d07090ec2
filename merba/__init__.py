"""MERba and its rivals: networks on optical flow, training one fold, predicting it.

Knows arrays and clip ids; knows no folders of frames and no test labels. `python -m merba.train` and
`python -m merba.predict` are the two commands; importing the package loads no network and no torch.
"""

from merba.registry import create_model, list_models

__all__ = ["create_model", "list_models"]
