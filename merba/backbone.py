"""What MERba and MambaVision have in common around their blocks: stem, strides, stages, start of the weights.

Sizes are MambaVision-B's (Hatamizadeh & Kautz 2024) at 224 pixels.
"""

from torch import Tensor, nn

from contracts.errors import InputError
from merba.blocks import merge, partition

# Strides of the stem's two convolutions and of stage 1's last, by input size in units of 4 windows:
# they alone differ, so that stages 2, 3, 4 see maps 4, 2, 1 windows wide at every size.
_STRIDES = {1: (1, 1, 1), 2: (2, 1, 1), 4: (2, 2, 1), 8: (2, 2, 2)}


def make_stem(in_channels: int, middle: int, d: int, strides: tuple[int, int, int]) -> nn.Sequential:
    """(n, in_channels, size, size) -> (n, d, ...): two convolutions with the first two of `strides`."""
    return nn.Sequential(
        nn.Conv2d(in_channels, middle, 3, strides[0], 1, bias=False),
        nn.BatchNorm2d(middle, eps=1e-4),
        nn.ReLU(),
        nn.Conv2d(middle, d, 3, strides[1], 1, bias=False),
        nn.BatchNorm2d(d, eps=1e-4),
        nn.ReLU(),
    )


def downsample(d: int, stride: int = 2) -> nn.Conv2d:
    """(n, d, height, width) -> (n, 2 d, height / stride, width / stride)."""
    return nn.Conv2d(d, 2 * d, 3, stride, 1, bias=False)


class Stage(nn.Module):
    """Extractors, attention, then downsampling or the last norm; the first two on windows of their own size.

    Args:
        scanned: side of the extractors' windows.
        extractors: blocks (n, l, d) -> (n, l, d).
        attended: side of the attention's windows; a side of the map makes one window.
        attention: blocks (n, l, d) -> (n, l, d).
        last: what follows on the map.
    """

    def __init__(
        self,
        scanned: int,
        extractors: list[nn.Module],
        attended: int,
        attention: list[nn.Module],
        last: nn.Module,
    ):
        super().__init__()
        self.scanned, self.attended = scanned, attended
        self.extractors, self.attention = nn.Sequential(*extractors), nn.Sequential(*attention)
        self.last = last

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, d, height, width) -> (n, 2 d, height / 2, width / 2), or the same shape in stage 4."""
        height, width = x.shape[2:]
        x = x.permute(0, 2, 3, 1)
        # Windows do not shift, so one partition serves all blocks of a kind.
        x = merge(self.extractors(partition(x, self.scanned)), self.scanned, height, width)
        x = merge(self.attention(partition(x, self.attended)), self.attended, height, width)
        return self.last(x.permute(0, 3, 1, 2))


def initialise(module: nn.Module, std: float) -> None:
    """MambaVision's start: every Linear, the scan's step included, normal and without bias."""
    if isinstance(module, nn.Linear):
        nn.init.trunc_normal_(module.weight, std=std)
        if module.bias is not None:
            nn.init.zeros_(module.bias)


def strides_for(input_size: int, window: int) -> tuple[int, int, int]:
    """Strides of the stem's two convolutions and of the first level's last.

    Raises:
        InputError: the input is not 4, 8, 16 or 32 windows wide.
    """
    units, rest = divmod(input_size, 4 * window)
    if rest or units not in _STRIDES:
        sizes = ", ".join(str(4 * window * unit) for unit in _STRIDES)
        raise InputError(
            f"input of {input_size} pixels does not fit windows of {window}",
            clip="input_size",
            cure=f"use one of {sizes}",
        )
    return _STRIDES[units]
