"""Dropout's factors, drawn from torch's own stream, but many at a time.

torch draws them one by one on a CPU, which a small network's step spends much of its time on. The kernel
takes the generator's state, draws the same numbers from it and puts the state back: whatever is drawn before
or afterwards is what it would have been.
"""

import ctypes
import functools
import math
import struct
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from merba import native

# A CPU generator's state: seed, words left, whether seeded, next word, 624 words of 8 bytes, and more.
_HEADER = struct.Struct("<QiiQ")
_WORDS = slice(_HEADER.size, _HEADER.size + 624 * 8)


def dropout_factors(shape: Sequence[int], p: float, generators: Sequence[torch.Generator] = ()) -> Tensor:
    """0 with probability p, 1 / (1 - p) otherwise, float32.

    Equal to what `torch.nn.functional.dropout` multiplies by on a CPU, number by number.

    Args:
        generators: drawn from, each for itself: then (len(generators), *shape), on their device. Default:
            torch's own on the CPU, and no such axis.
    """
    device = generators[0].device if generators else torch.device("cpu")
    out = torch.empty(len(generators) or 1, *shape, device=device)
    if p in (0.0, 1.0):  # torch draws nothing then
        out.fill_(1.0 - p)
    else:
        serves = device.type == "cpu" and native.compiled(__file__) is not None and _stream_is_known()
        draw = _by_kernel if serves else _by_torch
        for own, generator in zip(out, generators or [torch.default_generator], strict=True):
            draw(own, p, generator)
    return out if generators else out[0]


def _by_torch(out: Tensor, p: float, generator: torch.Generator) -> None:
    out.bernoulli_(1 - p, generator=generator).div_(1 - p)


def _by_kernel(out: Tensor, p: float, generator: torch.Generator) -> None:
    state = generator.get_state()
    raw = state.numpy()
    seed, left, seeded, following = _HEADER.unpack_from(raw)
    words = raw[_WORDS].view(np.uint64)
    narrow = words.astype(np.uint32)
    # Freshly seeded, the first word is still to be made.
    following = ctypes.c_int64(624 if left == 1 else following)
    native.compiled(__file__).bernoulli(
        ctypes.c_void_p(narrow.ctypes.data),
        ctypes.byref(following),
        ctypes.c_int64(out.numel()),
        ctypes.c_uint64(math.ceil((1 - p) * 2**53)),
        ctypes.c_float(np.float32(1) / np.float32(1 - p)),  # as torch divides, in float32
        ctypes.c_void_p(out.data_ptr()),
    )
    words[:] = narrow
    _HEADER.pack_into(raw, 0, seed, 625 - following.value, seeded, following.value)
    generator.set_state(state)


@functools.cache
def _stream_is_known() -> bool:
    """Whether torch's stream is the one that the kernel knows; tried once, aside of the stream."""
    if len(torch.get_rng_state()) < _WORDS.stop:
        return False
    tried = []
    for draw in (_by_torch, _by_kernel):
        generator, numbers = torch.Generator().manual_seed(1), torch.empty(706)
        draw(numbers[:701], 0.3, generator)
        draw(numbers[701:], 0.5, generator)
        tried.append(torch.cat([numbers, torch.rand(3, generator=generator)]))
    return torch.equal(*tried)
