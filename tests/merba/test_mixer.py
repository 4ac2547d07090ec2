"""Mixer and extractor against their equations, written out here token by token and window by window."""

import math

import pytest
import torch

from merba.blocks import Extractor, Mixer, merge, partition
from merba.orders import ORDER_SETS

WIDTH = 18  # a step's rank of 2 and halves of 9: no two sizes alike, so that a mixed-up one shows
STATES = 4


def at_a_general_point(module):
    """The module in float64, every parameter away from its start (D at 1, biases at 0 hide faults)."""
    module.double()
    with torch.no_grad():
        for p in module.parameters():
            p.add_(torch.randn_like(p) * 0.3)
    return module


# The equations (MambaVision's Mixer as MERba takes it, without its last Linear)


def silu(x):
    return x / (1 + torch.exp(-x))


def convolved(x, kernel):
    """Each channel of x (tokens, channels) by its own three weights: token before, token, token after."""
    rows = []
    for t in range(len(x)):
        row = kernel[:, 1] * x[t]
        if t > 0:
            row = row + kernel[:, 0] * x[t - 1]
        if t < len(x) - 1:
            row = row + kernel[:, 2] * x[t + 1]
        rows.append(row)
    return torch.stack(rows)


def mixed(u, mixer):
    """One sequence (tokens, width) in scan order -> [y, z] (tokens, width)."""
    half, rank = WIDTH // 2, math.ceil(WIDTH / 16)
    x, z = [], []
    for token in u:
        both = mixer.in_proj.weight @ token
        x.append(both[:half])
        z.append(both[half:])
    x = silu(convolved(torch.stack(x), mixer.kernel[:half]))
    z = silu(convolved(torch.stack(z), mixer.kernel[half:]))
    A = -torch.exp(mixer.A_log)
    state, rows = torch.zeros(half, STATES, dtype=u.dtype), []
    for t in range(len(u)):
        chosen = mixer.x_proj.weight @ x[t]
        B, C = chosen[rank : rank + STATES], chosen[rank + STATES :]
        step = torch.log(1 + torch.exp(mixer.dt_proj.weight @ chosen[:rank] + mixer.dt_proj.bias))
        state = torch.exp(step[:, None] * A) * state + step[:, None] * B * x[t][:, None]
        rows.append(torch.cat([state @ C + mixer.D * x[t], z[t]]))
    return torch.stack(rows)


def normed(x, norm):
    centred = x - x.mean()
    return centred / torch.sqrt(centred.square().mean() + norm.eps) * norm.weight + norm.bias


def read(name, side):
    """The cells (row, column) of a window in the order of MERba's four directions."""
    cells = []
    for line in range(side):
        along = range(side) if len(name) == 1 or line % 2 == 0 else reversed(range(side))
        cells += [(line, one) if name[0] == "h" else (one, line) for one in along]
    return cells


def extracted(window, block, names, fusion):
    """One window, cell -> token, through the extractor: scan, put back, fuse, Linear, MLP."""
    side = math.isqrt(len(window))
    places = []
    for k, name in enumerate(names):
        cells = read(name, side)
        u = torch.stack([normed(window[cell], block.norm1) for cell in cells])
        y = mixed(u, block.mixers[0 if block.share_mixer else k])
        places.append(dict(zip(cells, y, strict=True)))
    result = {}
    for cell, token in window.items():
        parts = [place[cell] for place in places]
        fused = torch.cat(parts) if fusion == "concat" else sum(parts)
        fused = fused / len(parts) if fusion == "mean" else fused
        token = token + block.scale1.scale * (block.out_proj.weight @ fused)
        up, _, _, down, _ = block.mlp
        hidden = up.weight @ normed(token, block.norm2) + up.bias
        hidden = hidden * (1 + torch.erf(hidden / math.sqrt(2))) / 2
        result[cell] = token + block.scale2.scale * (down.weight @ hidden + down.bias)
    return result


# The code


def assert_same(one, other, wanted):
    torch.testing.assert_close(one, other, rtol=0, atol=1e-9)
    weight = torch.randn_like(other)
    mine = torch.autograd.grad((one * weight).sum(), wanted)
    true = torch.autograd.grad((other * weight).sum(), wanted)
    for a, b in zip(mine, true, strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-9)
        assert a.abs().sum() > 0


def test_the_mixer_is_its_equations():
    mixer = at_a_general_point(Mixer(WIDTH, STATES))
    u = torch.randn(3, 5, WIDTH, dtype=torch.float64, requires_grad=True)
    expected = torch.stack([mixed(sequence, mixer) for sequence in u])
    order = torch.arange(5)[None]
    assert_same(mixer.mix(mixer.in_proj(u), order, order), expected, [u, *mixer.parameters()])


@pytest.mark.parametrize("fusion", ["sum", "mean", "concat"])
@pytest.mark.parametrize("share", [True, False], ids=["shared", "separate"])
def test_the_extractor_is_its_equations(fusion, share):
    """Four directions on a map of two windows, from partition to merge."""
    side, names = 3, ORDER_SETS["merba"]
    block = Extractor(
        WIDTH,
        side,
        orders=names,
        fusion=fusion,
        share_mixer=share,
        states=STATES,
        mlp_ratio=2.0,
        dropout=0.0,
        drop_path=0.0,
        layer_scale=0.5,
    )
    at_a_general_point(block)
    x = torch.randn(1, side, 2 * side, WIDTH, dtype=torch.float64, requires_grad=True)
    expected = {}
    for left in (0, side):
        window = {(r, c): x[0, r, left + c] for r in range(side) for c in range(side)}
        for (r, c), token in extracted(window, block, names, fusion).items():
            expected[r, left + c] = token
    rows = [torch.stack([expected[r, c] for c in range(2 * side)]) for r in range(side)]
    mine = merge(block(partition(x, side)), side, side, 2 * side)
    assert_same(mine, torch.stack(rows)[None], [x, *block.parameters()])


def test_a_mixer_starts_as_its_equations_say():
    mixer = Mixer(32, 8)
    torch.testing.assert_close(-mixer.A_log.exp(), -torch.arange(1.0, 9.0).expand(16, 8))
    assert mixer.D.equal(torch.ones(16))
    assert mixer.in_proj.bias is None
    assert mixer.x_proj.bias is None
    assert mixer.dt_proj.weight.shape == (16, 2)
