"""The Triton kernels of `merba.scan.backends.triton`, which alone imports them: Triton may be missing.

A program works on a tile of all tokens of one sequence, in one direction, and some channels: (T, C), or
(T, C, N) with the states, T, C and N powers of two and what lies beyond the sizes masked to zero. Recurrences
are associative scans along T. Rows of the tensors in scan order are (direction, sequence, token); whatever a
token of a direction gives its own place is a row of `parts`, which the caller sums over directions: no two
programs write the same number, so results are the same in every run.
"""

import triton
import triton.language as tl


@triton.jit
def convolve(xz, kernel, orders, x, parts, sequences, length, half, T: tl.constexpr, C: tl.constexpr):
    """Convolve and activate: x (directions, sequences, length, half) in scan order, z into `parts`."""
    s, k, t, c = tl.program_id(0), tl.program_id(1), tl.arange(0, T), tl.program_id(2) * C + tl.arange(0, C)
    start, order = (k * sequences + s).to(tl.int64) * length, orders + k * length
    inside = (t < length)[:, None]
    a = _convolved(xz + s.to(tl.int64) * length * 2 * half, kernel, order, t, c, length, 2 * half)
    y = a * tl.sigmoid(a)
    at = x + start * half + (t[:, None] * half + c[None, :])
    tl.store(at, y, mask=inside & (c < half)[None, :])
    at = parts + start * 2 * half + (_places(order, t, length)[:, None] * 2 * half + c[None, :])
    tl.store(at, y, mask=inside & ((c >= half) & (c < 2 * half))[None, :])


@triton.jit
def convolve_backward(
    xz, kernel, orders, grad_x, grad_y, parts, grad_kernel, sequences, length, half,
    T: tl.constexpr, C: tl.constexpr,
):  # fmt: skip
    """Gradient of every token into `parts`; of the kernels, (directions, sequences, channels, 3)."""
    s, k, t, c = tl.program_id(0), tl.program_id(1), tl.arange(0, T), tl.program_id(2) * C + tl.arange(0, C)
    row, order = (k * sequences + s).to(tl.int64), orders + k * length
    here, channels = s.to(tl.int64) * length * 2 * half, 2 * half
    xz, grad_y, grad_x = xz + here, grad_y + here, grad_x + row * length * half
    now = _before_activation(xz, kernel, order, grad_x, grad_y, t, c, length, half)
    earlier = _before_activation(xz, kernel, order, grad_x, grad_y, t - 1, c, length, half)
    later = _before_activation(xz, kernel, order, grad_x, grad_y, t + 1, c, length, half)
    before, own, after = _taps(kernel, c, channels)
    grad = own * now + after * earlier + before * later
    mask = (t < length)[:, None] & (c < channels)[None, :]
    at = parts + row * length * channels + (_places(order, t, length)[:, None] * channels + c[None, :])
    tl.store(at, grad, mask=mask)
    token = _tokens(xz, order, t, c, length, channels)
    taps = grad_kernel + (row * channels + c) * 3
    tl.store(taps, tl.sum(token * later, 0), mask=c < channels)
    tl.store(taps + 1, tl.sum(token * now, 0), mask=c < channels)
    tl.store(taps + 2, tl.sum(token * earlier, 0), mask=c < channels)


@triton.jit
def scan(
    x, raw, chosen, dt_bias, A_log, D, orders, parts, sequences, length, half, rank, states,
    T: tl.constexpr, C: tl.constexpr, N: tl.constexpr,
):  # fmt: skip
    """y of the scanned half into `parts`; `raw` is the step before bias and softplus."""
    s, k, t, c = tl.program_id(0), tl.program_id(1), tl.arange(0, T), tl.program_id(2) * C + tl.arange(0, C)
    start = (k * sequences + s).to(tl.int64) * length
    n = tl.arange(0, N)
    A, bias = _rates(A_log, c, n, half, states), _channels(dt_bias, c, half)
    decay, inputs, x_, _ = _step(x, raw, chosen, A, bias, start, t, c, n, length, half, rank, states)
    _, h = tl.associative_scan((decay, inputs), 0, _compose)
    C_ = _chosen(chosen, start, t, rank + states, n, length, rank, states)
    y = tl.sum(h * C_[:, None, :], 2) + _channels(D, c, half) * x_
    place = _places(orders + k * length, t, length)
    mask = (t < length)[:, None] & (c < half)[None, :]
    tl.store(parts + start * 2 * half + (place[:, None] * 2 * half + c[None, :]), y, mask=mask)


