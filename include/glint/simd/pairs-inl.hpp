// No guard: included once for each ISA.  Pairs of bfloat16 in 32-bit lanes, and the instruction that multiplies them.
// It exists only where simd::bf16_dot() says so.  It is written as assembly, so that it needs no target region, and
// kernels no instantiation, of its own.
#if GLINT_USE_AVX512
namespace glint {
inline namespace GLINT_ABI {
namespace GLINT_ISA {

// sum += a.high * b.high, then a.low * b.low, in float with denormals as 0.
GLINT_INLINE void dot_into(Vec& sum, const Vec& a, const Vec& b) {
  __asm__("vdpbf16ps %2, %1, %0" : "+v"(sum) : "v"(a), "v"(b));
}

// The product of the micro-kernel for neighbours in memory: one step along the sum is two elements.
struct Pairs {
  using Element = bfloat16;
  static GLINT_INLINE Vec broadcast(const bfloat16* a) {
    std::int32_t pair;
    __builtin_memcpy(&pair, a, 4);
    return from_bits(IntVec{} + pair);
  }
  static GLINT_INLINE void add(Vec& sum, const Vec& a, const Vec& b) { dot_into(sum, a, b); }
};

// The last element of an odd row, with 0 for its partner.
struct LonePairs : Pairs {
  static GLINT_INLINE Vec broadcast(const bfloat16* a) { return from_bits(IntVec{} + std::int32_t{a->bits}); }
};

// Places of the 16-bit halves when two vectors, one behind the other, are interleaved: 0, 32, 1, 33, ... from `first`.
struct Alternate {
  std::uint16_t place[32] = {};
  constexpr Alternate(int first, int partner) {
    for (int i = 0; i < 32; ++i) place[i] = static_cast<std::uint16_t>(first + i / 2 + i % 2 * partner);
  }
};

// The 16 of low as bfloat16, rounded to nearest, then the 16 of high.
GLINT_INLINE Vec round_to_bf16(const Vec& low, const Vec& high) {
  Vec halves;
  __asm__("vcvtne2ps2bf16 %2, %1, %0" : "=v"(halves) : "v"(high), "v"(low));
  return halves;
}

// bfloat16(low) and bfloat16(high) in each lane.
GLINT_INLINE Vec join_pairs(const Vec& low, const Vec& high) {
  alignas(64) static constexpr Alternate kOrder(0, 16);
  const __m512i halves = (__m512i)round_to_bf16(low, high);
  return (Vec)_mm512_maskz_permutexvar_epi16(0xffffffffu, _mm512_load_si512(&kOrder), halves);
}

// to[2 * i] = a[i], to[2 * i + 1] = b[i], for the 32 halves of each.
GLINT_INLINE void store_interleaved(const Vec& a, const Vec& b, bfloat16* to) {
  alignas(64) static constexpr Alternate kFirst(0, 32), kSecond(16, 32);
  float* const out = reinterpret_cast<float*>(to);
  store(out, (Vec)_mm512_permutex2var_epi16((__m512i)a, _mm512_load_si512(&kFirst), (__m512i)b));
  store(out + kLanes, (Vec)_mm512_permutex2var_epi16((__m512i)a, _mm512_load_si512(&kSecond), (__m512i)b));
}

// kLanes pairs; zeros behind the first n elements, and nothing past p[n - 1] is read.
GLINT_INLINE Vec load_pairs(const bfloat16* p, index_t n) {
  if (n >= 2 * kLanes) return (Vec)_mm512_loadu_si512(p);  // aligned to an element, and so not to a float
  alignas(64) bfloat16 edge[2 * kLanes] = {};
  for (index_t i = 0; i < n; ++i) edge[i] = p[i];
  return load(reinterpret_cast<const float*>(edge));
}

// The first n elements of kLanes pairs.
GLINT_INLINE void store_pairs(const Vec& pairs, bfloat16* p, index_t n) {
  if (n >= 2 * kLanes) return _mm512_storeu_si512(p, (__m512i)pairs);
  alignas(64) bfloat16 edge[2 * kLanes];
  store(reinterpret_cast<float*>(edge), pairs);
  for (index_t i = 0; i < n; ++i) p[i] = edge[i];
}

// lanes[(d / 2) * kRows + r] = the pair source[r][d], source[r][d + 1]; pairs past the source are 0, as far as
// lanes_for(rows).
template <index_t kRows>
GLINT_NOINLINE void pack_pairs(const bfloat16* source, index_t stride, index_t rows, index_t dim, float* lanes) {
  const index_t pairs = (dim + 1) / 2;
  for (index_t r = 0; r < lanes_for<kRows>(rows); r += kLanes) {
    for (index_t pair = 0; pair < pairs; pair += kLanes) {
      Vec square[kLanes];
      for (int i = 0; i < kLanes; ++i)
        square[i] = r + i < rows ? load_pairs(source + (r + i) * stride + 2 * pair, dim - 2 * pair) : Vec{};
      transpose(square);
      const index_t columns = pairs - pair < kLanes ? pairs - pair : kLanes;
      for (index_t i = 0; i < columns; ++i) store(lanes + (pair + i) * kRows + r, square[i]);
    }
  }
}

// target[r][d] = bfloat16(lanes[d * kRows + r] * factor[r]): neighbours are joined first, so that half as much is
// transposed.
template <index_t kRows>
GLINT_NOINLINE void unpack_pairs(const float* lanes, const float* factor, index_t rows, index_t dim, bfloat16* target,
                                 index_t stride) {
  for (index_t r = 0; r < rows; r += kLanes) {
    const Vec scale = load(factor + r);
    const auto column = [&](index_t d) __attribute__((always_inline)) {
      return d < dim ? load(lanes + d * kRows + r) * scale : Vec{};
    };
    const int height = rows - r < kLanes ? static_cast<int>(rows - r) : kLanes;
    for (index_t d = 0; d < dim; d += 2 * kLanes) {
      Vec square[kLanes];
      GLINT_UNROLL
      for (int i = 0; i < kLanes; ++i) square[i] = join_pairs(column(d + 2 * i), column(d + 2 * i + 1));
      transpose(square);
      for (int i = 0; i < height; ++i) store_pairs(square[i], target + (r + i) * stride + d, dim - d);
    }
  }
}

// target[r * dim + d] = source[r][d]
GLINT_INLINE void copy_rows(const bfloat16* source, index_t stride, index_t rows, index_t dim, bfloat16* target) {
  for (index_t r = 0; r < rows; ++r)
    __builtin_memcpy(target + r * dim, source + r * stride, static_cast<std::size_t>(dim) * sizeof(bfloat16));
}

// target[(r / 2) * dim + d] = the pair source[r][d], source[r + 1][d]; a row behind the last is 0.
GLINT_NOINLINE inline void interleave_rows(const bfloat16* source, index_t stride, index_t rows, index_t dim,
                                           bfloat16* target) {
  for (index_t r = 0; r < rows; r += 2) {
    const bfloat16* const row = source + r * stride;
    const bool odd = r + 1 == rows;
    bfloat16* const to = target + r * dim;
    for (index_t d = 0; d < dim; d += 2 * kLanes) {
      const index_t here = dim - d < 2 * kLanes ? dim - d : 2 * kLanes;
      const Vec a = load_pairs(row + d, here), b = odd ? Vec{} : load_pairs(row + stride + d, here);
      alignas(64) bfloat16 edge[4 * kLanes];
      bfloat16* const out = here == 2 * kLanes ? to + 2 * d : edge;
      store_interleaved(a, b, out);
      for (index_t i = 0; out == edge && i < 2 * here; ++i) to[2 * d + i] = edge[i];
    }
  }
}

}  // namespace GLINT_ISA
}  // namespace GLINT_ABI
}  // namespace glint
#endif
