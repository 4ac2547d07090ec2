// STSTNet's three streams in training, on one core: 3 x 3 convolution (padding 2), ReLU, BatchNorm over the batch,
// 3 x 3 maximum pooling (stride 3, padding 1), dropout, 2 x 2 mean.
//
// The 16 channels of all streams are the lanes of one vector. A clip is small enough for its feature maps never to
// leave the first-level cache; what would have to be kept for the backward pass is computed a second time instead.
// BatchNorm and ReLU act before the pooling, so its maximum can be taken of the ReLU's output: of its negative where
// BatchNorm's weight is negative. (Where that weight is exactly zero all pixels are equally high, and torch would pass
// on the first; the one passed on here is another.)

#include <cmath>
#include <cstdint>
#include <cstring>

namespace {

constexpr int LANES = 16;
constexpr int MOST = 64;  // pixels a side, padding included
typedef float Row __attribute__((vector_size(4 * LANES), aligned(4)));
typedef int32_t Mask __attribute__((vector_size(4 * LANES), aligned(4)));

typedef uint8_t Byte __attribute__((vector_size(LANES), aligned(1)));

struct Shape {
    // `plane`: pairs of pixels in a row, up to whole vectors.
    int size, padded, out, pairs, plane, pooled, half;
    explicit Shape(int64_t side)
        : size(int(side)), padded(size + 4), out(size + 2), pairs((out + 1) / 2),
          plane((pairs + LANES - 1) / LANES * LANES), pooled((size + 1) / 3 + 1), half(pooled / 2) {}
};

inline Row load(const float* from) {
    Row row;
    std::memcpy(&row, from, sizeof row);
    return row;
}

inline void store(float* to, Row row) { std::memcpy(to, &row, sizeof row); }

// The first of every two neighbours.
inline Row every_other(const float* from) {
    const Row low = load(from), high = load(from + LANES);
#ifdef __clang__
    return __builtin_shufflevector(low, high, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
#else
    return __builtin_shuffle(low, high, Mask{0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30});
#endif
}

inline Row choose(Mask mask, Row yes, Row no) { return mask ? yes : no; }

// A clip (C, size, size), two rows and columns of zeros around it, as Winograd's F(2, 3) wants its rows: of each four
// neighbours d, two pixels apart, d0 - d2, d1 + d2, d2 - d1 and d1 - d3. (C, padded, 4, plane), of which the rows of
// zeros are left as they are, since no tap looks at them, and so is what a row has behind its last pair.
template <int C>
void spread(const float* clip, const Shape& s, float* pairs) {
    // All rows before any is read: a vector that overlaps what was just stored would wait for it.
    float lines[C * MOST * 2 * MOST];
    const int width = 2 * s.plane + 2;
    for (int row = 0; row < C * s.size; ++row) {
        float* line = lines + row * width;
        line[0] = line[1] = 0.0f;
        std::memcpy(line + 2, clip + row * s.size, sizeof(float) * s.size);
        // An odd map's last pair reaches one pixel further.
        for (int k = s.size + 2; k < width; ++k) line[k] = 0.0f;
    }
    for (int c = 0; c < C; ++c)
        for (int y = 0; y < s.size; ++y) {
            const float* line = lines + (c * s.size + y) * width;
            float* to = pairs + (c * s.padded + y + 2) * 4 * s.plane;
            for (int first = 0; first < s.plane; first += LANES) {
                const Row d0 = every_other(line + 2 * first), d1 = every_other(line + 2 * first + 1);
                const Row d2 = every_other(line + 2 * first + 2), d3 = every_other(line + 2 * first + 3);
                store(to + first, d0 - d2);
                store(to + s.plane + first, d1 + d2);
                store(to + 2 * s.plane + first, d2 - d1);
                store(to + 3 * s.plane + first, d1 - d3);
            }
        }
}

// What the three streams have of a kind, and a stream's first lane.
template <typename T>
using Streams = T* const*;
constexpr int FIRST[] = {0, 3, 8, LANES};

inline int stream_of(int lane) { return lane < FIRST[1] ? 0 : lane < FIRST[2] ? 1 : 2; }

// Value `at` of the `each` that every channel has.
inline Row across(Streams<const float> of, int each = 1, int at = 0) {
    Row row;
    for (int lane = 0; lane < LANES; ++lane) {
        const int stream = stream_of(lane);
        row[lane] = of[stream][(lane - FIRST[stream]) * each + at];
    }
    return row;
}

// The streams' parameters: weights (channels out, C, 3, 3), biases, and BatchNorm's weights and biases.
struct Learned {
    Streams<const float> weight, bias, gamma, beta;
    explicit Learned(Streams<const float> all) : weight(all), bias(all + 3), gamma(all + 6), beta(all + 9) {}
};

// The weight in Winograd's form, (C, 3, 4).
template <int C>
void transform(Streams<const float> weight, Row* to) {
    for (int t = 0; t < 3 * C; ++t) {
        const Row g0 = across(weight, 9 * C, 3 * t), g1 = across(weight, 9 * C, 3 * t + 1);
        const Row g2 = across(weight, 9 * C, 3 * t + 2);
        to[4 * t] = g0;
        to[4 * t + 1] = (g0 + g1 + g2) * 0.5f;
        to[4 * t + 2] = (g0 - g1 + g2) * 0.5f;
        to[4 * t + 3] = g2;
    }
}

// BatchNorm of a batch, from the mean and the biased variance of what it normalises.
struct Norm {
    double mean[LANES], inverse[LANES], scale[LANES], shift[LANES];
    Norm(const double* moments, const Learned& learned, double eps) {
        const Row gamma = across(learned.gamma), beta = across(learned.beta);
        for (int lane = 0; lane < LANES; ++lane) {
            mean[lane] = moments[lane];
            inverse[lane] = 1 / std::sqrt(moments[LANES + lane] + eps);
            scale[lane] = gamma[lane] * inverse[lane];
            shift[lane] = beta[lane] - mean[lane] * scale[lane];
        }
    }
};

Row narrow(const double* from) {
    Row row;
    for (int lane = 0; lane < LANES; ++lane) row[lane] = float(from[lane]);
    return row;
}

// Which channels dropout has kept of a clip, a bit each: its factors, of every stream (channels, cells), -> (cells,).
void keep(Streams<const float> drops, int64_t clip, int cells, int32_t* kept) {
    for (int first = 0; first < cells; first += LANES) {
        const int count = cells - first < LANES ? cells - first : LANES;
        Mask bits{};
        for (int lane = 0; lane < LANES; ++lane) {
            const int stream = stream_of(lane), channels = FIRST[stream + 1] - FIRST[stream];
            const float* from = drops[stream] + (clip * channels + lane - FIRST[stream]) * cells + first;
            Row factors{};
            if (count == LANES) factors = load(from);
            else std::memcpy(&factors, from, sizeof(float) * count);
            bits |= (factors > 0.0f) & (1 << lane);
        }
        std::memcpy(kept + first, &bits, sizeof(int32_t) * count);
    }
}

// What of a row dropout has kept.
inline Row dropped(Row row, int32_t kept) {
    const Mask bits{1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768};
    return choose(((Mask{} + kept) & bits) != 0, row, Row{});
}

// ReLU of the convolution at `count` neighbouring pairs of pixels. A NaN stays one.
template <int C, int count>
inline void convolve(const float* at, int from, int to, const Shape& s, const Row* weight, Row bias, float* out) {
    Row sum[count][4] = {};
    for (int c = 0; c < C; ++c)
        for (int dy = from; dy < to; ++dy) {
            const float* line = at + (c * s.padded + dy) * 4 * s.plane;
            const Row* w = weight + (c * 3 + dy) * 4;
#pragma GCC unroll 4
            for (int k = 0; k < 4; ++k)
#pragma GCC unroll 8
                for (int q = 0; q < count; ++q) sum[q][k] += w[k] * line[k * s.plane + q];
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
    const float* at = pairs + y * 4 * s.plane;
    const int from = first_tap(y), to = last_tap(y, s);
    int k = 0;
    for (; k + 5 <= s.pairs; k += 5)
        convolve<C, 5>(at + k, from, to, s, weight, bias, out + 2 * k * LANES);
    for (; k < s.pairs; ++k) convolve<C, 1>(at + k, from, to, s, weight, bias, out + 2 * k * LANES);
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

// Pools the ReLU's output, and leaves its mean and its biased variance over the batch in `moments`, mean and unbiased
// variance in `averages`.
template <int C>
void pool(const float* clips, int64_t n, const Shape& s, const Learned& learned, float* pooled, uint8_t* where,
          double* moments, float* averages) {
    Row w[12 * C];
    transform<C>(learned.weight, w);
    const Row bias = across(learned.bias), gamma = across(learned.gamma);
    const Row sign = choose(gamma < 0.0f, Row{} - 1.0f, Row{} + 1.0f);
    double sums[2 * LANES] = {};
    float pairs[C * MOST * 4 * 2 * LANES];
    float rows[3][MOST * LANES];
    // What lies outside of the map never wins.
    const Row lowest = -sign * __builtin_inff();
    for (int64_t k = 0; k < n; ++k) {
        spread<C>(clips + k * C * s.size * s.size, s, pairs);
        // Several of each, since an addition waits for the one before it.
        Row sum[2] = {}, square[2] = {};
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
                const auto add = [&](int k, Row value) {
                    sum[k] += value;
                    square[k] += value * value;
                };
                int x = 0;
                for (; x + 2 <= s.out; x += 2) {
                    add(0, load(first + x * LANES));
                    add(1, load(first + (x + 1) * LANES));
                }
                if (x < s.out) add(0, load(first + x * LANES));
            }
            if (py >= s.pooled) continue;
            for (int px = 0; px < s.pooled; ++px) {
                const int64_t cell = ((k * s.pooled + py) * s.pooled + px) * LANES;
                highest(rows, px, sign, pooled + cell, where + cell);
            }
        }
        for (int lane = 0; lane < LANES; ++lane) {
            sums[lane] += sum[0][lane] + sum[1][lane];
            sums[LANES + lane] += square[0][lane] + square[1][lane];
        }
    }
    const double pixels = double(n) * s.out * s.out;
    for (int lane = 0; lane < LANES; ++lane) {
        moments[lane] = sums[lane] / pixels;
        // A NaN stays one here, too.
        const double variance = sums[LANES + lane] / pixels - moments[lane] * moments[lane];
        moments[LANES + lane] = variance < 0 ? 0 : variance;
        averages[lane] = float(moments[lane]);
        averages[LANES + lane] = float(moments[LANES + lane] * pixels / (pixels - 1));
    }
}

// Pooled pixels through BatchNorm, dropout, which multiplies by `factor` what it keeps, and the mean of four ->
// features (n, 16, half, half); and what is kept, (n, cells).
void normalise(const float* pooled, int64_t n, const Shape& s, const Norm& norm, Streams<const float> drops,
               float factor, float* features, int32_t* kept) {
    const int cells = s.pooled * s.pooled, quarter = s.half * s.half;
    const Row scale = narrow(norm.scale), shift = narrow(norm.shift);
    for (int64_t k = 0; k < n; ++k) {
        const float* from = pooled + k * cells * LANES;
        int32_t* own = kept + k * cells;
        float* to = features + k * LANES * quarter;
        keep(drops, k, cells, own);
        for (int y = 0; y < s.half; ++y)
            for (int x = 0; x < s.half; ++x) {
                Row sum{};
                for (int corner = 0; corner < 4; ++corner) {
                    const int cell = (2 * y + corner / 2) * s.pooled + 2 * x + corner % 2;
                    sum += dropped(load(from + cell * LANES) * scale + shift, own[cell]);
                }
                sum *= 0.25f * factor;
                for (int lane = 0; lane < LANES; ++lane) to[lane * quarter + y * s.half + x] = sum[lane];
            }
    }
}

// The features' gradient g at the pooled pixels, behind BatchNorm's scale -> peaks (n, cells, 16); and sums (2, 16)
// over all of them: of g before the scale, and of g times pooled.
void denormalise(const float* gradient, const float* pooled, int64_t n, const Shape& s, const Norm& norm, float factor,
                 const int32_t* kept, float* peaks, double* sums) {
    const int cells = s.pooled * s.pooled, quarter = s.half * s.half;
    const Row scale = narrow(norm.scale);
    for (int64_t k = 0; k < n; ++k) {
        const float *from = gradient + k * LANES * quarter, *highest = pooled + k * cells * LANES;
        const int32_t* own = kept + k * cells;
        float* to = peaks + k * cells * LANES;
        // Cells that no mean of four has taken in.
        if (s.pooled % 2) std::memset(to, 0, sizeof(float) * cells * LANES);
        Row sum{}, times{};
        for (int y = 0; y < s.half; ++y)
            for (int x = 0; x < s.half; ++x) {
                Row quarters;
                for (int lane = 0; lane < LANES; ++lane) quarters[lane] = from[lane * quarter + y * s.half + x];
                quarters *= 0.25f * factor;
                for (int corner = 0; corner < 4; ++corner) {
                    const int cell = (2 * y + corner / 2) * s.pooled + 2 * x + corner % 2;
                    const Row g = dropped(quarters, own[cell]);
                    store(to + cell * LANES, g * scale);
                    sum += g;
                    times += g * load(highest + cell * LANES);
                }
            }
        for (int lane = 0; lane < LANES; ++lane) {
            sums[lane] += sum[lane];
            sums[LANES + lane] += times[lane];
        }
    }
}

// Adds to `total`, (taps, 4), what `taps` of the kernel's rows have as gradient from one row of the map.
template <int taps>
inline void correlate(const float* at, const Shape& s, const float* gradient, Row* total) {
    Row sum[taps][4];
    std::memcpy(sum, total, sizeof sum);
    for (int k = 0; k < s.pairs; ++k) {
        const Row even = load(gradient + 2 * k * LANES), odd = load(gradient + (2 * k + 1) * LANES);
        const Row both = even + odd, apart = even - odd;
#pragma GCC unroll 3
        for (int dy = 0; dy < taps; ++dy) {
            const float* d = at + dy * 4 * s.plane + k;
            sum[dy][0] += even * d[0];
            sum[dy][1] += both * d[s.plane];
            sum[dy][2] += apart * d[2 * s.plane];
            sum[dy][3] -= odd * d[3 * s.plane];
        }
    }
    std::memcpy(total, sum, sizeof sum);
}

// Adds to `total`, (C, 3, 4), the gradients of the transformed weight from one row of the map; returns the bias's.
template <int C>
inline Row correlate_row(const float* pairs, int y, const Shape& s, const float* gradient, Row* total) {
    const int from = first_tap(y), to = last_tap(y, s);
    for (int c = 0; c < C; ++c) {
        const float* at = pairs + (c * s.padded + y) * 4 * s.plane;
        if (from == 0 && to == 3) {
            correlate<3>(at, s, gradient, total + c * 12);
            continue;
        }
        for (int dy = from; dy < to; ++dy)
            correlate<1>(at + dy * 4 * s.plane, s, gradient, total + (c * 3 + dy) * 4);
    }
    // One pixel beyond an odd `out` is zero. Two sums, since an addition waits for the one before it.
    Row even{}, odd{};
    for (int x = 0; x < s.out; x += 2) {
        even += load(gradient + x * LANES);
        odd += load(gradient + (x + 1) * LANES);
    }
    return even + odd;
}

// Adds the gradients of weight and bias, (9 * C + 1, LANES), to `total`. Every pixel gets a straight line in the ReLU's
// output through the mean and the variance of the batch, and a window's highest its peak besides.
template <int C>
void correlate_all(const float* clips, int64_t n, const Shape& s, const Learned& learned, const uint8_t* where,
                   const float* peaks, Row slope, Row offset, double* total) {
    Row w[12 * C];
    transform<C>(learned.weight, w);
    const Row bias = across(learned.bias);
    float pairs[C * MOST * 4 * 2 * LANES];
    float map[(MOST + 3) * LANES] = {};
    float* first = map + LANES;
    for (int64_t k = 0; k < n; ++k) {
        spread<C>(clips + k * C * s.size * s.size, s, pairs);
        Row own[12 * C] = {}, own_bias{};
        for (int y = 0; y < s.out; ++y) {
            convolve_row<C>(pairs, y, s, w, bias, first);
            const int py = (y + 1) / 3, below = 3 * ((y + 1) % 3);
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

template <int C>
void backward(const float* gradient, const float* clips, int64_t n, const Shape& s, double eps, const Learned& learned,
              float factor, const int32_t* kept, const float* pooled, const uint8_t* where, const double* moments,
              float* peaks, Streams<float> gradients) {
    const Norm norm(moments, learned, eps);
    double sums[2 * LANES] = {}, total[(9 * C + 1) * LANES] = {};
    denormalise(gradient, pooled, n, s, norm, factor, kept, peaks, sums);
    const double pixels = double(n) * s.out * s.out;
    double slope[LANES], offset[LANES], gamma[LANES];
    for (int lane = 0; lane < LANES; ++lane) {
        gamma[lane] = norm.inverse[lane] * (sums[LANES + lane] - norm.mean[lane] * sums[lane]);
        // scale * (g - mean(g) - x^ mean(g x^)), x^ = (x - mean) * inverse: g where a window is highest, and a straight
        // line in x everywhere.
        slope[lane] = -norm.scale[lane] * norm.inverse[lane] * gamma[lane] / pixels;
        offset[lane] = -norm.scale[lane] * sums[lane] / pixels - slope[lane] * norm.mean[lane];
    }
    correlate_all<C>(clips, n, s, learned, where, peaks, narrow(slope), narrow(offset), total);
    for (int lane = 0; lane < LANES; ++lane) {
        const int stream = stream_of(lane), own = lane - FIRST[stream];
        for (int t = 0; t < 9 * C; ++t) gradients[stream][own * 9 * C + t] = float(total[t * LANES + lane]);
        gradients[3 + stream][own] = float(total[9 * C * LANES + lane]);
        gradients[6 + stream][own] = float(gamma[lane]);
        gradients[9 + stream][own] = float(sums[lane]);
    }
}

}  // namespace

extern "C" {

// clips (n, channels, size, size); learned: weights, biases and BatchNorm's weights and biases of the three streams, of
// 3, 5 and 8 channels; drops (n, 3 | 5 | 8, cells): dropout's factors of each, 0 or `factor`.
// -> features (n, 16, half, half); for the backward pass pooled (n, cells, 16), the ReLU's output where it is pooled,
// where (n, cells, 16), which of the window's nine pixels that is, moments (2, 16), the ReLU's mean and biased
// variance, and kept (n, cells), bits of the channels that dropout has kept; and averages (2, 16), that mean and the
// unbiased variance.
void triple_stream_forward(const float* clips, int64_t n, int64_t channels, int64_t size, double eps, double factor,
                           const float* const* learned, const float* const* drops, float* features, float* averages,
                           float* pooled, uint8_t* where, double* moments, int32_t* kept) {
    const Shape s(size);
    const Learned own(learned);
    const auto run = channels == 3 ? pool<3> : channels == 2 ? pool<2> : pool<1>;
    run(clips, n, s, own, pooled, where, moments, averages);
    normalise(pooled, n, s, Norm(moments, own, eps), drops, float(factor), features, kept);
}

// gradient (n, 16, half, half) of the features, and what the forward pass left -> gradients, like `learned`. peaks
// (n, cells, 16) is room to work in.
void triple_stream_backward(const float* gradient, const float* clips, int64_t n, int64_t channels, int64_t size,
                            double eps, double factor, const float* const* learned, const float* pooled,
                            const uint8_t* where, const double* moments, const int32_t* kept, float* peaks,
                            float* const* gradients) {
    const Shape s(size);
    const Learned own(learned);
    const auto run = channels == 3 ? backward<3> : channels == 2 ? backward<2> : backward<1>;
    run(gradient, clips, n, s, eps, own, float(factor), kept, pooled, where, moments, peaks, gradients);
}
}
