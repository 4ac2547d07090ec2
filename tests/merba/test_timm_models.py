"""timm finds our models by name, with its own words for sizes."""

import pytest
import timm
import torch

import merba.timm_models  # noqa: F401
from contracts.errors import InputError
from merba import list_models


def test_timm_lists_and_makes_them():
    assert set(list_models()) <= set(timm.list_models())
    with torch.device("meta"):
        model = timm.create_model("merba_base", num_classes=7, in_chans=2, img_size=224)
        assert sum(p.numel() for p in model.parameters()) == pytest.approx(93.9e6, abs=0.1e6)
    tiny = timm.create_model("merba_tiny", num_classes=5, in_chans=3, states=1).eval()
    assert tiny(torch.randn(2, 3, 28, 28)).shape == (2, 5)


def test_there_are_no_pretrained_weights():
    with pytest.raises(InputError, match="no pretrained weights of merba_tiny"):
        timm.create_model("merba_tiny", pretrained=True)
    assert "pretrained" not in str(timm.list_pretrained("merba_*"))
