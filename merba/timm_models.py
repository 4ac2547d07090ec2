"""The models under timm's roof: after `import merba.timm_models`, `timm.create_model("merba_base")` works.

timm's names for what the data decides are understood: `num_classes`, `in_chans`, `img_size`. Further options
are the model's own. No weights are published, so `pretrained=True` is refused.
"""

import sys
from collections.abc import Callable

from timm.models import register_model

from contracts.errors import InputError
from merba.registry import create_model, list_models


def _maker(name: str) -> Callable:
    def make(pretrained: bool = False, num_classes: int = 3, in_chans=None, img_size=None, **options):
        if pretrained:
            raise InputError(f"there are no pretrained weights of {name}", cure="leave out `pretrained`")
        # timm hands these to every maker; they are about pretrained weights.
        for key in ("pretrained_cfg", "pretrained_cfg_overlay", "cache_dir"):
            options.pop(key, None)
        return create_model(name, num_classes, in_chans, img_size, **options)

    make.__name__ = make.__qualname__ = name
    make.__module__ = __name__
    make.__doc__ = f"`merba.create_model({name!r})`."
    return make


# timm adds each registered name to its module's `__all__`.
__all__: list[str] = []
for _name in list_models():
    setattr(sys.modules[__name__], _name, register_model(_maker(_name)))
