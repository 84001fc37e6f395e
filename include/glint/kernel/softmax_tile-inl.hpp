// No guard: included once for each ISA.  The softmax of a tile and the product with V, all vertical: every lane is a
// query row, and no value ever crosses lanes.
namespace glint {
inline namespace GLINT_ABI {
namespace GLINT_ISA {

// max, sum and the rescaling factor of kRows rows.  Scores and maxima are kept in multiples of `unit`: what a product
// leaves unscaled, exp scales.
struct LaneState {
  float* max = nullptr;
  float* sum = nullptr;
  float* alpha = nullptr;
  float unit = 1;
  index_t lanes = 0;
};

// Sums over keys are chains of dependent additions, whose rounding errors grow with their length: 128 keys of a
// constant value already reach the error contract's limit, so a chain is closed after 64.  Chains end at fixed keys
// whatever the mask, so that skipping excluded keys changes nothing.  chain(c, n): keys [c, c + n) of the tile.
inline constexpr index_t kChain = 64;

template <class Chain>
GLINT_INLINE void for_chains(index_t first_key, index_t count, const Chain& chain) {
  index_t length = kChain - first_key % kChain;
  for (index_t c = 0; c < count; c += length, length = kChain) chain(c, length < count - c ? length : count - c);
}

// p = exp(x) of some keys, added to their sum.
template <int kDegree, int kKeys, int NV>
GLINT_INLINE void exponentiate(const Exponent& exponent, Vec (&x)[kKeys][NV], Vec (&sum)[NV]) {
  GLINT_UNROLL
  for (int i = 0; i < kKeys; ++i) {
    GLINT_UNROLL
    for (int j = 0; j < NV; ++j) {
      x[i][j] = exponential<kDegree>(x[i][j], exponent);
      sum[j] += x[i][j];
    }
  }
}

// How p is calculated and stored, kKeys keys at a time, c being the first: here one after the other where s was.
template <index_t kRows>
struct StoreSingles {
  static constexpr index_t kKeys = 1;
  template <int NV>
  GLINT_INLINE void operator()(const Exponent& exponent, Vec (&x)[1][NV], Vec (&sum)[NV], float* s, index_t c,
                               index_t lane) const {
    exponentiate<5>(exponent, x, sum);
    GLINT_UNROLL
    for (int j = 0; j < NV; ++j) store(s + c * kRows + lane + j * kLanes, x[0][j]);
  }
};

// s -> p = exp(s - max), the maximum raised to cover the tile first.  The tile's sum is formed apart and added to the
// running sum once: two-level accumulation keeps the error independent of the number of keys.
template <index_t kRows, int NV, class StoreAs>
GLINT_NOINLINE void absorb_lanes(const StoreAs& store_as, float* s, index_t first_key, index_t count,
                                 const float* tile_max, const LaneState& state, index_t lane) {
  constexpr index_t kKeys = StoreAs::kKeys;
  const Exponent exponent = Exponent::of(state.unit);
  Vec top[NV], total[NV];
  GLINT_UNROLL
  for (int j = 0; j < NV; ++j) {
    const index_t at = lane + j * kLanes;
    const Vec before = load(state.max + at);
    top[j] = vmax(before, load(tile_max + at));
    store(state.max + at, top[j]);
    // Of full degree always: the errors of alpha would add up from tile to tile.
    store(state.alpha + at, exponential(before - top[j], exponent));
    total[j] = splat(0.0F);
  }
  for_chains(
      first_key, count, [&](index_t first, index_t length) __attribute__((always_inline)) {
        Vec part[NV] = {};
        // Keys behind the last count as excluded.
        const auto absorb_keys = [&](index_t c, index_t keys) __attribute__((always_inline)) {
          Vec x[kKeys][NV];
          GLINT_UNROLL
          for (int i = 0; i < kKeys; ++i) {
            GLINT_UNROLL
            for (int j = 0; j < NV; ++j)
              x[i][j] = i < keys ? load(s + (c + i) * kRows + lane + j * kLanes) - top[j] : minus_infinity();
          }
          store_as(exponent, x, part, s, c, lane);
        };
        index_t c = first;
        for (; c + kKeys <= first + length; c += kKeys) absorb_keys(c, kKeys);
        if (c < first + length) absorb_keys(c, first + length - c);
        GLINT_UNROLL
        for (int j = 0; j < NV; ++j) total[j] += part[j];
      });
  GLINT_UNROLL
  for (int j = 0; j < NV; ++j) {
    const index_t at = lane + j * kLanes;
    store(state.sum + at, fma(load(state.alpha + at), load(state.sum + at), total[j]));
  }
}

template <index_t kRows, class StoreAs>
GLINT_NOINLINE void absorb(const StoreAs& store_as, float* s, index_t first_key, index_t count, const float* tile_max,
                           const LaneState& state) {
  for_lane_groups<kRows>(
      state.lanes, [&](auto block, index_t lane) __attribute__((always_inline)) {
        absorb_lanes<kRows, decltype(block)::vecs>(store_as, s, first_key, count, tile_max, state, lane);
      });
}

// p := keep ? p / keep_prob : 0, after the sum has been taken.
template <index_t kRows>
GLINT_NOINLINE void drop(const std::uint64_t* keep, index_t count, index_t lanes, float inverse_keep_prob, float* p) {
  const Vec factor = splat(inverse_keep_prob);
  for (index_t c = 0; c < count; ++c) {
    for (index_t lane = 0; lane < lanes; lane += kLanes) {
      float* const at = p + c * kRows + lane;
      store(at, select(lanes_of(keep[c], static_cast<int>(lane)), load(at) * factor, splat(0.0F)));
    }
  }
}

// Where a tile's product with V goes: O^T = alpha * O^T + V^T P^T.
struct RunningSum {
  float* o;
  const float* alpha;  // one for each lane
  bool first;          // o holds nothing yet
  index_t lanes;
};

// One register block of it, at row d.
template <index_t kRows, int kCount, int NV>
GLINT_INLINE void rescale_and_add(const RunningSum& sum, index_t d, index_t lane, const Vec (&block)[kCount][NV]) {
  float* const o = sum.o + d * kRows + lane;
  if (sum.first) return store_block<kRows>(o, block);
  GLINT_UNROLL
  for (int j = 0; j < NV; ++j) {
    const Vec alpha = load(sum.alpha + lane + j * kLanes);
    GLINT_UNROLL
    for (int i = 0; i < kCount; ++i) {
      float* const at = o + i * kRows + j * kLanes;
      store(at, fma(alpha, load(at), block[i][j]));
    }
  }
}

// What becomes of a tile's sums before they reach O: nothing.
struct AsSummed {
  template <int kCount, int NV>
  GLINT_INLINE void operator()(Vec (&)[kCount][NV]) const {}
};

// The scores' partners in V: `count` rows, of which the first is key first_key.
template <class Finish = AsSummed>
struct ValueRows {
  const float* data;
  index_t stride;
  index_t dim;
  index_t first_key;
  index_t count;
  [[no_unique_address]] Finish finish{};

  ValueRows part(Interval keys) const {
    return {data + keys.lo * stride, stride, dim, first_key + keys.lo, keys.size(), finish};
  }
  static constexpr index_t kKeysInRow = 1;  // of p
};

// The chains of a tile are added up first and reach O in one operation, so that a chain which excluded keys leave empty
// adds a zero and changes nothing.
template <index_t kRows, class Block, class Finish>
GLINT_NOINLINE void accumulate_lanes(const ValueRows<Finish>& v, const float* p, const RunningSum& sum, index_t lane,
                                     Upcoming& upcoming) {
  const auto request = [&upcoming]() __attribute__((always_inline)) { upcoming.request(); };
  for_blocks<Block::rows>(
      v.dim, [&](auto rows, index_t d) __attribute__((always_inline)) {
        constexpr int kCount = decltype(rows)::value;
        Vec total[kCount][Block::vecs] = {};
        for_chains(
            v.first_key, v.count, [&](index_t c, index_t length) __attribute__((always_inline)) {
              Vec block[kCount][Block::vecs] = {};
              multiply_add(Broadcast<Singles>{v.data + c * v.stride + d, 1, v.stride}, p + c * kRows + lane, kRows,
                           length, block, request);
              add_block(total, block);
            });
        v.finish(total);
        rescale_and_add<kRows>(sum, d, lane, total);
      });
}

// The same sums in the same order, for a partial tile whose V holds a NaN or an infinity: 0 * NaN is NaN, so excluded
// terms must be skipped, not multiplied by their zero probability.  Rare, so simple.
template <index_t kRows>
GLINT_NOINLINE void accumulate_selected(const std::uint64_t* visible, const ValueRows<>& v, const float* p,
                                        const RunningSum& sum) {
  for (index_t lane = 0; lane < sum.lanes; lane += kLanes) {
    for (index_t d = 0; d < v.dim; ++d) {
      Vec total = splat(0.0F);
      for_chains(v.first_key, v.count, [&](index_t first, index_t length) {
        Vec chain = splat(0.0F);
        for (index_t c = first; c < first + length; ++c) {
          const Vec more = fma(splat(v.data[c * v.stride + d]), load(p + c * kRows + lane), chain);
          chain = select(lanes_of(visible[c], static_cast<int>(lane)), more, chain);
        }
        total += chain;
      });
      const Vec block[1][1] = {{total}};
      rescale_and_add<kRows>(sum, d, lane, block);
    }
  }
}

// done := exp(done_max - max) * done + part; the sum of part := 0, its o is free.  Closes a long block of keys: the
// third level of the sums.
template <index_t kRows>
GLINT_NOINLINE void fold(LaneState part, float* o, LaneState done, float* o_done, index_t dim) {
  for (index_t lane = 0; lane < part.lanes; lane += kLanes) {
    const Vec top = load(part.max + lane);
    const Vec alpha = exponential(load(done.max + lane) - top, Exponent::of(part.unit));
    store(done.max + lane, top);
    store(done.sum + lane, fma(alpha, load(done.sum + lane), load(part.sum + lane)));
    store(part.sum + lane, splat(0.0F));
    for (index_t d = 0; d < dim; ++d) {
      float* const at = o_done + d * kRows + lane;
      store(at, fma(alpha, load(at), load(o + d * kRows + lane)));
    }
  }
}

}  // namespace GLINT_ISA
}  // namespace GLINT_ABI
}  // namespace glint
