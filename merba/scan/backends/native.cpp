// The Mixer in all directions, forward and backward, float32: `native.py` beside this file calls it.
//
// A vector holds one number of several sequences, its lanes, so that every operation is the same for all of them
// and the recurrence, serial along the tokens, is as wide as the machine. Of one block of sequences everything
// stays in the caches: its tokens are transposed once, (lanes, length, channels) -> (channels, length, lanes), then
// every direction reads them in its own order and adds to them in place. The backward pass computes again what the
// forward pass had, for to keep it and fetch it back takes as long and much memory. Threads share the blocks out in
// runs of neighbours and the gradients of weights are summed in the order of threads: results depend on nothing but
// inputs and, for those gradients, the number of threads.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <thread>
#include <utility>
#include <vector>

// The exponential's reduction must be computed as it is written.
#ifdef __clang__
#pragma clang fp reassociate(off)
#else
#pragma GCC optimize("no-associative-math")
#endif

namespace {

// Lanes: no more than the machine has, since vectors that the compiler must split cost more than they hold, and
// fewer where few sequences are left, since empty lanes cost as much as full ones.
#if defined __AVX512F__
constexpr int WIDEST = 16;
#elif defined __AVX__
constexpr int WIDEST = 8;
#else
constexpr int WIDEST = 4;
#endif
constexpr int NARROWEST = 4;

template <int LANES>
struct Floats {
    typedef float Vec __attribute__((vector_size(4 * LANES)));
};

// Functions are computed of so many vectors at once, because one alone mostly waits for its own last step. The 49
// tokens of a window are seven such groups.
constexpr int GROUP = 7;

struct Sizes {
    int64_t sequences, length, half, rank, states, directions;
    int64_t channels() const { return 2 * half; }
    int64_t chosen() const { return rank + 2 * states; }
};

// The weights, or their gradients, lie one after another: (channels, 3), (chosen, half), (half, rank), (half,),
// (half, states), (half,).
template <class Number>
struct Weights {
    Number *kernel, *x_proj, *dt_proj, *dt_bias, *A_log, *D;

