// The Mixer in all directions, forward and backward, float32: `native.py` beside this file calls it.
//
// A vector holds one number of LANES sequences, so that every operation is the same for all of them and the
// recurrence, serial along the tokens, is as wide as the machine. Of one block of sequences everything stays in
// the caches: its tokens are transposed once, (lanes, length, channels) -> (channels, length, lanes), then every
// direction reads them in its own order and adds to them in place. The backward pass computes again what the
// forward pass had. Threads share the blocks out in runs of neighbours and the gradients of weights are summed in
// the order of threads: results depend on nothing but inputs and, for those gradients, the number of threads.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <thread>
#include <vector>

// The exponential's reduction must be computed as it is written.
#ifdef __clang__
#pragma clang fp reassociate(off)
#else
#pragma GCC optimize("no-associative-math")
#endif

namespace {

// As wide as the machine: vectors that the compiler must split cost more than they hold.
#if defined __AVX512F__
constexpr int LANES = 16;
#elif defined __AVX__
constexpr int LANES = 8;
#else
constexpr int LANES = 4;
#endif
typedef float Vec __attribute__((vector_size(4 * LANES)));
typedef int32_t Whole __attribute__((vector_size(4 * LANES)));

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

inline Vec splat(float x) { return Vec{} + x; }

// e^x to 2e-7 of its value; NaN stays NaN, what float cannot hold becomes the nearest that it can.
inline Vec exponential(Vec x) {
    x = x > 88.0f ? splat(88.0f) : x;
    x = x < -87.0f ? splat(-87.0f) : x;
    // Adding 1.5 * 2^23 rounds to a whole number and leaves it in the low bits.
    const Vec shifted = x * 1.44269504f + 12582912.0f, n = shifted - 12582912.0f;
    const Vec r = (x - n * 0.693145752f) - n * 1.42860677e-6f;
    Vec p = splat(1.0f / 720);
    p = p * r + 1.0f / 120;
    p = p * r + 1.0f / 24;
    p = p * r + 1.0f / 6;
    p = p * r + 0.5f;
    p = p * r + 1.0f;
    p = p * r + 1.0f;
    Whole bits;
    std::memcpy(&bits, &shifted, sizeof bits);
    bits = (bits << 23) + (127 << 23);
    Vec power;
    std::memcpy(&power, &bits, sizeof power);
    return p * power;
}

// log(1 + u) for u in [0, 1], as 2 artanh(u / (2 + u)).
inline Vec log_one_plus(Vec u) {
    const Vec v = u / (u + 2.0f), w = v * v;
    Vec p = splat(2.0f / 15);
    p = p * w + 2.0f / 13;
    p = p * w + 2.0f / 11;
    p = p * w + 2.0f / 9;
    p = p * w + 2.0f / 7;
    p = p * w + 2.0f / 5;
    p = p * w + 2.0f / 3;
    p = p * w + 2.0f;
    return v * p;
}

inline Vec sigmoid(Vec x) { return 1.0f / (1.0f + exponential(-x)); }

// log(1 + e^x), and its slope where it is wanted.
inline Vec softplus(Vec x, Vec* slope = nullptr) {
    const Vec small = exponential(x < 0.0f ? x : -x);
    if (slope) *slope = (x < 0.0f ? small : splat(1.0f)) / (1.0f + small);
    return (x < 0.0f ? Vec{} : x) + log_one_plus(small);
}

inline float sum(Vec x) {
    float total = 0;
    for (int lane = 0; lane < LANES; ++lane) total += x[lane];
    return total;
}

// Works on one block of sequences after another; one of it a thread.
class Worker {
public:
    Worker(const Sizes& sizes, const Weights<const float>& weights, const int64_t* orders, bool learns)
        : size(sizes), weight(weights), orders(orders),
          in(size.channels() * size.length), out(in.size()), x(size.half * size.length),
          chosen(size.chosen() * size.length), state(size.states) {
        for (int64_t i = 0; i < size.half * size.states; ++i) A.push_back(-std::exp(weight.A_log[i]));
        if (!learns) return;
        for (Rows* one : {&slope, &grad_x}) one->resize(x.size());
        grad_in.resize(in.size());
        grad_chosen.resize(chosen.size());
        for (Rows* one : {&step, &step_slope, &grad_a}) one->resize(size.length);
        for (Rows* one : {&decay, &state}) one->resize(size.length * size.states);
        for (Rows* one : {&handed, &grad_A}) one->resize(size.states);
    }

