// Softmax attention in training, float32, on one core: trainings run one thread each, several beside one another.
//
// Keys and values of one head of one clip, and their gradients, stay in the caches; its queries pass in blocks, whose
// scores are forgotten. The backward pass computes them again, operation by operation as before. Three products are all
// there is: `score` is rows by keys, keys along the lanes; `gather` sums rows with a query's weights, head width along
// the lanes; and `spread` adds queries' rows to all keys with those weights.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <vector>

// The exponential's reduction must be computed as it is written.
#ifdef __clang__
#pragma clang fp reassociate(off)
#else
#pragma GCC optimize("no-associative-math")
#endif

namespace {

// As wide as the machine: vectors that the compiler must split cost more than they hold. A tile of the scores is ROWS
// queries by ACROSS vectors of keys and stays in registers, of which AVX-512 has twice as many.
#if defined __AVX512F__
constexpr int LANES = 16, ACROSS = 4;
#elif defined __AVX__
constexpr int LANES = 8, ACROSS = 2;
#else
constexpr int LANES = 4, ACROSS = 2;
#endif
constexpr int ROWS = 4;
constexpr int64_t BLOCK = 32;  // queries whose scores are kept at a time
constexpr float LOG2_E = 1.44269504f;

template <int N>
struct Part {
    typedef float Lanes __attribute__((vector_size(4 * N)));
};

typedef Part<LANES>::Lanes Vec;
typedef int32_t Whole __attribute__((vector_size(4 * LANES)));
typedef std::vector<Vec> Room;

inline Vec splat(float x) { return Vec{} + x; }

inline Vec load(const float* from) {
    Vec x;
    std::memcpy(&x, from, sizeof x);
    return x;
}

// The first `number` lanes, zeros behind them.
inline Vec load(const float* from, int64_t number) {
    if (number >= LANES) return load(from);
    Vec x{};
    for (int lane = 0; lane < number; ++lane) x[lane] = from[lane];
    return x;
}

inline void store(float* to, Vec x) { std::memcpy(to, &x, sizeof x); }

// The first `number` lanes alone.
inline void store(float* to, Vec x, int64_t number) {
    if (number >= LANES) return store(to, x);
    for (int lane = 0; lane < number; ++lane) to[lane] = x[lane];
}

// All lanes joined two by two: one after another they would wait for each other.
template <int N, class Join>
inline float fold(const typename Part<N>::Lanes& x, const Join& join) {
    if constexpr (N == 2) {
        return join(x[0], x[1]);
    } else {
        typename Part<N / 2>::Lanes half[2];
        std::memcpy(half, &x, sizeof x);
        return fold<N / 2>(join(half[0], half[1]), join);
    }
}

const auto add = [](auto a, auto b) { return a + b; };
const auto larger = [](auto a, auto b) { return a > b ? a : b; };

// 2^x to 3e-7 of its value for x from -125 to 126; below it is 2^-125, and NaN stays NaN.
inline Vec power_of_two(Vec x) {
    x = x < -125.0f ? splat(-125.0f) : x;
    // Adding 1.5 * 2^23 rounds to a whole number and leaves it in the low bits; 127 is the exponent's own offset.
    const float magic = 12582912.0f + 127.0f;
    const Vec shifted = x + magic, r = x - (shifted - magic);
    // Smallest largest error on [-1/2, 1/2].
    Vec p = splat(0.00132764725f);
    p = p * r + 0.00967554096f;
    p = p * r + 0.0555071309f;
    p = p * r + 0.240221202f;
    p = p * r + 0.693146944f;
    p = p * r + 1.0f;
    Whole bits;
    std::memcpy(&bits, &shifted, sizeof bits);
    bits <<= 23;
    Vec power;
    std::memcpy(&power, &bits, sizeof power);
    return p * power;
}

inline float* data(Room& room) { return reinterpret_cast<float*>(room.data()); }

// `keys` and `wide`: length and a head's width, up to whole vectors.
struct Sizes {
    int64_t length, heads, width;
    int64_t keys() const { return (length + LANES - 1) / LANES * LANES; }
    int64_t wide() const { return (width + LANES - 1) / LANES * LANES; }
    float scale() const { return float(1 / std::sqrt(double(width))); }
    // Where a head of all clips' begins, in tokens that hold `parts` of all heads.
    int64_t begin(int64_t head, int64_t parts) const {
        return (head / heads * length * parts * heads + head % heads) * width;
    }
    // Room, all zero: (count, wide), as many rows as `spread` reaches; (width, keys) and a row that `tile` loads in
    // vain; (BLOCK, keys).
    Room rows(int64_t count) const { return Room((count + ROWS - 1) / ROWS * ROWS * wide() / LANES); }
    Room turned() const { return Room((width + 1) * keys() / LANES); }
    Room scores() const { return Room(BLOCK * keys() / LANES); }
};

// Rows `stride` apart, times factor -> (count, wide).
inline void pack(const float* from, int64_t stride, int64_t count, const Sizes& size, float factor, float* to) {
    for (int64_t r = 0; r < count; ++r)
        for (int64_t c = 0; c < size.width; c += LANES)
            store(to + r * size.wide() + c, load(from + r * stride + c, size.width - c) * factor);
}

// (length, wide), times factor -> rows `stride` apart.
inline void unpack(const float* from, const Sizes& size, float factor, int64_t stride, float* to) {
    for (int64_t r = 0; r < size.length; ++r)
        for (int64_t c = 0; c < size.width; c += LANES)
            store(to + r * stride + c, load(from + r * size.wide() + c) * factor, size.width - c);
}

// (length, wide) -> (width, keys).
inline void turn(const float* from, const Sizes& size, float* to) {
    const int64_t keys = size.keys(), wide = size.wide();
    int64_t j = 0;
    for (; j + 4 <= size.length; j += 4)
        for (int64_t c = 0; c < size.width; ++c) {
            const float* at = from + j * wide + c;
            const float four[] = {at[0], at[wide], at[2 * wide], at[3 * wide]};
            std::memcpy(to + c * keys + j, four, sizeof four);
        }
    for (; j < size.length; ++j)
        for (int64_t c = 0; c < size.width; ++c) to[c * keys + j] = from[j * wide + c];
}

template <int R, int A, class Take>
inline void tile(const float* rows, const float* turned, const Sizes& size, const Take& take, int64_t row,
                 int64_t key) {
    Vec product[R][A] = {};
    const int64_t wide = size.wide(), keys = size.keys(), width = size.width;
    const float *one = rows + row * wide, *at = turned + key;
    // Loaded a round ahead: otherwise the compiler loads them anew for every row. (One round too many.)
    Vec here[A];
#pragma GCC unroll 4
    for (int a = 0; a < A; ++a) here[a] = load(at + a * LANES);
    for (int64_t c = 0; c < width; ++c) {
#pragma GCC unroll 4
        for (int r = 0; r < R; ++r) {
            const Vec x = splat(one[r * wide + c]);
#pragma GCC unroll 4
            for (int a = 0; a < A; ++a) product[r][a] += x * here[a];
        }
        at += keys;
#pragma GCC unroll 4
        for (int a = 0; a < A; ++a) here[a] = load(at + a * LANES);
    }
#pragma GCC unroll 4
    for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
        for (int a = 0; a < A; ++a) take(row + r, (row + r) * keys + key + a * LANES, product[r][a]);
}

template <int A, class Take>
inline void tiles(const float* rows, int64_t count, const float* turned, const Sizes& size, const Take& take,
                  int64_t key) {
    int64_t row = 0;
    for (; row + ROWS <= count; row += ROWS) tile<ROWS, A>(rows, turned, size, take, row, key);
    for (; row < count; ++row) tile<1, A>(rows, turned, size, take, row, key);
}

// row . key of all, rows (count, wide) by turned (width, keys); `take` gets vector after vector of the result
// (count, keys), each with its row and its place. Keys beyond the length are zero.
template <class Take>
inline void score(const float* rows, int64_t count, const float* turned, const Sizes& size, const Take& take) {
    const int64_t keys = size.keys();
    int64_t key = 0;
    for (; key + ACROSS * LANES <= keys; key += ACROSS * LANES) tiles<ACROSS>(rows, count, turned, size, take, key);
    for (; key < keys; key += LANES) tiles<1>(rows, count, turned, size, take, key);
}

template <int R>
inline void gather_rows(const float* weights, const float* rows, const Sizes& size, const float* factors,
                        int64_t stride, float* to) {
    const int64_t keys = size.keys(), wide = size.wide(), length = size.length;
    for (int64_t at = 0; at < wide; at += LANES) {
        // Two sums of each: a single one would wait for itself.
        Vec even[R] = {}, odd[R] = {};
        const float* of = rows + at;
        int64_t j = 0;
        for (; j + 1 < length; j += 2) {
            const Vec one = load(of + j * wide), other = load(of + (j + 1) * wide);
#pragma GCC unroll 4
            for (int r = 0; r < R; ++r) {
                even[r] += weights[r * keys + j] * one;
                odd[r] += weights[r * keys + j + 1] * other;
            }
        }
        if (j < length)
            for (int r = 0; r < R; ++r) even[r] += weights[r * keys + j] * load(of + j * wide);
        for (int r = 0; r < R; ++r) store(to + r * stride + at, (even[r] + odd[r]) * factors[r], size.width - at);
    }
}

// to[r] = factors[r] * sum of weights[r][key] * rows[key], weights (count, keys) by rows (length, wide).
inline void gather(const float* weights, int64_t count, const float* rows, const Sizes& size, const float* factors,
                   int64_t stride, float* to) {
    int64_t r = 0;
    for (; r + ROWS <= count; r += ROWS)
        gather_rows<ROWS>(weights + r * size.keys(), rows, size, factors + r, stride, to + r * stride);
    for (; r < count; ++r)
        gather_rows<1>(weights + r * size.keys(), rows, size, factors + r, stride, to + r * stride);
}

// to[key] += sum of weights[r][key] * rows[r], for two such at once: weights (count, keys), rows (count, wide).
inline void spread(const float* weights1, const float* rows1, float* to1, const float* weights2, const float* rows2,
                   float* to2, int64_t count, const Sizes& size) {
    const int64_t keys = size.keys(), wide = size.wide();
    for (int64_t at = 0; at < wide; at += LANES)
        for (int64_t j = 0; j < size.length; j += ROWS) {
            float *mine1 = to1 + j * wide + at, *mine2 = to2 + j * wide + at;
            Vec sum1[ROWS], sum2[ROWS];
            for (int k = 0; k < ROWS; ++k) {
                sum1[k] = load(mine1 + k * wide);
                sum2[k] = load(mine2 + k * wide);
            }
            for (int64_t r = 0; r < count; ++r) {
                const Vec row1 = load(rows1 + r * wide + at), row2 = load(rows2 + r * wide + at);
#pragma GCC unroll 4
                for (int k = 0; k < ROWS; ++k) {
                    sum1[k] += weights1[r * keys + j + k] * row1;
                    sum2[k] += weights2[r * keys + j + k] * row2;
                }
            }
            for (int k = 0; k < ROWS; ++k) {
                store(mine1 + k * wide, sum1[k]);
                store(mine2 + k * wide, sum2[k]);
            }
        }
}

// Scores (count, keys) -> the powers of two of what each is below its row's largest, in place; that largest, and
// 1 / sum of the powers.
inline void soften(float* scores, int64_t count, const Sizes& size, float* most, float* inverse) {
    const int64_t keys = size.keys();
    Vec place;
    for (int lane = 0; lane < LANES; ++lane) place[lane] = float(keys - LANES + lane);
    for (int64_t r = 0; r < count; ++r) {
        float *row = scores + r * keys, *last = row + keys - LANES;
        Vec high = place < float(size.length) ? load(last) : splat(-INFINITY);
        store(last, high);
        for (int64_t j = 0; j < keys - LANES; j += LANES) high = larger(load(row + j), high);
        most[r] = fold<LANES>(high, larger);
    }
    for (int64_t r = 0; r < count; ++r) {
        float* row = scores + r * keys;
        Vec total{};
        for (int64_t j = 0; j < keys; j += LANES) {
            const Vec power = power_of_two(load(row + j) - most[r]);
            store(row + j, power);
            total += power;
        }
        inverse[r] = 1.0f / fold<LANES>(total, add);
    }
}

}  // namespace