    Weights(Number* first, const Sizes& size)
        : kernel(first), x_proj(kernel + 3 * size.channels()), dt_proj(x_proj + size.chosen() * size.half),
          dt_bias(dt_proj + size.half * size.rank), A_log(dt_bias + size.half),
          D(A_log + size.half * size.states) {}
    int64_t number(const Sizes& size) const { return D + size.half - kernel; }
};

// e^x in place for x up to 88, to 2e-7 of its value or |x| 2e-8 if that is more; what float cannot hold becomes the
// least that it can, NaN stays NaN.
template <class Vec>
inline void exponential(Vec (&x)[GROUP]) {
    typedef decltype(x[0] < x[0]) Whole;
    Vec r[GROUP], power[GROUP];
    for (int i = 0; i < GROUP; ++i) {
        x[i] = x[i] < -87.0f ? Vec{} - 87.0f : x[i];
        // As powers of two, x = n + r. Adding 1.5 * 2^23 rounds to n and leaves it in the low bits, adding 127 more
        // is the bias of float's exponent.
        const Vec shifted = x[i] * 1.44269504f + 12583039.0f;
        r[i] = x[i] * 1.44269504f - (shifted - 12583039.0f);
        Whole bits;
        std::memcpy(&bits, &shifted, sizeof bits);
        bits <<= 23;
        std::memcpy(&power[i], &bits, sizeof bits);
        x[i] = Vec{} + 1.32647e-3f;
    }
    // 2^r for |r| <= 1/2, the polynomial of least error.
    for (float next : {9.67151e-3f, 5.550734e-2f, 2.4022242e-1f, 6.9314698e-1f, 1.0f}) {
        for (int i = 0; i < GROUP; ++i) x[i] = x[i] * r[i] + next;
    }
    for (int i = 0; i < GROUP; ++i) x[i] *= power[i];
}

// log(1 + u) in place for u in [0, 1], as 2 artanh(v), v = u / (2 + u); the polynomial in v^2 of least error.
template <class Vec>
inline void log_one_plus(Vec (&u)[GROUP]) {
    Vec p[GROUP], square[GROUP];
    for (int i = 0; i < GROUP; ++i) {
        u[i] /= u[i] + 2.0f;
        square[i] = u[i] * u[i];
        p[i] = Vec{} + 0.28179212f;
    }
    for (float next : {0.27960468f, 0.40024912f, 0.66666315f, 2.0f}) {
        for (int i = 0; i < GROUP; ++i) p[i] = p[i] * square[i] + next;
    }
    for (int i = 0; i < GROUP; ++i) u[i] *= p[i];
}

// log(1 + e^x) in place, and its slope where it is wanted.
template <class Vec>
inline void softplus(Vec* rows, Vec* slope) {
    Vec x[GROUP], small[GROUP];
    for (int i = 0; i < GROUP; ++i) {
        x[i] = rows[i];
        small[i] = x[i] < 0.0f ? x[i] : -x[i];
    }
    exponential(small);
    if (slope) {
        for (int i = 0; i < GROUP; ++i) slope[i] = (x[i] < 0.0f ? small[i] : Vec{} + 1.0f) / (1.0f + small[i]);
    }
    log_one_plus(small);
    for (int i = 0; i < GROUP; ++i) rows[i] = (x[i] < 0.0f ? Vec{} : x[i]) + small[i];
}

// x / (1 + e^-x) in place, and its slope where it is wanted.
template <class Vec>
inline void silu(Vec* rows, Vec* slope) {
    Vec x[GROUP], s[GROUP];
    for (int i = 0; i < GROUP; ++i) {
        x[i] = rows[i];
        s[i] = x[i] < -88.0f ? Vec{} + 88.0f : -x[i];
    }
    exponential(s);
    for (int i = 0; i < GROUP; ++i) s[i] = 1.0f / (1.0f + s[i]);
    if (slope) {
        for (int i = 0; i < GROUP; ++i) slope[i] = s[i] * (1.0f + x[i] * (1.0f - s[i]));
    }
    for (int i = 0; i < GROUP; ++i) rows[i] = x[i] * s[i];
}

// Works on one block of sequences after another; one of each width a thread.
template <int LANES>
class Worker {
    typedef typename Floats<LANES>::Vec Vec;
    typedef std::vector<Vec> Rows;

public:
    Worker(const Sizes& sizes, const Weights<const float>& weights, const int64_t* orders, bool learns)
        : size(sizes), weight(weights), orders(orders), in(size.channels() * size.length), out(in.size()),
          x(whole_groups(size.half * size.length)), chosen(size.chosen() * size.length),
          row(whole_groups(size.length)), step(row.size()), decay(whole_groups(size.length * size.states)) {
        for (int64_t i = 0; i < size.half * size.states; ++i) A.push_back(-std::exp(weight.A_log[i]));
        if (!learns) return;
        for (Rows* one : {&slope, &grad_x}) one->resize(x.size());
        grad_in.resize(in.size());
        grad_chosen.resize(chosen.size());
        for (Rows* one : {&step_slope, &grad_input, &grad_step, &grad_row}) one->resize(row.size());
        state.resize(2 * (1 + size.length));
    }

    // Writes y of LANES sequences from `first` on; all tensors are (sequences, length, channels).
    void forward(int64_t first, const float* xz, float* y) {
        load(first, xz, in);
        std::fill(out.begin(), out.end(), Vec{});
        for (int64_t k = 0; k < size.directions; ++k) {
            const int64_t* order = orders + k * size.length;
            read(order);
            choose();
            for (int64_t c = 0; c < size.half; ++c) {
                scan(c);
                put_back(c, order);
            }
            for (int64_t c = size.half; c < size.channels(); ++c) {
                convolve(c, order, row.data());
                for (int64_t t = 0; t < size.length; t += GROUP) silu<Vec>(&row[t], nullptr);
                put_back(c, order);
            }
        }
        store(first, out, y);
    }

