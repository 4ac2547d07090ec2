"""MERba: its size, its geometry at every input size, its ablations, and where information may flow."""

import pytest
import torch

from contracts.errors import InputError
from merba import create_model
from merba.blocks import DropPath, Extractor, merge, partition
from merba.network import MERba
from merba.orders import ORDER_SETS

REACHES = [(extractor, attention) for extractor in ("local", "global") for attention in ("local", "global")]
# Runs everywhere in milliseconds: maps of 8, 4 and 2 tokens a side.
MINUTE = {
    "dim": 4,
    "conv_depth": 1,
    "local_depths": (1, 1, 1),
    "global_depths": (1, 1, 1),
    "heads": (1, 2, 4),
    "window": 2,
    "states": 2,
    "layer_scale": None,
    "init_std": None,
}


def count(**options):
    with torch.device("meta"):
        return sum(p.numel() for p in MERba(7, 2, 224, **options).parameters())


# Size: millions of parameters with two channels and seven classes, one shared Mixer and four separate ones


@pytest.mark.parametrize(
    ("depths", "shared", "separate"),
    [
        ((1, 1, 1), 54.1, 58.6),
        ((2, 2, 2), 68.0, 77.0),
        ((1, 5, 3), 85.9, 100.6),
        ((1, 8, 3), 93.9, 111.1),
        ((3, 8, 3), 95.2, 112.9),
        ((3, 10, 5), 121.7, 147.9),
    ],
)
def test_base_has_the_size_of_every_reading(depths, shared, separate):
    assert count(local_depths=depths) / 1e6 == pytest.approx(shared, abs=0.05)
    assert count(local_depths=depths, share_mixer=False) / 1e6 == pytest.approx(separate, abs=0.05)


@pytest.mark.parametrize(
    ("dim", "depths", "millions"), [(16, (1, 8, 3), "1.51"), (16, (1, 2, 1), "0.91"), (32, (1, 2, 1), "3.59")]
)
def test_narrow_networks_have_the_size_of_the_reading(dim, depths, millions):
    """Counted with MambaVision's stem of 64, whatever the width behind it."""
    assert f"{count(dim=dim, stem_dim=64, local_depths=depths) / 1e6:.2f}" == millions


def test_reach_and_order_cost_no_parameters_unless_mixers_are_separate():
    base = count()
    assert {count(extractor=one, attention=other) for one, other in REACHES} == {base}
    assert {count(orders=orders) for orders in [*ORDER_SETS, ("h",)]} == {base}
    assert count(orders=("h",) * 4, share_mixer=False) == count(orders="merba", share_mixer=False)


# Geometry


@pytest.mark.parametrize("size", [28, 56, 112, 224])
def test_maps_are_28_14_7_wide_at_every_input_size(size):
    model = create_model("merba_tiny", input_size=size).eval()
    widths = []
    for stage in model.stages:
        stage.register_forward_hook(lambda _, inputs, __: widths.append(tuple(inputs[0].shape[2:])))
    with torch.no_grad():
        assert model(torch.randn(1, 2, size, size)).shape == (1, 3)
    assert widths == [(28, 28), (14, 14), (7, 7)]


def test_weights_fit_every_input_size():
    small, large = create_model("merba_tiny", input_size=28), create_model("merba_tiny", input_size=224)
    large.load_state_dict(small.state_dict())


@pytest.mark.parametrize("size", [27, 64, 84])
def test_a_size_that_does_not_fit_is_refused(size):
    with pytest.raises(InputError, match="28, 56, 112, 224"):
        create_model("merba_tiny", input_size=size)


@pytest.mark.parametrize(("height", "width", "side"), [(6, 4, 2), (4, 6, 2), (3, 3, 3), (7, 14, 7)])
def test_partition_and_merge_are_inverse_and_windows_are_squares(height, width, side):
    x = torch.arange(2 * height * width * 3).reshape(2, height, width, 3)
    windows = partition(x, side)
    squares = [
        clip[top : top + side, left : left + side].reshape(side * side, 3)
        for clip in x
        for top in range(0, height, side)
        for left in range(0, width, side)
    ]
    assert windows.equal(torch.stack(squares))
    assert merge(windows, side, height, width).equal(x)


# Where information flows


