// The error contract of decode over half a million keys with V far from zero and P nearly uniform, the worst case for
// sums, against rows that are calculated here in double.  The values of an int8 cache have a mean of 1 by themselves,
// or by an offset that every sum must add up.  GLINT_TEST_SEED draws other numbers: one chain of additions over the
// parts of split-KV needs C = 10 to 25, two levels of them 2 to 6.
#include "glint/ops/incre_flash_attention.hpp"
#include "support/differential.hpp"

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

template <class Stored, class Draw>
std::vector<Stored> drawn(index_t rows, std::uint64_t stream, const Draw& draw) {
  Random random(number_from("GLINT_TEST_SEED", 4), stream);
  std::vector<Stored> numbers;
  for (index_t i = 0; i < rows * kDim; ++i) numbers.push_back(static_cast<Stored>(draw(random)));
  return numbers;
}

// What 16-bit products of an int8 cache add (decode_contract.hpp).
struct Added {
  double score = 0, value = 0;
};

struct Row {
  std::vector<double> out, weight;
  double lse = 0, scores = 0;  // scores: A of the contract
  Added added;
};

template <class Stored>
Row row_in_double(const LongCache<Stored>& cache, index_t head) {
  Row row{std::vector<double>(kDim), std::vector<double>(kDim), 0, 0, {}};
  std::vector<double> score;
  double max = -std::numeric_limits<double>::infinity(), sum = 0, largest_q = 0;
  const auto q = [&](index_t d) { return static_cast<double>(cache.q[static_cast<std::size_t>(head * kDim + d)]); };
  for (index_t d = 0; d < kDim; ++d) largest_q = std::max(largest_q, std::abs(q(d)));
  for (index_t j = 0; j < kUsed; ++j) {
    double product = 0, absolute = 0, keys = 0;
    for (index_t d = 0; d < kDim; ++d) {
      const double k = cache.key(j, d);
      product += q(d) * k, absolute += std::abs(q(d) * k), keys += std::abs(k);
      row.added.value = std::max(row.added.value, std::abs(cache.value(j, d)));
    }
    score.push_back(kScale * product);
    max = std::max(max, score.back());
    row.scores = std::max(row.scores, kScale * absolute);
    row.added.score = std::max(row.added.score, kScale * 0x1p-15 * largest_q * keys);
  }
  for (index_t j = 0; j < kUsed; ++j) {
    const double p = std::exp(score[static_cast<std::size_t>(j)] - max);
    sum += p;
    for (index_t d = 0; d < kDim; ++d) {
      row.out[static_cast<std::size_t>(d)] += p * cache.value(j, d);
      row.weight[static_cast<std::size_t>(d)] += p * std::abs(cache.value(j, d));
    }
  }
  for (double& number : row.out) number /= sum;
  for (double& number : row.weight) number /= sum;
  row.lse = max + std::log(sum);
  return row;
}

template <class Stored>
void expect_contract(const LongCache<Stored>& cache, int inner_precise) {
  std::vector<float> out(kHeads * kDim), lse(kHeads);
  const index_t used = kUsed;
  glint::IncreProblem<float, glint::kv::Contiguous<Stored>> p;
  p.q = cache.q.data(), p.kv.k = cache.k.data(), p.kv.v = cache.v.data(), p.out = out.data(), p.lse = lse.data();
  p.shape = {.batch = 1, .heads = kHeads, .kv_heads = 1, .q_len = 1, .kv_len = kKeys, .head_dim = kDim};
  p.scale = static_cast<float>(kScale);
  p.kv_lens = {&used, 1};
  p.inner_precise = inner_precise;
  const bool integers = std::is_same_v<Stored, std::int8_t>;
  if (integers) {
    p.k_antiquant = {.scale = &cache.k_scale, .single = true};
    p.v_antiquant = {.scale = &cache.v_scale, .single = true};
    if (cache.v_offset != 0) p.v_antiquant.offset = &cache.v_offset;
  }
  const glint::Status status =
      glint::IncreFlashAttention<glint::layout::BNSD, float, glint::kv::Contiguous<Stored>>{}(p);
  ASSERT_TRUE(static_cast<bool>(status)) << status.rule;
  double worst = 0, worst_lse = 0;
  for (index_t n = 0; n < kHeads; ++n) {
    const Row want = row_in_double(cache, n);
    const Added added = integers && inner_precise == 1 ? want.added : Added{};
    const double more = added.value > 0 ? (2 * added.score + 0x1p-12) * added.value : 0;
    for (index_t d = 0; d < kDim; ++d) {
      const auto at = static_cast<std::size_t>(d);
      const double got = static_cast<double>(out[static_cast<std::size_t>(n * kDim + d)]);
      worst = std::max(worst, needed_c<float>(got, want.out[at], want.weight[at], want.scores, more));
    }
    const double most = 0x1p-20 * (1 + want.scores) + (added.value > 0 ? added.score + 0x1p-13 : 0);
    worst_lse = std::max(worst_lse, std::abs(static_cast<double>(lse[static_cast<std::size_t>(n)]) - want.lse) / most);
  }
  std::fprintf(stderr, "largest C %.2f of %.0f, largest lse error %.3f of 1\n", worst, kContract, worst_lse);
  EXPECT_LE(worst, kContract);
  EXPECT_LE(worst_lse, 1);
}

std::vector<float> queries() {
  return drawn<float>(kHeads, 1, [](Random& random) { return 0.1 * random.normal(); });
}

TEST(DecodeLong, F32) {
  LongCache<float> cache;
  cache.q = queries();
  cache.k = drawn<float>(kKeys, 2, [](Random& random) { return 0.1 * random.normal(); });
  cache.v = drawn<float>(kKeys, 3, [](Random& random) { return 1 + 0.5 * random.normal(); });
  expect_contract(cache, 0);
}

TEST(DecodeLong, Int8) {
  LongCache<std::int8_t> cache;
  cache.q = queries();
  cache.k = drawn<std::int8_t>(kKeys, 2, [](Random& random) { return random.between(-127, 127); });
  cache.v = drawn<std::int8_t>(kKeys, 3, [](Random& random) { return random.between(33, 127); });
  cache.k_scale = 0.1F / 73, cache.v_scale = 1.0F / 80;
  for (const int inner_precise : {0, 1}) expect_contract(cache, inner_precise);
  for (std::int8_t& v : cache.v) v = static_cast<std::int8_t>(v - 80);
  cache.v_offset = 80;
  for (const int inner_precise : {0, 1}) expect_contract(cache, inner_precise);
}

}  // namespace
}  // namespace glint_test
