"""ConvNeXt on flow pictures: the published size, and an augmentation that belongs to training alone."""

import pytest
import torch
import torch.nn.functional as F

from contracts.errors import InputError
from merba import create_model

TINY = {"backbone": "test_convnext", "image_size": 32, "margin": 4}
STILL = {"rotation": 0.0, "jitter": 0.0}


def enlarged(x, size):
    return F.interpolate(x, size=(size, size), mode="bicubic", antialias=True)


def test_the_backbone_is_convnext_tiny():
    """28.59 M parameters in the paper's table, with 1000 classes and three channels."""
    with torch.device("meta"):
        model = create_model("convnext_flow", 1000)
    assert sum(p.numel() for p in model.parameters()) == pytest.approx(28.59e6, abs=0.005e6)


def test_pictures_are_240_pixels_wide_and_their_middle_224_are_seen():
    with torch.device("meta"):
        model = create_model("convnext_flow")
    x = torch.randn(2, 3, 28, 28)
    torch.testing.assert_close(model.eval().picture(x), enlarged(x, 240)[:, :, 8:232, 8:232])


def test_a_training_crop_without_the_rest_is_a_cutting_of_whole_pixels():
    model = create_model("convnext_flow", **TINY, **STILL).train()
    x = torch.randn(40, 3, 28, 28)
    large, seen = enlarged(x, 36), model.picture(x)
    places = [(r, c) for r in range(5) for c in range(5)]
    cuttings = torch.stack([large[:, :, r : r + 32, c : c + 32] for r, c in places])
    distance = (cuttings - seen).abs().amax((2, 3, 4))
    assert (distance.amin(0) < 1e-4).all()
    assert len(distance.argmin(0).unique()) > 10


def test_rotation_turns_the_picture_about_its_middle():
    model = create_model("convnext_flow", **{**TINY, "margin": 0}, rotation=8.0, jitter=0.0).train()
    rows, columns = torch.meshgrid(torch.arange(32.0), torch.arange(32.0), indexing="ij")
    plane = torch.stack([columns, rows]) - 15.5
    x = torch.cat([plane, torch.zeros(1, 32, 32)]).expand(50, 3, 32, 32)
    seen = model.picture(x)[:, :2, 8:24, 8:24]
    # A turn keeps distances from the middle, so corners of the inner square lie where they did, but turned.
    before = plane[:, 8:24, 8:24].expand(50, -1, -1, -1)
    torch.testing.assert_close(seen.norm(dim=1), before.norm(dim=1), rtol=1e-3, atol=1e-3)
    angle = torch.atan2(seen[:, 1], seen[:, 0]) - torch.atan2(before[:, 1], before[:, 0])
    angle = torch.rad2deg((angle + torch.pi).remainder(2 * torch.pi) - torch.pi)
    assert (angle.amax((1, 2)) - angle.amin((1, 2)) < 0.1).all()
    turns = angle.mean((1, 2))
    assert turns.min() < -4 and turns.max() > 4 and turns.abs().max() <= 8.01


def test_jitter_scales_about_black_and_about_the_mean():
    model = create_model("convnext_flow", **{**TINY, "margin": 0}, rotation=0.0, jitter=0.2).train()
    x = torch.rand(50, 3, 32, 32) * 2 - 1
    seen = model.picture(x)
    contrast = seen.std((1, 2, 3)) / x.std((1, 2, 3))
    brightness = (seen.mean((1, 2, 3)) + 1) / (x.mean((1, 2, 3)) + 1)
    assert brightness.min() > 0.8 and brightness.max() < 1.2 and brightness.std() > 0.05
    assert contrast.min() > 0.64 and contrast.max() < 1.44
    torch.testing.assert_close(  # a clip's picture stays the same up to these two numbers
        (seen - seen.mean((1, 2, 3), keepdim=True)) / seen.std((1, 2, 3), keepdim=True),
        (x - x.mean((1, 2, 3), keepdim=True)) / x.std((1, 2, 3), keepdim=True),
        rtol=1e-3,
        atol=1e-3,
    )


def test_only_training_draws_and_a_seed_repeats_it():
    model, x = create_model("convnext_flow", **TINY), torch.randn(3, 3, 28, 28)
    model.train()
    first = [torch.manual_seed(7), model.picture(x)][1]
    assert not torch.equal(first, model.picture(x))
    assert torch.equal(first, [torch.manual_seed(7), model.picture(x)][1])
    model.eval()
    state = torch.get_rng_state()
    assert torch.equal(model(x), model(x))
    assert torch.equal(state, torch.get_rng_state())


def test_an_unknown_backbone_gets_the_nearest():
    with pytest.raises(InputError, match="'convnext_tiny'"):
        create_model("convnext_flow", backbone="convnext_tini")


def test_corners_that_a_rotation_frees_have_no_strain_where_there_is_none():
    """In `signed` coding no strain is -1, and 0 half of a clip's largest."""
    model = create_model("convnext_flow", **{**TINY, "margin": 0}, rotation=30.0, jitter=0.0).train()
    x = torch.rand(20, 3, 28, 28) * 2 - 1
    x[:, 2] = -1
    strain = model.picture(x)[:, 2]
    torch.testing.assert_close(strain, torch.full_like(strain, -1))
