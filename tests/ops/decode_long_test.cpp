// The error contract of decode over half a million keys.  The values of an int8 cache have a mean of 1 by themselves,
// or by an offset that every sum must add up.  One chain of additions over the parts of split-KV needs C = 10 to 25,
// two levels of them 2 to 6.
#include "glint/ops/incre_flash_attention.hpp"
#include "support/long_rows.hpp"

namespace glint_test {
namespace {

constexpr index_t kKeys = 524288, kUsed = kKeys - 12345, kHeads = 2, kDim = 64;
constexpr double kScale = 0.125;

// One kv head: number = (stored + offset) * scale.
template <class Stored>
struct LongCache {
  std::vector<float> q;
  std::vector<Stored> k, v;
  float k_scale = 1, v_scale = 1, v_offset = 0;

  double key(index_t j, index_t d) const { return number(k, j, d, 0) * static_cast<double>(k_scale); }
  double value(index_t j, index_t d) const { return number(v, j, d, v_offset) * static_cast<double>(v_scale); }

 private:
  static double number(const std::vector<Stored>& from, index_t j, index_t d, float offset) {
    return static_cast<double>(from[static_cast<std::size_t>(j * kDim + d)]) + static_cast<double>(offset);
  }
};

template <class Stored>
void expect_contract(const LongCache<Stored>& cache) {
  std::vector<float> out(kHeads * kDim), lse(kHeads);
  const index_t used = kUsed;
  glint::IncreProblem<float, glint::kv::Contiguous<Stored>> p;
  p.q = cache.q.data(), p.kv.k = cache.k.data(), p.kv.v = cache.v.data(), p.out = out.data(), p.lse = lse.data();
  p.shape = {.batch = 1, .heads = kHeads, .kv_heads = 1, .q_len = 1, .kv_len = kKeys, .head_dim = kDim};
  p.scale = static_cast<float>(kScale);
  p.kv_lens = {&used, 1};
  if (std::is_same_v<Stored, std::int8_t>) {
    p.k_antiquant = {.scale = &cache.k_scale, .single = true};
    p.v_antiquant = {.scale = &cache.v_scale, .single = true};
    if (cache.v_offset != 0) p.v_antiquant.offset = &cache.v_offset;
  }
  const glint::Status status =
      glint::IncreFlashAttention<glint::layout::BNSD, float, glint::kv::Contiguous<Stored>>{}(p);
  ASSERT_TRUE(static_cast<bool>(status)) << status.rule;
  LongVerdict verdict;
  for (index_t n = 0; n < kHeads; ++n) {
    const LongRow want = row_in_double(
        kUsed, kDim, kScale,
        [&](index_t d) { return static_cast<double>(cache.q[static_cast<std::size_t>(n * kDim + d)]); },
        [&](index_t j, index_t d) { return cache.key(j, d); }, [&](index_t j, index_t d) { return cache.value(j, d); });
    verdict.judge(want, out.data() + n * kDim, lse[static_cast<std::size_t>(n)]);
  }
  verdict.expect();
}

std::vector<float> queries() {
  return drawn<float>(kHeads * kDim, 1, [](Random& random) { return 0.1 * random.normal(); });
}

TEST(DecodeLong, F32) {
  LongCache<float> cache;
  cache.q = queries();
  cache.k = drawn<float>(kKeys * kDim, 2, [](Random& random) { return 0.1 * random.normal(); });
  cache.v = drawn<float>(kKeys * kDim, 3, [](Random& random) { return 1 + 0.5 * random.normal(); });
  expect_contract(cache);
}

TEST(DecodeLong, Int8) {
  LongCache<std::int8_t> cache;
  cache.q = queries();
  cache.k = drawn<std::int8_t>(kKeys * kDim, 2, [](Random& random) { return random.between(-127, 127); });
  cache.v = drawn<std::int8_t>(kKeys * kDim, 3, [](Random& random) { return random.between(33, 127); });
  cache.k_scale = 0.1F / 73, cache.v_scale = 1.0F / 80;
  expect_contract(cache);
  for (std::int8_t& v : cache.v) v = static_cast<std::int8_t>(v - 80);
  cache.v_offset = 80;
  expect_contract(cache);
}

}  // namespace
}  // namespace glint_test
