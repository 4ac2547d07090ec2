"""A clip's sheet: the planted motion as the crop shows it, and what is drawn where something is missing."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from contracts.cache import write_cache
from contracts.errors import InputError
from contracts.files import write_csv
from preprocess.align import MATRIX_COLUMNS
from preprocess.flow import shrink
from preprocess.picture import clip_sheet, save
from preprocess.view import Pictures, Planted, View, planted_in_crop, read_view, similarity

SIZE = 64
CLIP = SimpleNamespace(
    clip_id="casme2/sub01/EP01",
    frames_dir="EP01",
    onset=1,
    offset=3,
    fps=200.0,
    emotion="surprise",
    action_units="1+2",
    range_source="annotated",
    pictures="raw",
)


def turned(scale, degrees, shift=(3.0, 5.0)):
    """A similarity matrix (2, 3)."""
    angle = np.radians(degrees)
    linear = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return np.column_stack([linear, shift])


def truth_of(u, v, origin=(0, 0)):
    flow = np.stack([u, v], axis=-1).astype(np.float32)
    return SimpleNamespace(origin=origin, flow=flow, flow_action_units=flow)


@pytest.mark.parametrize(("scale", "degrees"), [(1.0, 0.0), (0.5, 10.0), (1.3, -25.0), (0.8, 90.0)])
def test_planted_motion_turns_and_shrinks_with_the_crop_and_its_strain_does_neither(scale, degrees):
    y, x = np.mgrid[0:200, 0:200] - 100.0
    matrix = turned(scale, degrees)
    # The middle of the patch comes to the middle of the crop.
    matrix[:, 2] = SIZE / 2 - matrix[:, :2] @ [100, 100]
    moved = planted_in_crop(truth_of(np.full_like(x, 2.0), np.zeros_like(x)), matrix, SIZE)
    inside = (slice(28, 36), slice(28, 36))
    wanted = matrix[:, :2] @ [2, 0]
    for channel, value in enumerate([*wanted, 0]):
        np.testing.assert_allclose(moved[channel][inside], value, atol=1e-4)
    stretched = planted_in_crop(truth_of(0.02 * x, 0 * y), matrix, SIZE)
    np.testing.assert_allclose(stretched[2][inside], 0.02, atol=1e-4)


def test_nothing_is_claimed_where_the_generator_moved_nothing():
    patch = truth_of(np.ones((20, 20)), np.zeros((20, 20)), origin=(30, 10))
    planted = planted_in_crop(patch, np.eye(2, 3), SIZE)
    known = np.isfinite(planted[0])
    assert known[11:29, 31:49].all()
    assert not known[:9].any()
    assert not known[:, :29].any()


def test_scale_and_rotation_of_a_similarity():
    assert similarity(turned(0.7, -12.0)) == pytest.approx((0.7, -12.0))


@pytest.fixture
def made(tmp_path):
    """A raw clip's files, as the stages write them; returns a function that reads them with changed rows."""
    rng = np.random.default_rng(0)
    (tmp_path / "EP01").mkdir()
    for number in (1, 2, 3):
        pixels = rng.integers(0, 255, (80, 100), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / "EP01" / f"img{number}.png")
    points = {f"{axis}{k}": rng.uniform(20, 60) for k in range(68) for axis in "xy"}
    rows = {
        "faces": {"detector": "mtcnn", "score": 0.99, "candidates": 1, **points},
        "align": {**dict(zip(MATRIX_COLUMNS, turned(0.9, 3).ravel(), strict=True)), "residual": 1.5},
        "apex": {"apex": 2, "apex_source": "annotated"},
    }
    field = rng.normal(size=(3, SIZE, SIZE)).astype(np.float32)
    write_cache(tmp_path / "flow.h5", [CLIP.clip_id], field[None], {"flow": "tvl1"})
    write_cache(tmp_path / "cache.h5", [CLIP.clip_id], shrink(field, 28)[None], {"flow": "tvl1"})

    def view(clip=CLIP, **changes):
        for stage, row in rows.items():
            changed = {"clip_id": CLIP.clip_id, **row, **changes.get(stage, {})}
            write_csv(pd.DataFrame([changed]), tmp_path / f"{stage}.csv")
        stages = {stage: tmp_path / f"{stage}.csv" for stage in rows}
        return read_view(clip, tmp_path / "cache.h5", root=tmp_path, flow=tmp_path / "flow.h5", **stages)

    return view


def test_a_sheet_says_what_was_found_and_is_the_same_twice(made, tmp_path):
    view = made()
    said = "\n".join(view.facts)
    for fact in ("surprise, AU 1+2", "onset 1, apex 2, offset 3", "mtcnn", "scale 0.90, rotation +3.0°"):
        assert fact in said
    assert view.pictures.crop_landmarks.shape == (68, 2)
    for name in ("one.png", "two.png"):
        save(clip_sheet(view), tmp_path / name)
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()


def test_columns_that_a_table_may_have_are_told(made):
    view = made(
        faces={"decision": "two faces: the largest", "border": 0.25},
        align={"rule": "template"},
    )
    said = "\n".join(view.facts)
    for fact in ("decided: two faces: the largest", "outside of the frame: 25%", "by template"):
        assert fact in said


def test_an_owners_crop_without_landmarks_is_drawn_all_the_same(made, tmp_path):
    gone = {f"{axis}{k}": "" for k in range(68) for axis in "xy"}
    view = made(
        clip=SimpleNamespace(**{**vars(CLIP), "pictures": "cropped"}),
        faces={"detector": "none", "score": "", "candidates": 0, "border": "", **gone},
        align={"rule": "owner crop", "residual": ""},
    )
    assert view.pictures.landmarks is None
    assert "pictures: cropped" in view.facts
    save(clip_sheet(view), tmp_path / "sheet.png")


def test_a_clip_that_a_file_does_not_have_is_named(made):
    with pytest.raises(InputError, match="casme2/sub01/EP02: this file does not have the clip"):
        made(clip=SimpleNamespace(**{**vars(CLIP), "clip_id": "casme2/sub01/EP02"}))


def test_published_flow_is_drawn_by_itself(tmp_path):
    flow = np.random.default_rng(0).uniform(0, 255, (1, 3, 28, 28))
    write_cache(tmp_path / "cache.h5", [CLIP.clip_id], flow, {"flow": "published: elsewhere"}, "minmax")
    view = read_view(CLIP, tmp_path / "cache.h5")
    assert view.pictures is None
    assert view.coding == "minmax"
    texts = [ax.get_title() for ax in clip_sheet(view).axes]
    assert {"u, 28×28", "v, 28×28", "strain, 28×28"} <= set(texts)
    assert not any("crop" in text for text in texts)


def test_planted_motion_stands_beside_the_measured():
    field = np.zeros((3, SIZE, SIZE), np.float32)
    image = np.zeros((SIZE, SIZE), np.uint8)
    planted = Planted(7, np.full((68, 2), 30.0), np.full_like(field, np.nan))
    pictures = Pictures(image, image, image, image, None, None)
    figure = clip_sheet(View("a/b/c", [], [field, shrink(field, 28)], "physical", pictures, planted))
    assert {"u, planted, at frame 7", "u, 64×64", "u, 28×28"} <= {ax.get_title() for ax in figure.axes}
