"""MambaVision-B: the published size, the order of its blocks, and how far each level sees."""

import pytest
import torch
from torch import nn

from contracts.errors import InputError
from merba import create_model
from merba.blocks import Attention, ConvBlock, Extractor

TINY = {"dim": 8, "depths": (1, 1, 4, 3), "heads": (2, 4), "layer_scale": None}


def count(model):
    return sum(p.numel() for p in model.parameters())


def test_it_has_the_published_number_of_parameters():
    with torch.device("meta"):
        assert count(create_model("mambavision_b", 1000, 3, 224)) == pytest.approx(97.69e6, abs=0.01e6)
        assert count(create_model("mambavision_b", 7, 3, 224)) == pytest.approx(96.67e6, abs=0.01e6)


def test_convolutions_first_then_mixers_then_attention():
    with torch.device("meta"):
        model = create_model("mambavision_b")
    for level in (model.level1, model.level2):
        assert [type(block) for block in level] == [ConvBlock] * 3 + [nn.Conv2d]
        assert not any(isinstance(part, nn.Linear | Attention) for part in level.modules())
    for level, mixers, attends in ((model.level3, 5, 5), (model.level4, 3, 2)):
        blocks = [block for block in level.modules() if isinstance(block, Extractor | Attention)]
        assert [type(block) for block in blocks] == [Extractor] * mixers + [Attention] * attends


@pytest.mark.parametrize("size", [28, 56, 112, 224])
def test_maps_are_merbas_at_every_input_size(size):
    model = create_model("mambavision_b", input_size=size, **TINY).eval()
    widths = []
    for level in (model.level2, model.level3, model.level4):
        level.register_forward_hook(lambda _, inputs, __: widths.append(tuple(inputs[0].shape[2:])))
    with torch.no_grad():
        assert model(torch.randn(1, 2, size, size)).shape == (1, 3)
    assert widths == [(28, 28), (14, 14), (7, 7)]


@pytest.mark.parametrize("level, width, side", [("level3", 32, 14), ("level4", 64, 7)])
def test_an_output_token_depends_on_every_input_token(level, width, side):
    level = create_model("mambavision_b", **TINY).eval().get_submodule(level)
    level.last = nn.Identity()
    x = torch.randn(1, width, side, side, requires_grad=True)
    level(x)[0, :, 0, 0].square().sum().backward()
    assert (x.grad.abs().sum(1) > 0).all()


def test_the_mixer_blocks_read_row_by_row():
    """The scan runs from the top left: the first token sees no farther than the one after it."""
    level = create_model("mambavision_b", **TINY).eval().level4
    block = level.extractors[0]
    x = torch.randn(1, 49, 64, requires_grad=True)
    block(x)[0, 0].square().sum().backward()
    assert x.grad.abs().sum(2)[0].nonzero().flatten().tolist() == [0, 1]


@pytest.mark.parametrize(
    "options, match",
    [({"depths": (1, 2, 3)}, "four"), ({"heads": (8,)}, "two"), ({"heads": (3, 4)}, "divisors")],
)
def test_impossible_sizes_are_refused(options, match):
    with pytest.raises(InputError, match=match):
        create_model("mambavision_b", **options)
    with pytest.raises(InputError, match="224"):
        create_model("mambavision_b", input_size=32)
