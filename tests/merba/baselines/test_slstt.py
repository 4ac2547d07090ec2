"""SLSTT: eleven frames about the apex, flow drawn in colours, and a backbone that does not learn."""

import colorsys
import os

import numpy as np
import pytest
import torch

from contracts.errors import InputError
from contracts.sequences import Sequence
from merba import create_model
from merba.baselines import slstt
from merba.baselines.slstt import SLSTT, flow_picture, ranks
from merba.fold import Fold
from merba.inputs import CLIPS, Inputs
from merba.overrides import check_row, resolve

SMALL = {"backbone": "vit_tiny_patch16_224", "image_size": 32, "hidden": 16, "layers": 1}


def clip(length, apex, flow=None):
    flow = np.zeros((length, 3, 8, 8), np.float32) if flow is None else flow
    return Sequence(np.zeros((length, 8, 8), np.uint8), flow, np.arange(length) + 100.0, 100.0 + apex)


def noise(length, size=8, seed=0):
    return np.random.default_rng(seed).normal(size=(length, 3, size, size)).astype(np.float32)


def test_parameters_are_those_of_the_published_sizes():
    """ViT-B/16 at 384 px without its head: 86,090,496. LSTM: 4 x 512 (768 + 512 + 2) = 2,625,536 and twice
    4 x 512 (512 + 512 + 2) = 2,101,248. Linear 512-256 131,328 and 256-3 771."""
    with torch.device("meta"):
        model = create_model("slstt", 3)
    assert sum(p.numel() for p in model.encoder.net.parameters()) == 86_090_496
    assert sum(p.numel() for p in model.parameters()) == 2_625_536 + 2 * 2_101_248 + 131_328 + 771


@pytest.mark.parametrize(
    ("length", "apex", "expected"),
    [
        (40, 20, range(15, 26)),
        (40, 3, range(1, 12)),
        (40, 38, range(29, 40)),
        (12, 6, range(1, 12)),
        (6, 3, np.linspace(1, 5, 11)),
        (2, 1, [1] * 11),
    ],
    ids=["about the apex", "after the onset", "before the offset", "just", "short", "two frames"],
)
def test_eleven_frames_about_the_apex_without_the_onset(length, apex, expected):
    np.testing.assert_allclose(ranks(clip(length, apex)), list(expected))


def test_short_clips_are_interpolated_in_time():
    ramp = np.arange(6, dtype=np.float32).reshape(6, 1, 1, 1) * noise(1)
    pictures = SLSTT.see(clip(6, 3, ramp))
    assert np.ptp(pictures.astype(int), axis=0).max() <= 1, "a steady motion looks alike at every length"


@pytest.mark.parametrize(
    ("direction", "colour"),
    [((1, 0), (255, 0, 0)), ((-1, 0), (0, 255, 255)), ((0, 1), (128, 255, 0)), ((0, -1), (128, 0, 255))],
    ids=["right", "left", "down", "up"],
)
def test_direction_is_hue(direction, colour):
    flow = np.zeros((1, 2, 4, 4), np.float32)
    flow[0, :, 1, 2] = direction
    picture = flow_picture(flow)[0]
    assert np.abs(picture[:, 1, 2].astype(int) - colour).max() <= 1
    assert picture.sum(0).astype(bool).sum() == 1, "what does not move is black"


def test_colours_are_those_of_the_textbook_conversion():
    flow = noise(2)[:, :2]
    found = flow_picture(flow)
    length = np.hypot(flow[:, 0], flow[:, 1])
    for t, row, column in np.ndindex(length.shape):
        u, v = flow[t, :, row, column]
        value = (length[t, row, column] - length[t].min()) / np.ptp(length[t])
        expected = colorsys.hsv_to_rgb(np.arctan2(v, u) / (2 * np.pi) % 1, 1, value)
        np.testing.assert_allclose(found[t, :, row, column], 255 * np.array(expected), atol=1)


def test_faster_flow_has_the_same_picture_and_still_flow_is_black():
    flow = noise(3)[:, :2]
    assert np.abs(flow_picture(3 * flow).astype(int) - flow_picture(flow)).max() <= 1
    assert not flow_picture(np.zeros_like(flow)).any()


def test_the_mirror_of_the_picture_is_the_picture_of_the_mirrored_flow():
    flow = noise(14)
    mirrored = flow[..., ::-1].copy()
    mirrored[:, 0] *= -1
    own, other = (torch.from_numpy(SLSTT.see(clip(14, 7, one))) for one in (flow, mirrored))
    assert (SLSTT.mirror(own).int() - other.int()).abs().max() <= 1
    assert SLSTT.mirror(SLSTT.mirror(own)).equal(own)
    assert SLSTT.mirror(own, negate_u=False).equal(own.flip(-1))