    // Writes y of LANES sequences from `first` on; all tensors are (sequences, length, channels).
    void forward(int64_t first, const float* xz, float* y) {
        load(first, xz, in);
        std::fill(out.begin(), out.end(), Vec{});
        for (int64_t k = 0; k < size.directions; ++k) {
            const int64_t* order = orders + k * size.length;
            convolve(order);
            choose();
            for (int64_t c = 0; c < size.half; ++c) scan(c, order);
            for (int64_t c = size.half; c < size.channels(); ++c) {
                for (int64_t t = 0; t < size.length; ++t) {
                    const Vec a = convolved(c, t, order);
                    out[c * size.length + order[t]] += a * sigmoid(a);
                }
            }
        }
        store(first, out, y);
    }

    // Writes their gradient of xz and adds to the gradients of weights; `out` holds that of y here.
    void backward(int64_t first, const float* xz, const float* grad_y, float* grad_xz, Weights<float>& grad) {
        load(first, xz, in);
        load(first, grad_y, out);
        std::fill(grad_in.begin(), grad_in.end(), Vec{});
        for (int64_t k = 0; k < size.directions; ++k) {
            const int64_t* order = orders + k * size.length;
            convolve(order);
            choose();
            std::fill(grad_chosen.begin(), grad_chosen.end(), Vec{});
            for (int64_t c = 0; c < size.half; ++c) scan_backward(c, order, grad);
            for (int64_t c = 0; c < size.half; ++c) {
                choose_backward(c, grad);
                for (int64_t t = 0; t < size.length; ++t) {
                    grad_a[t] = grad_x[c * size.length + t] * slope[c * size.length + t];
                }
                convolve_backward(c, order, grad);
            }
            for (int64_t c = size.half; c < size.channels(); ++c) {
                for (int64_t t = 0; t < size.length; ++t) {
                    const Vec a = convolved(c, t, order), s = sigmoid(a);
                    grad_a[t] = out[c * size.length + order[t]] * s * (1.0f + a * (1.0f - s));
                }
                convolve_backward(c, order, grad);
            }
        }
        store(first, grad_in, grad_xz);
    }

private:
    typedef std::vector<Vec> Rows;

    const Sizes size;
    const Weights<const float> weight;
    const int64_t* const orders;
    std::vector<float> A;              // (half, states)
    Rows in, out, x, slope;            // (channels, length) or (half, length)
    Rows grad_in, grad_x;              // the same
    Rows chosen, grad_chosen;          // (length, chosen): step, B and C
    Rows step, step_slope, grad_a;     // (length,), of one channel
    Rows decay, state;                 // (length, states), of one channel; forward the state is that of one token
    Rows handed, grad_A;               // (states,): the adjoint state that a token hands to the one before it

    // Lanes beyond the last sequence are zero, and so then is all that they add to any gradient.
    void load(int64_t first, const float* from, Rows& to) const {
        const int64_t lanes = std::min<int64_t>(LANES, size.sequences - first), d = size.channels();
        if (lanes < LANES) std::fill(to.begin(), to.end(), Vec{});
        for (int64_t lane = 0; lane < lanes; ++lane) {
            const float* tokens = from + (first + lane) * size.length * d;
            for (int64_t t = 0; t < size.length; ++t) {
                for (int64_t c = 0; c < d; ++c) to[c * size.length + t][lane] = tokens[t * d + c];
            }
        }
    }

    void store(int64_t first, const Rows& from, float* to) const {
        const int64_t lanes = std::min<int64_t>(LANES, size.sequences - first), d = size.channels();
        for (int64_t lane = 0; lane < lanes; ++lane) {
            float* tokens = to + (first + lane) * size.length * d;
            for (int64_t t = 0; t < size.length; ++t) {
                for (int64_t c = 0; c < d; ++c) tokens[t * d + c] = from[c * size.length + t][lane];
            }
        }
    }

