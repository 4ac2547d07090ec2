// STSTNet's three streams in training, on one core: 3 x 3 convolution (padding 2), ReLU, BatchNorm over the batch,
// 3 x 3 maximum pooling (stride 3, padding 1), dropout, 2 x 2 mean.
//
// The 16 channels of all streams are the lanes of one vector. A clip is small enough for its feature maps never to
// leave the first-level cache; what would have to be kept for the backward pass is computed a second time instead.
// BatchNorm and ReLU act before the pooling, so its maximum can be taken of the ReLU's output: of its negative where
// BatchNorm's weight is negative. (Where that weight is exactly zero all pixels are equally high, and torch would pass
// on the first; the one passed on here is another.)

#include <cstdint>
#include <cstring>

namespace {

constexpr int LANES = 16;
constexpr int MOST = 64;  // pixels a side, padding included
typedef float Row __attribute__((vector_size(4 * LANES), aligned(4)));
typedef int32_t Mask __attribute__((vector_size(4 * LANES), aligned(4)));

typedef uint8_t Byte __attribute__((vector_size(LANES), aligned(1)));

struct Shape {
    int size, padded, out, pairs, pooled, half;
    explicit Shape(int64_t side)
        : size(int(side)), padded(size + 4), out(size + 2), pairs((out + 1) / 2), pooled((size + 1) / 3 + 1),
          half(pooled / 2) {}
};

inline Row load(const float* from) {
    Row row;
    std::memcpy(&row, from, sizeof row);
    return row;
}

inline void store(float* to, Row row) { std::memcpy(to, &row, sizeof row); }

inline Row choose(Mask mask, Row yes, Row no) { return mask ? yes : no; }

// A clip (C, size, size), two rows and columns of zeros around it, as Winograd's F(2, 3) wants its rows: of each four
// neighbours d, two pixels apart, d0 - d2, d1 + d2, d2 - d1 and d1 - d3. (C, padded, pairs, 4).
template <int C>
void spread(const float* clip, const Shape& s, float* pairs) {
    float line[MOST + 4] = {};
    for (int c = 0; c < C; ++c)
        for (int y = 0; y < s.padded; ++y) {
            float* to = pairs + (c * s.padded + y) * s.pairs * 4;
            if (y < 2 || y >= s.size + 2) {
                std::memset(to, 0, sizeof(float) * s.pairs * 4);
                continue;
            }
            std::memcpy(line + 2, clip + (c * s.size + y - 2) * s.size, sizeof(float) * s.size);
            for (int k = 0; k < s.pairs; ++k) {
                const float* d = line + 2 * k;
                to[4 * k] = d[0] - d[2];
                to[4 * k + 1] = d[1] + d[2];
                to[4 * k + 2] = d[2] - d[1];
                to[4 * k + 3] = d[1] - d[3];
            }
        }
}

// Weight and bias (9 * C + 1, LANES) -> the weight in Winograd's form, (C, 3, 4); returns the bias.
template <int C>
Row transform(const float* weight, Row* to) {
    for (int t = 0; t < 3 * C; ++t) {
        const float* from = weight + 3 * t * LANES;
        const Row g0 = load(from), g1 = load(from + LANES), g2 = load(from + 2 * LANES);
        to[4 * t] = g0;
        to[4 * t + 1] = (g0 + g1 + g2) * 0.5f;
        to[4 * t + 2] = (g0 - g1 + g2) * 0.5f;
        to[4 * t + 3] = g2;
    }
    return load(weight + 9 * C * LANES);
}

// ReLU of the convolution at `count` neighbouring pairs of pixels. A NaN stays one.
template <int C, int count>
inline void convolve(const float* at, int from, int to, const Shape& s, const Row* weight, Row bias, float* out) {
    Row sum[count][4] = {};
    for (int c = 0; c < C; ++c)
        for (int dy = from; dy < to; ++dy) {
            const float* line = at + (c * s.padded + dy) * s.pairs * 4;
            const Row* w = weight + (c * 3 + dy) * 4;
#pragma GCC unroll 4
            for (int k = 0; k < 4; ++k)
#pragma GCC unroll 8
                for (int q = 0; q < count; ++q) sum[q][k] += w[k] * line[4 * q + k];
        }
#pragma GCC unroll 8
    for (int q = 0; q < count; ++q) {
        const Row even = bias + sum[q][0] + sum[q][1] + sum[q][2];
        const Row odd = bias + sum[q][1] - sum[q][2] - sum[q][3];
        store(out + 2 * q * LANES, choose(even < 0.0f, Row{}, even));
        store(out + (2 * q + 1) * LANES, choose(odd < 0.0f, Row{}, odd));
    }
}

// The kernel's rows that meet more than zeros at a row of the map.
inline int first_tap(int y) { return y < 2 ? 2 - y : 0; }
inline int last_tap(int y, const Shape& s) { return y < s.size ? 3 : s.out - y; }

// One row of the map, (out, LANES); where `out` is odd, one pixel more is written.
template <int C>
void convolve_row(const float* pairs, int y, const Shape& s, const Row* weight, Row bias, float* out) {
    const float* at = pairs + y * s.pairs * 4;
    const int from = first_tap(y), to = last_tap(y, s);
    int k = 0;
    for (; k + 5 <= s.pairs; k += 5)
        convolve<C, 5>(at + 4 * k, from, to, s, weight, bias, out + 2 * k * LANES);
    for (; k < s.pairs; ++k) convolve<C, 1>(at + 4 * k, from, to, s, weight, bias, out + 2 * k * LANES);
}

// A window's highest of nine, the first of several, and which that is. `rows` start one pixel left of the map.
inline void highest(const float (*rows)[MOST * LANES], int px, Row sign, float* best, uint8_t* where) {
    Row most = load(rows[0] + 3 * px * LANES) * sign;
    Mask at{};
#pragma GCC unroll 8
    for (int k = 1; k < 9; ++k) {
        const Row value = load(rows[k / 3] + (3 * px + k % 3) * LANES) * sign;
        const Mask better = ~(value <= most);
        most = choose(better, value, most);
        at = better ? Mask{} + k : at;
    }
    store(best, most * sign);
    const Byte byte = __builtin_convertvector(at, Byte);
    std::memcpy(where, &byte, sizeof byte);
}

template <int C>
void forward(const float* clips, int64_t n, const Shape& s, const float* weight, Row sign, float* pooled,
             uint8_t* where, double* sums) {
    Row w[12 * C];
    const Row bias = transform<C>(weight, w);
    float pairs[C * MOST * MOST * 2];
    float rows[3][MOST * LANES];
    // What lies outside of the map never wins.
    const Row lowest = -sign * __builtin_inff();
    for (int64_t k = 0; k < n; ++k) {
        spread<C>(clips + k * C * s.size * s.size, s, pairs);
        Row sum{}, square{};
        for (int row = 0; row < 3; ++row)
            for (int x = 0; x < s.out + 2; ++x) store(rows[row] + x * LANES, lowest);
        for (int py = 0; 3 * py - 1 < s.out; ++py) {
            for (int row = 0; row < 3; ++row) {
                const int y = 3 * py - 1 + row;
                float* first = rows[row] + LANES;
                if (y >= s.out)
                    for (int x = 0; x < s.out; ++x) store(first + x * LANES, lowest);
                if (y < 0 || y >= s.out) continue;
                convolve_row<C>(pairs, y, s, w, bias, first);
                store(first + s.out * LANES, lowest);
                for (int x = 0; x < s.out; ++x) {
                    const Row value = load(first + x * LANES);
                    sum += value;
                    square += value * value;
                }
            }
            if (py >= s.pooled) continue;
            for (int px = 0; px < s.pooled; ++px) {
                const int64_t cell = ((k * s.pooled + py) * s.pooled + px) * LANES;
                highest(rows, px, sign, pooled + cell, where + cell);
            }
        }
        for (int lane = 0; lane < LANES; ++lane) {
            sums[lane] += sum[lane];
            sums[LANES + lane] += square[lane];
        }
    }
}

// Adds to `total`, (taps, 4), what `taps` of the kernel's rows have as gradient from one row of the map.
template <int taps>
inline void correlate(const float* at, int stride, int pairs, const float* gradient, Row* total) {
    Row sum[taps][4];
    std::memcpy(sum, total, sizeof sum);
    for (int k = 0; k < pairs; ++k) {
        const Row even = load(gradient + 2 * k * LANES), odd = load(gradient + (2 * k + 1) * LANES);
        const Row both = even + odd, apart = even - odd;
#pragma GCC unroll 3
        for (int dy = 0; dy < taps; ++dy) {
            const float* d = at + dy * stride + 4 * k;
            sum[dy][0] += even * d[0];
            sum[dy][1] += both * d[1];
            sum[dy][2] += apart * d[2];
            sum[dy][3] -= odd * d[3];
        }
    }
    std::memcpy(total, sum, sizeof sum);
}

// Adds to `total`, (C, 3, 4), the gradients of the transformed weight from one row of the map; returns the bias's.
template <int C>
inline Row correlate_row(const float* pairs, int y, const Shape& s, const float* gradient, Row* total) {
    const int from = first_tap(y), to = last_tap(y, s), stride = s.pairs * 4;
    for (int c = 0; c < C; ++c) {
        const float* at = pairs + (c * s.padded + y) * stride;
        if (from == 0 && to == 3) {
            correlate<3>(at, stride, s.pairs, gradient, total + c * 12);
            continue;
        }
        for (int dy = from; dy < to; ++dy)
            correlate<1>(at + dy * stride, stride, s.pairs, gradient, total + (c * 3 + dy) * 4);
    }
    Row bias{};
    for (int x = 0; x < s.out; ++x) bias += load(gradient + x * LANES);
    return bias;
}

template <int C>
void backward(const float* clips, int64_t n, const Shape& s, const float* weight, const uint8_t* where,
              const float* peaks, Row slope, Row offset, double* total) {
    Row w[12 * C];
    const Row bias = transform<C>(weight, w);
    float pairs[C * MOST * MOST * 2];
    float map[(MOST + 3) * LANES] = {};
    float* first = map + LANES;
    for (int64_t k = 0; k < n; ++k) {
        spread<C>(clips + k * C * s.size * s.size, s, pairs);
        Row own[12 * C] = {}, own_bias{};
        for (int y = 0; y < s.out; ++y) {
            convolve_row<C>(pairs, y, s, w, bias, first);
            const int py = (y + 1) / 3, below = 3 * ((y + 1) % 3);
            // What every pixel gets through the mean and the variance of the batch, and a window's highest besides.
            int x = -1;
            for (int px = 0; px < s.pooled && py < s.pooled; ++px) {
                const int64_t cell = ((k * s.pooled + py) * s.pooled + px) * LANES;
                Byte byte;
                std::memcpy(&byte, where + cell, sizeof byte);
                const Mask at = __builtin_convertvector(byte, Mask);
                const Row peak = load(peaks + cell);
#pragma GCC unroll 3
                for (int dx = 0; dx < 3; ++dx, ++x) {
                    const Row value = load(first + x * LANES);
                    const Row gradient = offset + slope * value + choose(at == below + dx, peak, Row{});
                    store(first + x * LANES, choose(value > 0.0f, gradient, Row{}));
                }
            }
            for (x = x < 0 ? 0 : x; x < s.out; ++x) {
                const Row value = load(first + x * LANES);
                store(first + x * LANES, choose(value > 0.0f, offset + slope * value, Row{}));
            }
            store(first + s.out * LANES, Row{});
            own_bias += correlate_row<C>(pairs, y, s, first, own);
        }
        for (int t = 0; t < 3 * C; ++t) {
            const Row *of = own + 4 * t, half = (of[1] + of[2]) * 0.5f;
            const Row taps[3] = {of[0] + half, (of[1] - of[2]) * 0.5f, half + of[3]};
            for (int dx = 0; dx < 3; ++dx)
                for (int lane = 0; lane < LANES; ++lane) total[(3 * t + dx) * LANES + lane] += taps[dx][lane];
        }
        for (int lane = 0; lane < LANES; ++lane) total[9 * C * LANES + lane] += own_bias[lane];
    }
}

}  // namespace

