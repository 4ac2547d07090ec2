"""Bi-WOOF by hand on fields of one direction, and what its vector does not depend on."""

import math

import pytest
import torch

from contracts.errors import InputError
from merba import create_model

BLOCKS, BINS = 5, 8


def flow(seed=0, n=12):
    """Physical flow with strain as its sums weigh it: never negative."""
    random = torch.Generator().manual_seed(seed)
    x = torch.randn(n, 3, 28, 28, generator=random)
    x[:, 2].abs_()
    return x


def features(x):
    return create_model("biwoof").features(x).unflatten(1, (BLOCKS, BLOCKS, BINS))


def test_the_vector_has_200_numbers_and_length_1():
    vector = create_model("biwoof").features(flow())
    assert vector.shape == (12, 200)
    torch.testing.assert_close(vector.norm(dim=1), torch.ones(12))


@pytest.mark.parametrize("k", range(BINS))
def test_a_field_of_one_direction_fills_one_bin_of_each_block(k):
    """Strain 1 everywhere: a block weighs as many pixels as it has, 6 x 6 at a corner and 7 x 7 inside.

    A block of 28 // 5 = 5 pixels a side grows by one pixel towards each neighbour; the last also has the 3
    that are left over: sides 6, 7, 7, 7, 9.
    """
    angle = -math.pi + (k + 0.5) * math.pi / 4
    x = torch.ones(1, 3, 28, 28)
    x[:, 0], x[:, 1] = math.cos(angle), math.sin(angle)
    found = features(x)[0]
    side = torch.tensor([6.0, 7, 7, 7, 9])
    weight = side[:, None] * side
    torch.testing.assert_close(found[..., k], weight / weight.norm())
    assert found.sum() == found[..., k].sum()


@pytest.mark.parametrize(
    "u, v, k", [(1, 0, 4), (0, 1, 6), (-1, 0, 7), (-1, -0.0, 0), (0, -1, 2), (1, 1, 5), (-1, -1, 1)]
)
def test_bins_hold_their_lower_edge_and_the_last_one_the_half_turn(u, v, k):
    x = torch.ones(1, 3, 28, 28)
    x[:, 0], x[:, 1] = u, v
    assert features(x)[0, 0, 0].argmax() == k


def test_pixels_vote_with_their_magnitude_and_blocks_with_their_strain():
    x = torch.zeros(1, 3, 28, 28)
    x[0, :2, 2, 2] = torch.tensor([3.0, 4.0])  # block 0, 0; length 5, bin 5
    x[0, :2, 3, 3] = torch.tensor([-12.0, -5.0])  # block 0, 0; length 13, bin 0
    x[0, :2, 12, 27] = torch.tensor([1e-3, 0.0])  # block 2, 4; bin 4
    x[0, 2, 0, 0], x[0, 2, 12, 24], x[0, 2, 12, 26] = 2.0, 0.5, 1.0
    x[0, 2, 27, 0] = 7.0  # strain without motion
    expected = torch.zeros(BLOCKS, BLOCKS, BINS)
    expected[0, 0, 5], expected[0, 0, 0] = 2 * 5 / 18, 2 * 13 / 18
    expected[2, 4, 4] = 1.5
    torch.testing.assert_close(features(x)[0], expected / expected.norm())


def test_scaling_a_clips_flow_changes_nothing():
    x = flow()
    scale = torch.logspace(-3, 3, 12)[:, None, None, None]
    torch.testing.assert_close(features(x), features(x * scale))


def test_a_motionless_clip_is_all_zeros():
    assert features(torch.zeros(1, 3, 28, 28)).abs().sum() == 0


def test_stretched_flow_is_counted_from_its_middle():
    """As pictures and centred a field has one vector; that of physical flow, where 0 is the middle."""
    x = flow()
    x[:, :2].clamp_(-3, 3)
    x[:, :2, 0, 0], x[:, :2, 0, 1] = -3.0, 3.0
    strain = x[:, 2:] / x[:, 2:].amax((2, 3), keepdim=True)
    pictures = torch.cat([x[:, :2] / 3 * 127.5 + 127.5, strain * 255], 1)
    physical = torch.cat([x[:, :2], strain], 1)
    codings = {"physical": physical, "minmax": pictures, "signed": pictures / 127.5 - 1}
    y = torch.arange(12) % 3
    vectors = {}
    for name, coded in codings.items():
        model = create_model("biwoof")
        model.fit(coded, y)
        vectors[name] = model.features(coded)
    torch.testing.assert_close(vectors["minmax"], vectors["physical"], rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(vectors["signed"], vectors["physical"], rtol=1e-3, atol=1e-4)


def test_unusable_inputs_are_refused():
    with pytest.raises(InputError, match="u, v, strain"):
        create_model("biwoof", in_channels=2)
    with pytest.raises(InputError, match="at least 5"):
        create_model("biwoof", input_size=4)
