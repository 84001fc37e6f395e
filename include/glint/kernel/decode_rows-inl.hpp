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

// Rows of K, V and the next K lie behind each other in one table, and the products ask for the rows some bytes further on,
// line by line in the order of memory, into the second-level cache.  Measured on Zen 4, one thread, tiles of 256 keys,
// where one plain stream runs at 27 GB/s: nothing asked for 16 to 18; 1.5 to 2.5 KB ahead 25 to 27; 5 KB and more 21 to
// 24; into the first level 16 to 20.  With several query rows the core itself looks less far ahead, and 8 to 16 KB are
// best.
inline constexpr index_t kAheadAlone = 2560, kAheadTogether = 12288, kMostAhead = 64;

template <class Stored>
GLINT_INLINE index_t rows_ahead(index_t dim, index_t queries) {
  const index_t rows = (queries == 1 ? kAheadAlone : kAheadTogether) / row_bytes<Stored>(dim + dim % 2);
  return rows < 4 ? 4 : rows > kMostAhead ? kMostAhead : rows;
}

// Asks for the line that holds byte `byte` of a row.
GLINT_INLINE void ask_for(const void* row, index_t byte) {
  __builtin_prefetch(static_cast<const char*>(row) + byte, 0, 2);
}

// Asks for rows of a table, a few lines at a time, in the order of memory.
template <class Stored>
struct Ahead {
  const Stored* const* row;
  index_t bytes;  // of a row
  index_t byte = 0;

  template <int kLines>
  GLINT_INLINE void ask() {
    GLINT_UNROLL
    for (int i = 0; i < kLines; ++i) ask_for(*row, byte + 64 * i);
    if constexpr (kLines > 0) {
      byte += 64 * kLines;
      if (byte >= bytes) byte = 0, ++row;
    }
  }
};

}  // namespace GLINT_ISA
}  // namespace GLINT_ABI
}  // namespace glint
