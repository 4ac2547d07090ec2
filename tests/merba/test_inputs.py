"""Coding, mirroring and loading of flow."""

import numpy as np
import pytest
import torch

from contracts.errors import InputError
from merba.data import Normaliser, load_flow, read_list

FLOW = np.random.default_rng(0).normal(size=(5, 3, 28, 28)).astype(np.float32)


def test_fixed_scale_keeps_zero_direction_and_ratio():
    code = Normaliser.fit(FLOW, "fixed_scale", ("u", "v"))
    still, right = np.zeros_like(FLOW), np.zeros_like(FLOW)
    right[:, 0], right[:, 1] = 0.5, -0.25
    assert (code(still) == 0).all()
    assert (code(right)[:, 0] == -2 * code(right)[:, 1]).all()
    assert np.abs(code(FLOW * 100)).max() == 3
    assert code(FLOW).dtype == np.float32


def test_the_scale_is_the_percentile_of_training_motion():
    code = Normaliser.fit(FLOW, "fixed_scale", ("strain", "u"))
    assert code.scales[1] == pytest.approx(np.percentile(np.abs(FLOW[:, :2]), 99))
    assert code.scales[0] == pytest.approx(np.percentile(np.abs(FLOW[:, 2]), 99))


def test_minmax_spans_0_to_255_in_every_clip_and_channel():
    coded = Normaliser.fit(FLOW, "minmax", ("u", "v", "strain"))(FLOW * np.arange(1, 6).reshape(5, 1, 1, 1))
    assert coded.min((2, 3)) == pytest.approx(0)
    assert coded.max((2, 3)) == pytest.approx(255)
    assert (Normaliser.fit(FLOW, "minmax", ("u",))(np.ones_like(FLOW)) == 0).all()


@pytest.mark.parametrize("coding", ["fixed_scale", "minmax"])
def test_mirroring_negates_u_alone_and_commutes_with_coding(coding):
    """The code of a mirrored face is the mirror of its code."""
    mirrored = FLOW[..., ::-1].copy()
    mirrored[:, 0] *= -1
    code = Normaliser.fit(FLOW, coding, ("v", "u", "strain"))
    np.testing.assert_allclose(code.mirror(code(FLOW)), code(mirrored), atol=1e-4)
    tensor = torch.from_numpy(code(FLOW))
    assert code.mirror(code.mirror(tensor)).allclose(tensor, atol=1e-4)
    plain = code.mirror(tensor, negate_u=False)
    assert plain.equal(tensor.flip(-1))
    assert code.mirror(tensor)[:, [0, 2]].equal(plain[:, [0, 2]])
    assert not code.mirror(tensor)[:, 1].allclose(plain[:, 1])


def test_flow_comes_in_the_lists_order(toy, toy_caches):
    ids, _, flow = toy
    wanted = [ids[9], ids[0], ids[3]]
    got = load_flow(wanted, list(toy_caches.values()), "list.csv")
    assert (got == flow[[9, 0, 3]]).all()


def test_a_clip_without_cache_is_named(toy_caches):
    with pytest.raises(InputError, match=r"list\.csv: smic/s05/c0: not in any of the 1 caches"):
        load_flow(["smic/s00/c0", "smic/s05/c0"], [toy_caches["s00"]], "list.csv")


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
