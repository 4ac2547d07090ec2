"""FeatRef: its sizes, and what each expression's branch learns from."""

import pytest
import torch
import torch.nn.functional as F

from merba import create_model

TINY = {"width": 16, "dropout": 0.0, "proposal_dropout": 0.0}


def test_parameters_are_those_of_the_layer_sizes():
    """Counted by hand for three classes.

    A convolution c -> k of side s with BatchNorm has c k s s + 3 k. A stream's first block is, for k = 6 and
    c = 1, three times 1 x 1 from c and the pooled one, then 3 x 3 and 5 x 5 on k; the second has k = 16,
    c = 24. 2 * 64 * 7 * 7 = 6272 shared features -> 1024; a gate 1024 -> 1024 and a proposal 1024 -> 64 -> 2
    for each class; 1024 -> 3.
    """

    def block(c, k):
        return 4 * (c * k + 3 * k) + (9 * k * k + 3 * k) + (25 * k * k + 3 * k)

    streams = 2 * (block(1, 6) + block(24, 16))
    branch = 1024 * 1024 + 1024 + 1024 * 64 + 64 + 64 * 2 + 2
    expected = streams + 6272 * 1024 + 1024 + 3 * branch + 1024 * 3 + 3
    with torch.device("meta"):
        assert sum(p.numel() for p in create_model("featref", 3).parameters()) == expected


def test_a_stream_sees_one_channel_and_ends_in_3136_features():
    model = create_model("featref", **TINY).eval()
    u, v = torch.randn(2, 1, 28, 28), torch.randn(2, 1, 28, 28)
    assert model.streams[0](u).shape == (2, 3136)
    x = torch.cat([u, v], 1).requires_grad_()
    model.streams[1](x[:, 1:]).sum().backward()
    assert x.grad[:, 0].abs().sum() == 0 < x.grad[:, 1].abs().sum()


def test_a_branch_is_a_gated_share_of_the_shared_features():
    model = create_model("featref", **TINY).eval()
    with torch.no_grad():
        for gate in model.gates:
            gate.weight.zero_()
            gate.bias.fill_(float("inf"))
    x = torch.randn(2, 2, 28, 28)
    first, *others = model.refined(x)
    assert all(torch.equal(first, other) for other in others)
    torch.testing.assert_close(model(x), model.head(3 * first))


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("weight", [None, [1.0, 2.0, 4.0]])
def test_the_loss_asks_of_each_branch_whether_the_clip_is_its_own(smoothing, weight):
    model = create_model("featref", **TINY).eval()
    x, y = torch.randn(4, 2, 28, 28), torch.tensor([0, 1, 1, 2])
    weight = None if weight is None else torch.tensor(weight)
    share = torch.ones(4) if weight is None else weight[y]
    expected = F.cross_entropy(model(x), y, weight, label_smoothing=smoothing)
    for k, features in enumerate(model.refined(x)):
        odds = model.proposals[k](features)
        losses = [
            F.cross_entropy(odds[i : i + 1], (y[i : i + 1] == k).long(), label_smoothing=smoothing)
            for i in range(4)
        ]
        expected = expected + 0.9 * (share * torch.stack(losses)).sum() / share.sum()
    torch.testing.assert_close(model.loss(x, y, 0.0, smoothing, weight)[0], expected)


def test_a_proposal_teaches_its_own_gate_only():
    model = create_model("featref", proposal_weight=1.0, **TINY).eval()
    x, y = torch.randn(4, 2, 28, 28), torch.tensor([0, 1, 1, 2])
    model.proposals[1](model.refined(x)[1]).sum().backward()
    taught = [gate.weight.grad is not None for gate in model.gates]
    assert taught == [False, True, False]
    model.zero_grad()
    model.loss(x, y, 0.0)[0].backward()
    assert all(p.grad is not None for p in model.parameters())
