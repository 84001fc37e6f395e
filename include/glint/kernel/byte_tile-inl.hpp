// No guard: included once for each ISA.  The arithmetic of a tile of bytes (operators 4.1 and 12.17): what the
// documents round to binary16 is rounded here, in float.  Sums of products of bytes are exact in float as in 32 bits
// (2^24 holds 1024 of them), so both ways of calculating the products share everything else and give the same bits.
namespace glint {
inline namespace GLINT_ABI {
namespace GLINT_ISA {

// Which roundings of x = f16(f16(s * dequant1) * scale) can be told from none:
enum class ScoreSteps {
  once,     // a scale that is a power of two moves no bits
  twice,    // neither step leaves the normal numbers of binary16
  guarded,  // anything
};

// The factors of a head, and what they allow.
struct ByteFactors {
  float dequant1, scale;  // of the two steps of a score; `once` has both in the first
  ScoreSteps steps;
  float quant, most;  // of P, and the largest integer it becomes
  bool quant_guarded;
  float dequant2;
  bool block_guarded;
};

// Are factor * n, for all whole numbers n up to `most`, normal numbers of binary16 or 0?
GLINT_INLINE bool stays_normal(float factor, float most) { return factor >= 0x1p-14F && factor * most <= 0x1p15F; }

template <class Tile, class Head>
GLINT_INLINE ByteFactors byte_factors(const Head& head) {
  constexpr float kProduct = 128 * 128;
  ByteFactors f{head.int8.dequant1, head.scale, ScoreSteps::guarded, head.int8.quant1, 127, false,
                head.int8.dequant2, false};
  const float dequant = __builtin_fabsf(f.dequant1), scale = __builtin_fabsf(f.scale);
  const float most = kProduct * static_cast<float>(head.q.dim);
  if (stays_normal(dequant, most) && stays_normal(dequant * scale, most)) {
    constexpr std::uint32_t kMantissa = 0x7fffff;
    const bool moves_no_bits = (std::bit_cast<std::uint32_t>(scale) & kMantissa) == 0;
    f.steps = moves_no_bits ? ScoreSteps::once : ScoreSteps::twice;
    if (moves_no_bits) f.dequant1 *= f.scale;
  }
  if (f.quant < 0) f.quant = -f.quant, f.dequant2 = -f.dequant2, f.most = 128;  // P in [-128, 0], its sign in V's
  f.quant_guarded = !(f.quant <= f.most);
  f.block_guarded = !stays_normal(__builtin_fabsf(f.dequant2), kProduct * static_cast<float>(Tile::columns));
  return f;
}

// x of a score.
template <ScoreSteps kSteps>
struct RoundScores {
  Vec dequant, scale;
  HalfFactor times;
  static GLINT_INLINE RoundScores of(const ByteFactors& f) {
    return {splat(f.dequant1), splat(f.scale), HalfFactor::of(f.scale)};
  }
  GLINT_INLINE Vec operator()(const Vec& s) const {
    if constexpr (kSteps == ScoreSteps::once) return as_normal_half(s * dequant);
    if constexpr (kSteps == ScoreSteps::twice) return times(as_normal_half(s * dequant));
    if constexpr (kSteps == ScoreSteps::guarded) return as_half(as_half(s * dequant) * scale);
  }
};

// Calls visit(RoundScores) with what the factors allow.
template <class Visit>
GLINT_INLINE void with_score_steps(const ByteFactors& f, const Visit& visit) {
  if (f.steps == ScoreSteps::once) return visit(RoundScores<ScoreSteps::once>::of(f));
  if (f.steps == ScoreSteps::twice) return visit(RoundScores<ScoreSteps::twice>::of(f));
  visit(RoundScores<ScoreSteps::guarded>::of(f));
}

// f16(x + bias).  A bias of -inf excludes.
struct AddBiasAsHalf {
  static GLINT_INLINE AddBiasAsHalf of(const Bias&) { return {}; }
  GLINT_INLINE Vec operator()(const Vec& s, const Vec& bias) const {
    const IntVec excluded = bits_of(bias) == bits_of(minus_infinity()) ? IntVec{} - 1 : IntVec{};
    const Vec sum = as_half(s + as_half(bias));
    return from_bits((bits_of(minus_infinity()) & excluded) | (bits_of(sum) & ~excluded));
  }
};

// x -> the whole number that the weight exp(x) becomes, plus kWhole; and the unrounded weight is added to the sum.
template <bool kGuarded>
struct QuantizeWeights {
  Vec quant, most;
  HalfFactor times;
  static GLINT_INLINE QuantizeWeights of(const ByteFactors& f) {
    return {splat(f.quant), splat(f.most), HalfFactor::of(f.quant)};
  }

  // f16(f16(p) * quant).  Unless guarded, P and the product need no bounds: subnormal ones end as 0, and no weight
  // passes `most`.
  template <int kCount>
  GLINT_INLINE void operator()(Vec (&x)[kCount], Vec& sum) const {
    Vec power[kCount], product[kCount];
    exponential_in_parts(x, power);
    GLINT_UNROLL
    for (int i = 0; i < kCount; ++i) fma_into(sum, x[i], power[i]);
    if constexpr (kGuarded) {
      GLINT_UNROLL
      for (int i = 0; i < kCount; ++i) {
        product[i] = vmin(most, as_half(as_half(x[i] * power[i]) * quant));
        power[i] = splat(1.0F);
      }
    } else {
      GLINT_UNROLL
      for (int i = 0; i < kCount; ++i) x[i] = mantissa_as_half(x[i]);
      GLINT_UNROLL
      for (int i = 0; i < kCount; ++i) product[i] = times.sum(x[i]);
      GLINT_UNROLL
      for (int i = 0; i < kCount; ++i) product[i] = times.product(x[i], product[i]);
    }
    GLINT_UNROLL
    for (int i = 0; i < kCount; ++i) {
      x[i] = fma(product[i], power[i], splat(kWhole));
      GLINT_OPAQUE(x[i]);
    }
  }
};

// absorb: the whole numbers as floats.
template <index_t kRows, bool kGuarded>
struct StoreWholes {
  static constexpr index_t kKeys = 1;
  QuantizeWeights<kGuarded> quantize;
  template <int NV>
  GLINT_INLINE void operator()(const Exponent&, Vec (&x)[1][NV], Vec (&sum)[NV], float* s, index_t c,
                               index_t lane) const {
    GLINT_UNROLL
    for (int j = 0; j < NV; ++j) {
      Vec whole[1] = {x[0][j]};
      quantize(whole, sum[j]);
      store(s + c * kRows + lane + j * kLanes, whole[0] - kWhole);
    }
  }
};

// A block of O: f16(sum * dequant2).
template <bool kGuarded>
struct RoundBlock {
  float dequant2;
  template <int kCount, int NV>
  GLINT_INLINE void operator()(Vec (&sum)[kCount][NV]) const {
    const Vec factor = splat(dequant2);
    GLINT_UNROLL
    for (int i = 0; i < kCount; ++i) {
      GLINT_UNROLL
      for (int j = 0; j < NV; ++j)
        sum[i][j] = kGuarded ? as_half(sum[i][j] * factor) : as_normal_half(sum[i][j] * factor);
    }
  }
};

// Scores that are sums of products become x, and the maximum of each lane.
template <index_t kRows, class Round>
GLINT_NOINLINE void round_scores(const Round& to_score, index_t count, index_t lanes, float* s, float* tile_max) {
  for (index_t lane = 0; lane < lanes; lane += kLanes) {
    Vec top = splat(kLowest);
    for (index_t c = 0; c < count; ++c) {
      const Vec x = to_score(load(s + c * kRows + lane));
      store(s + c * kRows + lane, x);
      top = vmax(top, x);
    }
    store(tile_max + lane, top);
  }
}

// o = f16(o * factor), saturating, in place.
template <index_t kRows>
GLINT_NOINLINE void round_output(float* o, const float* factor, index_t lanes, index_t dim) {
  for (index_t d = 0; d < dim; ++d)
    for (index_t lane = 0; lane < lanes; lane += kLanes)
      store(o + d * kRows + lane, as_half(load(o + d * kRows + lane) * load(factor + lane)));
}

#if GLINT_USE_AVX512
// The first product with the dot instruction: K as copy_unsigned_rows leaves it.
struct QuadScores {
  const std::uint8_t* k;
  index_t k_stride;
  const float* q;  // as pack_quads leaves it
  index_t quads;
  index_t count, lanes;
  float* s;
  float* tile_max;
  const ByteFactors& factors;
};

// What 128 added to K adds to the scores, subtracted: from each lane 128 times the sum of its query.
template <index_t kRows, int NV>
GLINT_INLINE void begin_scores(const float* q, index_t quads, Vec (&start)[NV]) {
  const Vec ones = from_bits(IntVec{} + 0x01010101);
  Vec sum[NV] = {};
  for (index_t d = 0; d < quads; ++d) {
    GLINT_UNROLL
    for (int j = 0; j < NV; ++j) dot_bytes_into(sum[j], ones, load(q + d * kRows + j * kLanes));
  }
  GLINT_UNROLL
  for (int j = 0; j < NV; ++j) start[j] = from_bits(bits_of(sum[j]) * -128);
}

template <index_t kRows, class Block, class Round>
GLINT_NOINLINE void scores_of_lanes(const QuadScores& t, Interval keys, index_t lane, const Round& shared_to_score,
                                    Upcoming& upcoming) {
  const auto request = [&upcoming]() __attribute__((always_inline)) { upcoming.request(); };
  constexpr int NV = Block::vecs;
  const float* const q = t.q + lane;
  const Round to_score = shared_to_score;
  Vec top[NV], start[NV];
  begin_scores<kRows>(q, t.quads, start);
  GLINT_UNROLL
  for (int j = 0; j < NV; ++j) top[j] = splat(kLowest);
  for_blocks<Block::rows>(
      keys.size(), [&](auto rows, index_t c) __attribute__((always_inline)) {
        constexpr int kCount = decltype(rows)::value;
        Vec block[kCount][NV];
        GLINT_UNROLL
        for (int i = 0; i < kCount; ++i) {
          GLINT_UNROLL
          for (int j = 0; j < NV; ++j) block[i][j] = start[j];
        }
        const index_t key = keys.lo + c;
        multiply_add(Broadcast<KeyQuads>{t.k + key * t.k_stride, t.k_stride, 4}, q, kRows, t.quads, block, request);
        GLINT_UNROLL
        for (int i = 0; i < kCount; ++i) {
          GLINT_UNROLL
          for (int j = 0; j < NV; ++j) block[i][j] = to_score(whole_to_float(block[i][j]));
        }
        raise<kCount, NV>(top, block);
        store_block<kRows>(t.s + key * kRows + lane, block);
      });
  GLINT_UNROLL
  for (int j = 0; j < NV; ++j) store(t.tile_max + lane + j * kLanes, top[j]);
}

template <index_t kRows, class Block>
GLINT_INLINE void scores_of_part(const QuadScores& t, Interval keys, index_t lane, Upcoming& upcoming) {
  with_score_steps(
      t.factors, [&](const auto& to_score) __attribute__((always_inline)) {
        scores_of_lanes<kRows, Block>(t, keys, lane, to_score, upcoming);
      });
}

// absorb: four neighbouring keys as bytes of one lane.  A chain has a multiple of four keys, but for the last.
template <index_t kRows, bool kGuarded>
struct StoreQuads {
  static constexpr index_t kKeys = 4;
  QuantizeWeights<kGuarded> quantize;
  template <int NV>
  GLINT_INLINE void operator()(const Exponent&, Vec (&x)[4][NV], Vec (&sum)[NV], float* s, index_t c,
                               index_t lane) const {
    GLINT_UNROLL
    for (int j = 0; j < NV; ++j) {
      Vec whole[4] = {x[0][j], x[1][j], x[2][j], x[3][j]};
      quantize(whole, sum[j]);
      store(s + c / 4 * kRows + lane + j * kLanes, join_quads(whole[0], whole[1], whole[2], whole[3]));
    }
  }
};

// V as interleave_byte_rows leaves it.
template <class Finish>
struct ByteRowQuads {
  const std::int8_t* data;
  index_t dim;
  index_t count;  // keys
  Finish finish;

  ByteRowQuads part(Interval keys) const { return {data + keys.lo * dim, dim, keys.size(), finish}; }
  static constexpr index_t kKeysInRow = 4;  // of p
};

template <index_t kRows, class Block, class Finish>
GLINT_NOINLINE void accumulate_lanes(const ByteRowQuads<Finish>& v, const float* p, const RunningSum& sum, index_t lane,
                                     Upcoming& upcoming) {
  constexpr int NV = Block::vecs;
  const index_t quads = (v.count + 3) / 4;
  const auto request = [&upcoming]() __attribute__((always_inline)) { upcoming.request(); };
  for_blocks<Block::rows>(
      v.dim, [&](auto rows, index_t d) __attribute__((always_inline)) {
        constexpr int kCount = decltype(rows)::value;
        Vec block[kCount][NV] = {};
        multiply_add(Broadcast<ValueQuads>{v.data + 4 * d, 4, 4 * v.dim}, p + lane, kRows, quads, block, request);
        GLINT_UNROLL
        for (int i = 0; i < kCount; ++i) {
          GLINT_UNROLL
          for (int j = 0; j < NV; ++j) block[i][j] = whole_to_float(block[i][j]);
        }
        v.finish(block);
        rescale_and_add<kRows>(sum, d, lane, block);
      });
}
#endif

}  // namespace GLINT_ISA
}  // namespace GLINT_ABI
}  // namespace glint