    Vec convolved(int64_t c, int64_t t, const int64_t* order) const {
        const Vec* channel = &in[c * size.length];
        const float* kernel = weight.kernel + 3 * c;
        Vec a = kernel[1] * channel[order[t]];
        if (t > 0) a += kernel[0] * channel[order[t - 1]];
        if (t + 1 < size.length) a += kernel[2] * channel[order[t + 1]];
        return a;
    }

    // x, and its slope by what the convolution gave.
    void convolve(const int64_t* order) {
        for (int64_t c = 0; c < size.half; ++c) {
            for (int64_t t = 0; t < size.length; ++t) {
                const Vec a = convolved(c, t, order), s = sigmoid(a);
                x[c * size.length + t] = a * s;
                if (!slope.empty()) slope[c * size.length + t] = s * (1.0f + a * (1.0f - s));
            }
        }
    }

    void choose() {
        for (int64_t t = 0; t < size.length; ++t) {
            for (int64_t j = 0; j < size.chosen(); ++j) {
                const float* w = weight.x_proj + j * size.half;
                Vec total{};
                for (int64_t c = 0; c < size.half; ++c) total += w[c] * x[c * size.length + t];
                chosen[t * size.chosen() + j] = total;
            }
        }
    }

    Vec before_softplus(int64_t c, const Vec* token) const {
        Vec raw = splat(weight.dt_bias[c]);
        for (int64_t r = 0; r < size.rank; ++r) raw += weight.dt_proj[c * size.rank + r] * token[r];
        return raw;
    }

    void scan(int64_t c, const int64_t* order) {
        std::fill(state.begin(), state.end(), Vec{});
        for (int64_t t = 0; t < size.length; ++t) {
            const Vec *token = &chosen[t * size.chosen()], *B = token + size.rank, *C = B + size.states;
            const Vec dt = softplus(before_softplus(c, token)), here = x[c * size.length + t];
            Vec y = weight.D[c] * here;
            for (int64_t n = 0; n < size.states; ++n) {
                state[n] = exponential(dt * A[c * size.states + n]) * state[n] + dt * here * B[n];
                y += C[n] * state[n];
            }
            out[c * size.length + order[t]] += y;
        }
    }

    void scan_backward(int64_t c, const int64_t* order, Weights<float>& grad) {
        const int64_t N = size.states;
        const float* a = &A[c * N];
        for (int64_t t = 0; t < size.length; ++t) {
            const Vec *token = &chosen[t * size.chosen()], *B = token + size.rank;
            step[t] = softplus(before_softplus(c, token), &step_slope[t]);
            const Vec input = step[t] * x[c * size.length + t];
            for (int64_t n = 0; n < N; ++n) {
                decay[t * N + n] = exponential(step[t] * a[n]);
                state[t * N + n] = input * B[n];
                if (t > 0) state[t * N + n] += decay[t * N + n] * state[(t - 1) * N + n];
            }
        }
        std::fill(handed.begin(), handed.end(), Vec{});
        std::fill(grad_A.begin(), grad_A.end(), Vec{});
        Vec grad_D{}, grad_bias{};
        for (int64_t t = size.length - 1; t >= 0; --t) {
            const Vec *token = &chosen[t * size.chosen()], *B = token + size.rank, *C = B + N;
            Vec *grad_token = &grad_chosen[t * size.chosen()], *grad_B = grad_token + size.rank, *grad_C = grad_B + N;
            const Vec here = x[c * size.length + t], g = out[c * size.length + order[t]], dt = step[t];
            Vec grad_input{}, grad_step{};
            for (int64_t n = 0; n < N; ++n) {
                const Vec adjoint = C[n] * g + handed[n];
                grad_C[n] += g * state[t * N + n];
                grad_B[n] += adjoint * (dt * here);
                grad_input += adjoint * B[n];
                handed[n] = adjoint * decay[t * N + n];
                if (t > 0) {
                    const Vec exponent = handed[n] * state[(t - 1) * N + n];
                    grad_A[n] += exponent * dt;
                    grad_step += exponent * a[n];
                }
            }
            grad_D += g * here;
            grad_x[c * size.length + t] = grad_input * dt + weight.D[c] * g;
            const Vec grad_raw = (grad_step + grad_input * here) * step_slope[t];
            grad_bias += grad_raw;
            for (int64_t r = 0; r < size.rank; ++r) grad_token[r] += weight.dt_proj[c * size.rank + r] * grad_raw;
            step[t] = grad_raw;
        }
        grad.D[c] += sum(grad_D);
        grad.dt_bias[c] += sum(grad_bias);
        for (int64_t n = 0; n < N; ++n) grad.A_log[c * N + n] += sum(grad_A[n]) * a[n];
        for (int64_t r = 0; r < size.rank; ++r) {
            Vec total{};
            for (int64_t t = 0; t < size.length; ++t) total += step[t] * chosen[t * size.chosen() + r];
            grad.dt_proj[c * size.rank + r] += sum(total);
        }
    }