    // Writes their gradient of xz and adds to the gradients of weights; `out` holds that of y here.
    void backward(int64_t first, const float* xz, const float* grad_y, float* grad_xz,
                  const Weights<float>& grad) {
        load(first, xz, in);
        load(first, grad_y, out);
        std::fill(grad_in.begin(), grad_in.end(), Vec{});
        for (int64_t k = 0; k < size.directions; ++k) {
            const int64_t* order = orders + k * size.length;
            read(order);
            choose();
            std::fill(grad_chosen.begin(), grad_chosen.end(), Vec{});
            for (int64_t c = 0; c < size.half; ++c) scan_backward(c, order, grad);
            for (int64_t c = 0; c < size.half; ++c) {
                choose_backward(c, grad);
                const int64_t at = c * size.length;
                for (int64_t t = 0; t < size.length; ++t) grad_row[t] = grad_x[at + t] * slope[at + t];
                convolve_backward(c, order, grad);
            }
            for (int64_t c = size.half; c < size.channels(); ++c) {
                convolve(c, order, row.data());
                for (int64_t t = 0; t < size.length; t += GROUP) silu(&row[t], &grad_row[t]);
                for (int64_t t = 0; t < size.length; ++t) grad_row[t] *= out[c * size.length + order[t]];
                convolve_backward(c, order, grad);
            }
        }
        store(first, grad_in, grad_xz);
    }

private:
    const Sizes size;
    const Weights<const float> weight;
    const int64_t* const orders;
    std::vector<float> A;                // (half, states)
    Rows in, out, x, slope;              // (channels, length) or (half, length)
    Rows grad_in, grad_x;                // the same
    Rows chosen, grad_chosen;            // (length, chosen): step, B and C
    Rows row, grad_row;                  // (length,), of one channel: what it gives; by what the convolution gave
    Rows step, step_slope;               // the same
    Rows grad_input, grad_step;          // the same: by step * x, and by the step
    Rows decay;                          // (length, states), of one channel
    Rows state;                          // (1 + length, 2 or 1), the first before all tokens

    // Functions are computed of whole groups; nobody reads what the last one has too much.
    static int64_t whole_groups(int64_t rows) { return rows + GROUP - 1; }

    // Lanes of a and b by turns, from the one called FIRST on.
    template <int FIRST, int... I>
    static Vec by_turns(Vec a, Vec b, std::integer_sequence<int, I...>) {
#ifdef __clang__
        return __builtin_shufflevector(a, b, (FIRST + I / 2 + I % 2 * LANES)...);
#else
        typedef decltype(a < b) Whole;
        return __builtin_shuffle(a, b, Whole{(FIRST + I / 2 + I % 2 * LANES)...});
#endif
    }

    // Every round moves the highest bit of a number's lane to the lowest of its row, and that of its row likewise.
    static void transpose(Vec (&rows)[LANES]) {
        constexpr std::make_integer_sequence<int, LANES> all{};
        for (int round = 1; round < LANES; round *= 2) {
            Vec next[LANES];
            for (int i = 0; i < LANES / 2; ++i) {
                next[2 * i] = by_turns<0>(rows[i], rows[i + LANES / 2], all);
                next[2 * i + 1] = by_turns<LANES / 2>(rows[i], rows[i + LANES / 2], all);
            }
            std::copy_n(next, LANES, rows);
        }
    }

    // The numbers of a sequence lie one after another, whatever token or channel they are of. Lanes beyond the last
    // sequence are zero, and so then is all that they add to any gradient.
    void load(int64_t first, const float* from, Rows& to) const {
        const int64_t lanes = std::min<int64_t>(LANES, size.sequences - first), numbers = in.size();
        for (int64_t i = 0, t = 0, c = 0; i < numbers; i += LANES) {
            const int64_t count = std::min<int64_t>(LANES, numbers - i);
            Vec tile[LANES] = {};
            for (int64_t lane = 0; lane < lanes; ++lane) {
                copy(from + (first + lane) * numbers + i, count, &tile[lane]);
            }
            transpose(tile);
            for (int64_t j = 0; j < count; ++j) {
                to[c * size.length + t] = tile[j];
                if (++c == size.channels()) c = 0, ++t;
            }
        }
    }

    void store(int64_t first, const Rows& from, float* to) const {
        const int64_t lanes = std::min<int64_t>(LANES, size.sequences - first), numbers = in.size();
        for (int64_t i = 0, t = 0, c = 0; i < numbers; i += LANES) {
            const int64_t count = std::min<int64_t>(LANES, numbers - i);
            Vec tile[LANES] = {};
            for (int64_t j = 0; j < count; ++j) {
                tile[j] = from[c * size.length + t];
                if (++c == size.channels()) c = 0, ++t;
            }
            transpose(tile);
            for (int64_t lane = 0; lane < lanes; ++lane) {
                copy(&tile[lane], count, to + (first + lane) * numbers + i);
            }
        }
    }

