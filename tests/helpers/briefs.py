"""Sizes and recipes at which a CPU learns a dozen clips by heart in seconds, model by model.

A model without an entry is small enough as it is. Real sizes are tested where they are counted.
"""

COMMON = {"warmup": 1, "cooldown": 1, "batch": 6, "lr": 5e-3, "flip": "none"}
BRIEFS = {
    "merba_base": {"dim": 8, "heads": [1, 2, 4]},
    "merba_small": {"dim": 8, "heads": [1, 2, 4]},
    "merba_tiny": {"epochs": 20},
    "mambavision_b": {
        "epochs": 20,
        "batch": 4,
        "lr": 1e-3,
        "dim": 8,
        "depths": [1, 1, 2, 2],
        "heads": [2, 4],
        "layer_scale": None,
    },
    "mambavision_tiny": {"epochs": 20},
    "ststnet": {"epochs": 120, "lr": 2e-3},
    "htnet": {"epochs": 60, "lr": 2e-3, "dim": 16, "depths": [1, 1, 1], "heads": 2},
    "featref": {"epochs": 30, "lr": 1e-3, "width": 32, "proposal_dropout": 0.0},
    "convnext_flow": {
        "epochs": 40,
        "lr": 2e-3,
        "decay": 1.0,
        "backbone": "test_convnext",
        "image_size": 64,
        "margin": 4,
        "layer_scale": 1.0,
    },
    "roi_transformer": {"epochs": 12, "lr": 1e-3, "depth": 2},
    "slstt": {
        "epochs": 20,
        "optimiser": "adam",
        "backbone": "vit_tiny_patch16_224",
        "image_size": 32,
        "hidden": 16,
        "layers": 1,
    },
    "meplan_reading": {"epochs": 10, "lr": 1e-3, "width": 8, "shrink": 4, "memory": 0.5},
    "mfdan_reading": {"epochs": 20, "batch": 4, "dim": 32, "depth": 2, "dropkey": 0.0},
}
_STILL = {"dropout": 0.0, "drop_path": 0.0}


def brief(name: str, options: dict, **changes) -> dict:
    """Overrides for `name`: small, quick, and without what is random between two steps."""
    return {**COMMON, **{key: 0.0 for key in _STILL if key in options}, **BRIEFS.get(name, {}), **changes}


def smaller(name: str, options: dict) -> dict:
    """The options among them: what `create_model` takes."""
    return {key: value for key, value in brief(name, options).items() if key in options}
