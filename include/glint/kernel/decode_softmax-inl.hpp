// No guard: included once for each ISA.  The softmax of decode: rows of scores, keys in lanes.
namespace glint {
inline namespace GLINT_ABI {
namespace GLINT_ISA {

// Maximum, sum and rescaling factor of each row.  Whole vectors of rows may be read and written.
struct RowStates {
  float* max;
  float* sum;
  float* alpha;
  float* tile_max;
};

// Factors of the scores and of the keys of a tile; null where there are none.
struct TileFactors {
  float score = 1;
  const float* k_scale = nullptr;
  const float* v_scale = nullptr;
};

GLINT_INLINE Vec load_bias(const NumberRef& row, index_t key, index_t n) {
  if (row.dtype == DType::f32) return load_some(static_cast<const float*>(row.data) + key, n);
  if (row.dtype == DType::f16) return load_some(static_cast<const half*>(row.data) + key, n);
  return load_some(static_cast<const bfloat16*>(row.data) + key, n);
}

// The lanes of the keys from `key` on that a row sees; words: its row of mask bits.
GLINT_INLINE auto seen_lanes(const std::uint64_t* words, index_t key) {
  return lanes_of(words[key / decode::kChain], static_cast<int>(key % decode::kChain));
}

// The scores of one row: scaled, biased, and -inf where it does not see the key.  Returns their maximum.
GLINT_INLINE float finish_scores(const NumberRef& bias, const TileFactors& factors, const std::uint64_t* words,
                                 index_t count, float* s) {
  Vec top = splat(kLowest);
  for (index_t key = 0; key < count; key += kLanes) {
    Vec x = load(s + key) * factors.score;
    if (factors.k_scale != nullptr) x *= load(factors.k_scale + key);
    if (bias) x += load_bias(bias, key, count - key);
    x = select(seen_lanes(words, key), x, minus_infinity());
    store(s + key, x);
    top = vmax(top, x);
  }
  return highest_lane(top);
}

// s -> p = exp(s - max), times the factors of V where there are any.  Returns the sum without those.
GLINT_INLINE float absorb_row(float max, const Exponent& exponent, const float* v_scale, const std::uint64_t* words,
                              index_t count, float* s) {
  Vec total = splat(0.0F);
  for (index_t chain = 0; chain < count; chain += decode::kChain) {
    Vec part = splat(0.0F);
    const index_t end = chain + decode::kChain < count ? chain + decode::kChain : count;
    for (index_t key = chain; key < end; key += kLanes) {
      Vec p = exponential(load(s + key) - max, exponent);
      part += p;
      // Selected, not only multiplied: the factor of a key that is not seen may be NaN.
      if (v_scale != nullptr) p = select(seen_lanes(words, key), p * load(v_scale + key), splat(0.0F));
      store(s + key, p);
    }
    total += part;
  }
  return sum_of_lanes(total);
}

// New maxima, and what the sums so far must be multiplied by.
GLINT_INLINE void raise_maxima(const RowStates& state, index_t rows, const Exponent& exponent) {
  for (index_t r = 0; r < rows; r += kLanes) {
    const Vec before = load(state.max + r), now = vmax(before, load(state.tile_max + r));
    store(state.max + r, now);
    store(state.alpha + r, exponential(before - now, exponent));
  }
}

// The scores of a tile become probabilities.  words: kWords for each query row of a head.
template <class Stored>
GLINT_NOINLINE void absorb_rows(const decode::Head<Stored>& head, index_t k0, index_t count, const std::uint64_t* words,
                                const TileFactors& factors, const RowStates& state, float* s) {
  const Exponent exponent = Exponent::of(1.0F);
  const index_t rows = head.rows();
  const auto each_row = [&](const auto& visit) __attribute__((always_inline)) {
    for (index_t h = 0, r = 0; h < head.heads; ++h)
      for (index_t i = 0; i < head.q_len; ++i, ++r) visit(r, h, i);
  };
  each_row([&](index_t r, index_t h, index_t i) __attribute__((always_inline)) {
    const NumberRef bias = head.bias.data.from(h * head.bias.head_stride + i * head.bias.row_stride + k0);
    state.tile_max[r] = finish_scores(bias, factors, words + i * decode::kWords, count, s + r * decode::kKeys);
  });
  raise_maxima(state, rows, exponent);
  each_row([&](index_t r, index_t, index_t i) __attribute__((always_inline)) {
    const float sum =
        absorb_row(state.max[r], exponent, factors.v_scale, words + i * decode::kWords, count, s + r * decode::kKeys);
    state.sum[r] = state.alpha[r] * state.sum[r] + sum;
  });
}

}  // namespace GLINT_ISA
}  // namespace GLINT_ABI
}  // namespace glint