extern "C" {

// qkv (clips, length, 3, heads, width) -> out (clips, length, heads, width); and for the backward pass `kept` (clips,
// heads, 2, length): each query's largest score, in powers of two, and 1 / sum of e^score below it.
void attention_forward(const float* qkv, int64_t clips, int64_t length, int64_t heads, int64_t width, float* out,
                       float* kept) {
    const Sizes size{length, heads, width};
    const int64_t token = heads * width, stride = 3 * token;
    Room turned_keys = size.turned(), values = size.rows(length);
    Room queries = size.rows(BLOCK), scores = size.scores();
    for (int64_t head = 0; head < clips * heads; ++head) {
        const float* q = qkv + size.begin(head, 3);
        float *most = kept + head * 2 * length, *inverse = most + length;
        pack(q + token, stride, length, size, 1.0f, data(values));
        turn(data(values), size, data(turned_keys));
        pack(q + 2 * token, stride, length, size, 1.0f, data(values));
        for (int64_t i = 0; i < length; i += BLOCK) {
            const int64_t count = std::min(BLOCK, length - i);
            float* weights = data(scores);
            pack(q + i * stride, stride, count, size, size.scale() * LOG2_E, data(queries));
            score(data(queries), count, data(turned_keys), size,
                  [=](int64_t, int64_t at, Vec x) { store(weights + at, x); });
            soften(weights, count, size, most + i, inverse + i);
            gather(weights, count, data(values), size, inverse + i, token, out + size.begin(head, 1) + i * token);
        }
    }
}

// gradient (clips, length, heads, width) of `out` -> that of `qkv`.
void attention_backward(const float* gradient, const float* qkv, const float* out, const float* kept, int64_t clips,
                        int64_t length, int64_t heads, int64_t width, float* grad_qkv) {
    const Sizes size{length, heads, width};
    const int64_t token = heads * width, stride = 3 * token, wide = size.wide();
    Room keys = size.rows(length), turned_keys = size.turned(), turned_values = size.turned();
    Room grad_keys = size.rows(length), grad_values = size.rows(length);
    Room queries = size.rows(BLOCK), grads = size.rows(BLOCK), powers = size.scores(), grad_scores = size.scores();
    float scales[BLOCK], delta[BLOCK];
    std::fill(scales, scales + BLOCK, size.scale());
    for (int64_t head = 0; head < clips * heads; ++head) {
        const float* q = qkv + size.begin(head, 3);
        const float *most = kept + head * 2 * length, *inverse = most + length;
        float* grad_q = grad_qkv + size.begin(head, 3);
        pack(q + 2 * token, stride, length, size, 1.0f, data(keys));
        turn(data(keys), size, data(turned_values));
        pack(q + token, stride, length, size, 1.0f, data(keys));
        turn(data(keys), size, data(turned_keys));
        std::fill(grad_keys.begin(), grad_keys.end(), Vec{});
        std::fill(grad_values.begin(), grad_values.end(), Vec{});
        for (int64_t i = 0; i < length; i += BLOCK) {
            const int64_t count = std::min(BLOCK, length - i), here = size.begin(head, 1) + i * token;
            pack(q + i * stride, stride, count, size, size.scale() * LOG2_E, data(queries));
            // With 1 / sum in the gradients, the powers need not be divided.
            for (int64_t r = 0; r < count; ++r) {
                float* to = data(grads) + r * wide;
                pack(gradient + here + r * token, token, 1, size, inverse[i + r], to);
                Vec total{};
                for (int64_t c = 0; c < width; c += LANES)
                    total += load(to + c) * load(out + here + r * token + c, width - c);
                delta[r] = fold<LANES>(total, add);
            }
            const float *high = most + i, *shift = delta;
            float *power = data(powers), *slope = data(grad_scores);
            score(data(queries), count, data(turned_keys), size,
                  [=](int64_t r, int64_t at, Vec x) { store(power + at, power_of_two(x - high[r])); });
            score(data(grads), count, data(turned_values), size,
                  [=](int64_t r, int64_t at, Vec x) { store(slope + at, (x - shift[r]) * load(power + at)); });
            gather(slope, count, data(keys), size, scales, stride, grad_q + i * stride);
            spread(power, data(grads), data(grad_values), slope, data(queries), data(grad_keys), count, size);
        }
        // The queries were scaled for powers of two.
        unpack(data(grad_keys), size, 1.0f / LOG2_E, stride, grad_q + token);
        unpack(data(grad_values), size, 1.0f, stride, grad_q + 2 * token);
    }
}

}