    // A whole vector is one instruction.
    static void copy(const void* from, int64_t count, void* to) {
        if (count == LANES) {
            std::memcpy(to, from, sizeof(Vec));
        } else {
            std::memcpy(to, from, count * sizeof(float));
        }
    }

    static float sum(Vec x) {
        float total = 0;
        for (int lane = 0; lane < LANES; ++lane) total += x[lane];
        return total;
    }

    // One channel in one order.
    void convolve(int64_t c, const int64_t* order, Vec* to) const {
        const Vec* channel = &in[c * size.length];
        const float* kernel = weight.kernel + 3 * c;
        Vec before{}, here = channel[order[0]];
        for (int64_t t = 0; t < size.length; ++t) {
            const Vec after = t + 1 < size.length ? channel[order[t + 1]] : Vec{};
            to[t] = kernel[0] * before + kernel[1] * here + kernel[2] * after;
            before = here;
            here = after;
        }
    }

    // x, and its slope by what the convolution gave.
    void read(const int64_t* order) {
        for (int64_t c = 0; c < size.half; ++c) convolve(c, order, &x[c * size.length]);
        const bool learns = !slope.empty();
        for (int64_t i = 0; i < size.half * size.length; i += GROUP) silu(&x[i], learns ? &slope[i] : nullptr);
    }

    void choose() {
        int64_t t = 0;
        for (; t + 4 <= size.length; t += 4) choose<4>(t);
        for (; t < size.length; ++t) choose<1>(t);
    }

    // For some tokens at once, since a sum alone waits for its own last term.
    template <int TOKENS>
    void choose(int64_t t) {
        for (int64_t j = 0; j < size.chosen(); ++j) {
            const float* w = weight.x_proj + j * size.half;
            Vec total[TOKENS] = {};
            for (int64_t c = 0; c < size.half; ++c) {
                for (int i = 0; i < TOKENS; ++i) total[i] += w[c] * x[c * size.length + t + i];
            }
            for (int i = 0; i < TOKENS; ++i) chosen[(t + i) * size.chosen() + j] = total[i];
        }
    }

    // Steps of a channel, their slopes, and the decays of its states.
    void take_steps(int64_t c) {
        const float *w = weight.dt_proj + c * size.rank, *a = &A[c * size.states];
        for (int64_t t = 0; t < size.length; ++t) {
            const Vec* token = &chosen[t * size.chosen()];
            Vec raw = Vec{} + weight.dt_bias[c];
            for (int64_t r = 0; r < size.rank; ++r) raw += w[r] * token[r];
            step[t] = raw;
        }
        const bool learns = !step_slope.empty();
        for (int64_t t = 0; t < size.length; t += GROUP) softplus(&step[t], learns ? &step_slope[t] : nullptr);
        for (int64_t t = 0; t < size.length; ++t) {
            const Vec dt = step[t];
            for (int64_t n = 0; n < size.states; ++n) decay[t * size.states + n] = dt * a[n];
        }
        for (int64_t i = 0; i < size.length * size.states; i += GROUP) {
            Vec group[GROUP];
            for (int j = 0; j < GROUP; ++j) group[j] = decay[i + j];
            exponential(group);
            for (int j = 0; j < GROUP; ++j) decay[i + j] = group[j];
        }
    }

    // Adds `row` in the place of its tokens.
    void put_back(int64_t c, const int64_t* order) {
        for (int64_t t = 0; t < size.length; ++t) out[c * size.length + order[t]] += row[t];
    }

    // `row` is what the channel gives.
    void scan(int64_t c) {
        take_steps(c);
        for (int64_t t = 0; t < size.length; ++t) row[t] = weight.D[c] * x[c * size.length + t];
        int64_t n = 0;
        for (; n + 2 <= size.states; n += 2) recur<2>(c, n);
        for (; n < size.states; ++n) recur<1>(c, n);
    }

