// No guard: included once for each ISA.  Between the products of the gradient, score by score, all vertical:
//
//   p = exp(s - shift) * factor     ds = p * (drop(dp) - delta)     p := drop(p)
namespace glint {
inline namespace GLINT_ABI {
namespace GLINT_ISA {

// A tile as [key][row].  Scores are kept in multiples of `unit`, as LaneState has it; so is shift.
struct ScoreGradient {
  float* s;
  float* ds;  // dP at first
  index_t count, lanes;
  const std::uint64_t* visible;  // null: all
  const std::uint64_t* keep;     // null: all
  float inverse_keep_prob;
  const float *shift, *factor, *delta;
  float unit;
};

// What is done with p and ds of kKeys keys from c on; lanes from `lane` on.  Here: they replace s and dp.
template <index_t kRows>
struct StoreGradientSingles {
  static constexpr index_t kKeys = 1;
  static constexpr int kDegree = 5;
  template <int NV>
  GLINT_INLINE void operator()(const ScoreGradient& t, index_t c, index_t lane, const Vec (&p)[1][NV],
                               const Vec (&ds)[1][NV]) const {
    GLINT_UNROLL
    for (int j = 0; j < NV; ++j) {
      store(t.s + c * kRows + lane + j * kLanes, p[0][j]);
      store(t.ds + c * kRows + lane + j * kLanes, ds[0][j]);
    }
  }
};

// What a vector of rows brings along.
struct RowTerms {
  Vec shift, factor, delta;
};

// One key and one vector of rows.
template <int kDegree>
GLINT_INLINE void differentiate_score(const ScoreGradient& t, const RowTerms& row, const Exponent& exponent, index_t c,
                                      index_t lane, Vec& p, Vec& ds) {
  p = exponential<kDegree>(p - row.shift, exponent) * row.factor;
  if (t.visible != nullptr) p = select(lanes_of(t.visible[c], static_cast<int>(lane)), p, splat(0.0F));
  const Vec weight = p;
  if (t.keep != nullptr) {
    const auto kept = lanes_of(t.keep[c], static_cast<int>(lane));
    p = select(kept, p * t.inverse_keep_prob, splat(0.0F));
    ds = select(kept, ds * t.inverse_keep_prob, splat(0.0F));
  }
  ds = weight * (ds - row.delta);
  if (t.visible != nullptr) ds = select(lanes_of(t.visible[c], static_cast<int>(lane)), ds, splat(0.0F));
}

template <index_t kRows, int NV, class StoreAs>
GLINT_NOINLINE void differentiate_lanes(const StoreAs& store_as, const ScoreGradient& t, index_t lane) {
  constexpr index_t kKeys = StoreAs::kKeys;
  const Exponent exponent = Exponent::of(t.unit);
  RowTerms rows[NV];
  GLINT_UNROLL
  for (int j = 0; j < NV; ++j) {
    const index_t at = lane + j * kLanes;
    rows[j] = {load(t.shift + at), load(t.factor + at), load(t.delta + at)};
  }
  for (index_t c = 0; c < t.count; c += kKeys) {
    Vec p[kKeys][NV], ds[kKeys][NV];
    GLINT_UNROLL
    for (int i = 0; i < kKeys; ++i) {
      const bool beyond = kKeys > 1 && c + i >= t.count;  // counts as excluded
      GLINT_UNROLL
      for (int j = 0; j < NV; ++j) {
        const index_t at = (c + i) * kRows + lane + j * kLanes;
        p[i][j] = ds[i][j] = splat(0.0F);
        if (beyond) continue;
        p[i][j] = load(t.s + at), ds[i][j] = load(t.ds + at);
        differentiate_score<StoreAs::kDegree>(t, rows[j], exponent, c + i, lane + j * kLanes, p[i][j], ds[i][j]);
      }
    }
    store_as(t, c, lane, p, ds);
  }
}

template <index_t kRows, class StoreAs>
GLINT_INLINE void differentiate(const StoreAs& store_as, const ScoreGradient& t) {
  for_lane_groups<kRows>(
      t.lanes, [&](auto block, index_t lane) __attribute__((always_inline)) {
        differentiate_lanes<kRows, decltype(block)::vecs>(store_as, t, lane);
      });
}

// ds := the modifier's derivative at s (before it), times ds; s of an excluded key may be anything.
template <index_t kRows, class Modifier>
GLINT_NOINLINE void pull_back(const Modifier& modifier, Box box, const std::uint64_t* visible, index_t lanes,
                              const float* s, float* ds) {
  for (index_t k = box.k0; k < box.k1; ++k) {
    const index_t c = k - box.k0;
    for (index_t lane = 0; lane < lanes; lane += kLanes) {
      float* const at = ds + c * kRows + lane;
      Vec gradient = load(at);
      modifier.pullback(gradient, load(s + c * kRows + lane), iota() + static_cast<float>(box.q0 + lane - k));
      if (visible != nullptr) gradient = select(lanes_of(visible[c], static_cast<int>(lane)), gradient, splat(0.0F));
      store(at, gradient);
    }
  }
}

}  // namespace GLINT_ISA
}  // namespace GLINT_ABI
}  // namespace glint
