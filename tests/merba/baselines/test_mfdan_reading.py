"""Flow-driven attention that nothing drives without flow, DropKey in training alone, and the focal loss."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from contracts.errors import InputError
from contracts.sequences import Sequence
from merba import create_model
from merba.baselines.mfdan_reading import MFDANReading, drop_keys, focal_loss
from merba.registry import declaration

SMALL = {"dim": 16, "depth": 2, "heads": 2}


def model(size=32, **options):
    return create_model("mfdan_reading", 3, input_size=size, **{**SMALL, **options})


def views(n=4, size=32):
    return torch.randn(n, 3, size, size)


def still(x):
    return torch.cat([x[:, :1], torch.zeros_like(x[:, 1:])], 1)


def test_parameters_are_those_of_the_sizes_written_here():
    """Flow: 9 (2 x 48 + 48 x 96 + 96 x 192) and four levels of 9 x 192 x 192. Image: patches 64 x 192 + 192;
    class token and 197 positions of 192; four layers of norms 4 x 192, q, k, v 192 x 576 + 576, out 192 x 192
    + 192, drive 192 x 4, MLP 8 x 192 x 192 + 5 x 192. Norm 384 and head 384 x 3 + 3."""
    flow = 9 * (2 * 48 + 48 * 96 + 96 * 192) + 4 * 9 * 192**2
    layer = 4 * 192 + (192 * 576 + 576) + (192**2 + 192) + 192 * 4 + 8 * 192**2 + 5 * 192
    image = 64 * 192 + 192 + 198 * 192 + 4 * layer
    expected = flow + image + 384 + 384 * 3 + 3
    assert sum(p.numel() for p in create_model("mfdan_reading", 3).parameters()) == expected


def test_without_flow_the_flow_branch_says_nothing():
    """Whatever it has learned: what remains is the image's own attention."""
    net, x = model().eval(), views()
    before, driven = net(still(x)), net(x)
    with torch.no_grad():
        for parameter in [*net.flow.parameters(), *(layer.drive.weight for layer in net.layers)]:
            parameter.normal_()
    assert net(still(x)).equal(before)
    assert not net(x).allclose(driven)


def test_flow_at_a_patch_draws_every_query_to_it():
    """With a drive of ones on a code of ones the patch's share of attention grows, and it alone gains."""
    layer = model().layers[0].eval()
    with torch.no_grad():
        layer.drive.weight.fill_(1.0)
        layer.qkv.weight[:32].zero_()  # all scores alike before the drive
        layer.qkv.bias.zero_()
    tokens, code = torch.randn(1, 17, 16, requires_grad=True), torch.zeros(1, 16, 16)
    values = layer.qkv(layer.norm1(tokens))[..., 32:]
    code[0, 5] = 0.5  # adds 8 to the scores of patch 5
    mixed = layer(tokens, code) - layer(tokens, torch.zeros_like(code))
    assert mixed.abs().max() > 0
    out = tokens + layer.out(values[:, 6:7].expand(-1, 17, -1))  # patch 5 is token 6
    torch.testing.assert_close(layer(tokens, code), out + layer.mlp(layer.norm2(out)), rtol=0.05, atol=0.05)


def test_dropkey_acts_in_training_only():
    net, x = model(dropkey=0.5), views()
    net.train()
    assert not net(x).equal(net(x))
    net.eval()
    assert net(x).equal(net(x))
    kept, whole = model(dropkey=0.0), model(dropkey=0.5).eval()
    whole.load_state_dict(kept.state_dict())
    torch.testing.assert_close(whole(x), kept.train()(x))


def test_keys_are_lost_to_single_queries_at_the_given_rate():
    scores = torch.zeros(8, 4, 50, 51)
    lost = drop_keys(scores, 0.3).isinf()
    assert not lost[..., 0].any(), "the class token's key stays"
    assert lost[..., 1:].float().mean().item() == pytest.approx(0.3, abs=0.01)
    assert lost.float().std(2).mean() > 0.3, "queries lose different keys"
    assert not drop_keys(scores, 0.0).isinf().any()
    assert drop_keys(scores, 1.0).softmax(-1)[..., 0].eq(1).all()


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("weight", [None, torch.tensor([0.5, 2.0, 1.0])], ids=["alike", "weighted"])
def test_focal_loss_at_gamma_0_is_cross_entropy(weight, smoothing):
    logits, y = torch.randn(9, 3), torch.arange(9) % 3
    expected = F.cross_entropy(logits, y, weight, label_smoothing=smoothing)
    torch.testing.assert_close(focal_loss(logits, y, 0.0, weight, smoothing), expected)


def test_focal_loss_counts_what_is_sure_for_less():
    sure, unsure = torch.tensor([[4.0, 0.0]]), torch.tensor([[0.2, 0.0]])
    y = torch.tensor([0])
    ratio = [focal_loss(one, y, 2.0) / focal_loss(one, y, 0.0) for one in (sure, unsure)]
    chance = [1 - one.softmax(1)[0, 0] for one in (sure, unsure)]
    torch.testing.assert_close(torch.stack(ratio), torch.stack(chance) ** 2)


def test_gamma_and_class_weights_reach_the_loss():
    net, x, y = model(gamma=0.0).eval(), views(), torch.tensor([0, 1, 1, 2])
    weight = torch.tensor([3.0, 1.0, 0.5])
    found, logits = net.loss(x, y, 0.0, 0.1, weight)
    torch.testing.assert_close(found, F.cross_entropy(logits, y, weight, label_smoothing=0.1))
    net.gamma = 2.0
    assert net.loss(x, y, 0.0, 0.1, weight)[0] < found


def clip(apex, length=7, size=32):
    random = np.random.default_rng(0)
    frames = random.integers(0, 256, (length, size, size), dtype=np.uint8)
    flow = random.normal(size=(length, 3, size, size)).astype(np.float32)
    flow[0] = 0
    return Sequence(frames, flow, np.arange(length) + 50.0, 50.0 + apex)


@pytest.mark.parametrize(("apex", "rank"), [(3, 3), (6, 6), (0, 1), (2.2, 2)])
def test_the_apex_is_seen_and_never_the_onset(apex, rank):
    one = clip(apex)
    seen = MFDANReading.see(one)
    assert seen.dtype == np.float32
    np.testing.assert_array_equal(seen[1:], one.flow[rank, :2])
    assert np.corrcoef(seen[0].ravel(), one.frames[rank].ravel())[0, 1] == pytest.approx(1)
    assert (seen[0].mean(), seen[0].std()) == (pytest.approx(0, abs=1e-5), pytest.approx(1, abs=0.02))


def test_the_mirror_of_the_view_is_the_view_of_the_mirrored_face():
    one = clip(3)
    flow = one.flow[..., ::-1].copy()
    flow[:, 0] *= -1
    other = one._replace(frames=one.frames[..., ::-1], flow=flow)
    own, mirrored = (torch.from_numpy(MFDANReading.see(k)) for k in (one, other))
    torch.testing.assert_close(MFDANReading.mirror(own), mirrored)


def test_it_is_named_for_what_it_is_and_refuses_what_cannot_be():
    assert declaration("mfdan_reading").paper.fidelity == "reading"
    with pytest.raises(InputError, match="multiple of 8"):
        model(size=30)
    with pytest.raises(InputError, match="heads 3"):
        model(heads=3)