def pictures(n=2):
    return torch.from_numpy(np.stack([SLSTT.see(clip(14, 7, noise(14, seed=k))) for k in range(n)]))


@pytest.mark.parametrize("aggregate", ["lstm", "mean"])
def test_only_what_follows_the_backbone_learns(aggregate):
    model = create_model("slstt", **SMALL, aggregate=aggregate)
    before = {name: p.clone() for name, p in model.encoder.net.named_parameters()}
    model.train()
    optimiser = torch.optim.SGD(model.parameters(), 0.1)
    model.loss(pictures(), torch.tensor([0, 1]), 0.0)[0].backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in model.parameters())
    optimiser.step()
    assert all(p.equal(before[name]) for name, p in model.encoder.net.named_parameters())
    assert not model.encoder.net.training, "dropout of the frozen part is off"


@pytest.fixture
def encoded(monkeypatch):
    """The clips' tokens that are kept in the process, none at first."""
    monkeypatch.setattr(slstt, "_TOKENS", {})
    return slstt._TOKENS


def test_a_clip_is_encoded_once(encoded):
    model, x = create_model("slstt", **SMALL), pictures(3)
    calls = []
    model.encoder.register_forward_hook(lambda *_: calls.append(1))
    first = model.tokens(x)
    assert model.tokens(x[[2, 0]]).equal(first[[2, 0]])
    assert len(calls) == 3


def test_folds_of_a_process_encode_a_clip_once_and_get_what_they_would_alone(encoded, monkeypatch):
    """By one backbone; another one's tokens are others."""
    x, calls, encode = pictures(3), [], SLSTT._encode
    monkeypatch.setattr(SLSTT, "_encode", lambda *given: calls.append(1) or encode(*given))
    one, other = (create_model("slstt", **SMALL) for _ in range(2))
    first = one.tokens(x[:2])
    second = other.tokens(x[[1, 2, 0]])
    assert len(calls) == len(encoded) == 3
    assert second[[2, 0]].equal(first)
    encoded.clear()
    assert other.tokens(x[[1, 2, 0]]).equal(second)
    larger = create_model("slstt", **{**SMALL, "image_size": 48})
    assert not larger.tokens(x[:2]).allclose(first)
    assert len(encoded) == 5


def test_a_checkpoint_leaves_the_backbone_out_and_knows_it(tmp_path):
    model, x = create_model("slstt", **SMALL), pictures()
    state = model.state_dict()
    assert [name for name in state if name.startswith("encoder")] == ["encoder.fingerprint"]
    again = create_model("slstt", **SMALL)
    again.load_state_dict(state)
    assert again.predict(x)[1].equal(model.predict(x)[1])

    weights = {name: p + 0.01 for name, p in model.encoder.net.state_dict().items()}
    torch.save({**weights, "head.weight": torch.zeros(1000, 192)}, tmp_path / "vit.pt")
    pretrained = create_model("slstt", **SMALL, weights=str(tmp_path / "vit.pt"))
    check_row("slstt", {**SMALL, "weights": str(tmp_path / "vit.pt")}, ("a", "b"))
    assert not pretrained.tokens(x).allclose(model.tokens(x))
    with pytest.raises(InputError, match="another frozen backbone"):
        pretrained.load_state_dict(state)


def test_another_file_of_the_same_name_is_another_training(tmp_path):
    path = tmp_path / "vit.pt"
    recipe = resolve("slstt", {**SMALL, "weights": str(path)})
    inputs = Inputs(pictures().numpy(), CLIPS, 8, {})
    fold = Fold("slstt", recipe, ["a", "b"], "smic_s01", ["c", "d"], np.array([0, 1]), inputs, np.arange(2))
    with pytest.raises(InputError, match=r"vit\.pt: weights: no weights here"):
        fold.fingerprint(0)
    path.write_bytes(b"one")
    first = fold.fingerprint(0)
    path.write_bytes(b"another")
    second = fold.fingerprint(0)
    path.write_bytes(b"one")
    os.utime(path, (1, 1))
    assert fold.fingerprint(0) == first != second


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ({"weights": "none.pt"}, "none.pt"),
        ({"weights": __file__}, "no weights of this backbone"),
        ({"aggregate": "max"}, "'lstm', 'mean'"),
        ({"backbone": "vit_base_patch16_385"}, "'vit_base_patch16_384'"),
    ],
)
def test_what_cannot_be_is_refused(option, said):
    with pytest.raises(InputError, match=said):
        create_model("slstt", **{**SMALL, **option})
