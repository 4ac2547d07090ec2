"""Coding, mirroring and loading of flow."""

import shutil

import h5py
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts import cache
from contracts.errors import InputError
from merba.data import Normaliser, load_flow, read_list
from merba.inputs import load_inputs
from merba.overrides import resolve
from merba.recipe import CHANNELS, CODINGS, check_coding

FLOW = np.random.default_rng(0).normal(size=(5, 3, 28, 28)).astype(np.float32)
# Flow as others stretched it: whole numbers, each channel from 0 to 255.
PICTURES = np.round(Normaliser.fit(FLOW, "minmax", CHANNELS, "physical")(FLOW))


def _possible(coding, cached):
    try:
        check_coding(coding, cached)
    except InputError:
        return False
    return True


CODINGS_OF_CACHES = [
    (cached, coding) for cached in cache.CODINGS for coding in CODINGS if _possible(coding, cached)
]


def test_fixed_scale_keeps_zero_direction_and_ratio():
    code = Normaliser.fit(FLOW, "fixed_scale", ("u", "v"), "physical")
    still, right = np.zeros_like(FLOW), np.zeros_like(FLOW)
    right[:, 0], right[:, 1] = 0.5, -0.25
    assert (code(still) == 0).all()
    assert (code(right)[:, 0] == -2 * code(right)[:, 1]).all()
    assert np.abs(code(FLOW * 100)).max() == 3
    assert code(FLOW).dtype == np.float32


def test_the_scale_is_the_percentile_of_training_motion():
    code = Normaliser.fit(FLOW, "fixed_scale", ("strain", "u"), "physical")
    assert code.scales[1] == pytest.approx(np.percentile(np.abs(FLOW[:, :2]), 99))
    assert code.scales[0] == pytest.approx(np.percentile(np.abs(FLOW[:, 2]), 99))


def test_minmax_spans_0_to_255_in_every_clip_and_channel():
    coded = Normaliser.fit(FLOW, "minmax", ("u", "v", "strain"), "physical")(
        FLOW * np.arange(1, 6).reshape(5, 1, 1, 1)
    )
    assert (coded.min((2, 3)) == 0).all()
    assert (coded.max((2, 3)) == 255).all()


@pytest.mark.parametrize(("coding", "still"), [("minmax", 127.5), ("signed", 0)])
def test_a_constant_channel_becomes_its_own_mirror_image(coding, still):
    code = Normaliser.fit(FLOW, coding, ("u",), "physical")
    coded = code(np.ones_like(FLOW))
    assert (coded == still).all()
    np.testing.assert_array_equal(code.mirror(coded), coded)


def test_stretched_flow_keeps_its_values():
    """Whatever they span: a stretched picture that was averaged down must not be stretched again."""
    pictures = PICTURES * np.float32(0.5) + 20
    code = Normaliser.fit(pictures, "minmax", ("strain", "u"), "minmax")
    np.testing.assert_array_equal(code(pictures), pictures[:, [2, 0]])
    assert code(pictures).dtype == np.float32


@pytest.mark.parametrize(("cached", "flow"), [("physical", FLOW), ("minmax", PICTURES)])
def test_signed_is_the_stretched_picture_centred(cached, flow):
    signed, minmax = (
        Normaliser.fit(flow, coding, ("u", "v"), cached)(flow) for coding in ("signed", "minmax")
    )
    np.testing.assert_allclose(signed * 127.5 + 127.5, minmax, atol=1e-4)
    assert (signed.min(), signed.max()) == (pytest.approx(-1), pytest.approx(1))


def test_flow_without_scale_cannot_be_given_one():
    with pytest.raises(InputError, match=r"coding: fixed_scale needs .*`coding: minmax` or `coding: signed`"):
        Normaliser.fit(PICTURES, "fixed_scale", ("u", "v"), "minmax")


@pytest.mark.parametrize("cached", cache.CODINGS)
def test_the_floor_of_chance_can_be_had_from_any_cache(cached):
    assert _possible(resolve("majority").coding, cached)


