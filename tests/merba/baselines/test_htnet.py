"""HTNet as published, with its one token a block and its transposed crops, and mended."""

import pytest
import torch

from contracts.errors import InputError
from merba import create_model

TINY = {"dim": 8, "depths": (1, 1, 1), "heads": 2}


def test_parameters_are_those_of_the_published_sizes():
    """Counted by hand from the widths.

    A layer of width d, whose heads are a = 3 * 85 * d / 256 wide together: two norms 4 d, queries, keys and
    values 3 d a, projection a d + d, MLP 4 d d + 4 d and 4 d d + d. A level has one position more. Patches
    are 3 * 49 -> 256; the two shrinking convolutions 9 d 2 d + 2 d with norms 4 d; the end is a norm of
    2 * 1024 and 1024 -> 3.
    """

    def layer(d):
        a = 255 * d // 256
        return 4 * d + 3 * d * a + a * d + d + 8 * d * d + 5 * d

    levels = 2 * layer(256) + 1 + 2 * layer(512) + 1 + 10 * layer(1024) + 1
    shrinks = sum(9 * d * 2 * d + 2 * d + 4 * d for d in (256, 512))
    expected = 3 * 49 * 256 + 256 + levels + shrinks + 2 * 1024 + 1024 * 3 + 3
    with torch.device("meta"):
        assert sum(p.numel() for p in create_model("htnet").parameters()) == expected


def tokens_seen(model, size=28):
    """Tokens a block at each level."""
    seen = []
    for level in model.levels:
        level.register_forward_hook(lambda _, inputs, __: seen.append(inputs[0].shape[1]))
    with torch.no_grad():
        model(torch.randn(2, 3, size, size))
    return seen


@pytest.mark.parametrize("patch, tokens", [(None, 1), (1, 49)])
def test_attention_matters_only_where_a_block_has_more_than_one_token(patch, tokens):
    model = create_model("htnet", patch=patch, **TINY).eval()
    assert tokens_seen(model) == [tokens] * 3
    x = torch.randn(2, 3, 28, 28)
    before = model(x)
    with torch.no_grad():
        for level in model.levels:
            for layer in level.layers:
                queries_and_keys = 2 * layer.qkv.out_features // 3
                layer.qkv.weight[:queries_and_keys].normal_()
    assert torch.allclose(before, model(x), atol=1e-6) == (tokens == 1)


def where(model, size=28):
    """Row and column of the picture at the middle of each of the four tiles."""
    rows, columns = torch.meshgrid(torch.arange(size), torch.arange(size), indexing="ij")
    tiled = model.tile(torch.stack([rows, columns]).expand(1, 2, -1, -1))[0]
    a, b = size // 4, 3 * size // 4
    return [tuple(tiled[:, r, c].tolist()) for r, c in ((a, a), (a, b), (b, a), (b, b))]


def test_mended_crops_put_the_eyes_above_the_mouth_corners():
    left_eye, right_eye, left_mouth, right_mouth = where(create_model("htnet", crops="mended", **TINY))
    assert (left_eye, right_eye) == ((10, 9), (10, 18))
    assert (left_mouth, right_mouth) == ((18, 10), (18, 17))


@pytest.mark.parametrize("size", [28, 56])
def test_published_crops_have_rows_and_columns_exchanged(size):
    published = where(create_model("htnet", input_size=size, crops="published", **TINY), size)
    mended = where(create_model("htnet", input_size=size, crops="mended", **TINY), size)
    assert published == [(column, row) for row, column in mended] != mended


@pytest.mark.parametrize("size, patch", [(30, None), (28, 2)])
def test_sizes_that_do_not_divide_are_refused(size, patch):
    with pytest.raises(InputError, match="four blocks"):
        create_model("htnet", input_size=size, patch=patch, **TINY)
    with pytest.raises(InputError, match="'mended'"):
        create_model("htnet", crops="mend", **TINY)
