"""MERba: the paper's size, its geometry at every input size, and where information may flow."""

import pytest
import torch

from contracts.errors import InputError
from merba import create_model
from merba.blocks import LocalExtractor, merge, partition
from merba.orders import BASE_ORDERS


def count(model):
    return sum(p.numel() for p in model.parameters())


def test_base_has_the_size_of_the_reading():
    with torch.device("meta"):
        assert count(create_model("merba_base", 7, 2, 224)) == pytest.approx(93.9e6, abs=0.1e6)
        assert count(create_model("merba_base", 7, 2, 224, share_mixer=False)) == pytest.approx(
            111.1e6, abs=0.1e6
        )
        assert count(create_model("merba_base", 7, 2, 224, local_depths=(1, 1, 1))) == pytest.approx(
            54.1e6, abs=0.1e6
        )


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


def test_partition_and_merge_are_inverse_and_windows_are_squares():
    x = torch.arange(2 * 6 * 4 * 3).reshape(2, 6, 4, 3)
    windows = partition(x, 2)
    assert windows.shape == (2 * 6, 4, 3)
    assert windows[1].equal(x[0, 0:2, 2:4].reshape(4, 3))
    assert merge(windows, 2, 6, 4).equal(x)


def extractor(**options):
    settings = {"orders": BASE_ORDERS, "fusion": "sum", "share_mixer": True, "states": 4, "mlp_ratio": 2.0}
    plain = {"dropout": 0.0, "drop_path": 0.0, "layer_scale": None}
    return LocalExtractor(8, 7, **{**settings, **plain, **options})


def test_no_information_crosses_a_window_before_attention():
    """The gradient of one window's output is zero in every other window, and nowhere zero in its own."""
    block = extractor().double()
    x = torch.randn(1, 14, 14, 8, dtype=torch.float64, requires_grad=True)
    y = merge(block(partition(x, 7)), 7, 14, 14)
    y[0, 7:, :7].square().sum().backward()
    reached = x.grad[0].abs().sum(-1) > 0
    assert reached[7:, :7].all()
    assert not reached[:7].any()
    assert not reached[:, 7:].any()


def test_attention_joins_the_windows():
    stage = create_model("merba_tiny", global_depths=(1, 1, 1)).stages[0].eval()
    x = torch.randn(1, 16, 28, 28, requires_grad=True)
    before_downsampling = []
    stage.last.register_forward_pre_hook(lambda _, inputs: before_downsampling.append(inputs[0]))
    stage(x)
    before_downsampling[0][0, :, 0, 0].square().sum().backward()
    assert (x.grad[0].abs().sum(0) > 0).all()


@pytest.mark.parametrize("fusion", ["sum", "mean", "concat"])
@pytest.mark.parametrize("share", [True, False])
def test_every_fusion_runs_and_reaches_all_weights(fusion, share):
    block = extractor(fusion=fusion, share_mixer=share)
    y = block(torch.randn(3, 49, 8))
    y.square().sum().backward()
    assert y.shape == (3, 49, 8)
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in block.parameters())


def test_the_four_directions_are_told_apart():
    """Reading only rows is not reading rows and columns: each order changes the result."""
    x = torch.randn(2, 49, 8)
    results = []
    for orders in (("h",), ("v",), ("hz",), ("vz",)):
        torch.manual_seed(0)
        results.append(extractor(orders=orders)(x))
    for k, one in enumerate(results):
        assert all(not torch.allclose(one, other, atol=1e-6) for other in results[:k])


def test_option_values_are_checked():
    for options in ({"fusion": "max"}, {"head": "softmax"}, {"dgcm_form": "x"}, {"orders": ("diagonal",)}):
        with pytest.raises(InputError):
            create_model("merba_tiny", **options)
