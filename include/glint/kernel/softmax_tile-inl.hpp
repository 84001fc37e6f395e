// No guard: included once for each ISA.  The softmax of a tile and the product with V, all vertical: every lane is a
// query row, and no value ever crosses lanes.
namespace glint {
inline namespace GLINT_ABI {
namespace GLINT_ISA {

// max, sum and the rescaling factor of kRows rows.
struct LaneState {
  float* max;
  float* sum;
  float* alpha;
};

// s -> p = exp(s - max), the maximum raised to cover the tile first.  The tile's sum is formed apart and added to the
// running sum once: two-level accumulation keeps the error independent of the number of keys.
template <index_t kRows>
GLINT_NOINLINE void absorb(float* s, index_t count, const float* tile_max, LaneState state) {
  constexpr int NV = kBlockVecs<kRows>;
  for (index_t lane = 0; lane < kRows; lane += NV * kLanes) {
    Vec top[NV], total[NV];
    GLINT_UNROLL
    for (int j = 0; j < NV; ++j) {
      const index_t at = lane + j * kLanes;
      const Vec before = load(state.max + at);
      top[j] = max(before, load(tile_max + at));
      store(state.max + at, top[j]);
      store(state.alpha + at, exp_below_zero(before - top[j]));
      total[j] = splat(0.0F);
    }
    for (index_t c = 0; c < count; ++c) {
      GLINT_UNROLL
      for (int j = 0; j < NV; ++j) {
        float* const at = s + c * kRows + lane + j * kLanes;
        const Vec p = exp_below_zero(load(at) - top[j]);
        total[j] += p;
        store(at, p);
      }
    }
    GLINT_UNROLL
    for (int j = 0; j < NV; ++j) {
      const index_t at = lane + j * kLanes;
      store(state.sum + at, fma(load(state.alpha + at), load(state.sum + at), total[j]));
    }
  }
}

// p := keep ? p / keep_prob : 0, after the sum has been taken.
template <index_t kRows>
GLINT_NOINLINE void drop(const std::uint64_t* keep, index_t count, float inverse_keep_prob, float* p) {
  const Vec factor = splat(inverse_keep_prob);
  for (index_t c = 0; c < count; ++c) {
    for (index_t lane = 0; lane < kRows; lane += kLanes) {
      float* const at = p + c * kRows + lane;
      store(at, select(lanes_of(keep[c], static_cast<int>(lane)), load(at) * factor, splat(0.0F)));
    }
  }
}

// O^T = alpha * O^T + V^T P^T.  The tile's product is formed from zero and added once (two-level again).
template <index_t kRows>
GLINT_NOINLINE void accumulate(const float* v, index_t v_stride, const float* p, index_t count, float* o, index_t dim,
                               const float* alpha, Upcoming& upcoming) {
  constexpr int NV = kBlockVecs<kRows>, MR = kBlockRows<kRows>;
  const int share = upcoming.share(dim / MR * (kRows / (NV * kLanes)));
  for (index_t lane = 0; lane < kRows; lane += NV * kLanes) {
    for_blocks<MR>(
        dim, [&](auto rows, index_t d) __attribute__((always_inline)) {
          constexpr int kCount = decltype(rows)::value;
          upcoming.request(share);
          Vec block[kCount][NV] = {};
          multiply_add<kCount, NV>({v + d, 1, v_stride}, p + lane, kRows, count, block);
          GLINT_UNROLL
          for (int i = 0; i < kCount; ++i) {
            GLINT_UNROLL
            for (int j = 0; j < NV; ++j) {
              float* const at = o + (d + i) * kRows + lane + j * kLanes;
              store(at, fma(load(alpha + lane + j * kLanes), load(at), block[i][j]));
            }
          }
        });
  }
}

// The same sums in the same order, for a partial tile whose V holds a NaN or an infinity: 0 * NaN is NaN, so excluded
// terms must be skipped, not multiplied by their zero probability.  Rare, so simple.
template <index_t kRows>
GLINT_NOINLINE void accumulate_selected(const std::uint64_t* visible, const float* v, index_t v_stride, const float* p,
                                        index_t count, float* o, index_t dim, const float* alpha) {
  for (index_t lane = 0; lane < kRows; lane += kLanes) {
    for (index_t d = 0; d < dim; ++d) {
      Vec sum = splat(0.0F);
      for (index_t c = 0; c < count; ++c) {
        const Vec more = fma(splat(v[c * v_stride + d]), load(p + c * kRows + lane), sum);
        sum = select(lanes_of(visible[c], static_cast<int>(lane)), more, sum);
      }
      float* const at = o + d * kRows + lane;
      store(at, fma(load(alpha + lane), load(at), sum));
    }
  }
}

// done := exp(done_max - max) * done + part; part := 0.  Closes a long block of keys: the third level of the sums.
template <index_t kRows>
GLINT_NOINLINE void fold(LaneState part, float* o, LaneState done, float* o_done, index_t dim) {
  for (index_t lane = 0; lane < kRows; lane += kLanes) {
    const Vec top = load(part.max + lane);
    const Vec alpha = exp_below_zero(load(done.max + lane) - top);
    store(done.max + lane, top);
    store(done.sum + lane, fma(alpha, load(done.sum + lane), load(part.sum + lane)));
    store(part.sum + lane, splat(0.0F));
    for (index_t d = 0; d < dim; ++d) {
      float* const at = o_done + d * kRows + lane;
      store(at, fma(alpha, load(at), load(o + d * kRows + lane)));
      store(o + d * kRows + lane, splat(0.0F));
    }
  }
}

}  // namespace GLINT_ISA
}  // namespace GLINT_ABI
}  // namespace glint