def reached(stage, cells):
    """On which cells of stage 3's map of 14 x 14 the given ones depend before it is downsampled: bool."""
    kept = []
    stage.last.register_forward_pre_hook(lambda _, inputs: kept.append(inputs[0]))
    x = torch.randn(1, 32, 14, 14, requires_grad=True)
    stage(x)
    kept[0][(0, slice(None), *cells)].square().sum().backward()
    return x.grad[0].abs().sum(0) > 0


def third_stage(extractor, attention, depths=(1, 1)):
    torch.manual_seed(0)
    options = {"local_depths": (1, depths[0], 1), "global_depths": (1, depths[1], 1)}
    model = create_model("merba_tiny", extractor=extractor, attention=attention, **options)
    return model.stages[1].eval()


LAST_WINDOW = (slice(7, 14), slice(7, 14))


@pytest.mark.parametrize(
    ("extractor", "attention", "depths", "crosses"),
    [
        ("local", "global", (2, 0), False),
        ("local", "local", (2, 2), False),
        ("local", "global", (1, 1), True),
        ("global", "global", (1, 0), True),
        ("global", "local", (1, 0), True),
    ],
)
def test_information_crosses_a_window_only_where_it_should(extractor, attention, depths, crosses):
    """Local blocks never let it; a global extractor does at once, without attention."""
    seen = reached(third_stage(extractor, attention, depths), LAST_WINDOW)
    assert seen.shape == (14, 14)
    assert seen[LAST_WINDOW].all()
    assert seen.all() if crosses else seen.sum() == 49


def test_permuting_windows_permutes_what_a_local_stage_makes_of_them():
    stage = third_stage("local", "local")
    x, shuffle = torch.randn(3, 14, 14, 32), torch.randperm(12)
    blocks = torch.nn.Sequential(stage.extractors, stage.attention)
    windows = partition(x, 7)
    with torch.no_grad():
        torch.testing.assert_close(blocks(windows[shuffle]), blocks(windows)[shuffle])


def test_a_local_stage_repeats_where_its_map_does():
    """All windows go through the same weights: equal windows stay equal, which a global scan undoes."""
    tile = torch.randn(1, 32, 7, 7).repeat(1, 1, 2, 2)
    for extractor, repeats in (("local", True), ("global", False)):
        stage = third_stage(extractor, "local")
        stage.last = torch.nn.Identity()
        with torch.no_grad():
            y = stage(tile)
        assert torch.allclose(y[..., :7], y[..., 7:], atol=1e-5) == repeats


# Options


@pytest.mark.parametrize("size", [8, 16, 32, 64])
@pytest.mark.parametrize(("extractor", "attention"), REACHES)
def test_every_reach_learns_at_every_size(extractor, attention, size):
    model = MERba(3, 2, size, **MINUTE, extractor=extractor, attention=attention)
    model.loss(torch.randn(4, 2, size, size), torch.arange(4) % 3, 0.5)[0].backward()
    assert all(p.grad.isfinite().all() for p in model.parameters())


def test_reach_makes_no_difference_where_the_map_is_one_window():
    x = torch.randn(1, 64, 7, 7)
    results = []
    for extractor, attention in REACHES:
        torch.manual_seed(0)
        stage = create_model("merba_tiny", extractor=extractor, attention=attention).stages[2].eval()
        results.append(stage(x))
    assert all(one.equal(results[0]) for one in results)


VALUES = {
    "stem_dim": [None, 3],
    "conv_depth": [0, 2],
    "local_depths": [(0, 0, 0), (2, 1, 1)],
    "global_depths": [(0, 0, 0), (1, 2, 1)],
    "extractor": ["local", "global"],
    "attention": ["local", "global"],
    "heads": [(1, 1, 1), (8, 16, 32)],
    "window": [1, 3],
    "states": [1, 8],
    "orders": [*ORDER_SETS, ["hz_m"], ["h", "v_r", "w7", "w2_m"]],
    "fusion": ["sum", "mean", "concat"],
    "share_mixer": [True, False],
    "mlp_ratio": [1, 4.0],
    "dropout": [0.0, 0.5],
    "drop_path": [0.0, 0.5],
    "layer_scale": [None, 1e-5],
    "init_std": [None, 0.02],
    "head": ["linear", "dgcm"],
    "dgcm_form": ["sum", "convex"],
    "dim": [2, 6],
}


