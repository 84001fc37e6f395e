// No guard: included once for each ISA.  Rows of a cache as vectors of float, whatever they are stored as.
namespace glint {
inline namespace GLINT_ABI {
namespace GLINT_ISA {

// Numbers [d, d + kLanes) of a row.
template <class Stored>
GLINT_INLINE Vec load_numbers(const Stored* row, index_t d) {
  return load_as_float(row + d);
}
// The first n of them, zeros behind; nothing past the n-th is read.
template <class Stored>
GLINT_INLINE Vec load_numbers(const Stored* row, index_t d, index_t n) {
  return load_some(row + d, n);
}

#if GLINT_LANES == 1
GLINT_INLINE Vec load_numbers(const std::int8_t* row, index_t d) { return static_cast<float>(row[d]); }
GLINT_INLINE Vec load_numbers(const int4x2* row, index_t d) { return static_cast<float>(number_at(row, d)); }
GLINT_INLINE Vec load_numbers(const std::int8_t* row, index_t d, index_t) { return load_numbers(row, d); }
GLINT_INLINE Vec load_numbers(const int4x2* row, index_t d, index_t) { return load_numbers(row, d); }
#else
typedef std::int8_t ByteVec __attribute__((vector_size(GLINT_LANES)));
typedef std::int8_t UnalignedByteVec __attribute__((vector_size(GLINT_LANES), aligned(1), may_alias));
typedef std::int8_t HalfByteVec __attribute__((vector_size(GLINT_LANES / 2)));
typedef std::int8_t UnalignedHalfByteVec __attribute__((vector_size(GLINT_LANES / 2), aligned(1), may_alias));

GLINT_INLINE Vec load_numbers(const std::int8_t* row, index_t d) {
  const ByteVec bytes = *(const UnalignedByteVec*)(row + d);
  return __builtin_convertvector(__builtin_convertvector(bytes, IntVec), Vec);
}

template <int... kIndex>
GLINT_INLINE Vec spread_nibbles(const HalfByteVec& bytes, std::integer_sequence<int, kIndex...>) {
  const ByteVec twice = __builtin_shufflevector(bytes, bytes, (kIndex / 2)...);
  const IntVec shift = {(kIndex % 2 == 0 ? 28 : 24)...};
  return __builtin_convertvector((__builtin_convertvector(twice, IntVec) << shift) >> 28, Vec);
}
GLINT_INLINE Vec load_numbers(const int4x2* row, index_t d) {
  return spread_nibbles(*(const UnalignedHalfByteVec*)(row + d / 2), std::make_integer_sequence<int, kLanes>());
}

GLINT_INLINE Vec load_numbers(const std::int8_t* row, index_t d, index_t n) {
  alignas(64) std::int8_t edge[kLanes] = {};
  for (index_t i = 0; i < n; ++i) edge[i] = row[d + i];
  return load_numbers(edge, 0);
}
GLINT_INLINE Vec load_numbers(const int4x2* row, index_t d, index_t n) {
  alignas(64) int4x2 edge[kLanes] = {};
  for (index_t i = 0; i < n / 2; ++i) edge[i] = row[d / 2 + i];
  return load_numbers(edge, 0);
}
#endif

// By bit pattern: -ffast-math removes comparisons with infinity.
GLINT_INLINE bool is_finite(float x) { return (std::bit_cast<std::uint32_t>(x) & 0x7f800000u) != 0x7f800000u; }

// How a product reads K or V.  key: within the tile.
template <class Stored>
struct AsStored {
  GLINT_INLINE Vec operator()(const Stored* row, index_t, index_t d) const { return load_numbers(row, d); }
  GLINT_INLINE Vec operator()(const Stored* row, index_t, index_t d, index_t n) const {
    return load_numbers(row, d, n);
  }
};

// With the offsets of an integer cache.  They are added number by number: folded into the sums they would cancel, where
// many numbers lie near -offset.
template <class Stored>
struct WithOffsets {
  const float* by_number;  // padded to whole vectors with zeros
  const float* by_key;
  GLINT_INLINE Vec operator()(const Stored* row, index_t key, index_t d) const {
    return load_numbers(row, d) + load(by_number + d) + by_key[key];
  }
  GLINT_INLINE Vec operator()(const Stored* row, index_t key, index_t d, index_t n) const {
    const Vec shifted = load_numbers(row, d, n) + load(by_number + d) + by_key[key];
    return select(lanes_of((std::uint64_t{1} << n) - 1, 0), shifted, splat(0.0F));
  }
};

// Asks for a line of a row that will be read soon.
GLINT_INLINE void ask_for(const void* row, index_t byte) {
  __builtin_prefetch(static_cast<const char*>(row) + byte, 0, 3);
}

}  // namespace GLINT_ISA
}  // namespace GLINT_ABI
}  // namespace glint
