// Numbers of 0 and `factor`, drawn as PyTorch's CPU generator draws them: MT19937 (Matsumoto & Nishimura 1998), two
// words a number, the first above the second, of which the lower 53 bits are compared with the probability.

#include <cstdint>

namespace {

constexpr int N = 624, M = 397;

inline uint32_t twist(uint32_t high, uint32_t low) {
    const uint32_t mixed = (high & 0x80000000u) | (low & 0x7fffffffu);
    return (mixed >> 1) ^ (-(mixed & 1u) & 0x9908b0dfu);
}

void regenerate(uint32_t* state) {
    for (int i = 0; i < N - M; ++i) state[i] = state[i + M] ^ twist(state[i], state[i + 1]);
#pragma GCC ivdep
    for (int i = N - M; i < N - 1; ++i) state[i] = state[i + M - N] ^ twist(state[i], state[i + 1]);
    state[N - 1] = state[M - 1] ^ twist(state[N - 1], state[0]);
}

void temper(const uint32_t* state, uint32_t* words) {
    for (int i = 0; i < N; ++i) {
        uint32_t y = state[i];
        y ^= y >> 11;
        y ^= (y << 7) & 0x9d2c5680u;
        y ^= (y << 15) & 0xefc60000u;
        words[i] = y ^ (y >> 18);
    }
}

}  // namespace

// state (624) and next, the word to come: both are left as PyTorch would leave them. `below` is the probability times
// 2^53, rounded up.
extern "C" void bernoulli(uint32_t* state, int64_t* next, int64_t count, uint64_t below, float factor, float* out) {
    uint32_t words[N];
    temper(state, words);
    int64_t at = *next, k = 0;
    const uint64_t kept = (uint64_t(1) << 53) - 1;
    while (k < count) {
        if (at == N) {
            regenerate(state);
            temper(state, words);
            at = 0;
        }
        const int64_t pairs = (N - at) / 2 < count - k ? (N - at) / 2 : count - k;
        for (int64_t i = 0; i < pairs; ++i) {
            const uint64_t drawn = (uint64_t(words[at + 2 * i]) << 32 | words[at + 2 * i + 1]) & kept;
            out[k + i] = drawn < below ? factor : 0.0f;
        }
        k += pairs;
        at += 2 * pairs;
        if (at == N - 1 && k < count) {
            const uint64_t high = words[N - 1];
            regenerate(state);
            temper(state, words);
            out[k++] = ((high << 32 | words[0]) & kept) < below ? factor : 0.0f;
            at = 1;
        }
    }
    *next = at;
}