@pytest.mark.parametrize(("cached", "coding"), CODINGS_OF_CACHES)
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**31), size=st.sampled_from([2, 7, 28]), channels=st.permutations(CHANNELS))
def test_mirroring_is_an_involution_that_commutes_with_coding(cached, coding, seed, size, channels):
    """The code of a mirrored face is the mirror of its code; twice mirrored is the same face."""
    random = np.random.default_rng(seed)
    opposite = {"physical": lambda u: -u, "minmax": lambda u: 255 - u}[cached]
    if cached == "minmax":
        flow = random.integers(0, 256, (3, 3, size, size)).astype(np.float32)
    else:
        flow = random.normal(size=(3, 3, size, size)).astype(np.float32)
    mirrored = flow[..., ::-1].copy()
    mirrored[:, 0] = opposite(mirrored[:, 0])
    code = Normaliser.fit(flow, coding, channels, cached)
    np.testing.assert_allclose(code.mirror(code(flow)), code(mirrored), atol=1e-3)
    np.testing.assert_allclose(code.mirror(code.mirror(code(flow))), code(flow), atol=1e-4)


@pytest.mark.parametrize(("cached", "coding"), CODINGS_OF_CACHES)
def test_mirroring_negates_u_alone(cached, coding):
    code = Normaliser.fit(FLOW, coding, ("v", "u", "strain"), cached)
    tensor = torch.from_numpy(code(PICTURES if cached == "minmax" else FLOW))
    plain = code.mirror(tensor, negate_u=False)
    assert plain.equal(tensor.flip(-1))
    assert code.mirror(tensor)[:, [0, 2]].equal(plain[:, [0, 2]])
    assert not code.mirror(tensor)[:, 1].allclose(plain[:, 1])


@pytest.mark.parametrize(("cached", "coding"), CODINGS_OF_CACHES)
def test_a_normaliser_survives_a_checkpoint(cached, coding):
    code = Normaliser.fit(FLOW, coding, ("u", "strain"), cached)
    assert Normaliser.from_dict(code.to_dict()) == code


def test_flow_comes_in_the_lists_order(toy, toy_caches):
    ids, _, flow = toy
    wanted = [ids[9], ids[0], ids[3]]
    got, coding = load_flow(wanted, list(toy_caches.values()), "list.csv")
    assert (got == flow[[9, 0, 3]]).all()
    assert coding == "physical"


def test_a_clip_without_cache_is_named(toy_caches):
    with pytest.raises(InputError, match=r"list\.csv: smic/s05/c0: not in any of the 1 caches"):
        load_flow(["smic/s00/c0", "smic/s05/c0"], [toy_caches["s00"]], "list.csv")


@pytest.mark.parametrize("value", [np.nan, -np.inf])
def test_a_number_that_is_none_is_found_before_anything_learns(toy, toy_caches, tmp_path, value):
    path = shutil.copy(toy_caches["s00"], tmp_path)
    with h5py.File(path, "r+") as file:
        file["flow"][1, 0, 3, 3] = value
    for model in ("merba_tiny", "majority"):
        with pytest.raises(InputError, match=r"smic/s00/c1: holds a number that is not finite"):
            load_inputs(model, ["smic/s00/c0", "smic/s00/c1"], [path], None, "list.csv")
        assert len(load_inputs(model, ["smic/s00/c0"], [path], None, "list.csv").x) == 1


def test_a_missing_cache_is_named(tmp_path):
    with pytest.raises(InputError, match=r"none\.h5"):
        load_flow(["a/b/c"], [tmp_path / "none.h5"], "list.csv")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("clip,label\na,b\n", "'clip_id' is missing"),
        ("clip_id,label\n", "no clips"),
        ("clip_id,label\na,x\na,y\n", "a: listed twice"),
    ],
)
def test_wrong_lists_are_refused(tmp_path, text, problem):
    path = tmp_path / "list.csv"
    path.write_text(text)
    with pytest.raises(InputError, match=problem):
        read_list(path, ("clip_id", "label"))
