// Every documented illegal input of incre_flash_attention beyond those that it shares with prompt_flash_attention:
// pages, lists, padding, prefixes, factors, drafts, and the device's limits of them.
#include "dispatch/incre_rows_cache.hpp"
#include "dispatch/incre_rows_legal.hpp"
#include "dispatch/incre_rows_output.hpp"
#include "dispatch/incre_rows_prefix.hpp"
#include "dispatch/incre_rows_quant.hpp"

namespace bad_input {
namespace {

TEST(IncreBadInput, Pages) { expect_rows(kPages); }
TEST(IncreBadInput, Lists) { expect_rows(kLists); }
TEST(IncreBadInput, Padding) { expect_rows(kPaddingRows); }
TEST(IncreBadInput, Prefixes) { expect_rows(kPrefixes); }
TEST(IncreBadInput, Rope) { expect_rows(kRope); }
TEST(IncreBadInput, MasksDraftsAndSinks) { expect_rows(kMasksAndSinks); }
TEST(IncreBadInput, JointFactors) { expect_rows(kJoint); }
TEST(IncreBadInput, SeparateFactors) { expect_rows(kSeparate); }
TEST(IncreBadInput, PostQuant) { expect_rows(kPostQuant); }

TEST(IncreBadInput, LegalPlacesOfACache) { expect_legal_rows(kLegalPlaces); }
TEST(IncreBadInput, LegalFactors) { expect_legal_rows(kLegalFactors); }
TEST(IncreBadInput, LegalOptions) { expect_legal_rows(kLegalOptions); }

// Nothing to do is legal, with whatever null pointers.
TEST(IncreBadInput, NoBatchIsLegal) {
  for (Incre (*const make)() : {&plain<Incre>, &paged}) {
    Incre f = make();
    f.kv_lens = {};
    for (glint::TensorRef* t : {&f.call.query, &f.call.block_table})
      if (t->present()) t->shape.extent[0] = 0, t->data = nullptr;
    if (!f.call.block_table.present()) f.call.key.shape.extent[0] = f.call.value.shape.extent[0] = 0;
    f.call.key.data = f.call.value.data = nullptr;
    f.call.attention_out.shape.extent[0] = 0, f.call.attention_out.data = nullptr;
    if (f.call.block_table.present()) f.call.key.shape.extent[0] = f.call.value.shape.extent[0] = 0;
    EXPECT_TRUE(static_cast<bool>(f.check())) << f.check().rule;
    EXPECT_TRUE(static_cast<bool>(f.run_alone())) << f.run_alone().rule;
  }
}

// One page of `size` rows for each entry, of which one is used.
Incre strict_pages(index_t size, DType cache, index_t width = 16) {
  Incre f = sized({.batch = 1, .heads = 1, .kv_heads = 1, .q_len = 1, .kv_len = size, .dim = width}, DType::f16, cache);
  f.call.key.shape = f.call.value.shape = {1, 1, size, width};
  f.call.block_table = {kTable, DType::i32, {1, 1}};
  f.call.block_size = size;
  f.kv_lens = {1};
  if (cache != DType::f16) f.call.key_antiquant_scale = f.call.value_antiquant_scale = ones(DType::f32, {1, width});
  return under_ascend(f);
}

void expect_limit_between(Incre at, Incre beyond, const Expected& expected, const char* name) {
  EXPECT_TRUE(static_cast<bool>(at.check())) << name << ": " << at.check().rule;
  expect_refusal(beyond.check(), expected, name);
  expect_refusal(beyond.run_alone(), expected, name);
  beyond.call.limits = glint::Limits::none;
  EXPECT_TRUE(static_cast<bool>(beyond.check())) << name << ": not a limit of the library";
}

TEST(IncreBadInput, AscendBlockSizes) {
  for (const index_t multiple : {16, 32, 64}) {
    const DType cache = multiple == 16 ? DType::f16 : multiple == 32 ? DType::i8 : DType::i4;
    expect_limit_between(strict_pages(multiple, cache), strict_pages(multiple * 3 / 2, cache),
                         {Code::limit_block_size, multiple * 3 / 2, multiple}, "multiple");
    expect_limit_between(strict_pages(512, cache), strict_pages(576, cache), {Code::limit_block_size, 576, 512},
                         "size");
  }
}

TEST(IncreBadInput, AscendPages) {
  static const std::vector<std::int32_t> wide(16385, 0);
  const auto columns = [](index_t count) {
    Incre f = strict_pages(16, DType::f16);
    f.call.block_table = {wide.data(), DType::i32, {1, count}};
    return f;
  };
  expect_limit_between(columns(16384), columns(16385), {Code::limit_block_columns, 16385, 16384}, "columns");

  const auto wide_pages = [](index_t heads) {  // heads of 257 numbers: 255 make 65535
    Incre f = dense<Incre>({.batch = 1, .heads = heads, .kv_heads = heads, .q_len = 1, .kv_len = 16, .dim = 257});
    f.call.key.shape = f.call.value.shape = {1, 16, heads * 257};
    f.call.block_table = {kTable, DType::i32, {1, 1}};
    f.call.block_size = 16;
    f.kv_lens = {1};
    return under_ascend(f);
  };
  expect_limit_between(wide_pages(255), wide_pages(256), {Code::limit_page_width, 65792, 65535}, "width");
  Incre head_major = wide_pages(256);
  head_major.call.key.shape = head_major.call.value.shape = {1, 256, 16, 257};
  EXPECT_TRUE(static_cast<bool>(head_major.check())) << head_major.check().rule;

  const auto masked_pages = [](index_t count) {
    Incre f = strict_pages(16, DType::f16);
    f.call.attn_mask = {f.memory.take(16), DType::u8, {1, count}};
    return f;
  };
  expect_limit_between(masked_pages(16), masked_pages(15), {Code::limit_mask_columns, 15, 16}, "mask");
  const auto biased_pages = [](index_t count) {
    Incre f = strict_pages(16, DType::f16);
    f.call.pse_shift = {f.memory.take(32), DType::f16, {1, 1, 1, count}};
    return f;
  };
  expect_limit_between(biased_pages(16), biased_pages(15), {Code::limit_mask_columns, 15, 16}, "pse_shift");
}

TEST(IncreBadInput, AscendRest) {
  const auto biased_heads = [](index_t dim) {
    Incre f = dense<Incre>({.q_len = 1, .dim = dim});
    f.call.pse_shift = {f.memory.take(128), DType::f16, {2, 4, 1, 8}};
    return under_ascend(f);
  };
  expect_limit_between(biased_heads(16), biased_heads(8), {Code::limit_pse_head_dim, 8, 16}, "pse_shift and D");

  const auto of_type = [](DType dtype) { return under_ascend(dense<Incre>(kOneRow, dtype)); };
  expect_limit_between(of_type(DType::bf16), of_type(DType::f32), {Code::limit_dtype, 1, 2}, "float32");

  const auto listed = [](index_t batch) {
    Incre f = dense<Incre>({.batch = batch, .heads = 1, .kv_heads = 1, .q_len = 1, .kv_len = 1, .dim = 1});
    const glint::TensorRef entry{f.call.key.data, DType::f16, {1, 1, 1, 1}};
    f.keys.assign(static_cast<std::size_t>(batch), entry);
    f.values = f.keys;
    f.call.key = f.call.value = {};
    return under_ascend(f);
  };
  expect_limit_between(listed(256), listed(257), {Code::limit_batch, 257, 256}, "list");

  const auto with_prefix = [](index_t rows) {
    Incre f = dense<Incre>({.batch = 1, .heads = 1, .kv_heads = 1, .q_len = 1, .kv_len = 262143, .dim = 1});
    f.call.key_shared_prefix = f.call.value_shared_prefix = {f.memory.take(4), DType::f16, {1, 1, rows, 1}};
    return under_ascend(f);
  };
  expect_limit_between(with_prefix(1), with_prefix(2), {Code::limit_sequence, 262145, 262144}, "prefix");
}

}  // namespace
}  // namespace bad_input
