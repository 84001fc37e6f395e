// What this machine can do, measured beside what a kernel does: multiply-adds and bytes read, by the calling thread.
// On a shared machine both change from minute to minute, so a share is only worth something against a probe that ran
// right next to the kernel.
#pragma once

#include <chrono>
#include <cstring>
#include <ctime>
#include <span>

#include "glint/simd/isa.hpp"

#if GLINT_HAVE_X86
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

namespace bench {

inline double wall_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// CPU time of the calling thread: what other processes take from it does not count.
inline double thread_seconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

namespace detail {

// Independent chains of a = a * x + y, all in registers; no fewer than latency times units need (8), no more than
// registers hold.  The factors keep every value normal for ever.
#define GLINT_FMA_CHAINS(name, attribute, Vector, kChains, splat, multiply_add)   \
  attribute GLINT_NOINLINE inline float name(long rounds) {                       \
    const Vector x = splat(0.999F), y = splat(0.001F);                            \
    Vector a[kChains];                                                            \
    GLINT_UNROLL                                                                  \
    for (int i = 0; i < kChains; ++i) a[i] = splat(0.5F + static_cast<float>(i)); \
    for (long round = 0; round < rounds; ++round) {                               \
      GLINT_UNROLL                                                                \
      for (int i = 0; i < kChains; ++i) a[i] = multiply_add(a[i], x, y);          \
    }                                                                             \
    GLINT_UNROLL                                                                  \
    for (int i = 1; i < kChains; ++i) a[0] = multiply_add(a[i], x, a[0]);         \
    float first;                                                                  \
    std::memcpy(&first, a, sizeof first);                                         \
    return first;                                                                 \
  }

#if GLINT_HAVE_X86
GLINT_FMA_CHAINS(chains_avx512, __attribute__((target("avx512f"))), __m512, 12, _mm512_set1_ps, _mm512_fmadd_ps)
GLINT_FMA_CHAINS(chains_avx2, __attribute__((target("avx2,fma"))), __m256, 12, _mm256_set1_ps, _mm256_fmadd_ps)
// SSE2 has no fused multiply-add: a product and a sum count for one.
#define GLINT_MULTIPLY_ADD(a, x, y) _mm_add_ps(_mm_mul_ps(a, x), y)
GLINT_FMA_CHAINS(chains_base, , __m128, 14, _mm_set1_ps, GLINT_MULTIPLY_ADD)
#undef GLINT_MULTIPLY_ADD
#elif defined(__aarch64__)
#define GLINT_MULTIPLY_ADD(a, x, y) vfmaq_f32(y, a, x)
GLINT_FMA_CHAINS(chains_base, , float32x4_t, 16, vdupq_n_f32, GLINT_MULTIPLY_ADD)
#undef GLINT_MULTIPLY_ADD
#else
#define GLINT_MULTIPLY_ADD(a, x, y) ((a) * (x) + (y))
GLINT_FMA_CHAINS(chains_base, , float, 8, float, GLINT_MULTIPLY_ADD)
#undef GLINT_MULTIPLY_ADD
#endif
#undef GLINT_FMA_CHAINS

#if GLINT_HAVE_X86
// The bf16 dot product: each lane adds two products of bf16 to a float.  16 chains, because it takes up to 6 cycles and
// a core may start two in each.  The products are too small to ever leave the normal range.
__attribute__((target("avx512f,avx512bf16"))) GLINT_NOINLINE inline float chains_bf16_dot(long rounds) {
  constexpr int kChains = 16;
  const __m512bh x = (__m512bh)_mm512_set1_epi32(0x3a833a83);  // pairs of about 0.001
  __m512 a[kChains];
  GLINT_UNROLL
  for (int i = 0; i < kChains; ++i) a[i] = _mm512_set1_ps(0.5F + static_cast<float>(i));
  for (long round = 0; round < rounds; ++round) {
    GLINT_UNROLL
    for (int i = 0; i < kChains; ++i) a[i] = _mm512_dpbf16_ps(a[i], x, x);
  }
  GLINT_UNROLL
  for (int i = 1; i < kChains; ++i) a[0] = _mm512_add_ps(a[i], a[0]);
  float first;
  std::memcpy(&first, a, sizeof first);
  return first;
}

// The int8 dot product: each lane adds four products of an unsigned and a signed byte to an integer.  Plain vectors, as
// gcc 12 gives accumulators of type __m512i a move each.  The sums wrap, which is no matter.
typedef int Integers512 __attribute__((vector_size(64)));
__attribute__((target("avx512f,avx512vnni"))) GLINT_NOINLINE inline float chains_int8_dot(long rounds) {
  constexpr int kChains = 16;
  const __m512i x = _mm512_set1_epi8(3);
  Integers512 a[kChains];
  GLINT_UNROLL
  for (int i = 0; i < kChains; ++i) a[i] = (Integers512)_mm512_set1_epi32(i);
  for (long round = 0; round < rounds; ++round) {
    GLINT_UNROLL
    for (int i = 0; i < kChains; ++i) a[i] = (Integers512)_mm512_dpbusd_epi32((__m512i)a[i], x, x);
  }
  GLINT_UNROLL
  for (int i = 1; i < kChains; ++i) a[0] ^= a[i];
  return static_cast<float>(a[0][0]);
}
#endif

// A call of `chains` that does 2 * lanes * chains FLOPs a round.
struct Probe {
  float (*chains)(long) = &chains_base;
#if defined(__aarch64__)
  double flops_a_round = 2.0 * 4 * 16;
#elif GLINT_HAVE_X86
  double flops_a_round = 2.0 * 4 * 14;
#else
  double flops_a_round = 2.0 * 8;
#endif
};

inline Probe fma_probe([[maybe_unused]] glint::Isa isa) {
#if GLINT_HAVE_X86
  if (isa == glint::Isa::avx512) return {&chains_avx512, 2.0 * 16 * 12};
  if (isa == glint::Isa::avx2) return {&chains_avx2, 2.0 * 8 * 12};
#endif
  // `plain` too: its loops may become 128-bit vectors, so that is their ceiling.
  return {};
}

inline Probe bf16_dot_probe() {
#if GLINT_HAVE_X86
  return {&chains_bf16_dot, 2.0 * 32 * 16};
#else
  return {};
#endif
}

inline Probe int8_dot_probe() {
#if GLINT_HAVE_X86
  return {&chains_int8_dot, 2.0 * 64 * 16};
#else
  return {};
#endif
}

// Sums of all that lies in memory, eight at a time: enough to have every load under way that a core can.
#define GLINT_READ_LOOP(name, attribute, Vector, load, add)                                     \
  attribute GLINT_NOINLINE inline std::uint64_t name(const std::byte* data, std::size_t size) { \
    constexpr std::size_t kSums = 8;                                                            \
    Vector sums[kSums] = {};                                                                    \
    for (std::size_t at = 0; at + sizeof sums <= size; at += sizeof sums) {                     \
      GLINT_UNROLL                                                                              \
      for (std::size_t i = 0; i < kSums; ++i)                                                   \
        sums[i] = add(sums[i], load((const Vector*)(data + at + i * sizeof(Vector))));          \
    }                                                                                           \
    GLINT_UNROLL                                                                                \
    for (std::size_t i = 1; i < kSums; ++i) sums[0] = add(sums[0], sums[i]);                    \
    std::uint64_t first;                                                                        \
    std::memcpy(&first, sums, sizeof first);                                                    \
    return first;                                                                               \
  }

#if GLINT_HAVE_X86
GLINT_READ_LOOP(read_avx512, __attribute__((target("avx512f"))), __m512i, _mm512_loadu_si512, _mm512_add_epi32)
GLINT_READ_LOOP(read_avx2, __attribute__((target("avx2"))), __m256i, _mm256_loadu_si256, _mm256_add_epi32)
#endif
typedef std::uint32_t Words __attribute__((vector_size(16), may_alias, aligned(1)));
#define GLINT_LOAD(pointer) (*(pointer))
#define GLINT_ADD(a, b) ((a) + (b))
GLINT_READ_LOOP(read_base, , Words, GLINT_LOAD, GLINT_ADD)
#undef GLINT_ADD
#undef GLINT_LOAD
#undef GLINT_READ_LOOP

inline volatile float float_sink;
inline thread_local volatile std::uint64_t integer_sink;

inline double flops_per_second(Probe probe, long rounds) {
  const double start = thread_seconds();
  float_sink = probe.chains(rounds);
  return static_cast<double>(rounds) * probe.flops_a_round / (thread_seconds() - start);
}

}  // namespace detail

// FLOP/s (a multiply-add is two) at the ceiling of one thread on `isa`, measured for a few milliseconds.
inline double fma_flops_per_second(glint::Isa isa = glint::simd::selected) {
  return detail::flops_per_second(detail::fma_probe(isa), 1 << 20);
}

// Has this CPU the bf16 dot product, and may kernels use it?
inline bool has_bf16_dot([[maybe_unused]] glint::Isa isa = glint::simd::selected) {
#if GLINT_HAVE_X86
  __builtin_cpu_init();
  return isa == glint::Isa::avx512 && __builtin_cpu_supports("avx512bf16");
#else
  return false;
#endif
}

// FLOP/s of bf16 dot products where there are any, else of multiply-adds.
inline double bf16_dot_flops_per_second(glint::Isa isa = glint::simd::selected) {
  if (!has_bf16_dot(isa)) return fma_flops_per_second(isa);
  return detail::flops_per_second(detail::bf16_dot_probe(), 1 << 19);
}

// Has this CPU the dot product of bytes, and may kernels use it?
inline bool has_int8_dot([[maybe_unused]] glint::Isa isa = glint::simd::selected) {
#if GLINT_HAVE_X86
  __builtin_cpu_init();
  return isa == glint::Isa::avx512 && __builtin_cpu_supports("avx512vnni");
#else
  return false;
#endif
}

// Operations/s of int8 dot products; only where there are any.
inline double int8_dot_flops_per_second() { return detail::flops_per_second(detail::int8_dot_probe(), 1 << 19); }

// Adds up `memory` with the widest loads of `isa`; what is left after the last 512 bytes is left.
inline void read(std::span<const std::byte> memory, [[maybe_unused]] glint::Isa isa = glint::simd::selected) {
  auto* loop = &detail::read_base;
#if GLINT_HAVE_X86
  if (isa == glint::Isa::avx2) loop = &detail::read_avx2;
  if (isa == glint::Isa::avx512) loop = &detail::read_avx512;
#endif
  detail::integer_sink = loop(memory.data(), memory.size());
}

// Bytes/s at which one thread reads `memory` from front to back.  Pass more than the caches hold.
inline double read_bytes_per_second(std::span<const std::byte> memory) {
  const double start = thread_seconds();
  read(memory);
  return static_cast<double>(memory.size()) / (thread_seconds() - start);
}

}  // namespace bench
