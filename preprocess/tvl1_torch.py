"""Dual TV-L1 flow of many pairs of pictures at once, in PyTorch, on any device that has float64.

The method is that of Zach, Pock & Bischof (2007, DAGM, 214-223) as written out by Sanchez, Meinhardt-Llopis
& Facciolo (2013, IPOL 3, 137-150): the brightness term, linearised at a warp, and the total variation of the
flow are minimised in turn, by thresholding and by Chambolle's dual step. Where implementations differ, this
one does as the flow of record, OpenCV's `DualTVL1OpticalFlow`:

* levels of the pyramid are bilinear samples of the level above at 0.8 of its size, none below 16 px; pictures
  are neither smoothed nor normalised;
* second picture and gradient are warped by bicubic interpolation (a = -0.75) at places rounded to 1/32 of a
  pixel, and are 0 outside of the picture;
* flow is median-filtered before every round of inner steps;
* an inner step that changes the flow by at most epsilon^2 a pixel, u and v together, ends its warp;
* dual variables live as long as a level, and no variable stands for changes of light (gamma 0).

Rounding is part of it. A place between two 32nds of a pixel falls to one or the other by its last bit, and
flows that part there can end pixels away. So the operations are those of OpenCV on x86-64 with FMA and IPP,
in their order, and the bits are the same, with one exception: the change of the flow is summed in float64
here, in float32 pixel after pixel there. Where the limit lies between the two sums, one takes a step more.

No pair sees another. One that has converged leaves the batch, and every operation is pixel by pixel but for
the sum that is compared with the limit.
"""

import functools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import pad

from preprocess.tvl1 import TVL1

_SMALLEST = 16  # pixels, of a level
_SUBPIXELS = 32  # to the pixel, of a bicubic weight
_AT_ONCE = {
    "cpu": 2**16,
    "cuda": 2**22,
}  # pixels of a batch: a core's cache, a gigabyte
_MARGIN = 4  # zeros around a picture: what a bicubic kernel sees that lies wholly outside of it

_THRESHOLD = TVL1["lambda"] * TVL1["theta"]
_DUAL_STEP = TVL1["tau"] / TVL1["theta"]


def tvl1(first: np.ndarray, second: np.ndarray, device: str | None = None) -> np.ndarray:
    """Flow that carries each picture of `first` to that of `second`.

    Args:
        first, second: (N, H, W) uint8.
        device: as torch names it; by default CUDA where there is a device, else the CPU.

    Returns:
        (N, 2, H, W) float32: u and v, pixels.
    """
    device = device or ("cuda" if torch.cuda.is_available() else "cpu")
    count, height, width = first.shape
    batch = batch_size(height, width, device)
    flow = np.empty((count, 2, height, width), np.float32)
    with torch.inference_mode():
        for k in range(0, count, batch):
            pairs = (torch.from_numpy(one[k : k + batch]).to(device).float() for one in (first, second))
            flow[k : k + batch] = _through_the_pyramid(*pairs).cpu()
    return flow


