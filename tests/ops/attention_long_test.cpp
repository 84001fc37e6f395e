// The error contract on long rows: half a million keys with V far from zero and P nearly uniform, the worst case for
// sums, against rows that are computed here in double; and a few rows of 4096 against the oracle.
#include "glint/ops/incre_flash_attention.hpp"
#include "support/decode_doors.hpp"
#include "support/inference_differential.hpp"
#include "support/prompt_doors.hpp"
#include "support/score_differential.hpp"

namespace {

using namespace glint_test;
using glint::SparseMode;

constexpr index_t kKeys = 524288, kDim = 64;

// One kv head of keys and values.
template <class T>
struct LongRows {
  std::vector<T> q, k, v;

  LongRows(index_t rows, index_t keys, std::uint64_t seed) {
    const auto fill = [seed](std::vector<T>& to, index_t count, double spread, double mean, std::uint64_t stream) {
      Random random(seed, stream);
      for (index_t i = 0; i < count * kDim; ++i) to.push_back(detail::random_value<T>(random, spread, mean));
    };
    fill(q, rows, 0.1, 0, 1);
    fill(k, keys, 0.1, 0, 2);
    fill(v, keys, 0.5, 1, 3);
  }
};

struct Row {
  std::vector<double> out, weighted_abs_v;
  double lse = 0, score_abs = 0;
};

// softmax(scale * q k^T) v of one row over keys [0, keys), in two passes of double.
template <class T>
Row row_in_double(const LongRows<T>& data, index_t i, index_t keys, double scale) {
  const auto at = [](const std::vector<T>& from, index_t row, index_t d) {
    return static_cast<double>(glint::to_float(from[static_cast<std::size_t>(row * kDim + d)]));
  };
  Row row{std::vector<double>(kDim), std::vector<double>(kDim)};
  std::vector<double> score(static_cast<std::size_t>(keys));
  double max = -std::numeric_limits<double>::infinity(), sum = 0;
  for (index_t j = 0; j < keys; ++j) {
    double product = 0, absolute = 0;
    for (index_t d = 0; d < kDim; ++d) {
      const double term = at(data.q, i, d) * at(data.k, j, d);
      product += term;
      absolute += std::abs(term);
    }
    score[static_cast<std::size_t>(j)] = scale * product;
    max = std::max(max, scale * product);
    row.score_abs = std::max(row.score_abs, scale * absolute);
  }
  for (index_t j = 0; j < keys; ++j) {
    const double p = std::exp(score[static_cast<std::size_t>(j)] - max);
    sum += p;
    for (index_t d = 0; d < kDim; ++d) {
      row.out[static_cast<std::size_t>(d)] += p * at(data.v, j, d);
      row.weighted_abs_v[static_cast<std::size_t>(d)] += p * std::abs(at(data.v, j, d));
    }
  }
  for (double& value : row.out) value /= sum;
  for (double& value : row.weighted_abs_v) value /= sum;
  row.lse = max + std::log(sum);
  return row;
}

// Row i of `out` and its lse against its first keys_of(i) keys.
template <class T, class KeysOf>
void expect_contract(const LongRows<T>& data, const std::vector<T>& out, const std::vector<float>& lse, double scale,
                     const KeysOf& keys_of) {
  double worst = 0, worst_lse = 0;
  for (index_t i = 0; i < static_cast<index_t>(lse.size()); ++i) {
    const Row want = row_in_double(data, i, keys_of(i), scale);
    for (index_t d = 0; d < kDim; ++d) {
      const auto at = static_cast<std::size_t>(d);
      const double got = static_cast<double>(glint::to_float(out[static_cast<std::size_t>(i * kDim + d)]));
      worst = std::max(worst, needed_c<T>(got, want.out[at], want.weighted_abs_v[at], want.score_abs));
    }
    const double error = std::abs(static_cast<double>(lse[static_cast<std::size_t>(i)]) - want.lse);
    worst_lse = std::max(worst_lse, error / (0x1p-20 * (1 + want.score_abs)));
  }
  std::fprintf(stderr, "%s, %lld rows: largest C %.2f of %.0f, largest lse error %.3f of 1\n", Rounding<T>::name,
               static_cast<long long>(lse.size()), worst, kContract, worst_lse);
  EXPECT_LE(worst, kContract);
  EXPECT_LE(worst_lse, 1);
}

template <class T, SparseMode mode>
void score_of_half_a_million_keys(index_t rows, std::uint64_t seed) {
  const LongRows<T> data(rows, kKeys, seed);
  std::vector<T> out(static_cast<std::size_t>(rows * kDim));
  std::vector<float> lse(static_cast<std::size_t>(rows));
  glint::ScoreProblem<T> p;
  p.q = data.q.data(), p.k = data.k.data(), p.v = data.v.data(), p.out = out.data();
  p.shape = {.batch = 1, .heads = 1, .q_len = rows, .kv_len = kKeys, .head_dim = kDim};
  p.scale = 0.125F;
  p.lse = lse.data();
  const glint::FlashAttentionScore<glint::layout::BNSD, T, mode> attend;
  ASSERT_TRUE(static_cast<bool>(attend(p, TestExecutor{})));
  const bool causal = mode == SparseMode::right_down_causal;
  expect_contract(data, out, lse, 0.125, [&](index_t i) { return causal ? kKeys - rows + i + 1 : kKeys; });
}

TEST(AttentionLong, ScoreF32OneRow) { score_of_half_a_million_keys<float, SparseMode::default_mask>(1, 101); }
TEST(AttentionLong, ScoreF32TwentyRowsCausal) {
  score_of_half_a_million_keys<float, SparseMode::right_down_causal>(20, 102);
}
TEST(AttentionLong, ScoreF16ThreeRowsCausal) {
  score_of_half_a_million_keys<glint::half, SparseMode::right_down_causal>(3, 103);
}
TEST(AttentionLong, ScoreBf16TwoRows) {
  score_of_half_a_million_keys<glint::bfloat16, SparseMode::default_mask>(2, 104);
}

// Two query heads share one cache; an actual length cuts the last of it off.
TEST(AttentionLong, IncreF32) {
  constexpr index_t kHeads = 2, kUsed = kKeys - 12345;
  const LongRows<float> data(kHeads, kKeys, 105);
  std::vector<float> out(kHeads * kDim), lse(kHeads);
  const std::vector<index_t> lens{kUsed};
  glint::IncreProblem<float> p;
  p.q = data.q.data(), p.out = out.data();
  p.kv = {data.k.data(), data.v.data(), {}, {}};
  p.shape = {.batch = 1, .heads = kHeads, .kv_heads = 1, .q_len = 1, .kv_len = kKeys, .head_dim = kDim};
  p.scale = 0.125F;
  p.kv_lens = lens;
  p.lse = lse.data();
  const glint::IncreFlashAttention<glint::layout::BNSD, float> attend;
  ASSERT_TRUE(static_cast<bool>(attend(p, TestExecutor{})));
  expect_contract(data, out, lse, 0.125, [](index_t) { return kUsed; });
}

// Cases that the generator does not draw, through both doors and against the oracle.
template <class AnyCase>
void expect_case(const char* line, std::string (*check)(const AnyCase&)) {
  AnyCase c;
  ASSERT_EQ(parse(line, c), "") << line;
  ASSERT_TRUE(legal(c)) << line;
  EXPECT_EQ(guarded(check, c), "") << line;
}

TEST(AttentionLong, ScoreAtFourThousand) {
  expect_case("op=fwd layout=BNSD n=1 sq=4096 d=16 mode=3 v_mean=1 stats=max,sum,lse seed=1", check_score<float>);
  expect_case(
      "op=fwd dtype=f16 n=2 nkv=1 sq=130 skv=4096 d=64 mode=4 pre=3000 next=17 v_mean=1 stats=max,sum,lse seed=2",
      check_score<glint::half>);
  expect_case(
      "op=fwd dtype=bf16 layout=TND n=2 nkv=1 sq=257,101 skv=3131,4096 d=33 dv=17 mode=7 pre=5000 next=0 "
      "stats=max,sum,lse seed=3",
      check_score<glint::bfloat16>);
  expect_case(
      "op=fwd layout=BSND n=4 nkv=2 sq=65 skv=4095 d=64 mode=1 sd_q=20 sd_k=20 stats=max,sum,lse keep=0.9 drop=philox "
      "seed=4",
      check_score<float>);
  expect_case(
      "op=fwd layout=SBH n=2 nkv=1 sq=96 skv=4096 d=80 mode=6 sd_q=0.1 sd_k=0.1 v_mean=1 pse=dense pse_order=mul_add "
      "pse_head=0 pse_row=0 stats=max,sum,lse seed=5",
      check_score<float>);
  print_records();
}

TEST(AttentionLong, InferenceAtFourThousand) {
  expect_case(
      "op=prompt dtype=f16 layout=BNSD b=2 n=4 sq=128 skv=4096 d=64 mode=3 qlens=each lens=each lse=1 v_mean=1 "
      "seed=6",
      check_inference<PromptDoors, glint::half, glint::half>);
  expect_case("op=incre b=3 n=64 nkv=1 skv=4096 d=64 lens=each lse=1 v_mean=1 seed=7",
              check_inference<DecodeDoors, float, float>);
  expect_case("op=incre dtype=bf16 layout=BSND b=2 n=8 nkv=2 skv=20000 d=32 sd_q=0.1 v_mean=1 lse=1 seed=8",
              check_inference<DecodeDoors, glint::bfloat16, glint::bfloat16>);
  print_records();
}

}  // namespace
