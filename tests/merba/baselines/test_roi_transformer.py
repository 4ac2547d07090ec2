"""Regional flow: what the regions see, the nose tip that is taken off, and padding that says nothing."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from toy_clips import planted_clips

from contracts.sequences import Sequence
from merba import create_model
from merba.baselines.roi_transformer import (
    FRAMES,
    HALF,
    NOSE_TIP,
    REGIONS,
    RoiTransformer,
    box,
    regional_flow,
)
from preprocess.align import EYE_DISTANCE, template


def clip(flow):
    length, _, size, _ = flow.shape
    flow[0] = 0
    frames = np.zeros((length, size, size), np.uint8)
    return Sequence(frames, flow, np.arange(length) + 1.0, 2.0)


def noise(length=8, size=56, seed=0):
    return np.random.default_rng(seed).normal(size=(length, 3, size, size)).astype(np.float32)


def test_parameters_are_those_of_the_published_sizes():
    """Linear 36-64 2,368 and LN 128; class token 64 and 26 positions of 64 1,664; five layers of two LN 256,
    q, k, v 64 x 1536 98,304, out 512-64 32,832, MLP 64-64-64 8,320; LN 128 and the head 64-3 195."""
    layers = 5 * (256 + 98_304 + 32_832 + 8_320)
    expected = 2_368 + 128 + 64 + 1_664 + layers + 128 + 195
    assert sum(p.numel() for p in create_model("roi_transformer", 3).parameters()) == expected == 703_107


def test_regions_lie_on_the_template_the_crops_are_aligned_to():
    size = 224
    points = template(size)
    unit = EYE_DISTANCE * size
    for landmark, region in ((31, (-0.2, 0.45)), (35, (0.2, 0.45))):
        rows, columns = box(region, size)
        x, y = points[landmark]
        assert region in REGIONS
        assert columns.start <= x < columns.stop
        assert rows.start <= y < rows.stop
    assert len(REGIONS) == len(set(REGIONS)) == 18
    for region in REGIONS:
        rows, columns = box(region, size)
        assert min(rows.start, columns.start) >= 0
        assert max(rows.stop, columns.stop) <= size
        assert rows.stop - rows.start == pytest.approx(2 * HALF * unit, abs=1)


@pytest.mark.parametrize("size", [28, 112])
def test_a_region_sees_its_own_movement_and_the_nose_is_the_reference(size):
    for k, region in enumerate([*REGIONS, NOSE_TIP]):
        flow = np.zeros((1, 2, size, size), np.float32)
        flow[:, :, *box(region, size)] = np.array([1.5, -0.5]).reshape(2, 1, 1)
        found = regional_flow(flow)[0]
        if region == NOSE_TIP:
            np.testing.assert_allclose(found, np.tile([-1.5, 0.5], (18, 1)), rtol=1e-6)
        else:
            np.testing.assert_allclose(found[k], [1.5, -0.5], rtol=1e-6)


def test_the_longest_quarter_of_the_vectors_counts():
    flow = np.zeros((1, 2, 112, 112), np.float32)
    rows, columns = box(REGIONS[0], 112)
    cells = (rows.stop - rows.start) * (columns.stop - columns.start)
    inside = flow[0, 0, rows, columns]
    inside.flat[: round(cells / 4)] = 4.0
    flow[0, 0, rows, columns] = inside
    assert regional_flow(flow)[0, 0].tolist() == [4.0, 0.0]


@settings(max_examples=20, deadline=None)
@given(st.floats(-3, 3, width=32), st.floats(-3, 3, width=32), st.integers(0, 99))
def test_a_motion_of_the_whole_head_changes_nothing(u, v, seed):
    # In double precision, where rounding does not reorder two vectors of nearly one length.
    flow = noise(3, seed=seed)[:, :2].astype(np.float64)
    moved = flow + np.array([u, v]).reshape(1, 2, 1, 1)
    np.testing.assert_allclose(regional_flow(moved), regional_flow(flow), atol=1e-5)


@pytest.mark.parametrize("length", [2, 10, 26, 27, 80])
def test_every_clip_becomes_25_frames_with_its_ends(length):
    flow = noise(length, 28)
    seen = RoiTransformer.see(clip(flow))
    assert seen.shape == (FRAMES, 37)
    real = int(seen[:, -1].sum())
    assert real == min(length - 1, FRAMES)
    assert not seen[real:].any()
    expected = regional_flow(flow[[1, -1], :2]).reshape(2, -1)
    np.testing.assert_array_equal(seen[[0, real - 1], :-1], expected)


def test_padding_is_not_attended_to():
    model = create_model("roi_transformer").eval()
    x = torch.from_numpy(RoiTransformer.see(clip(noise(9, 28))))[None]
    other = x.clone()
    other[:, 8:, :-1] = 5.0
    assert not model(x).equal(model(torch.cat([x[:, 1:], x[:, :1]], 1))), "frames count"
    torch.testing.assert_close(model(other), model(x))


def test_the_mirror_of_the_view_is_the_view_of_the_mirrored_face():
    flow = noise(9)
    mirrored = flow[..., ::-1].copy()
    mirrored[:, 0] *= -1
    own, other = (torch.from_numpy(RoiTransformer.see(clip(one))) for one in (flow, mirrored))
    torch.testing.assert_close(RoiTransformer.mirror(own), other, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(RoiTransformer.mirror(RoiTransformer.mirror(own)), own)


def test_a_brow_that_rises_is_seen_at_the_brow():
    """A planted surprise: the brow regions move up, the nose's wings hardly."""
    clips, labels = planted_clips(6, None, 112)
    surprise = RoiTransformer.see(clips[labels.index("surprise")])
    v = surprise[:, :-1].reshape(FRAMES, 18, 2)[..., 1]
    assert v[:, 2:4].min() < -2
    assert np.abs(v[:, 10:12]).max() < 1