def batch_size(height: int, width: int, device: str) -> int:
    """How many pairs a device is given at once."""
    return max(1, _AT_ONCE["cpu" if device == "cpu" else "cuda"] // (height * width))


def _through_the_pyramid(first: Tensor, second: Tensor) -> Tensor:
    """(B, H, W) twice -> (B, 2, H, W)."""
    levels = [torch.stack([first, second], dim=1)]
    while len(levels) < TVL1["scales"]:
        size = [round(side * TVL1["scale_step"]) for side in levels[-1].shape[2:]]
        if min(size) < _SMALLEST:
            break
        levels.append(_resize(levels[-1], size, 1 / TVL1["scale_step"]))
    flow = torch.zeros_like(levels[-1])
    for level in reversed(levels):
        if flow.shape != level.shape:
            flow = _resize(flow, level.shape[2:]) * (1 / TVL1["scale_step"])
        flow = _on_one_level(level[:, :1], level[:, 1:], flow)
    return flow


def _on_one_level(first: Tensor, second: Tensor, flow: Tensor) -> Tensor:
    """Flow (B, 2, H, W) made better on pictures (B, 1, H, W)."""
    seen = torch.cat([second, _central_differences(second)], dim=1)
    # Of u and v along x and y, with a row and a column of zeros before the first.
    dual = pad(flow.new_zeros(len(flow), 2, *flow.shape[1:]), (1, 0, 1, 0))
    for _ in range(TVL1["warps"]):
        warped = _warp(seen, flow)
        gradient = warped[:, 1:].contiguous()
        along_x, along_y = (gradient * flow).split(1, dim=1)
        rest = warped[:, :1] - along_x - along_y - first
        flow, dual = _alternate(gradient, rest, flow, dual)
    return flow


class _Pairs(NamedTuple):
    """Pairs that have not converged, all (B, ...): which they are, what is given, and what is looked for."""

    number: Tensor
    gradient: Tensor
    rest: Tensor
    steepness: Tensor
    flow: Tensor
    dual: Tensor

    def only(self, which: Tensor) -> "_Pairs":
        kept = which.nonzero()[:, 0]
        return _Pairs(*(one.index_select(0, kept) for one in self))


def _alternate(gradient: Tensor, rest: Tensor, flow: Tensor, dual: Tensor) -> tuple[Tensor, Tensor]:
    """Steps on one warp until each pair has converged.

    Args:
        gradient: (B, 2, H, W) of the warped picture.
        rest: (B, 1, H, W) the brightness residual at flow 0.
        flow: (B, 2, H, W).
        dual: (B, 2, 2, H + 1, W + 1): direction, component, padded; changed in place.

    Returns:
        Flow and dual variables.
    """
    squared = gradient[:, :1] * gradient[:, :1] + gradient[:, 1:] * gradient[:, 1:]
    # Where there is no slope nothing is learned of the flow: any finite quotient is then multiplied by 0.
    finfo = torch.finfo(squared.dtype)
    steepness = squared.where(squared > finfo.eps, finfo.tiny)
    limit = TVL1["epsilon"] ** 2 * flow[0, 0].numel()
    left = _Pairs(torch.arange(len(flow), device=flow.device), gradient, rest, steepness, flow, dual)
    found = torch.empty_like(flow), torch.empty_like(dual)
    for step in range(TVL1["outer_iterations"] * TVL1["inner_iterations"]):
        before = left.flow if step % TVL1["inner_iterations"] else _median(left.flow)
        left = left._replace(flow=_step(left, before))
        moving = (left.flow - before).square_().sum(dim=(1, 2, 3), dtype=torch.float64) > limit
        if not moving.all():
            _keep(found, left.only(~moving))
            left = left.only(moving)
            if not len(left.number):
                break
    _keep(found, left)
    return found


def _keep(found: tuple[Tensor, Tensor], pairs: _Pairs) -> None:
    for whole, part in zip(found, (pairs.flow, pairs.dual), strict=True):
        whole[pairs.number] = part


def _step(pairs: _Pairs, flow: Tensor) -> Tensor:
    """The flow after a primal step; takes the dual step that follows in place."""
    _, gradient, rest, steepness, _, dual = pairs
    along_x, along_y = (gradient * flow).split(1, dim=1)
    residual = rest + (along_x + along_y)
    shift = residual.div_(steepness).clamp_(-_THRESHOLD, _THRESHOLD)
    inner, before_x, before_y = dual[..., 1:, 1:], dual[:, 0, :, 1:, :-1], dual[:, 1, :, :-1, 1:]
    divergence = (inner[:, 0] - before_x).add_(inner[:, 1] - before_y)
    # OpenCV adds up the first column in another order.
    torch.sub((inner[:, 0] + inner[:, 1])[..., 0], before_y[..., 0], out=divergence[..., 0])
    after = (flow - shift * gradient).add_(divergence.mul_(TVL1["theta"]))
    slope = torch.zeros_like(inner, memory_format=torch.contiguous_format)
    torch.sub(after[..., 1:], after[..., :-1], out=slope[:, 0, :, :, :-1])
    torch.sub(after[..., 1:, :], after[..., :-1, :], out=slope[:, 1, :, :-1])
    steep = torch.hypot(*slope.double().split(1, dim=1)).float()
    inner += slope.mul_(_DUAL_STEP)
    inner /= steep.mul_(_DUAL_STEP).add_(1)
    return after


def _central_differences(image: Tensor) -> Tensor:
    """(B, 1, H, W) -> (B, 2, H, W) along x and y; half the one-sided difference on the border."""
    wide = pad(image, (1, 1, 1, 1), mode="replicate")
    along_x = wide[..., 1:-1, 2:] - wide[..., 1:-1, :-2]
    along_y = wide[..., 2:, 1:-1] - wide[..., :-2, 1:-1]
    return torch.cat([along_x, along_y], dim=1).mul_(0.5)


def _resize(images: Tensor, size: Sequence[int], scale: float | None = None) -> Tensor:
    """Bilinear samples of (B, C, H, W), (height, width) of them, `scale` pixels apart; None: as they fit."""
    for dim, length in ((3, size[1]), (2, size[0])):
        last = images.shape[dim] - 1
        place = (torch.arange(length, dtype=torch.float64) + 0.5) * (scale or (last + 1) / length) - 0.5
        place = place.clamp_(0, last)
        before = place.floor().long()
        share = (place - before).float().to(images.device)
        near, far = (
            images.index_select(dim, index.to(images.device))
            for index in (before, (before + 1).clamp_(max=last))
        )
        images = _fused(far - near, share if dim == 3 else share[:, None], near)
    return images


def _warp(images: Tensor, flow: Tensor) -> Tensor:
    """`images` (B, C, H, W) seen at x + u, y + v for a flow (B, 2, H, W)."""
    height, width = flow.shape[2:]
    wide = pad(images, (_MARGIN,) * 4)
    pixels, weights = [], []
    for axis, side in enumerate((width, height)):
        start = torch.arange(side, device=flow.device, dtype=flow.dtype)
        place = flow[:, axis] + (start if axis == 0 else start[:, None])
        place = torch.round(place * _SUBPIXELS).clamp_(-3 * _SUBPIXELS, (side + 1) * _SUBPIXELS).long()
        pixels.append(torch.div(place, _SUBPIXELS, rounding_mode="floor"))
        weights.append(_bicubic(flow.device)[:, place - pixels[-1] * _SUBPIXELS])
    x, y = pixels
    corner = ((y + _MARGIN - 1) * wide.shape[-1] + x + _MARGIN - 1).flatten(1)[:, None]
    corner = corner.expand(-1, images.shape[1], -1)
    wide, stride = wide.flatten(2), wide.shape[-1]
    total, columns = torch.zeros_like(images), []
    for row in range(4):
        for column in range(4):
            seen = wide.gather(2, corner + (row * stride + column)).view_as(images)
            weight = (weights[1][row] * weights[0][column])[:, None]
            product = seen * weight
            total += product
            if row == 0:
                columns.append(product)
            else:
                columns[column] = _fused(seen, weight, columns[column])
    # OpenCV adds up by columns where the kernel lies wholly in the picture, and else one by one.
    inside = (x >= 1) & (x < width - 2) & (y >= 1) & (y < height - 2)
    return torch.where(inside[:, None], (columns[0] + columns[2]) + (columns[1] + columns[3]), total)


def _fused(a: Tensor, b: Tensor, c: Tensor) -> Tensor:
    """a b + c of float32, rounded once, on every device."""
    return (a.double() * b).add_(c).float()


@functools.cache
def _bicubic(device: torch.device) -> Tensor:
    """(4, 32): weights of the pixels around a place, by its part of a pixel beyond the second (Keys 1981)."""
    a, part = -0.75, torch.arange(_SUBPIXELS, device=device, dtype=torch.float32) / _SUBPIXELS
    outer = [((a * t - 5 * a) * t + 8 * a) * t - 4 * a for t in (part + 1, 2 - part)]
    inner = [((a + 2) * t - (a + 3)) * t * t + 1 for t in (part, 1 - part)]
    return torch.stack([outer[0], *inner, outer[1]])


def _median(flow: Tensor) -> Tensor:
    """Median of 5x5 pixels of (B, C, H, W), the border repeated.

    Of rows and columns sorted, each number in row i and column j of five has i * j - 1 that are no larger and
    (6 - i) * (6 - j) - 1 that are no smaller. For six of either kind these are too many; the median is the
    middle of the other thirteen.
    """
    height, width = flow.shape[-2:]
    wide = pad(flow, (2, 2, 2, 2), mode="replicate")
    middle = []
    rows = _sort([wide[..., k : k + height, :] for k in range(5)], range(5))
    for i, row in enumerate(rows, 1):
        wanted = [j - 1 for j in range(1, 6) if i * j <= 13 and (6 - i) * (6 - j) <= 13]
        middle += _sort([row[..., k : k + width] for k in range(5)], wanted)
    return _sort(middle, [6])[0]


def _sort(planes: list[Tensor], wanted) -> list[Tensor]:
    """Those of equal-sized planes, sorted pixel by pixel, whose ranks are wanted."""
    planes = list(planes)
    for low, high, smaller, larger in _exchanges(len(planes), tuple(wanted)):
        one, other = planes[low], planes[high]
        if smaller:
            planes[low] = torch.minimum(one, other)
        if larger:
            planes[high] = torch.maximum(one, other)
    return [planes[rank] for rank in wanted]


@functools.cache
def _exchanges(count: int, wanted: tuple[int, ...]) -> list[tuple[int, int, bool, bool]]:
    """Batcher's merge exchange (Knuth, TAOCP 5.2.2, algorithm M) as far as the wanted ranks depend on it.

    Returns:
        low, high, and whether anything depends on the smaller and on the larger of the two.
    """
    every = []
    most = p = 1 << (count - 1).bit_length() - 1
    while p:
        q, r, d = most, 0, p
        while True:
            every += [(i, i + d) for i in range(count - d) if i & p == r]
            if q == p:
                break
            d, q, r = q - p, q // 2, p
        p //= 2
    needed, kept = set(wanted), []
    for low, high in reversed(every):
        if low in needed or high in needed:
            kept.append((low, high, low in needed, high in needed))
            needed |= {low, high}
    return kept[::-1]
