"""Flow and strain against fields that are known."""

import cv2
import numpy as np
import pytest

from contracts.errors import InputError
from preprocess.flow import METHODS, flow_and_strain, optical_flow, shrink, strain

SIZE = 96
Y, X = np.mgrid[0:SIZE, 0:SIZE].astype(np.float32) - SIZE / 2


@pytest.mark.parametrize(
    ("u", "v", "expected"),
    [
        (0.02 * X, 0 * Y, 0.02),  # stretch along x
        (0 * X, 0.03 * Y, 0.03),  # stretch along y
        (0.02 * X, -0.02 * Y, np.sqrt(2) * 0.02),  # pure shear, principal axes along x and y
        (0.02 * Y, 0.02 * X, np.sqrt(2) * 0.02),  # the same shear turned by 45 degrees
        (-0.02 * Y, 0.02 * X, 0.0),  # small rotation
        (0 * X + 3, 0 * Y - 2, 0.0),  # translation
        (0.02 * Y, 0 * X, np.sqrt(0.5) * 0.02),  # simple shear
    ],
    ids=["stretch x", "stretch y", "shear", "shear 45", "rotation", "translation", "simple shear"],
)
def test_strain_of_linear_fields_is_exact(u, v, expected):
    np.testing.assert_allclose(strain(np.stack([u, v])), expected, atol=1e-6)


def texture(seed=0):
    noise = np.random.default_rng(seed).normal(size=(SIZE, SIZE)).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), 2)
    return np.clip(128 + 400 * smooth, 0, 255).astype(np.uint8)


def moved(image, dx, dy):
    matrix = np.array([[1, 0, dx], [0, 1, dy]], np.float32)
    return cv2.warpAffine(
        image, matrix, image.shape[::-1], flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT
    )


@pytest.mark.parametrize("method", METHODS)
def test_a_translation_is_recovered_with_its_sign_and_unit(method):
    u, v = optical_flow(texture(), moved(texture(), 1.5, -0.5), method)
    inner = np.s_[16:-16, 16:-16]
    assert np.median(u[inner]) == pytest.approx(1.5, abs=0.1)
    assert np.median(v[inner]) == pytest.approx(-0.5, abs=0.1)


def test_mirroring_the_picture_negates_u_and_mirrors_v_and_strain():
    first, second = texture(), moved(texture(), 1.0, 0.7)
    plain = flow_and_strain(first, second)
    mirrored = flow_and_strain(first[:, ::-1].copy(), second[:, ::-1].copy())[:, :, ::-1]
    inner = np.s_[16:-16, 16:-16]
    for channel, sign in enumerate((-1, 1)):
        assert np.abs(plain[channel][inner] - sign * mirrored[channel][inner]).mean() < 0.05
    assert np.abs(plain[2][inner] - mirrored[2][inner]).mean() < 0.02


@pytest.mark.parametrize("gain", [0.97, 1.03])
def test_flickering_light_is_not_motion(gain):
    first, second = texture(), moved(texture(), 1.0, 0.7)
    steady = flow_and_strain(first, second)
    brighter = np.clip(np.rint(second * gain), 0, 255).astype(np.uint8)
    matched = flow_and_strain(first, brighter)
    unmatched = flow_and_strain(first, brighter, matched=False)
    error = lambda flow: np.abs(flow - steady)[:2, 16:-16, 16:-16].mean()  # noqa: E731
    assert error(matched) < 0.05
    assert error(matched) < error(unmatched)


def test_flow_is_the_same_bits_each_time():
    first, second = texture(), moved(texture(), 1.0, 0.7)
    np.testing.assert_array_equal(flow_and_strain(first, second), flow_and_strain(first, second))


def test_shrinking_averages_and_keeps_units():
    flow = np.random.default_rng(0).normal(size=(3, 224, 224)).astype(np.float32)
    small = shrink(flow, 28)
    np.testing.assert_allclose(small, flow.reshape(3, 28, 8, 28, 8).mean(axis=(2, 4)), atol=1e-5)
    assert shrink(np.full((3, 224, 224), 2.5, np.float32), 56) == pytest.approx(2.5)
    with pytest.raises(ValueError, match="cannot shrink"):
        shrink(small, 56)


def test_an_unknown_method_names_the_known_ones():
    with pytest.raises(InputError, match="tvl1"):
        optical_flow(texture(), texture(), "tvl2")