extern "C" {

// clips (n, channels, size, size); weight (9 * channels + 1, 16), the bias last; sign (16) of BatchNorm's weight.
// pooled (n, cells, 16): the ReLU's output where it is pooled; where (n, cells, 16): which of the window's nine pixels
// that is; sums (2, 16): of the ReLU's output and of its square.
void triple_stream_forward(const float* clips, int64_t n, int64_t channels, int64_t size, const float* weight,
                          const float* sign, float* pooled, uint8_t* where, double* sums) {
    const Shape s(size);
    std::memset(sums, 0, sizeof(double) * 2 * LANES);
    if (channels == 3) forward<3>(clips, n, s, weight, load(sign), pooled, where, sums);
    if (channels == 2) forward<2>(clips, n, s, weight, load(sign), pooled, where, sums);
    if (channels == 1) forward<1>(clips, n, s, weight, load(sign), pooled, where, sums);
}

// pooled as above, BatchNorm as scale and shift (16), the dropout's factors of the three streams, (n, 3 | 5 | 8, cells)
// -> features (n, 16, half, half).
void triple_stream_features(const float* pooled, int64_t n, int64_t size, const float* scale, const float* shift,
                            const float* drop3, const float* drop5, const float* drop8, float* features) {
    const Shape s(size);
    const int cells = s.pooled * s.pooled, quarter = s.half * s.half;
    for (int64_t k = 0; k < n; ++k)
        for (int lane = 0; lane < LANES; ++lane) {
            const float* drop = lane < 3   ? drop3 + (k * 3 + lane) * cells
                                : lane < 8 ? drop5 + (k * 5 + lane - 3) * cells
                                           : drop8 + (k * 8 + lane - 8) * cells;
            const float* from = pooled + k * cells * LANES + lane;
            float* to = features + (k * LANES + lane) * quarter;
            for (int y = 0; y < s.half; ++y)
                for (int x = 0; x < s.half; ++x) {
                    float sum = 0;
                    for (int dy = 0; dy < 2; ++dy)
                        for (int dx = 0; dx < 2; ++dx) {
                            const int cell = (2 * y + dy) * s.pooled + 2 * x + dx;
                            sum += (from[cell * LANES] * scale[lane] + shift[lane]) * drop[cell];
                        }
                    to[y * s.half + x] = sum / 4;
                }
        }
}

// What the features' gradient g is behind BatchNorm's scale (16), at the pooled pixels: peaks (n, cells, 16); and sums
// (2, 16) over all of them: of g before the scale, and of g times pooled.
void triple_stream_peaks(const float* gradient, const float* pooled, int64_t n, int64_t size, const float* drop3,
                         const float* drop5, const float* drop8, const float* scale, float* peaks, double* sums) {
    const Shape s(size);
    const int cells = s.pooled * s.pooled, quarter = s.half * s.half;
    std::memset(sums, 0, sizeof(double) * 2 * LANES);
    std::memset(peaks, 0, sizeof(float) * n * cells * LANES);
    for (int64_t k = 0; k < n; ++k)
        for (int lane = 0; lane < LANES; ++lane) {
            const float* drop = lane < 3   ? drop3 + (k * 3 + lane) * cells
                                : lane < 8 ? drop5 + (k * 5 + lane - 3) * cells
                                           : drop8 + (k * 8 + lane - 8) * cells;
            const float* from = gradient + (k * LANES + lane) * quarter;
            const float* kept = pooled + k * cells * LANES + lane;
            float* to = peaks + k * cells * LANES + lane;
            float sum = 0, times = 0;
            for (int y = 0; y < 2 * s.half; ++y)
                for (int x = 0; x < 2 * s.half; ++x) {
                    const int cell = y * s.pooled + x;
                    const float g = from[y / 2 * s.half + x / 2] / 4 * drop[cell];
                    to[cell * LANES] = g * scale[lane];
                    sum += g;
                    times += g * kept[cell * LANES];
                }
            sums[lane] += sum;
            sums[LANES + lane] += times;
        }
}

// peaks as above; slope and offset (16) of what every pixel's ReLU output gets besides.
// -> gradients of weight and bias, (9 * channels + 1, 16).
void triple_stream_backward(const float* clips, int64_t n, int64_t channels, int64_t size, const float* weight,
                            const uint8_t* where, const float* peaks, const float* slope, const float* offset,
                            double* total) {
    const Shape s(size);
    std::memset(total, 0, sizeof(double) * (9 * channels + 1) * LANES);
    if (channels == 3) backward<3>(clips, n, s, weight, where, peaks, load(slope), load(offset), total);
    if (channels == 2) backward<2>(clips, n, s, weight, where, peaks, load(slope), load(offset), total);
    if (channels == 1) backward<1>(clips, n, s, weight, where, peaks, load(slope), load(offset), total);
}
}