    // Some states of a channel at once, from n on, so that they stay in registers.
    template <int STATES>
    void recur(int64_t c, int64_t n) {
        Vec h[STATES] = {};
        for (int64_t t = 0; t < size.length; ++t) {
            const Vec *B = &chosen[t * size.chosen() + size.rank + n], *C = B + size.states;
            const Vec *kept = &decay[t * size.states + n], input = step[t] * x[c * size.length + t];
            Vec y = row[t];
            for (int i = 0; i < STATES; ++i) {
                h[i] = kept[i] * h[i] + input * B[i];
                y += C[i] * h[i];
            }
            row[t] = y;
        }
    }

    void scan_backward(int64_t c, const int64_t* order, const Weights<float>& grad) {
        take_steps(c);
        std::fill(grad_input.begin(), grad_input.end(), Vec{});
        std::fill(grad_step.begin(), grad_step.end(), Vec{});
        int64_t n = 0;
        for (; n + 2 <= size.states; n += 2) recur_backward<2>(c, n, order, grad);
        for (; n < size.states; ++n) recur_backward<1>(c, n, order, grad);
        Vec grad_D{}, grad_bias{};
        const float* w = weight.dt_proj + c * size.rank;
        for (int64_t t = 0; t < size.length; ++t) {
            const Vec here = x[c * size.length + t], g = out[c * size.length + order[t]];
            grad_D += g * here;
            grad_x[c * size.length + t] = grad_input[t] * step[t] + weight.D[c] * g;
            grad_step[t] = (grad_step[t] + grad_input[t] * here) * step_slope[t];
            grad_bias += grad_step[t];
            Vec* grad_token = &grad_chosen[t * size.chosen()];
            for (int64_t r = 0; r < size.rank; ++r) grad_token[r] += w[r] * grad_step[t];
        }
        grad.D[c] += sum(grad_D);
        grad.dt_bias[c] += sum(grad_bias);
        for (int64_t r = 0; r < size.rank; ++r) {
            Vec total{};
            for (int64_t t = 0; t < size.length; ++t) total += grad_step[t] * chosen[t * size.chosen() + r];
            grad.dt_proj[c * size.rank + r] += sum(total);
        }
    }

    // As `recur`; handed is the adjoint state that a token hands to the one before it.
    template <int STATES>
    void recur_backward(int64_t c, int64_t n, const int64_t* order, const Weights<float>& grad) {
        const float* a = &A[c * size.states + n];
        Vec h[STATES] = {}, handed[STATES] = {}, grad_A[STATES] = {};
        std::copy_n(h, STATES, state.begin());
        for (int64_t t = 0; t < size.length; ++t) {
            const Vec* B = &chosen[t * size.chosen() + size.rank + n];
            const Vec *kept = &decay[t * size.states + n], input = step[t] * x[c * size.length + t];
            for (int i = 0; i < STATES; ++i) state[(t + 1) * STATES + i] = h[i] = kept[i] * h[i] + input * B[i];
        }
        for (int64_t t = size.length - 1; t >= 0; --t) {
            const int64_t at = t * size.chosen() + size.rank + n;
            const Vec *B = &chosen[at], *C = B + size.states, *kept = &decay[t * size.states + n];
            Vec *grad_B = &grad_chosen[at], *grad_C = grad_B + size.states;
            const Vec g = out[c * size.length + order[t]], dt = step[t], input = dt * x[c * size.length + t];
            Vec by_input = grad_input[t], by_step = grad_step[t];
            for (int i = 0; i < STATES; ++i) {
                const Vec adjoint = C[i] * g + handed[i];
                grad_C[i] += g * state[(t + 1) * STATES + i];
                grad_B[i] += adjoint * input;
                by_input += adjoint * B[i];
                handed[i] = adjoint * kept[i];
                const Vec exponent = handed[i] * state[t * STATES + i];
                grad_A[i] += exponent * dt;
                by_step += exponent * a[i];
            }
            grad_input[t] = by_input;
            grad_step[t] = by_step;
        }
        for (int i = 0; i < STATES; ++i) grad.A_log[c * size.states + n + i] += sum(grad_A[i]) * a[i];
    }

    void choose_backward(int64_t c, const Weights<float>& grad) {
        int64_t j = 0;
        for (; j + 4 <= size.chosen(); j += 4) choose_backward<4>(c, j, grad);
        for (; j < size.chosen(); ++j) choose_backward<1>(c, j, grad);
    }

