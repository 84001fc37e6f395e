// Every rule that a problem of the typed IncreFlashAttention can break without a run-time reader.
#include "ops/inference_problem_rows.hpp"

namespace {

using Plain = Incre::problem<kv::Contiguous<float>>;
using Padded = Incre::problem<kv::LeftPadded<float>>;
using List = Incre::problem<kv::List<float>>;
using Int8 = Incre::problem<kv::Contiguous<std::int8_t>>;

TEST(TypedIncreCheck, Outputs) { expect_rows(output_rows<Incre>()); }
TEST(TypedIncreCheck, Options) { expect_rows(option_rows<Incre>()); }
TEST(TypedIncreCheck, LeftPadding) { expect_rows(padding_rows<Incre>()); }
TEST(TypedIncreCheck, Pages) { expect_rows(page_rows<Incre>()); }
TEST(TypedIncreCheck, Lists) { expect_rows(list_rows<Incre>()); }
TEST(TypedIncreCheck, Factors) { expect_rows(factor_rows<Incre>()); }

TEST(TypedIncreCheck, Drafts) {
  expect_rows(std::array{
      Row<Plain>{"no query row", [](Plain& p) { p.shape.q_len = 0; }, Code::query_not_one_token, 0, 1},
      Row<Plain>{"a tree that nobody reads",
                 [](Plain& p) {
                   p.draft_tree = {bytes, 1, 1, 1, 1};
                 },
                 Code::draft_tree_unexpected, 1, 0},
      Row<Plain>{"a causal tree",
                 [](Plain& p) {
                   p.draft_tree = {bytes, 1, 1, 1, 1}, p.draft = glint::DraftMask::causal;
                 },
                 Code::draft_tree_unexpected, 1, 0},
      Row<Plain>{"no tree", [](Plain& p) { p.draft = glint::DraftMask::tree; }, Code::draft_tree_missing, 0, 1},
      Row<Plain>{"a tree of three entries",
                 [](Plain& p) {
                   p.draft_tree = {bytes, 3, 1, 1, 1}, p.draft = glint::DraftMask::tree;
                 },
                 Code::draft_tree_shape, 3, 2},
      Row<Plain>{"a tree with heads",
                 [](Plain& p) {
                   p.draft_tree = {bytes, 1, 4, 1, 1}, p.draft = glint::DraftMask::tree;
                 },
                 Code::draft_tree_shape, 4, 1},
      Row<Plain>{"a tree of floats",
                 [](Plain& p) { p.draft_tree = {bytes, 1, 1, 1, 1, DType::f32}, p.draft = glint::DraftMask::tree; },
                 Code::dtype_mask, 1, 6},
      Row<Plain>{"a tree that is not square",
                 [](Plain& p) {
                   p.draft_tree = {bytes, 1, 1, 1, 2}, p.draft = glint::DraftMask::tree;
                 },
                 Code::draft_tree_shape, 2, 1},
      Row<Plain>{"a tree higher than the cache",
                 [](Plain& p) {
                   p.shape.q_len = 9;
                   p.draft_tree = {bytes, 1, 1, 9, 9}, p.draft = glint::DraftMask::tree;
                 },
                 Code::draft_more_rows_than_keys, 9, 8},
  });
  expect_rows(std::array{
      Row<Padded>{"a tree over an entry without room",  // rows [8 - 4 - 5, ...) start below 0
                  [](Padded& p) {
                    p.kv.padding = 4;
                    p.draft_tree = {bytes, 1, 1, 1, 1}, p.draft = glint::DraftMask::tree;
                  },
                  Code::draft_more_rows_than_keys, 1, 0},
  });
}

TEST(TypedIncreCheck, WhatIsLegal) {
  expect_legal<Plain>({
      {"several rows that see every key", [](Plain& p) { p.shape.q_len = 2; }},
      {"several rows with a mask of their own",
       [](Plain& p) {
         p.shape.q_len = 2, p.attn_mask = {bytes, 2, 1, 2, 8};
       }},
      {"a mask and a tree",
       [](Plain& p) {
         p.shape.q_len = 2, p.attn_mask = {bytes, 1, 1, 1, 8};
         p.draft_tree = {bytes, 1, 1, 2, 2}, p.draft = glint::DraftMask::tree;
       }},
      {"more causal rows than keys", [](Plain& p) { p.shape.q_len = 9, p.draft = glint::DraftMask::causal; }},
      {"a prefix as long as its rows", [](Plain& p) { p.prefix = {.k = memory, .v = memory, .rows = 2, .length = 2}; }},
      {"one cache for all heads and entries",
       [](Plain& p) {
         p.kv.k_strides = p.kv.v_strides = {0, 0, 6};
       }},
      {"no cache", [](Plain& p) { p.shape.kv_len = 0, p.kv.k = p.kv.v = nullptr; }},
      {"a batch of none", [](Plain& p) { p.shape.batch = 0, p.q = nullptr, p.out = nullptr; }},
  });
  expect_legal<Padded>({
      {"padding below 0", [](Padded& p) { p.kv.padding = -1; }},
      {"an entry without room", [](Padded& p) { p.kv.padding = 4; }},
      {"a prefix and a padding that is ignored",
       [](Padded& p) { p.kv_lens = {}, p.prefix = {.k = memory, .v = memory, .rows = 2}; }},
  });
  expect_legal<List>({
      {"rope parts",
       [](List& p) {
         p.kv.k_rope = std::span(kKeys).first(2);
         p.q_rope = memory, p.rope_dim = 2;
       }},
  });
  expect_legal<Int8>({
      {"no offsets", [](Int8& p) { p.k_antiquant.offset = p.v_antiquant.offset = nullptr; }},
      {"key 0 and value 1",
       [](Int8& p) { p.v_antiquant.mode = glint::AntiquantMode::per_token, p.v_antiquant.columns = 9; }},
  });
}

TEST(TypedIncreCheck, Int4NeedsEvenHeadSizes) {
  using Int4 = glint::IncreProblem<float, kv::Contiguous<glint::int4x2>>;
  using Attend = glint::IncreFlashAttention<layout::BNSD, float, kv::Contiguous<glint::int4x2>>;
  Int4 p = operands<Int4>();
  p.kv.k = p.kv.v = reinterpret_cast<const glint::int4x2*>(bytes);
  p.k_antiquant = p.v_antiquant = {.scale = kOnes, .single = true};
  EXPECT_EQ(Attend::check(p).code, Code::ok) << Attend::check(p).rule;
  p.shape.value_dim = 5;
  EXPECT_EQ(Attend::check(p).code, Code::int4_head_dim_odd);
  p.shape.value_dim = 6, p.shape.head_dim = 5;
  EXPECT_EQ(Attend::check(p).code, Code::int4_head_dim_odd);
}

// The run-time door refuses such pages always, the typed one under this profile.
TEST(TypedIncreCheck, AscendWantsBnsdForPagesByHead) {
  glint::IncreProblem<glint::half, kv::Paged<glint::half>> p;
  const auto* const halves = reinterpret_cast<const glint::half*>(memory);
  p.q = halves, p.out = reinterpret_cast<glint::half*>(memory + 4000);
  p.shape = {.batch = 2, .heads = 4, .kv_heads = 2, .q_len = 1, .head_dim = 6};
  p.kv = {halves + 2000, halves + 4000, kTable, 1, 16, 4, glint::PageLayout::head_major};
  p.kv_lens = kLengths;
  p.limits = glint::Limits::ascend;
  EXPECT_EQ((glint::IncreFlashAttention<layout::BNSD, glint::half, kv::Paged<glint::half>>::check(p).code), Code::ok);
  using Bsnd = glint::IncreFlashAttention<layout::BSND, glint::half, kv::Paged<glint::half>>;
  EXPECT_EQ(Bsnd::check(p).code, Code::limit_combination);
  p.limits = glint::Limits::none;
  EXPECT_EQ(Bsnd::check(p).code, Code::ok);
}

}  // namespace