@triton.jit
def scan_backward(
    x, raw, chosen, dt_bias, A_log, D, orders, grad_y, grad_x, grad_raw, grad_chosen, grad_A_log, grad_D,
    sequences, length, half, rank, states, T: tl.constexpr, C: tl.constexpr, N: tl.constexpr,
):  # fmt: skip
    """Gradients of x but for what it chose, of `raw`, of B and C; of A_log and D, for every program."""
    s, k, t, n = tl.program_id(0), tl.program_id(1), tl.arange(0, T), tl.arange(0, N)
    row = (k * sequences + s).to(tl.int64)
    start = row * length
    place = _places(orders + k * length, t, length)
    grad_y += s.to(tl.int64) * length * 2 * half
    grad_B, grad_C = tl.zeros([T, N], tl.float32), tl.zeros([T, N], tl.float32)
    for first in range(0, half, C):
        c = first + tl.arange(0, C)
        mask = (t < length)[:, None] & (c < half)[None, :]
        A, bias = _rates(A_log, c, n, half, states), _channels(dt_bias, c, half)
        decay, inputs, x_, dt = _step(x, raw, chosen, A, bias, start, t, c, n, length, half, rank, states)
        decayed, put_in, _, _ = _step(x, raw, chosen, A, bias, start, t - 1, c, n, length, half, rank, states)
        _, before = tl.associative_scan((decayed, put_in), 0, _compose)
        before *= decay
        g = tl.load(grad_y + place[:, None] * 2 * half + c[None, :], mask=mask, other=0.0).to(tl.float32)
        # The adjoint state runs backwards: g[t] = C[t] grad_y[t] + decay[t+1] g[t+1].
        C_ = _chosen(chosen, start, t, rank + states, n, length, rank, states)
        later = tl.exp(_softplus(_rows(raw, start, t + 1, c, length, half) + bias)[:, :, None] * A[None])
        _, adjoint = tl.associative_scan((later, g[:, :, None] * C_[:, None, :]), 0, _compose, reverse=True)
        exponent = adjoint * before
        grad_B += tl.sum(adjoint * (dt * x_)[:, :, None], 1)
        grad_C += tl.sum((before + inputs) * g[:, :, None], 1)
        B = _chosen(chosen, start, t, rank, n, length, rank, states)
        grad_input = tl.sum(adjoint * B[:, None, :], 2)
        grad_dt = grad_input * x_ + tl.sum(exponent * A[None], 2)
        at = t[:, None] * half + c[None, :]
        tl.store(grad_x + start * half + at, grad_input * dt + _channels(D, c, half) * g, mask=mask)
        tl.store(
            grad_raw + start * half + at,
            grad_dt * tl.sigmoid(_rows(raw, start, t, c, length, half) + bias),
            mask=mask,
        )
        tl.store(grad_D + row * half + c, tl.sum(g * x_, 0), mask=c < half)
        at = grad_A_log + row * half * states + (c[:, None] * states + n[None, :])
        mask = (c < half)[:, None] & (n < states)[None, :]
        tl.store(at, tl.sum(exponent * dt[:, :, None], 0) * A, mask=mask)
    at = grad_chosen + start * (rank + 2 * states) + (t[:, None] * (rank + 2 * states) + rank + n[None, :])
    mask = (t < length)[:, None] & (n < states)[None, :]
    tl.store(at, grad_B, mask=mask)
    tl.store(at + states, grad_C, mask=mask)


