// fused_infer_attention_score: the bits of the door whose kernel it takes, and what it refuses by itself.
#include "dispatch/fused_calls.hpp"
#include "dispatch/inference_rows_legal.hpp"
#include "glint/ops/incre_flash_attention.hpp"
#include "support/random.hpp"

namespace bad_input {
namespace {

using glint_test::Random;

void fill(const glint::TensorRef& tensor, Random& random) {
  if (tensor.data == nullptr) return;
  auto* const data = static_cast<std::byte*>(const_cast<void*>(tensor.data));
  const index_t count = tensor.shape.elements();
  const bool packed = tensor.dtype == DType::i4 || tensor.dtype == DType::i32 || tensor.dtype == DType::i8;
  const index_t bytes = tensor.dtype == DType::i4 ? count / 2 : tensor.dtype == DType::i32 ? 4 * count : count;
  for (index_t i = 0; packed && i < bytes; ++i) data[i] = static_cast<std::byte>(random.below(256));
  for (index_t i = 0; !packed && i < count; ++i) {
    const auto x = static_cast<float>(random.normal());
    const auto h = glint::from_float<glint::half>(x);
    const auto b = glint::from_float<glint::bfloat16>(x);
    switch (tensor.dtype) {
      case DType::f32: std::memcpy(data + 4 * i, &x, 4); break;
      case DType::f16: std::memcpy(data + 2 * i, &h, 2); break;
      case DType::bf16: std::memcpy(data + 2 * i, &b, 2); break;
      default: data[i] = static_cast<std::byte>(random.chance(30)); break;  // a mask
    }
  }
}

// Everything that lies in the fixture's own memory; tables and factors do not.
template <class Fixture>
void fill_operands(Fixture& f) {
  Random random(7);
  const auto& c = f.call;
  for (const glint::TensorRef* t : {&c.query, &c.key, &c.value, &c.attn_mask, &c.pse_shift, &c.key_shared_prefix,
                                    &c.value_shared_prefix, &c.query_rope, &c.key_rope, &c.learnable_sink})
    fill(*t, random);
  for (const auto* list : {&f.keys, &f.values})
    for (const glint::TensorRef& t : *list) fill(t, random);
}

template <class Call>
std::vector<std::byte> outputs(const Call& call) {
  std::vector<std::byte> all;
  for (const glint::OutputRef* t : {&call.attention_out, &call.softmax_lse}) {
    const auto* const data = static_cast<const std::byte*>(t->data);
    if (data != nullptr) all.insert(all.end(), data, data + t->shape.elements() * glint::size_of(t->dtype));
  }
  return all;
}
template <class Call>
void soil(const Call& call) {
  for (const glint::OutputRef* t : {&call.attention_out, &call.softmax_lse})
    if (t->data != nullptr)
      std::memset(t->data, 0x5a, static_cast<std::size_t>(t->shape.elements() * glint::size_of(t->dtype)));
}

template <class Fixture>
void expect_same_bits(Fixture own, const char* name) {
  fill_operands(own);
  soil(own.call);
  ASSERT_TRUE(static_cast<bool>(own.run_alone())) << name << ": " << own.run_alone().rule;
  const std::vector<std::byte> expected = outputs(own.call);
  soil(own.call);
  Fused f = fused(std::move(own));
  ASSERT_TRUE(static_cast<bool>(f.run_alone())) << name << ": " << f.run_alone().rule;
  EXPECT_TRUE(outputs(f.call) == expected) << name;
  soil(f.call);
  f.lists();
  f.workspace.resize(static_cast<std::size_t>(glint::workspace_bytes(f.call)));
  ASSERT_TRUE(static_cast<bool>(f.run())) << name << ": " << f.run().rule;
  EXPECT_TRUE(outputs(f.call) == expected) << name << " with a workspace";
}

template <class Table>
void expect_bits_of(const Table& table) {
  for (const auto& row : table) {
    auto own = row.legal();
    row.change(own);
    expect_same_bits(std::move(own), row.name);
  }
}

TEST(Fused, OneRowAndTreesHaveTheBitsOfIncre) {
  expect_bits_of(legal_places<Incre>());
  expect_bits_of(legal_factors<Incre>());
  expect_bits_of(legal_options<Incre>());
  expect_bits_of(kLegalIncre);
}

Prompt compressed(Prompt f, int mode) {
  f.call.sparse_mode = mode;
  f.call.attn_mask = {};
  f.call.attn_mask_compressed = true;
  return f;
}
Prompt nine_rows() { return dense<Prompt>({.q_len = 9}); }
Prompt one_masked_row() {
  Prompt f = one_row();
  f.call.next_tokens = 2147483647;
  return f;
}

constexpr LegalRow<Prompt> kPrefill[] = {
    {"nine rows", nine_rows, [](Prompt&) {}},
    {"nine causal rows", [] { return compressed(nine_rows(), 3); }, [](Prompt&) {}},
    {"mode 2", [] { return compressed(plain<Prompt>(), 2); }, [](Prompt&) {}},
    {"mode 2 with one row", [] { return compressed(dense<Prompt>(kOneRow), 2); }, [](Prompt&) {}},
    {"a band", [] { return compressed(plain<Prompt>(), 4); }, [](Prompt& f) { f.call.pre_tokens = 3; }},
    {"a band of one row", [] { return compressed(dense<Prompt>(kOneRow), 4); },
     [](Prompt& f) { f.call.pre_tokens = 3; }},
    {"tokens beside a mask", masked<Prompt>, [](Prompt&) {}},
    {"tokens beside a mask of one row", one_masked_row, [](Prompt& f) { f.call.next_tokens = 5; }},
    {"a mask of float16", one_masked_row,
     [](Prompt& f) {
       f.call.attn_mask = {f.memory.take(32), DType::f16, {2, 8}};
     }},
    {"lengths of one row", [] { return dense<Prompt>(kOneRow); },
     [](Prompt& f) {
       f.q_lens = {1, 0};
     }},
    {"lse of nine rows", nine_rows,
     [](Prompt& f) {
       f.call.softmax_lse = {f.memory.take(288), DType::f32, {2, 4, 9, 1}};
     }},
    {"high performance", nine_rows,
     [](Prompt& f) {
       for (glint::TensorRef* t : {&f.call.query, &f.call.key, &f.call.value}) t->dtype = DType::bf16;
       f.call.attention_out.dtype = DType::bf16, f.call.inner_precise = 1;
     }},
    {"high precision", nine_rows,
     [](Prompt& f) {
       for (glint::TensorRef* t : {&f.call.query, &f.call.key, &f.call.value}) t->dtype = DType::bf16;
       f.call.attention_out.dtype = DType::bf16, f.call.inner_precise = 0;
     }},
};

TEST(Fused, PromptsHaveTheBitsOfPrompt) {
  expect_bits_of(kPrefill);
  expect_bits_of(kLegalInt8);
  for (const LegalRow<Prompt>& row : kLegalSequences) {
    Prompt f = row.legal();
    row.change(f);
    if (!f.q_lens.empty()) expect_same_bits(std::move(f), row.name);
  }
}

// A few rows of a prompt, against the typed door of decode.
void expect_bits_of_decode(Prompt f, glint::DraftMask draft, const char* name) {
  fill_operands(f);
  const glint::PromptFlashAttentionCall c = f.call;
  std::vector<glint::half> expected(static_cast<std::size_t>(c.attention_out.shape.elements()));
  glint::IncreProblem<glint::half> p;
  p.q = static_cast<const glint::half*>(c.query.data);
  p.kv.k = static_cast<const glint::half*>(c.key.data), p.kv.v = static_cast<const glint::half*>(c.value.data);
  p.out = expected.data();
  p.shape = {.batch = 2, .heads = 4, .kv_heads = 2, .q_len = f.size.q_len, .kv_len = 8, .head_dim = 16};
  p.scale = 0.25f;
  if (c.attn_mask.present()) p.attn_mask = {static_cast<const std::uint8_t*>(c.attn_mask.data), 2, 1, f.size.q_len, 8};
  p.draft = draft;
  ASSERT_TRUE(static_cast<bool>(glint::IncreFlashAttention<glint::layout::BNSD, glint::half>{}(p))) << name;
  Fused door = fused(std::move(f));
  ASSERT_TRUE(static_cast<bool>(door.run_alone())) << name << ": " << door.run_alone().rule;
  EXPECT_EQ(std::memcmp(c.attention_out.data, expected.data(), 2 * expected.size()), 0) << name;
}

TEST(Fused, AFewRowsHaveTheBitsOfDrafts) {
  using glint::DraftMask;
  for (const index_t rows : {1, 2, 6, 8}) {
    expect_bits_of_decode(dense<Prompt>({.q_len = rows}), DraftMask::none, "every key");
    expect_bits_of_decode(compressed(dense<Prompt>({.q_len = rows}), 3), DraftMask::causal, "mode 3");
    Prompt open_band = compressed(dense<Prompt>({.q_len = rows}), 4);
    open_band.call.next_tokens = rows - 1;
    expect_bits_of_decode(std::move(open_band), DraftMask::none, "an open band");
  }
  expect_bits_of_decode(all_mask(), DraftMask::none, "a mask");
  Prompt tokens = masked<Prompt>();
  tokens.call.pre_tokens = 5, tokens.call.next_tokens = 2147483647;
  expect_bits_of_decode(std::move(tokens), DraftMask::none, "a mask and all tokens");
}

Fused one_fused_row() { return fused(dense<Prompt>(kOneRow)); }
Fused fused_prompt() { return fused(plain<Prompt>()); }
Fused fused_tree() { return fused(tree()); }
Fused fused_tnd() { return fused(tnd()); }
Fused fused_lse() { return fused(with_lse<Prompt>()); }
Fused fused_bytes() { return fused(bytes()); }

const std::array kFused{
    Row<Fused>{"sparse_mode -1", fused_prompt, [](Fused& f) { f.call.sparse_mode = -1; }, Code::sparse_mode_unknown, -1,
               0},
    Row<Fused>{"sparse_mode 10", fused_prompt, [](Fused& f) { f.call.sparse_mode = 10; }, Code::sparse_mode_unknown, 10,
               9},
    Row<Fused>{"sparse_mode 5", fused_prompt, [](Fused& f) { f.call.sparse_mode = 5; },
               Code::sparse_mode_not_for_operator, 5, 4},
    Row<Fused>{"sparse_mode 8", one_fused_row, [](Fused& f) { f.call.sparse_mode = 8; },
               Code::sparse_mode_not_for_operator, 8, 4},
    Row<Fused>{"mode 3 of one row without a mask", one_fused_row, [](Fused& f) { f.call.sparse_mode = 3; },
               Code::mask_missing, 0, 1},
    Row<Fused>{"mode 3 of one row with a row's mask", one_fused_row,
               [](Fused& f) {
                 f.call.sparse_mode = 3;
                 f.call.atten_mask = {f.memory.take(16), DType::u8, {2, 8}};
               },
               Code::mask_not_compressed, 2, 2048},
    Row<Fused>{"layout SBH", fused_prompt, [](Fused& f) { f.call.input_layout = "SBH"; },
               Code::layout_not_for_operator},
    Row<Fused>{"lse wanted and absent", fused_lse, [](Fused& f) { f.call.softmax_lse = {}; }, Code::null_stats, 0, 1},
    Row<Fused>{"lse of another shape", fused_lse, [](Fused& f) { f.call.softmax_lse.shape.extent[3] = 8; },
               Code::stats_shape_mismatch, 8, 1},
    Row<Fused>{"dequant_scale1 of a float query", one_fused_row,
               [](Fused& f) { f.call.dequant_scale1 = ones(DType::f32, {1}); }, Code::int8_scale_unexpected, 2, 4},
    Row<Fused>{"an int8 query without dequant_scale2", fused_bytes, [](Fused& f) { f.call.dequant_scale2 = {}; },
               Code::int8_scale_missing, 0, 1},
    Row<Fused>{"inner_precise 4", one_fused_row, [](Fused& f) { f.call.inner_precise = 4; }, Code::inner_precise_range,
               4, 3},
    Row<Fused>{"a kv length beyond S", one_fused_row, [](Fused& f) { f.kv_lens = {9}; }, Code::length_range, 9, 8},
    Row<Fused>{"TND without lists", fused_tnd, [](Fused& f) { f.q_lens = {}; }, Code::sequence_lists_missing, 0, 1},
    Row<Fused>{"no tree", fused_tree, [](Fused& f) { f.call.atten_mask = {}; }, Code::draft_tree_missing, 0, 1},
    Row<Fused>{"a tree of rank 4", fused_tree,
               [](Fused& f) {
                 f.call.atten_mask.shape = {2, 1, 3, 3};
               },
               Code::draft_tree_shape, 4, 3},
    Row<Fused>{"a tree of float16", fused_tree, [](Fused& f) { f.call.atten_mask.dtype = DType::f16; },
               Code::dtype_mask, 2, 6},
    Row<Fused>{"a tree with lengths of queries", fused_tree,
               [](Fused& f) {
                 f.q_lens = {3, 3};
               },
               Code::sequence_lists_unexpected, 2, 0},
    Row<Fused>{"a tree with dequant_scale1", fused_tree,
               [](Fused& f) { f.call.dequant_scale1 = ones(DType::f32, {1}); }, Code::int8_scale_unexpected, 2, 4},
    Row<Fused>{"a tree of an int8 query", fused_bytes, [](Fused& f) { f.call.sparse_mode = 9; }, Code::dtype_query, 4,
               2},
    Row<Fused>{"a tree in TND", fused_tnd, [](Fused& f) { f.call.sparse_mode = 9; }, Code::layout_not_for_operator, 4,
               0},
    Row<Fused>{"a tree with inner_precise 2", fused_tree, [](Fused& f) { f.call.inner_precise = 2; },
               Code::inner_precise_range, 2, 1},
    Row<Fused>{"out is k", one_fused_row,
               [](Fused& f) { f.call.attention_out.data = const_cast<void*>(f.call.key.data); },
               Code::output_overlaps_input, 1, 0},
    Row<Fused>{"no workspace", one_fused_row, [](Fused& f) { f.workspace.clear(); }, Code::workspace_too_small, 0},
};
TEST(Fused, BadInput) { expect_rows(kFused); }

TEST(Fused, LseIsIgnoredWithoutItsFlag) {
  Fused f = fused_lse();
  f.call.softmax_lse_flag = false;
  f.call.softmax_lse.dtype = DType::f16;
  std::memset(f.call.softmax_lse.data, 0x5a, 4);
  EXPECT_TRUE(static_cast<bool>(f.run_alone())) << f.run_alone().rule;
  EXPECT_EQ(*static_cast<const unsigned char*>(f.call.softmax_lse.data), 0x5a);
}

// One query row has the device numbers of incre, several those of prompt.
TEST(Fused, AscendLimits) {
  const auto pages = [](index_t rows, index_t size) {
    Prompt f = dense<Prompt>({.batch = 1, .heads = 1, .kv_heads = 1, .q_len = rows, .kv_len = size, .dim = 16});
    f.call.block_table = {kTable, DType::i32, {1, 1}};
    f.call.block_size = size;
    f.kv_lens = {1};
    return fused(under_ascend(std::move(f)));
  };
  EXPECT_EQ(pages(1, 16).check().code, Code::ok);
  EXPECT_EQ(pages(1, 24).check().code, Code::limit_block_size);
  EXPECT_EQ(pages(2, 128).check().code, Code::ok);
  EXPECT_EQ(pages(2, 16).check().code, Code::limit_block_size);
}

}  // namespace
}  // namespace bad_input
