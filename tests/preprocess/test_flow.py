"""Flow and strain against fields that are known."""

import cv2
import numpy as np
import pytest

from contracts.errors import InputError
from preprocess.flow import METHODS, _tvl1, flow_and_strain, optical_flow, shrink, strain
from preprocess.tvl1 import TVL1

SIZE = 96
Y, X = np.mgrid[0:SIZE, 0:SIZE].astype(np.float32) - SIZE / 2


@pytest.mark.parametrize("forward", [False, True], ids=["central", "forward"])
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
        (0.02 * X, 0.02 * Y, np.sqrt(2) * 0.02),  # growth on all sides
        (0 * X, 0 * Y, 0.0),  # rest
    ],
    ids=["stretch x", "stretch y", "shear", "shear 45"]
    + ["rotation", "translation", "simple shear", "growth", "rest"],
)
def test_strain_of_linear_fields_is_exact(u, v, expected, forward):
    np.testing.assert_allclose(strain(np.stack([u, v]), forward=forward), expected, atol=1e-6)


def test_strain_of_a_wave_is_its_slope():
    u = 0.5 * np.sin(X / 12)
    slope = np.abs(0.5 / 12 * np.cos(X / 12))
    np.testing.assert_allclose(strain(np.stack([u, 0 * u]))[:, 1:-1], slope[:, 1:-1], atol=2e-4)
    half_a_step = np.abs(0.5 / 12 * np.cos((X + 0.5) / 12))
    np.testing.assert_allclose(
        strain(np.stack([u, 0 * u]), forward=True)[:, :-1], half_a_step[:, :-1], atol=2e-4
    )


def test_strain_does_not_change_when_the_field_is_moved_or_turned_a_little():
    u, v = np.random.default_rng(1).normal(size=(2, SIZE, SIZE)).astype(np.float32)
    plain = strain(np.stack([u, v]))
    np.testing.assert_allclose(strain(np.stack([u + 4 - 0.01 * Y, v - 3 + 0.01 * X])), plain, atol=1e-5)


def test_strain_of_a_mirrored_field_is_the_mirrored_strain():
    u, v = np.random.default_rng(2).normal(size=(2, SIZE, SIZE)).astype(np.float32)
    mirrored = np.stack([-u[:, ::-1], v[:, ::-1]])
    np.testing.assert_allclose(strain(mirrored)[:, ::-1], strain(np.stack([u, v])), atol=1e-6)


def test_tvl1_runs_at_the_defaults_of_opencv_and_writes_them_down():
    import cv2.optflow

    field = cv2.optflow.DualTVL1OpticalFlow_create()
    names = {
        "tau": "Tau",
        "lambda": "Lambda",
        "theta": "Theta",
        "scales": "ScalesNumber",
        "warps": "WarpingsNumber",
        "epsilon": "Epsilon",
        "inner_iterations": "InnerIterations",
        "outer_iterations": "OuterIterations",
        "scale_step": "ScaleStep",
        "gamma": "Gamma",
        "median": "MedianFiltering",
    }
    published = (0.25, 0.15, 0.3, 5, 5, 0.01, 30, 10, 0.8, 0.0, 5)
    assert dict(zip(names, published, strict=True)) == TVL1
    for ours, theirs in names.items():
        default = getattr(field, f"get{theirs}")()
        assert getattr(_tvl1(), f"get{theirs}")() == default == pytest.approx(TVL1[ours])
    assert not _tvl1().getUseInitialFlow()


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


@pytest.mark.parametrize(
    ("u", "v", "expected"),
    [
        (0.03 * X, 0 * Y, 0.03),
        (0.02 * X, -0.02 * Y, np.sqrt(2) * 0.02),
        (0.02 * Y, 0.02 * X, np.sqrt(2) * 0.02),
        (-0.03 * Y, 0.03 * X, 0.0),
        (0 * X + 1.3, 0 * Y - 0.6, 0.0),
    ],
    ids=["stretch", "shear", "shear 45", "rotation", "translation"],
)
def test_a_picture_that_moves_by_a_linear_field_shows_it_and_its_strain(u, v, expected):
    first = texture()
    # What shows at p came from q = p - d(q); one step towards q is enough for fields this small.
    back = [
        np.float32(p + SIZE / 2 - cv2.remap(d, X + SIZE / 2 - u, Y + SIZE / 2 - v, cv2.INTER_LINEAR))
        for p, d in ((X, u), (Y, v))
    ]
    second = cv2.remap(first, *back, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)
    found = flow_and_strain(first, second, matched=False)
    inner = np.s_[20:-20, 20:-20]
    assert np.hypot(found[0] - u, found[1] - v)[inner].mean() < 0.1
    # Pixel noise of the flow adds to the strain and never subtracts, so compare the fitted slopes.
    terms = np.stack([X[inner].ravel(), Y[inner].ravel(), np.ones(X[inner].size)], axis=1)
    (u_x, u_y, _), (v_x, v_y, _) = (
        np.linalg.lstsq(terms, channel[inner].ravel(), rcond=None)[0] for channel in found[:2]
    )
    assert np.sqrt(u_x**2 + v_y**2 + (u_y + v_x) ** 2 / 2) == pytest.approx(expected, abs=0.003)
    assert np.median(found[2][inner]) == pytest.approx(expected, abs=0.01)


@pytest.mark.parametrize("method", METHODS)
def test_mirroring_the_picture_negates_u_and_mirrors_v_and_strain(method):
    first, second = texture(), moved(texture(), 1.0, 0.7)
    plain = flow_and_strain(first, second, method)
    mirrored = flow_and_strain(first[:, ::-1].copy(), second[:, ::-1].copy(), method)[:, :, ::-1]
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
