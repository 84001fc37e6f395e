// What kv_append refuses, each with its code and nothing written, and what it takes at the bounds.
#include <gtest/gtest.h>

#include <functional>
#include <limits>

#include "support/kv_append_case.hpp"

namespace glint_test {
namespace {

using glint::AntiquantMode;
using glint::AppendFactors;
using glint::bfloat16;
using glint::Code;
using glint::DType;
using glint::half;
using glint::int4x2;
using glint::Layout;
using glint::Status;
namespace kv = glint::kv;

constexpr index_t kMuch = index_t{1} << 60;
constexpr float kScales[] = {0.5F, 0.25F}, kZero[] = {0.5F, 0},
                kInfinite[] = {std::numeric_limits<float>::infinity(), 1};
constexpr float kDenormal[] = {1, 1e-39F};
const index_t kFour[] = {1, 2, 3, 4}, kNegative[] = {0, -1, 2}, kFull[] = {0, 7, 19}, kSix[] = {5, 6, 0}, kEnd[] = {18};

template <class Problem>
struct Row {
  const char* name;
  std::function<void(Problem&)> spoil;
  Code code;
  index_t got, want;
};

// The case's memory must be the same afterwards, whatever the problem was made to point at.
template <class Case, class Problem>
void expect_refusals(Case& c, const Problem& legal, const std::vector<Row<Problem>>& table) {
  const Status before = check_kv_append(legal, c.form.layout);
  ASSERT_TRUE(static_cast<bool>(before)) << before.rule;
  for (const auto& row : table) {
    Problem p = legal;
    row.spoil(p);
    for (const Status& status : {check_kv_append(p, c.form.layout), kv_append(p, c.form.layout)}) {
      EXPECT_EQ(static_cast<int>(status.code), static_cast<int>(row.code)) << row.name << ": " << status.rule;
      EXPECT_EQ(status.got, row.got) << row.name;
      EXPECT_EQ(status.want, row.want) << row.name;
    }
    for (int t : {0, 1})
      EXPECT_EQ(std::count(c.cache[t].begin(), c.cache[t].end(), kPoison), static_cast<index_t>(c.cache[t].size()))
          << row.name;
  }
}

TEST(KvAppendRules, Shapes) {
  AppendCase<float, float> c({Layout::BNSD}, {}, 1);
  auto legal = c.problem().first;
  using P = decltype(legal);
  expect_refusals<AppendCase<float, float>, P>(
      c, legal,
      {{"batch", [](P& p) { p.shape.batch = -1; }, Code::extent_negative, -1, 0},
       {"q_len", [](P& p) { p.shape.q_len = -1; }, Code::extent_negative, -1, 0},
       {"kv_len", [](P& p) { p.shape.kv_len = -1; }, Code::extent_negative, -1, 0},
       {"no heads", [](P& p) { p.shape.kv_heads = 0; }, Code::head_num_not_positive, 0, 1},
       {"heads % kv_heads", [](P& p) { p.shape.heads = 3; }, Code::heads_not_divisible, 3, 2},
       {"head_dim", [](P& p) { p.shape.head_dim = 0; }, Code::head_dim_not_positive, 0, 1},
       {"much", [](P& p) { p.shape.kv_len = kMuch; }, Code::extent_too_large, 10, 1},
       {"null k", [](P& p) { p.k = nullptr; }, Code::null_key, 0, 1},
       {"null v", [](P& p) { p.v = nullptr; }, Code::null_value, 0, 1},
       {"null k cache", [](P& p) { p.kv.k = nullptr; }, Code::null_output, 0, 1},
       {"null v cache", [](P& p) { p.kv.v = nullptr; }, Code::null_output, 0, 1},
       {"rows closer than dim",
        [](P& p) {
          p.k_strides = {60, 30, 5};
        },
        Code::strides_too_small, 5, 6},
       {"cache rows overlap",
        [](P& p) {
          p.kv.v_strides = {460, 200, 10};
        },
        Code::strides_overlap, 200, 230},
       {"no lengths", [](P& p) { p.lengths = {}; }, Code::lengths_size, 0, 3},
       {"four lengths", [](P& p) { p.lengths = kFour; }, Code::lengths_size, 4, 3},
       {"four counts", [](P& p) { p.new_rows = kFour; }, Code::lengths_size, 4, 3},
       {"length -1", [](P& p) { p.lengths = kNegative; }, Code::length_range, -1, 0},
       {"count -1", [](P& p) { p.new_rows = kNegative; }, Code::length_range, -1, 0},
       {"count 6 of 5", [](P& p) { p.new_rows = kSix; }, Code::length_range, 6, 5},
       {"no room of 23",
        [](P& p) {
          p.lengths = kFull;
          p.new_rows = {};
        },
        Code::length_range, 19, 18},
       {"factors", [](P& p) { p.k_factors.scale = kScales; }, Code::antiquant_unexpected, 1, 0}});
  EXPECT_EQ(kv_append(legal, Layout::SBH).code, Code::layout_not_for_operator);
  EXPECT_EQ(kv_append(legal, Layout::TND).code, Code::layout_not_for_operator);
}

TEST(KvAppendRules, SharedMemory) {
  AppendCase<float, float> c({}, {}, 2);
  auto legal = c.problem().first;
  using P = decltype(legal);
  std::vector<index_t> zeros(1000);  // lists that lie in a cache
  auto* const zeros_as_floats = reinterpret_cast<float*>(zeros.data());
  auto* const end = legal.kv.v + c.s.batch * c.s.room * c.s.heads * c.s.value_dim;
  expect_refusals<AppendCase<float, float>, P>(
      c, legal,
      {{"k in k", [](P& p) { p.k = p.kv.k + 5; }, Code::output_overlaps_input, 1, 0},
       {"v in k", [](P& p) { p.v = p.kv.k; }, Code::output_overlaps_input, 1, 0},
       {"k at v's end", [&](P& p) { p.k = end - 1; }, Code::output_overlaps_input, 1, 0},
       {"one cache", [](P& p) { p.kv.v = p.kv.k; }, Code::output_overlaps_input, 1, 0},
       {"lengths",
        [&](P& p) {
          p.kv.k = zeros_as_floats;
          p.lengths = {zeros.data() + 5, 1};
          p.new_rows = {};
        },
        Code::output_overlaps_input, 1, 0},
       {"counts",
        [&](P& p) {
          p.kv.v = zeros_as_floats;
          p.new_rows = {zeros.data() + 5, 1};
        },
        Code::output_overlaps_input, 1, 0}});
  EXPECT_EQ(std::count(zeros.begin(), zeros.end(), 0), 1000);
}

TEST(KvAppendRules, Pages) {
  AppendCase<float, float> c({Layout::BSND, 4}, {}, 3);
  auto legal = c.problem().second;  // 6 columns of 4 for 23 tokens; 21 blocks
  using P = decltype(legal);
  std::vector<std::int32_t> high = c.table, low = c.table, unused = c.table;
  high[1 * 6 + 2] = 21;  // tokens 8 .. 11 of entry 1, of which 8 is new
  low[1 * 6 + 1] = -1;
  for (const index_t i : {1 * 6 + 0, 1 * 6 + 3, 2 * 6 + 0, 2 * 6 + 3}) unused[size(i)] = -1;
  expect_refusals<AppendCase<float, float>, P>(
      c, legal,
      {{"block_size", [](P& p) { p.kv.block_size = 0; }, Code::block_size_range, 0, 1},
       {"blocks", [](P& p) { p.kv.blocks = -1; }, Code::extent_negative, -1, 0},
       {"max_blocks", [](P& p) { p.kv.max_blocks = -1; }, Code::extent_negative, -1, 0},
       {"much", [](P& p) { p.kv.block_size = kMuch; }, Code::extent_too_large, 21, 1},
       {"layout", [](P& p) { p.kv.pages = static_cast<glint::PageLayout>(7); }, Code::paged_layout, 7, 0},
       {"null table", [](P& p) { p.kv.block_table = nullptr; }, Code::block_table_null, 0, 1},
       {"narrow", [](P& p) { p.kv.max_blocks = 5; }, Code::block_table_columns, 18, 17},
       {"block 21", [&](P& p) { p.kv.block_table = high.data(); }, Code::block_id_range, 21, 21},
       {"block -1", [&](P& p) { p.kv.block_table = low.data(); }, Code::block_id_range, -1, 21},
       {"table in pool", [](P& p) { p.kv.block_table = reinterpret_cast<const std::int32_t*>(p.kv.k); },
        Code::block_id_range, 0x5b5b5b5b, 21},
       {"k in pool", [](P& p) { p.k = p.kv.v; }, Code::output_overlaps_input, 1, 0}});
  legal.kv.block_table = unused.data();  // what no new token needs is not read
  EXPECT_TRUE(static_cast<bool>(check_kv_append(legal, Layout::BSND)));
}

TEST(KvAppendRules, GivenFactors) {
  using Case = AppendCase<half, std::int8_t>;
  Case c({}, {}, 4);
  auto legal = c.problem().first;
  using P = decltype(legal);
  legal.k_factors = legal.v_factors = {.scale = kScales, .mode = AntiquantMode::per_head};
  float chosen[99];
  expect_refusals<Case, P>(
      c, legal,
      {{"none", [](P& p) { p.k_factors = {}; }, Code::antiquant_missing, 0, 1},
       {"none of v", [](P& p) { p.v_factors = {}; }, Code::antiquant_missing, 0, 1},
       {"offset alone", [](P& p) { p.k_factors = {.offset = kScales}; }, Code::antiquant_offset_alone, 1, 0},
       {"f64", [](P& p) { p.k_factors.dtype = DType::i64; }, Code::antiquant_dtype, index_t(DType::i64),
        index_t(DType::f32)},
       {"mode 6", [](P& p) { p.v_factors.mode = static_cast<AntiquantMode>(6); }, Code::antiquant_mode_range, 6, 5},
       {"both", [&](P& p) { p.k_factors.chosen = chosen; }, Code::antiquant_unexpected, 2, 0},
       {"scale 0", [](P& p) { p.k_factors.scale = kZero; }, Code::antiquant_value, 1, 0},
       {"scale inf", [](P& p) { p.v_factors.scale = kInfinite; }, Code::antiquant_value, 0, 0},
       {"scale denormal", [](P& p) { p.v_factors.scale = kDenormal; }, Code::antiquant_value, 1, 0},
       {"offset inf", [](P& p) { p.v_factors.offset = kInfinite; }, Code::antiquant_value, 0, 0},
       {"scale in cache", [](P& p) { p.k_factors.scale = p.kv.v; }, Code::output_overlaps_input, 1, 0}});
}

TEST(KvAppendRules, ChosenFactors) {
  using Case = AppendCase<float, int4x2>;
  std::vector<float> chosen(200);
  const AppendFactors plain{.mode = AntiquantMode::per_token, .chosen = chosen.data(), .columns = 23};
  Case c({}, {}, 5);
  auto legal = c.problem().first;
  using P = decltype(legal);
  legal.k_factors = legal.v_factors = plain;
  legal.v_factors.chosen += 3 * 23;
  expect_refusals<Case, P>(
      c, legal,
      {{"odd", [](P& p) { p.shape.head_dim = 5; }, Code::int4_head_dim_odd, 5, 6},
       {"odd v", [](P& p) { p.shape.value_dim = 9; }, Code::int4_head_dim_odd, 9, 10},
       {"missing", [](P& p) { p.k_factors.chosen = nullptr; }, Code::antiquant_missing, 0, 1},
       {"given too", [](P& p) { p.k_factors.scale = kScales; }, Code::antiquant_unexpected, 1, 1},
       {"mode 4", [](P& p) { p.k_factors.mode = AntiquantMode::per_token_paged; }, Code::antiquant_mode_not_for_cache,
        4, 1},
       {"columns", [](P& p) { p.k_factors.columns = 22; }, Code::antiquant_shape, 22, 23},
       {"same", [](P& p) { p.v_factors.chosen = p.k_factors.chosen + 68; }, Code::output_overlaps_input, 1, 0},
       {"rows", [](P& p) { p.k_factors.chosen = const_cast<float*>(p.v); }, Code::output_overlaps_input, 1, 0}});
  EXPECT_EQ(std::count(chosen.begin(), chosen.end(), 0.0F), 200);

  Case pages({Layout::BNSD, 3}, {}, 5);
  auto paged = pages.problem().second;
  paged.k_factors = paged.v_factors = {.mode = AntiquantMode::per_token_paged, .chosen = chosen.data()};
  paged.v_factors.chosen += 100;
  EXPECT_TRUE(static_cast<bool>(check_kv_append(paged, Layout::BNSD)));
  paged.v_factors.mode = AntiquantMode::per_token;
  EXPECT_EQ(kv_append(paged, Layout::BNSD).code, Code::antiquant_mode_not_for_cache);
}

TEST(KvAppendLegal, NothingToAppendNeedsNoPointers) {
  glint::KvAppendProblem<float> p;
  p.shape = {.batch = 0, .kv_heads = 2, .q_len = 3, .kv_len = 5, .head_dim = 4};
  EXPECT_TRUE(static_cast<bool>(glint::kv_append<glint::layout::BSH>(p)));
  p.shape.batch = 3, p.shape.q_len = 0;
  EXPECT_TRUE(static_cast<bool>(glint::kv_append<glint::layout::BSH>(p)));
}

TEST(KvAppendLegal, OneLengthForAllAndRowsAtAnyStride) {
  AppendCase<bfloat16, bfloat16> c({Layout::BNSD}, {}, 6), spread({Layout::BNSD}, {}, 6);
  c.s.lengths = spread.s.lengths = {18, 18, 18};
  c.s.new_rows = spread.s.new_rows = {5, 5, 5};
  auto p = c.problem().first;
  p.lengths = kEnd, p.new_rows = {};
  ASSERT_TRUE(glint::kv_append<glint::layout::BNSD>(p));
  EXPECT_EQ(c.spoiled(0), 0);

  // The same rows as slices of a wider tensor, to a cache with gaps.
  auto wide = spread.problem().first;
  std::vector<bfloat16> rows(spread.rows[0].size() * 3), cache(2000, bfloat16{0x1234});
  for (std::size_t i = 0; i < spread.rows[0].size(); ++i) rows[i / 6 * 18 + i % 6] = spread.rows[0][i];
  wide.k = rows.data(), wide.k_strides = {180, 90, 18};
  wide.kv.k = cache.data(), wide.kv.k_strides = {7, 600, 26};  // batch entries beside each other
  ASSERT_TRUE(glint::kv_append<glint::layout::BNSD>(wide));
  index_t written = 0;
  for (index_t i = 0; i < 2000; ++i) written += cache[size(i)].bits != 0x1234;
  EXPECT_EQ(written, 3 * 2 * 5 * 6);
  c.each_new([&](index_t b, index_t h, index_t i) {
    for (index_t d = 0; d < 6; ++d)
      EXPECT_EQ(cache[size(b * 7 + h * 600 + (18 + i) * 26 + d)].bits, c.data(0)[c.cache_place(0, b, h, i, d)].bits);
  });
}

// Token by token is the same as all at once, factors included.
TEST(KvAppendLegal, InStepsOrAtOnce) {
  const AppendShape whole{.lengths = {4, 0, 17}, .new_rows = {5, 5, 5}};
  AppendCase<float, std::int8_t> once({Layout::BSND, 3}, whole, 7), steps({Layout::BSND, 3}, whole, 7);
  std::vector<float> factors[2] = {std::vector<float>(500), std::vector<float>(500)};
  const auto chosen = [&](int i) {
    return AppendFactors{.mode = AntiquantMode::per_token_head_paged, .chosen = factors[i].data()};
  };
  ASSERT_TRUE(once.run(chosen(0), {.scale = kScales, .mode = AntiquantMode::per_head}));
  for (index_t i = 0; i < 5; ++i) {
    auto p = steps.problem().second;
    const std::vector<index_t> lengths{4 + i, i, 17 + i}, one{1};
    p.k += i * 2 * 6, p.v += i * 2 * 10;  // the next token of every entry
    p.k_strides = {5 * 2 * 6, 6, 2 * 6}, p.v_strides = {5 * 2 * 10, 10, 2 * 10};
    p.shape.q_len = 1;
    p.lengths = lengths, p.new_rows = one;
    p.k_factors = chosen(1), p.v_factors = {.scale = kScales, .mode = AntiquantMode::per_head};
    ASSERT_TRUE(glint::kv_append<glint::layout::BSND>(p));
  }
  EXPECT_EQ(once.cache[0], steps.cache[0]);
  EXPECT_EQ(once.cache[1], steps.cache[1]);
  EXPECT_EQ(factors[0], factors[1]);
}

// What decode is told afterwards.
TEST(KvAppendLegal, FactorsForDecode) {
  float chosen = 0;
  const AppendFactors token{.mode = AntiquantMode::per_token_head, .chosen = &chosen, .columns = 9};
  const AppendFactors given{.scale = kScales, .offset = kZero, .dtype = DType::f16, .single = true};
  EXPECT_EQ(token.antiquant().scale, &chosen);
  EXPECT_EQ(token.antiquant().offset, nullptr);
  EXPECT_EQ(token.antiquant().dtype, DType::f32);
  EXPECT_EQ(token.antiquant().mode, AntiquantMode::per_token_head);
  EXPECT_EQ(token.antiquant().columns, 9);
  EXPECT_EQ(given.antiquant().scale, kScales);
  EXPECT_EQ(given.antiquant().offset, kZero);
  EXPECT_EQ(given.antiquant().dtype, DType::f16);
  EXPECT_TRUE(given.antiquant().single);
}

}  // namespace
}  // namespace glint_test