@triton.jit
def _compose(decay, state, then_decay, then_state):
    return decay * then_decay, then_decay * state + then_state


@triton.jit
def _step(x, raw, chosen, A, bias, start, t, c, n, length, half, rank, states):
    """Of the recurrence at tokens t, zero where there is none: decay and input; x and the step."""
    x_ = _rows(x, start, t, c, length, half)
    dt = _softplus(_rows(raw, start, t, c, length, half) + bias)
    B = _chosen(chosen, start, t, rank, n, length, rank, states)
    return tl.exp(dt[:, :, None] * A[None]), (dt * x_)[:, :, None] * B[:, None, :], x_, dt


@triton.jit
def _rates(A_log, c, n, half, states):
    mask = (c < half)[:, None] & (n < states)[None, :]
    return -tl.exp(tl.load(A_log + c[:, None] * states + n[None, :], mask=mask, other=0.0))


@triton.jit
def _chosen(chosen, start, t, first, n, length, rank, states):
    mask = ((t >= 0) & (t < length))[:, None] & (n < states)[None, :]
    at = chosen + start * (rank + 2 * states) + (t[:, None] * (rank + 2 * states) + first + n[None, :])
    return tl.load(at, mask=mask, other=0.0).to(tl.float32)


@triton.jit
def _softplus(x):
    small = tl.exp(-tl.abs(x))
    # log(1 + small) to the last digits of `small`, which 1 + small has lost (W. Kahan).
    rounded = 1.0 + small
    exact = tl.where(
        rounded == 1.0, small, tl.log(rounded) * (small / tl.where(rounded == 1.0, 1.0, rounded - 1.0))
    )
    return tl.maximum(x, 0.0) + exact


@triton.jit
def _before_activation(xz, kernel, order, grad_x, grad_y, t, c, length, half):
    a = _convolved(xz, kernel, order, t, c, length, 2 * half)
    s = tl.sigmoid(a)
    inside = ((t >= 0) & (t < length))[:, None]
    x = tl.load(grad_x + t[:, None] * half + c[None, :], mask=inside & (c < half)[None, :], other=0.0)
    z = tl.where((c >= half)[None, :], _tokens(grad_y, order, t, c, length, 2 * half), 0.0)
    return (x.to(tl.float32) + z) * s * (1.0 + a * (1.0 - s))


@triton.jit
def _convolved(xz, kernel, order, t, c, length, channels):
    before, own, after = _taps(kernel, c, channels)
    a = own * _tokens(xz, order, t, c, length, channels)
    a += before * _tokens(xz, order, t - 1, c, length, channels)
    return a + after * _tokens(xz, order, t + 1, c, length, channels)


@triton.jit
def _taps(kernel, c, channels):
    at = kernel + 3 * c
    before = tl.load(at, mask=c < channels, other=0.0)[None, :]
    own = tl.load(at + 1, mask=c < channels, other=0.0)[None, :]
    return before, own, tl.load(at + 2, mask=c < channels, other=0.0)[None, :]


@triton.jit
def _tokens(sequence, order, t, c, length, channels):
    """Of a sequence in place, those at t of an order."""
    mask = ((t >= 0) & (t < length))[:, None] & (c < channels)[None, :]
    at = sequence + _places(order, t, length)[:, None] * channels + c[None, :]
    return tl.load(at, mask=mask, other=0.0).to(tl.float32)


@triton.jit
def _places(order, t, length):
    return tl.load(order + t, mask=(t >= 0) & (t < length), other=0).to(tl.int32)


@triton.jit
def _rows(tensor, start, t, c, length, half):
    mask = ((t >= 0) & (t < length))[:, None] & (c < half)[None, :]
    at = tensor + start * half + (t[:, None] * half + c[None, :])
    return tl.load(at, mask=mask, other=0.0).to(tl.float32)


@triton.jit
def _channels(weight, c, half):
    return tl.load(weight + c, mask=c < half, other=0.0)[None, :]