    void choose_backward(int64_t c, Weights<float>& grad) {
        Vec* mine = &grad_x[c * size.length];
        for (int64_t j = 0; j < size.chosen(); ++j) {
            const float w = weight.x_proj[j * size.half + c];
            Vec total{};
            for (int64_t t = 0; t < size.length; ++t) {
                const Vec g = grad_chosen[t * size.chosen() + j];
                mine[t] += w * g;
                total += g * x[c * size.length + t];
            }
            grad.x_proj[j * size.half + c] += sum(total);
        }
    }

    // From `grad_a`, the gradient of what the convolution gave.
    void convolve_backward(int64_t c, const int64_t* order, Weights<float>& grad) {
        const Vec* channel = &in[c * size.length];
        Vec* grad_channel = &grad_in[c * size.length];
        const float* kernel = weight.kernel + 3 * c;
        Vec before{}, here{}, after{};
        for (int64_t t = 0; t < size.length; ++t) {
            const Vec token = channel[order[t]];
            Vec g = kernel[1] * grad_a[t];
            here += token * grad_a[t];
            if (t > 0) {
                g += kernel[2] * grad_a[t - 1];
                after += token * grad_a[t - 1];
            }
            if (t + 1 < size.length) {
                g += kernel[0] * grad_a[t + 1];
                before += token * grad_a[t + 1];
            }
            grad_channel[order[t]] += g;
        }
        grad.kernel[3 * c] += sum(before);
        grad.kernel[3 * c + 1] += sum(here);
        grad.kernel[3 * c + 2] += sum(after);
    }
};

// Blocks of LANES sequences in runs of neighbours, one run a thread.
template <class Task>
void share_out(int64_t sequences, int64_t threads, const Task& task) {
    const int64_t blocks = (sequences + LANES - 1) / LANES;
    std::vector<std::thread> others;
    for (int64_t k = threads - 1; k >= 0; --k) {
        const int64_t begin = blocks * k / threads * LANES, end = blocks * (k + 1) / threads * LANES;
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

int64_t mix_lanes() { return LANES; }

void mix_forward(const Sizes* size, const float* weights, const int64_t* orders, int64_t threads,
                 const float* xz, float* y) {
    const Weights<const float> weight(weights, *size);
    share_out(size->sequences, threads, [=](int64_t, int64_t begin, int64_t end) {
        Worker worker(*size, weight, orders, false);
        for (int64_t s = begin; s < end; s += LANES) worker.forward(s, xz, y);
    });
}

// `grads` holds zeros at first, for every thread as many as there are weights.
void mix_backward(const Sizes* size, const float* weights, const int64_t* orders, int64_t threads,
                  const float* xz, const float* grad_y, float* grad_xz, float* grads) {
    const Weights<const float> weight(weights, *size);
    share_out(size->sequences, threads, [=](int64_t k, int64_t begin, int64_t end) {
        Worker worker(*size, weight, orders, true);
        Weights<float> grad(grads + k * weight.number(*size), *size);
        for (int64_t s = begin; s < end; s += LANES) worker.backward(s, xz, grad_y, grad_xz, grad);
    });
}

}