@pytest.mark.parametrize(
    ("option", "value"), [(option, value) for option, values in VALUES.items() for value in values], ids=str
)
def test_every_value_of_every_option_learns_and_predicts(option, value):
    options = {
        **MINUTE,
        "heads": (1, 1, 1),
        **({"head": "dgcm"} if option == "dgcm_form" else {}),
        option: value,
    }
    size = 4 * options["window"]
    model = MERba(7, 3, size, **options)
    x = torch.randn(4, 3, size, size)
    loss, logits = model.loss(x, torch.tensor([0, 1, 4, 6]), 0.5, 0.1, torch.rand(7))
    loss.backward()
    assert logits.shape == (4, 7)
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())
    classes, probabilities = model.predict(x)
    assert classes.shape == (4,)
    torch.testing.assert_close(probabilities.sum(1), torch.ones(4))


def test_every_option_has_its_values_tried():
    own = set(MERba.__init__.__kwdefaults__)
    assert set(VALUES) == own


@pytest.mark.parametrize("fusion", ["sum", "mean", "concat"])
@pytest.mark.parametrize("share", [True, False], ids=["shared", "separate"])
def test_the_loss_reaches_every_weight_of_an_extractor(fusion, share):
    options = {**MINUTE, "fusion": fusion, "share_mixer": share}
    model = MERba(3, 2, 8, **options)
    model.loss(torch.randn(6, 2, 8, 8), torch.arange(6) % 3, 0.5)[0].backward()
    blocks = [block for stage in model.stages for block in stage.extractors]
    assert all(isinstance(block, Extractor) for block in blocks)
    assert all(p.grad.abs().sum() > 0 for block in blocks for p in block.parameters())


def test_the_four_directions_are_told_apart():
    """Reading only rows is not reading rows and columns: each order changes the result."""
    x = torch.randn(2, 2, 28, 28)
    results = []
    for order in ORDER_SETS["merba"]:
        torch.manual_seed(0)
        results.append(create_model("merba_tiny", orders=[order]).eval()(x))
    for k, one in enumerate(results):
        assert all(not torch.allclose(one, other, atol=1e-6) for other in results[:k])


def test_separate_mixers_of_one_order_differ_from_a_shared_one():
    """The control of capacity: four passes over rows, with weights of their own."""
    model = create_model("merba_tiny", orders=("h",) * 4, share_mixer=False)
    mixers = model.stages[0].extractors[0].mixers
    assert len(mixers) == 4
    assert not mixers[0].in_proj.weight.equal(mixers[1].in_proj.weight)


def test_half_precision_learns():
    model = MERba(7, 2, 8, **MINUTE, head="dgcm")
    with torch.autocast("cpu", torch.bfloat16):
        loss, _ = model.loss(torch.randn(4, 2, 8, 8), torch.arange(4), 0.5)
    loss.backward()
    assert loss.dtype == torch.float32
    assert all(p.grad.dtype == torch.float32 and p.grad.isfinite().all() for p in model.parameters())


@pytest.mark.parametrize(
    ("options", "hint"),
    [
        ({"fusion": "max"}, "sum, mean, concat"),
        ({"head": "softmax"}, "linear, dgcm"),
        ({"dgcm_form": "x"}, "sum, convex"),
        ({"extractor": "windowed"}, "local, global"),
        ({"attention": "none"}, "local, global"),
        ({"local_depths": (1, 1)}, "stages 2, 3, 4"),
        ({"heads": (1, 2, 3)}, "do not divide stage 4"),
    ],
)
def test_option_values_are_checked(options, hint):
    with pytest.raises(InputError, match=hint):
        create_model("merba_tiny", **options)


@pytest.mark.parametrize("p", [0.0, 0.3, 1.0])
def test_a_path_is_dropped_whole_and_nothing_is_lost_on_average(p):
    path, x = DropPath(p), torch.rand(4000, 2, 3) + 1
    torch.manual_seed(0)
    factors = path(x) / x
    torch.testing.assert_close(factors, factors[:, :1, :1].expand_as(factors))
    kept = factors[:, 0, 0] != 0
    assert kept.float().mean().item() == pytest.approx(1 - p, abs=0.03)
    torch.testing.assert_close(factors[kept], torch.full_like(factors[kept], 1 / (1 - p) if p < 1 else 1.0))
    assert path.eval()(x).equal(x)
