"""One similarity per clip: exact where the truth is a similarity, and shared by all frames."""

import cv2
import numpy as np
import pytest

from preprocess.align import EYE_DISTANCE, crop, estimate, fit, map_points, template


def face(scale=1.7, turn=0.2, shift=(300.0, 200.0), size=224):
    """68 points whose anchors are the template under a known similarity."""
    points = np.zeros((68, 2))
    points[list(template(size))] = list(template(size).values())
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    return scale * points @ rotation.T + shift


def test_a_similarity_is_undone_exactly():
    landmarks = face()
    matrix, residual = estimate(landmarks)
    mapped = map_points(landmarks, matrix)
    anchors = list(template())
    np.testing.assert_allclose(mapped[anchors], list(template().values()), atol=1e-8)
    assert residual < 1e-8


@pytest.mark.parametrize("size", [112, 224])
def test_the_eye_distance_in_the_crop_is_fixed(size):
    landmarks = face()
    matrix, _ = estimate(landmarks, size)
    left, right = map_points(landmarks[[36, 45]], matrix)
    assert np.linalg.norm(right - left) == pytest.approx(EYE_DISTANCE * size)
    assert left[0] < right[0]
    assert left[1] == pytest.approx(right[1])


def test_the_transform_never_mirrors_or_shears():
    landmarks = face() + np.random.default_rng(0).normal(scale=3, size=(68, 2))
    (a, b, _), (c, d, _) = estimate(landmarks)[0]
    assert a == pytest.approx(d)
    assert b == pytest.approx(-c)
    assert a * d - b * c > 0


def test_the_template_is_symmetric_and_inside_the_crop():
    places = template(224)
    for left, right in ((36, 45), (39, 42), (31, 35)):
        assert places[left][0] + places[right][0] == pytest.approx(224)
        assert places[left][1] == pytest.approx(places[right][1])
    assert all(0 < coordinate < 224 for place in places.values() for coordinate in place)


def test_the_crop_shows_what_the_matrix_says():
    image = np.zeros((480, 640), np.uint8)
    image[200:260, 300:380] = 255
    matrix = np.array([[0.5, 0, -100.0], [0, 0.5, -60.0]])
    shown = crop(image, matrix)
    assert shown.shape == (224, 224)
    assert shown.dtype == np.uint8
    assert shown[55, 70] == 255  # raw (340, 230)
    assert shown[20, 20] == 0


def shrunk(scale, turn=0.0, shift=(0.0, 0.0)):
    """A similarity by so many crop pixels a frame pixel."""
    return np.array(
        [
            [scale * np.cos(turn), -scale * np.sin(turn), shift[0]],
            [scale * np.sin(turn), scale * np.cos(turn), shift[1]],
        ]
    )


def sampled(image, matrix, size):
    """Bilinear samples at the places of the crop's pixels, and no more."""
    return cv2.warpAffine(
        image, matrix, (size, size), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )


@pytest.mark.parametrize("scale", [0.5, 0.25])
def test_texture_finer_than_the_crops_pixels_vanishes_instead_of_folding(scale):
    """Stripes of 2.2 pixels; the crop's pixels lie on the frame's, where samples see all of them."""
    x = np.arange(400)
    stripes = np.tile(128 + 100 * np.cos(2 * np.pi * 0.45 * x), (400, 1)).round().astype(np.uint8)
    matrix = shrunk(scale, shift=(-5, -5))
    assert sampled(stripes, matrix, 64).std() > 60
    assert crop(stripes, matrix, 64).std() < 3
    assert crop(stripes, matrix, 64).mean() == pytest.approx(128, abs=1)


@pytest.mark.parametrize("scale", [0.7, 0.4, 0.13])
def test_a_smooth_picture_lies_where_the_matrix_says_at_any_scale(scale):
    """To a quarter of a grey level: half a finer pixel off, the flanks would be off by twice as much."""
    y, x = np.mgrid[:400, :400]
    width = 12 / scale

    def hill(x, y):
        return 128 + 100 * np.exp(-((x - 210) ** 2 + (y - 190) ** 2) / (2 * width**2))

    matrix = shrunk(scale, turn=0.3)
    matrix[:, 2] = (25.3, 22.6) - matrix[:, :2] @ (210, 190)
    shown = crop(hill(x, y).astype(np.float32), matrix, 48)
    v, u = np.mgrid[:48, :48]
    places = np.linalg.inv(matrix[:, :2]) @ (np.stack([u.ravel(), v.ravel()]) - matrix[:, 2:])
    inside = (np.abs(places - 199.5) < 190).all(axis=0)
    assert shown.dtype == np.float32
    assert inside.sum() > 200
    assert np.abs(shown.ravel() - hill(*places))[inside].max() < 0.25


@pytest.mark.parametrize("scale", [0.76, 0.9, 1.0, 1.7])
def test_from_three_quarters_of_the_frames_scale_on_the_crop_is_its_samples(scale):
    image = np.random.default_rng(0).integers(0, 255, (300, 300), dtype=np.uint8)
    matrix = shrunk(scale, turn=0.1, shift=(3.3, -20.2))
    np.testing.assert_array_equal(crop(image, matrix, 112), sampled(image, matrix, 112))


def test_landmarks_in_one_point_are_no_face():
    with pytest.raises(ValueError, match="no face"):
        estimate(np.ones((68, 2)))


@pytest.mark.parametrize(("width", "height"), [(280, 340), (340, 280), (60, 60), (171, 139)])
@pytest.mark.parametrize("size", [112, 224])
def test_an_owners_crop_fills_the_square_with_its_longer_side(width, height, size):
    matrix = fit(width, height, size)
    edges = map_points(np.array([[-0.5, -0.5], [width - 0.5, height - 0.5]]), matrix)
    sides = edges[1] - edges[0]
    assert sides.max() == pytest.approx(size)
    assert sides[0] / sides[1] == pytest.approx(width / height)
    np.testing.assert_allclose(edges.mean(axis=0), (size - 1) / 2)
    assert matrix[0, 1] == matrix[1, 0] == 0


def test_what_the_shorter_side_leaves_free_repeats_the_border():
    image = np.repeat(np.arange(100, 200, dtype=np.uint8)[None], 200, axis=0)
    shown = crop(image, fit(100, 200, 200), 200)
    assert (shown[:, :50] == 100).all()
    assert (shown[:, 150:] == 199).all()
    np.testing.assert_array_equal(shown[:, 50:150], image)
