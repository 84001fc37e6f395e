// The error contract of a chunk of 64 rows at the end of a cache of more than 131,072 keys in shuffled pages: halves,
// and int8 with factors of each slot whose values have a mean of 1 by an offset.
#include "glint/ops/prompt_flash_attention.hpp"
#include "support/long_rows.hpp"

namespace glint_test {
namespace {

constexpr index_t kBlock = 100, kBlocks = 1400, kKeys = kBlock * kBlocks - 37, kRows = 64, kHeads = 2, kDim = 64;
constexpr double kScale = 0.125;

// One kv head in pages; number = (stored + offset) * scale of its slot, where there are scales.
template <class Stored>
struct LongPages {
  std::vector<std::int32_t> table;
  std::vector<Stored> k, v;
  std::vector<float> scales, offsets;

  LongPages() : table(kBlocks) {
    Random random(3);
    for (std::size_t i = 0; i < table.size(); ++i) {
      table[i] = static_cast<std::int32_t>(i);
      std::swap(table[i], table[static_cast<std::size_t>(random.below(static_cast<index_t>(i) + 1))]);
    }
  }
  double number(const std::vector<Stored>& from, index_t j, index_t d, bool with_offset) const {
    const index_t slot = table[static_cast<std::size_t>(j / kBlock)] * kBlock + j % kBlock;
    const auto stored = static_cast<double>(glint::to_float(from[static_cast<std::size_t>(slot * kDim + d)]));
    if (scales.empty()) return stored;
    const double offset = with_offset ? static_cast<double>(offsets[static_cast<std::size_t>(slot)]) : 0;
    return (stored + offset) * static_cast<double>(scales[static_cast<std::size_t>(slot)]);
  }
};

template <class Query, class Stored>
void expect_contract(const std::vector<Query>& q, const LongPages<Stored>& pages) {
  std::vector<Query> out(q.size());
  std::vector<float> lse(kHeads * kRows);
  const index_t keys = kKeys;
  glint::PromptProblem<Query, glint::kv::Paged<Stored>> p;
  p.q = q.data(), p.out = out.data(), p.lse = lse.data();
  p.kv = {.k = pages.k.data(),
          .v = pages.v.data(),
          .block_table = pages.table.data(),
          .max_blocks = kBlocks,
          .block_size = kBlock,
          .blocks = kBlocks};
  p.shape = {.batch = 1, .heads = kHeads, .kv_heads = 1, .q_len = kRows, .head_dim = kDim};
  p.scale = static_cast<float>(kScale);
  p.kv_lens = {&keys, 1};
  p.inner_precise = 0;
  if (!pages.scales.empty()) {
    p.k_antiquant = {.scale = pages.scales.data(), .mode = glint::AntiquantMode::per_token_paged};
    p.v_antiquant = p.k_antiquant;
    p.v_antiquant.offset = pages.offsets.data();
  }
  const glint::PromptFlashAttention<glint::layout::BNSD, Query, glint::SparseMode::right_down_causal,
                                    glint::kv::Paged<Stored>>
      attend;
  const glint::Status status = attend(p);
  ASSERT_TRUE(static_cast<bool>(status)) << status.rule;
  LongVerdict verdict;
  for (index_t n = 0; n < kHeads; ++n) {
    for (const index_t i : {index_t{0}, index_t{37}, kRows - 1}) {
      const index_t row = n * kRows + i;
      const LongRow want = row_in_double(
          kKeys - kRows + 1 + i, kDim, kScale,
          [&](index_t d) { return static_cast<double>(glint::to_float(q[static_cast<std::size_t>(row * kDim + d)])); },
          [&](index_t j, index_t d) { return pages.number(pages.k, j, d, false); },
          [&](index_t j, index_t d) { return pages.number(pages.v, j, d, true); });
      verdict.judge(want, out.data() + row * kDim, lse[static_cast<std::size_t>(row)]);
    }
  }
  verdict.expect();
}

glint::half half_of(double number) { return glint::from_float<glint::half>(static_cast<float>(number)); }

TEST(PromptLong, PagesOfHalves) {
  LongPages<glint::half> pages;
  constexpr index_t kPool = kBlocks * kBlock * kDim;
  pages.k = drawn<glint::half>(kPool, 2, [](Random& random) { return half_of(0.1 * random.normal()); });
  pages.v = drawn<glint::half>(kPool, 3, [](Random& random) { return half_of(1 + 0.5 * random.normal()); });
  expect_contract(
      drawn<glint::half>(kHeads * kRows * kDim, 1, [](Random& random) { return half_of(0.1 * random.normal()); }),
      pages);
}

TEST(PromptLong, PagesOfInt8) {
  LongPages<std::int8_t> pages;
  constexpr index_t kPool = kBlocks * kBlock * kDim;
  pages.k = drawn<std::int8_t>(kPool, 2, [](Random& random) { return random.between(-127, 127); });
  pages.v = drawn<std::int8_t>(kPool, 3, [](Random& random) { return random.between(-47, 47); });
  pages.scales = drawn<float>(kBlocks * kBlock, 4, [](Random& random) { return 0.01 + 0.001 * random.normal(); });
  pages.offsets = drawn<float>(kBlocks * kBlock, 5, [](Random& random) { return 100 + random.normal(); });
  expect_contract(drawn<float>(kHeads * kRows * kDim, 1, [](Random& random) { return 0.01 * random.normal(); }), pages);
}

}  // namespace
}  // namespace glint_test