    template <int NUMBERS>
    void choose_backward(int64_t c, int64_t j, const Weights<float>& grad) {
        float w[NUMBERS];
        Vec total[NUMBERS] = {};
        for (int i = 0; i < NUMBERS; ++i) w[i] = weight.x_proj[(j + i) * size.half + c];
        for (int64_t t = 0; t < size.length; ++t) {
            const Vec *g = &grad_chosen[t * size.chosen() + j], here = x[c * size.length + t];
            Vec mine = grad_x[c * size.length + t];
            for (int i = 0; i < NUMBERS; ++i) {
                mine += w[i] * g[i];
                total[i] += g[i] * here;
            }
            grad_x[c * size.length + t] = mine;
        }
        for (int i = 0; i < NUMBERS; ++i) grad.x_proj[(j + i) * size.half + c] += sum(total[i]);
    }

    // From `grad_row`.
    void convolve_backward(int64_t c, const int64_t* order, const Weights<float>& grad) {
        const Vec* channel = &in[c * size.length];
        Vec* grad_channel = &grad_in[c * size.length];
        const float* kernel = weight.kernel + 3 * c;
        Vec before{}, here{}, after{}, last{}, now = grad_row[0];
        for (int64_t t = 0; t < size.length; ++t) {
            const Vec token = channel[order[t]], next = t + 1 < size.length ? grad_row[t + 1] : Vec{};
            grad_channel[order[t]] += kernel[2] * last + kernel[1] * now + kernel[0] * next;
            after += token * last;
            here += token * now;
            before += token * next;
            last = now;
            now = next;
        }
        grad.kernel[3 * c] += sum(before);
        grad.kernel[3 * c + 1] += sum(here);
        grad.kernel[3 * c + 2] += sum(after);
    }
};

// Full blocks for workers of this width, and what is left for the narrowest that holds it.
template <int LANES, class Task>
void in_blocks(int64_t begin, int64_t end, const Sizes& size, const Weights<const float>& weight,
               const int64_t* orders, bool learns, const Task& task) {
    constexpr int64_t too_few = LANES > NARROWEST ? LANES / 2 : 0;
    if (end - begin > too_few) {
        Worker<LANES> worker(size, weight, orders, learns);
        for (; end - begin > too_few; begin += LANES) task(worker, begin);
    }
    if constexpr (LANES > NARROWEST) in_blocks<LANES / 2>(begin, end, size, weight, orders, learns, task);
}

// Blocks of WIDEST sequences in runs of neighbours, one run a thread.
template <class Task>
void share_out(int64_t sequences, int64_t threads, const Task& task) {
    const int64_t blocks = (sequences + WIDEST - 1) / WIDEST;
    std::vector<std::thread> others;
    for (int64_t k = threads - 1; k >= 0; --k) {
        const int64_t begin = blocks * k / threads * WIDEST, end = blocks * (k + 1) / threads * WIDEST;
        if (k > 0) {
            others.emplace_back(task, k, begin, std::min(end, sequences));
        } else {
            task(k, begin, std::min(end, sequences));
        }
    }
    for (std::thread& other : others) other.join();
}

}  // namespace

extern "C" {

int64_t mix_lanes() { return WIDEST; }

void mix_forward(const Sizes* size, const float* weights, const int64_t* orders, int64_t threads,
                 const float* xz, float* y) {
    const Weights<const float> weight(weights, *size);
    share_out(size->sequences, threads, [=](int64_t, int64_t begin, int64_t end) {
        in_blocks<WIDEST>(begin, end, *size, weight, orders, false,
                          [=](auto& worker, int64_t first) { worker.forward(first, xz, y); });
    });
}

// `grads` holds zeros at first, for every thread as many as there are weights.
void mix_backward(const Sizes* size, const float* weights, const int64_t* orders, int64_t threads,
                  const float* xz, const float* grad_y, float* grad_xz, float* grads) {
    const Weights<const float> weight(weights, *size);
    share_out(size->sequences, threads, [=](int64_t k, int64_t begin, int64_t end) {
        const Weights<float> grad(grads + k * weight.number(*size), *size);
        in_blocks<WIDEST>(begin, end, *size, weight, orders, true, [&](auto& worker, int64_t first) {
            worker.backward(first, xz, grad_y, grad_xz, grad);
        });
    });
}

}
