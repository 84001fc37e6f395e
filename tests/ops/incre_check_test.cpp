// What only the typed door of IncreFlashAttention can say, and the kinds of cache as types: every rule that its problem
// can break without a run-time reader.
#include "ops/incre_problems.hpp"

namespace {

constexpr Row<Plain> kOutputs[] = {
    {"no output", [](Plain& p) { p.out = nullptr; }, Code::null_output, 0, 1},
    {"two outputs", [](Plain& p) { p.out_int8 = integers; }, Code::two_outputs, 2, 1},
    {"int8 without factors", [](Plain& p) { p.out = nullptr, p.out_int8 = integers; }, Code::post_quant_missing, 0, 1},
    {"factors with a float output", [](Plain& p) { p.post_quant = {.scale = kOnes}; }, Code::post_quant_unexpected, 1,
     0},
    {"factors without an output", [](Plain& p) { p.out = nullptr, p.post_quant = {.scale = kOnes}; }, Code::null_output,
     0, 1},
    {"an offset alone", [](Plain& p) { p.post_quant = {.offset = kOnes}; }, Code::post_quant_offset_alone, 1, 0},
    {"two channels",
     [](Plain& p) {
       p.out = nullptr, p.out_int8 = integers;
       p.post_quant = {.scale = kOnes, .channels = 2};
     },
     Code::post_quant_shape, 2, 24},
    {"out_int8 is the factors",
     [](Plain& p) {
       static float factor = 1;
       p.out = nullptr, p.out_int8 = reinterpret_cast<std::int8_t*>(&factor);
       p.post_quant = {.scale = &factor};
     },
     Code::output_overlaps_input, 1, 0},
    {"lse is the output", [](Plain& p) { p.lse = p.out + 47; }, Code::output_overlaps_input, 1, 0},
    {"out's rows fold",
     [](Plain& p) {
       p.out_strides = {24, 5, 6};
     },
     Code::strides_overlap, 5, 6},
};
TEST(TypedIncreCheck, Outputs) { expect_rows(kOutputs); }

constexpr Row<Plain> kOptions[] = {
    {"no query row", [](Plain& p) { p.shape.q_len = 0; }, Code::query_not_one_token, 0, 1},
    {"a mask of three rows",
     [](Plain& p) {
       p.attn_mask = {bytes, 1, 1, 3, 8}, p.shape.q_len = 2;
     },
     Code::mask_shape, 3, 2},
    {"a mask with heads",
     [](Plain& p) {
       p.attn_mask = {bytes, 2, 4, 1, 8};
     },
     Code::mask_shape, 4, 1},
    {"a mask of seven columns",
     [](Plain& p) {
       p.attn_mask = {bytes, 2, 1, 1, 7};
     },
     Code::mask_shape, 7, 8},
    {"a bias of half", [](Plain& p) { p.pse_shift = {memory, DType::f16, 1, 1, 1, 8}; }, Code::dtype_pse, 2, 1},
    {"a flat bias", [](Plain& p) { p.pse_shift = {memory, DType::f32, 1, 1, 1, 8, glint::PseForm::tnd_per_column}; },
     Code::pse_shape, 1, 0},
    {"a tree that nobody reads",
     [](Plain& p) {
       p.draft_tree = {bytes, 1, 1, 1, 1};
     },
     Code::draft_tree_unexpected, 1, 0},
    {"a causal tree",
     [](Plain& p) {
       p.draft_tree = {bytes, 1, 1, 1, 1}, p.draft = glint::DraftMask::causal;
     },
     Code::draft_tree_unexpected, 1, 0},
    {"no tree", [](Plain& p) { p.draft = glint::DraftMask::tree; }, Code::draft_tree_missing, 0, 1},
    {"a tree of three entries",
     [](Plain& p) {
       p.draft_tree = {bytes, 3, 1, 1, 1}, p.draft = glint::DraftMask::tree;
     },
     Code::draft_tree_shape, 3, 2},
    {"a tree with heads",
     [](Plain& p) {
       p.draft_tree = {bytes, 1, 4, 1, 1}, p.draft = glint::DraftMask::tree;
     },
     Code::draft_tree_shape, 4, 1},
    {"a tree of floats",
     [](Plain& p) { p.draft_tree = {bytes, 1, 1, 1, 1, DType::f32}, p.draft = glint::DraftMask::tree; },
     Code::dtype_mask, 1, 6},
    {"a tree that is not square",
     [](Plain& p) {
       p.draft_tree = {bytes, 1, 1, 1, 2}, p.draft = glint::DraftMask::tree;
     },
     Code::draft_tree_shape, 2, 1},
    {"a tree higher than the cache",
     [](Plain& p) {
       p.shape.q_len = 9;
       p.draft_tree = {bytes, 1, 1, 9, 9}, p.draft = glint::DraftMask::tree;
     },
     Code::draft_more_rows_than_keys, 9, 8},
    {"q_rope alone", [](Plain& p) { p.q_rope = memory, p.rope_dim = 2; }, Code::rope_half, 1, 2},
    {"k_rope alone", [](Plain& p) { p.kv.k_rope = memory, p.rope_dim = 2; }, Code::rope_half, 1, 2},
    {"rope without a head size", [](Plain& p) { p.q_rope = p.kv.k_rope = memory; }, Code::rope_shape, 0, 1},
    {"a rope head size alone", [](Plain& p) { p.rope_dim = 2; }, Code::rope_shape, 2, 0},
    {"a rope head size below 0", [](Plain& p) { p.q_rope = p.kv.k_rope = memory, p.rope_dim = -2; }, Code::rope_shape,
     -2, 1},
    {"rows of q_rope",
     [](Plain& p) {
       p.q_rope = p.kv.k_rope = memory, p.rope_dim = 2;
       p.q_rope_strides = {8, 2, 1};
     },
     Code::strides_too_small, 1, 2},
    {"rows of k_rope",
     [](Plain& p) {
       p.q_rope = p.kv.k_rope = memory, p.rope_dim = 2;
       p.kv.k_rope_strides = {32, 16, 1};
     },
     Code::strides_too_small, 1, 2},
    {"strides beyond counting",
     [](Plain& p) {
       p.kv.k_strides = {kHuge, 48, 6};
     },
     Code::extent_too_large, kHuge, 1},
    {"half a prefix", [](Plain& p) { p.prefix = {.k = memory, .rows = 2}; }, Code::shared_prefix_half, 1, 2},
    {"a prefix without data", [](Plain& p) { p.prefix.rows = 2; }, Code::shared_prefix_half, 0, 2},
    {"a prefix of rows below 0", [](Plain& p) { p.prefix = {.k = memory, .v = memory, .rows = -2}; },
     Code::extent_negative, -2, 0},
    {"a prefix longer than its rows", [](Plain& p) { p.prefix = {.k = memory, .v = memory, .rows = 2, .length = 3}; },
     Code::shared_prefix_length, 3, 2},
    {"a prefix of length -2", [](Plain& p) { p.prefix = {.k = memory, .v = memory, .rows = 2, .length = -2}; },
     Code::shared_prefix_length, -2, 0},
    {"a prefix too large to count", [](Plain& p) { p.prefix = {.k = memory, .v = memory, .rows = kHuge}; },
     Code::extent_too_large, kHuge, 1},
    {"a prefix's rope part alone", [](Plain& p) { p.prefix = {.k = memory, .v = memory, .rows = 2, .k_rope = memory}; },
     Code::rope_half, 1, 0},
    {"a prefix without its rope part",
     [](Plain& p) {
       p.prefix = {.k = memory, .v = memory, .rows = 2};
       p.q_rope = p.kv.k_rope = memory, p.rope_dim = 2;
     },
     Code::rope_half, 0, 1},
    {"factors of a float cache", [](Plain& p) { p.v_antiquant = {.scale = kOnes}; }, Code::antiquant_unexpected, 1, 4},
    {"lengths of the shape", [](Plain& p) { p.shape.kv_len = kHuge; }, Code::extent_too_large, 6, 1},
    {"lengths of a batch of none", [](Plain& p) { p.shape.kv_len = kHuge, p.shape.batch = 0; }, Code::extent_too_large,
     6, 1},
};
TEST(TypedIncreCheck, Options) { expect_rows(kOptions); }

constexpr Row<Padded> kPadding[] = {
    {"with a prefix", [](Padded& p) { p.prefix = {.k = memory, .v = memory, .rows = 2}; },
     Code::shared_prefix_with_padding, 1, 0},
    {"a length beyond the cache", [](Padded& p) { p.kv_lens = kTooLong; }, Code::length_range, 13, 8},
    {"a tree over an entry without room",  // rows [8 - 4 - 5, ...) start below 0
     [](Padded& p) {
       p.kv.padding = 4;
       p.draft_tree = {bytes, 1, 1, 1, 1}, p.draft = glint::DraftMask::tree;
     },
     Code::draft_more_rows_than_keys, 1, 0},
};
TEST(TypedIncreCheck, LeftPadding) { expect_rows(kPadding); }

constexpr Row<Paged> kPages[] = {
    {"no table", [](Paged& p) { p.kv.block_table = nullptr; }, Code::block_table_null, 0, 1},
    {"no lengths", [](Paged& p) { p.kv_lens = {}; }, Code::paged_needs_lengths, 0, 2},
    {"no block size", [](Paged& p) { p.kv.block_size = 0; }, Code::block_size_range, 0, 1},
    {"blocks below 0", [](Paged& p) { p.kv.blocks = -1; }, Code::extent_negative, -1, 0},
    {"columns below 0", [](Paged& p) { p.kv.max_blocks = -1; }, Code::extent_negative, -1, 0},
    {"pages beyond counting", [](Paged& p) { p.kv.block_size = kHuge; }, Code::extent_too_large, kHuge, 1},
    {"columns beyond counting", [](Paged& p) { p.kv.max_blocks = kHuge; }, Code::extent_too_large, 4, 1},
    {"a column too few", [](Paged& p) { p.kv.max_blocks = 1; }, Code::block_table_columns, 1, 2},
    {"a length too long", [](Paged& p) { p.kv_lens = kTooLong; }, Code::block_table_columns, 3, 4},
    {"a pool too small", [](Paged& p) { p.kv.blocks = 3; }, Code::block_id_range, 3, 3},
    {"a prefix", [](Paged& p) { p.prefix = {.k = memory, .v = memory, .rows = 2}; }, Code::paged_with_prefix, 1, 0},
    {"no pool", [](Paged& p) { p.kv.v = nullptr; }, Code::null_value, 0, 1},
    {"out is in the pool", [](Paged& p) { p.out = memory + 1000 + 191; }, Code::output_overlaps_input, 1, 0},
};
TEST(TypedIncreCheck, Pages) { expect_rows(kPages); }

constexpr Row<List> kLists[] = {
    {"three keys", [](List& p) { p.kv.k = kKeys; }, Code::kv_list_size, 3, 2},
    {"one value", [](List& p) { p.kv.v = p.kv.v.first(1); }, Code::kv_list_size, 1, 2},
    {"one number of rows", [](List& p) { p.kv.rows = p.kv.rows.first(1); }, Code::kv_list_size, 1, 2},
    {"one rope part",
     [](List& p) {
       p.kv.k_rope = std::span(kKeys).first(1);
       p.q_rope = memory, p.rope_dim = 2;
     },
     Code::kv_list_size, 1, 2},
    {"a null key", [](List& p) { p.kv.k = kNullKeys; }, Code::null_key, 0, 1},
    {"a null rope part",
     [](List& p) {
       p.kv.k_rope = kNullKeys;
       p.q_rope = memory, p.rope_dim = 2;
     },
     Code::rope_null, 0, 1},
    {"a length beyond its entry", [](List& p) { p.kv_lens = kBeyondEntry; }, Code::length_range, 4, 3},
    {"a prefix", [](List& p) { p.prefix = {.k = memory, .v = memory, .rows = 2}; }, Code::kv_list_with_prefix, 1, 0},
    {"out is an entry's last row", [](List& p) { p.out = memory + 3000 + 35; }, Code::output_overlaps_input, 1, 0},
};
TEST(TypedIncreCheck, Lists) { expect_rows(kLists); }

constexpr Row<Int8> kFactors[] = {
    {"no factors", [](Int8& p) { p.k_antiquant = p.v_antiquant = {}; }, Code::antiquant_missing, 0, 2},
    {"an offset alone", [](Int8& p) { p.v_antiquant.scale = nullptr; }, Code::antiquant_offset_alone, 1, 0},
    {"of int8", [](Int8& p) { p.k_antiquant.dtype = DType::i8; }, Code::antiquant_dtype, 4, 1},
    {"of no mode", [](Int8& p) { p.k_antiquant.mode = glint::AntiquantMode{6}; }, Code::antiquant_mode_range, 6, 5},
    {"of pages", [](Int8& p) { p.v_antiquant.mode = glint::AntiquantMode::per_token_paged; },
     Code::antiquant_mode_not_for_cache, 4, 1},
    {"of two modes", [](Int8& p) { p.v_antiquant.mode = glint::AntiquantMode::per_head; }, Code::antiquant_mode_pair, 2,
     0},
    {"a single one per head",
     [](Int8& p) {
       for (glint::Antiquant* a : {&p.k_antiquant, &p.v_antiquant})
         a->mode = glint::AntiquantMode::per_head, a->single = true;
     },
     Code::antiquant_shape, 2, 0},
    {"a column too few",
     [](Int8& p) { p.v_antiquant.mode = glint::AntiquantMode::per_token, p.v_antiquant.columns = 7; },
     Code::antiquant_shape, 7, 8},
    {"columns beyond counting",
     [](Int8& p) { p.v_antiquant.mode = glint::AntiquantMode::per_token, p.v_antiquant.columns = kHuge; },
     Code::extent_too_large, kHuge, 1},
    {"a scale of 0",
     [](Int8& p) {
       static constexpr float kZero = 0;
       p.k_antiquant = {.scale = &kZero, .single = true};
     },
     Code::antiquant_value, 0, 1},
    {"rope parts", [](Int8& p) { p.q_rope = memory, p.kv.k_rope = integers, p.rope_dim = 2; }, Code::rope_with_integers,
     4, 1},
    {"out is a factor", [](Int8& p) { p.k_antiquant.offset = p.out + 47; }, Code::output_overlaps_input, 1, 0},
};
TEST(TypedIncreCheck, Factors) { expect_rows(kFactors); }

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
