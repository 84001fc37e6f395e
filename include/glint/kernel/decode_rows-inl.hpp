// No guard: included once for each ISA.  How the products of decode read the rows of a cache.
namespace glint {
inline namespace GLINT_ABI {
namespace GLINT_ISA {

// By bit pattern: -ffast-math removes comparisons with infinity.
GLINT_INLINE bool is_finite(float x) { return (std::bit_cast<std::uint32_t>(x) & 0x7f800000u) != 0x7f800000u; }

// kColumns vectors of one row from number d on, for the readers below that take one key at a time.
template <int kColumns, class Load, class Stored, class Ask>
GLINT_INLINE void read_columns(const Load& load_row, const Stored* row, index_t key, index_t d, index_t n,
                               Vec (&x)[kColumns], const Ask& ask) {
  GLINT_UNROLL
  for (int j = 0; j < kColumns; ++j) {
    ask(0, j * kLanes);
    x[j] = n < kLanes ? load_row(row, key, d, n) : load_row(row, key, d + j * kLanes);
  }
}

// How the products read K or V, and multiply.  key: within the tile.
//
//   kNumbers        numbers of a row in one vector of the first product
//   kConverts       is there more to do for each of them than to multiply?
//   kAskEvery       bytes from one line that is asked for to the next, with one query row
//   operator()      a vector of them, or the first n with zeros behind
//   add(..)         sum += x * q
//   kKeys, kUnit    keys of one step of the second product, and vectors that a row is cut into at a time
//   columns(..)     vectors of those keys from number d on; n: numbers left, if fewer than a unit.  Calls ask(i,
//   number)
//                   before it reads the vector at d + number of key i
//   weight(..)      the keys' weights in every lane
//   without(..)     the same where offsets of keys that are not seen are 0
template <class Stored>
struct AsStored {
  static constexpr int kNumbers = kLanes, kKeys = 1, kUnit = 1;
  static constexpr bool kConverts = !std::is_same_v<Stored, float>;
  static constexpr index_t kAskEvery = sizeof(Stored) == 2 ? 128 : 64;
  GLINT_INLINE Vec operator()(const Stored* row, index_t, index_t d) const { return load_numbers(row, d); }
  GLINT_INLINE Vec operator()(const Stored* row, index_t, index_t d, index_t n) const {
    return load_numbers(row, d, n);
  }
  template <int kColumns, class Ask>
  GLINT_INLINE void columns(const Stored* const* rows, index_t key, index_t d, index_t n, Vec (&x)[kColumns],
                            const Ask& ask) const {
    read_columns(*this, rows[key], key, d, n, x, ask);
  }
  static GLINT_INLINE Vec weight(const float* p, index_t key) { return splat(p[key]); }
  GLINT_INLINE AsStored without(const float*) const { return *this; }
  static GLINT_INLINE void add(Vec& sum, const Vec& x, const Vec& y) { fma_into(sum, x, y); }
  static GLINT_INLINE Vec added(const Vec& x, const Vec& y, const Vec& sum) { return fma(x, y, sum); }
};

// With the offsets of an integer cache.  They are added number by number: folded into the sums they would cancel, where
// many numbers lie near -offset.
template <class Stored>
struct WithOffsets : AsStored<Stored> {
  const float* by_number;  // padded to whole vectors with zeros
  const float* by_key;

  GLINT_INLINE WithOffsets(const float* numbers, const float* keys) : by_number(numbers), by_key(keys) {}
  GLINT_INLINE WithOffsets without(const float* keys) const { return {by_number, keys}; }
  GLINT_INLINE Vec operator()(const Stored* row, index_t key, index_t d) const {
    return load_numbers(row, d) + load(by_number + d) + by_key[key];
  }
  GLINT_INLINE Vec operator()(const Stored* row, index_t key, index_t d, index_t n) const {
    const Vec shifted = load_numbers(row, d, n) + load(by_number + d) + by_key[key];
    return select(lanes_of((std::uint64_t{1} << n) - 1, 0), shifted, splat(0.0F));
  }
  template <int kColumns, class Ask>
  GLINT_INLINE void columns(const Stored* const* rows, index_t key, index_t d, index_t n, Vec (&x)[kColumns],
                            const Ask& ask) const {
    read_columns(*this, rows[key], key, d, n, x, ask);
  }
};

#if GLINT_USE_AVX512
// Pairs of bfloat16 by the CPU's dot instruction.  Two rows of V are interleaved in registers, within quarters of a
// vector: sums of 32 numbers lie as 0-3, 8-11, 16-19, 24-27 and the rest until restore_order().
struct AsPairs {
  static constexpr int kNumbers = 2 * kLanes, kKeys = 2, kUnit = 2;
  static constexpr bool kConverts = false;
  static constexpr index_t kAskEvery = 64;
  GLINT_INLINE Vec operator()(const bfloat16* row, index_t, index_t d) const { return load_pairs(row + d, kNumbers); }
  GLINT_INLINE Vec operator()(const bfloat16* row, index_t, index_t d, index_t n) const {
    return load_pairs(row + d, n);
  }
  template <int kColumns, class Ask>
  GLINT_INLINE void columns(const bfloat16* const* rows, index_t key, index_t d, index_t n, Vec (&x)[kColumns],
                            const Ask& ask) const {
    constexpr int kUnits = kColumns / kUnit;
    Vec row[2][kUnits];  // one after the other, as they lie in memory
    GLINT_UNROLL
    for (int which = 0; which < 2; ++which) {
      const bfloat16* const from = rows[key + which];
      GLINT_UNROLL
      for (int i = 0; i < kUnits; ++i) {
        ask(which, i * kNumbers);
        row[which][i] = n < kNumbers ? load_pairs(from + d, n) : (*this)(from, key, d + i * kNumbers);
      }
    }
    GLINT_UNROLL
    for (int i = 0; i < kUnits; ++i) {
      x[2 * i] = (Vec)_mm512_maskz_unpacklo_epi16(0xffffffffu, (__m512i)row[0][i], (__m512i)row[1][i]);
      x[2 * i + 1] = (Vec)_mm512_maskz_unpackhi_epi16(0xffffffffu, (__m512i)row[0][i], (__m512i)row[1][i]);
    }
  }
  GLINT_INLINE AsPairs without(const float*) const { return *this; }
  static GLINT_INLINE Vec weight(const float* p, index_t key) {
    return Pairs::broadcast(reinterpret_cast<const bfloat16*>(p) + key);
  }
  static GLINT_INLINE void add(Vec& sum, const Vec& x, const Vec& y) { dot_into(sum, x, y); }
  static GLINT_INLINE Vec added(const Vec& x, const Vec& y, Vec sum) {
    dot_into(sum, x, y);
    return sum;
  }
};

struct QuarterOrder {
  std::int32_t place[16] = {};
  constexpr explicit QuarterOrder(int half) {
    for (int i = 0; i < 16; ++i) place[i] = half * 8 + i / 8 * 4 + i % 4 + i / 4 % 2 * 16;
  }
};
GLINT_INLINE void restore_order(float* o, index_t count) {
  alignas(64) static constexpr QuarterOrder kFirst(0), kSecond(1);
  for (index_t d = 0; d < count; d += 2 * kLanes) {
    const __m512 a = (__m512)load(o + d), b = (__m512)load(o + d + kLanes);
    store(o + d, (Vec)_mm512_permutex2var_ps(a, _mm512_load_si512(&kFirst), b));
    store(o + d + kLanes, (Vec)_mm512_permutex2var_ps(a, _mm512_load_si512(&kSecond), b));
  }
}

// Weights of a row, rounded to bfloat16 where they lie.
GLINT_INLINE void round_weights(float* p, index_t count) {
  for (index_t key = 0; key < count; key += 2 * kLanes) {
    Vec halves;
    __asm__("vcvtne2ps2bf16 %2, %1, %0" : "=v"(halves) : "v"(load(p + key + kLanes)), "v"(load(p + key)));
    store(p + key / 2, halves);
  }
}
#endif

// Rows of K, V and the next K lie behind each other in one table, and the products ask for the rows some bytes further
// on, in the order of memory and between their own loads, into the second-level cache.  Measured on Zen 4, one thread,
// where one plain stream runs at 29 GB/s, one query row: nothing asked for 16; 2.5 to 3.5 KB ahead 24; all lines of a
// row at once 19; into the first level 16 to 20.  Where numbers are converted twice as far is best; of 16-bit rows
// every second line (25 instead of 22); with several query rows 8 to 16 KB.
inline constexpr index_t kAheadAlone = 3072, kAheadTogether = 12288, kMostAhead = 64;

template <class Load, class Stored>
GLINT_INLINE index_t rows_ahead(const Stored*, index_t dim, index_t queries) {
  constexpr index_t kAlone = (Load::kConverts ? 2 : 1) * kAheadAlone;
  const index_t rows = (queries == 1 ? kAlone : kAheadTogether) / row_bytes<Stored>(dim + dim % 2);
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
