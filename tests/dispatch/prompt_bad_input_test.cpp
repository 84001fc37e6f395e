// Every documented illegal input of prompt_flash_attention has its own code, and leaves every byte as it was.
#include "dispatch/inference_limits.hpp"
#include "dispatch/inference_rows.hpp"
#include "dispatch/inference_rows_cache.hpp"
#include "dispatch/inference_rows_legal.hpp"
#include "dispatch/inference_rows_output.hpp"
#include "dispatch/inference_rows_prefix.hpp"
#include "dispatch/inference_rows_quant.hpp"
#include "dispatch/prompt_rows_int8.hpp"
#include "dispatch/prompt_rows_mask.hpp"
#include "dispatch/prompt_rows_sequence.hpp"

namespace bad_input {
namespace {

TEST(PromptBadInput, LikeIncre) { expect_rows(alike<Prompt>()); }
TEST(PromptBadInput, Pages) { expect_rows(page_rows<Prompt>()); }
TEST(PromptBadInput, Lists) { expect_rows(list_rows<Prompt>()); }
TEST(PromptBadInput, Padding) { expect_rows(padding_rows<Prompt>()); }
TEST(PromptBadInput, Prefixes) { expect_rows(prefix_rows<Prompt>()); }
TEST(PromptBadInput, Rope) { expect_rows(rope_rows<Prompt>()); }
TEST(PromptBadInput, Sinks) { expect_rows(sink_rows<Prompt>()); }
TEST(PromptBadInput, JointFactors) { expect_rows(joint_rows<Prompt>()); }
TEST(PromptBadInput, SeparateFactors) { expect_rows(separate_rows<Prompt>()); }
TEST(PromptBadInput, PostQuant) { expect_rows(post_quant_rows<Prompt>()); }
TEST(PromptBadInput, MasksModesAndTokens) { expect_rows(prompt_mask_rows()); }
TEST(PromptBadInput, QueryLengths) { expect_rows(query_length_rows()); }
TEST(PromptBadInput, Tnd) { expect_rows(tnd_rows()); }
TEST(PromptBadInput, Int8) { expect_rows(int8_rows()); }

TEST(PromptBadInput, LegalPlacesOfACache) { expect_legal_rows(legal_places<Prompt>()); }
TEST(PromptBadInput, LegalFactors) { expect_legal_rows(legal_factors<Prompt>()); }
TEST(PromptBadInput, LegalOptions) { expect_legal_rows(legal_options<Prompt>()); }
TEST(PromptBadInput, LegalMasks) { expect_legal_rows(kLegalPrompt); }
TEST(PromptBadInput, LegalSequences) { expect_legal_rows(kLegalSequences); }
TEST(PromptBadInput, LegalInt8) { expect_legal_rows(kLegalInt8); }

// The three scales share their codes; the sentence names the one.
TEST(PromptBadInput, ScalesAreNamed) {
  using Call = glint::PromptFlashAttentionCall;
  const std::pair<const char*, glint::TensorRef Call::*> scales[] = {
      {"deq_scale1", &Call::deq_scale1}, {"quant_scale1", &Call::quant_scale1}, {"deq_scale2", &Call::deq_scale2}};
  for (const auto& [name, scale] : scales) {
    Prompt missing = bytes(), zero = bytes(), unexpected = plain<Prompt>();
    missing.call.*scale = {};
    zero.call.*scale = number(0);
    unexpected.call.*scale = number(1);
    for (Prompt* f : {&missing, &zero, &unexpected})
      EXPECT_NE(std::string(f->check().rule).find(name), std::string::npos) << f->check().rule;
  }
}

// Nothing to do is legal, with whatever null pointers.
TEST(PromptBadInput, NoRowsAreLegal) {
  Prompt batch = plain<Prompt>(), rows = plain<Prompt>();
  for (glint::TensorRef* t : {&batch.call.query, &batch.call.key, &batch.call.value})
    t->shape.extent[0] = 0, t->data = nullptr;
  batch.call.attention_out.shape.extent[0] = 0, batch.call.attention_out.data = nullptr;
  rows.call.query.shape.extent[2] = rows.call.attention_out.shape.extent[2] = 0;
  rows.call.query.data = rows.call.attention_out.data = nullptr;
  for (Prompt* f : {&batch, &rows}) {
    EXPECT_TRUE(static_cast<bool>(f->check())) << f->check().rule;
    EXPECT_TRUE(static_cast<bool>(f->run_alone())) << f->run_alone().rule;
  }
}

TEST(PromptBadInput, AscendLimits) {
  expect_limits_of_both<Prompt>();
  expect_limit<Prompt>({"batch", {65536, 1, 1, 1, 1, 16}, {65537, 1, 1, 1, 1, 16}, Code::limit_batch, 65537, 65536});
  expect_limit<Prompt>({"batch of odd heads", {128, 1, 1, 1, 1, 8}, {129, 1, 1, 1, 1, 8}, Code::limit_batch, 129, 128});
  expect_limit<Prompt>(
      {"length", {1, 1, 1, 1, 20971520, 1}, {1, 1, 1, 1, 20971521, 1}, Code::limit_sequence, 20971521, 20971520});
  const auto hidden = [](index_t heads) {
    Prompt f = dense<Prompt>({.batch = 1, .heads = heads, .kv_heads = heads, .q_len = 1, .kv_len = 1, .dim = 257});
    f.call.input_layout = "BSH";
    f.call.num_key_value_heads = 0;
    f.call.query.shape = f.call.attention_out.shape = f.call.key.shape = f.call.value.shape = {1, 1, heads * 257};
    return under_ascend(f);
  };
  expect_limit_between(hidden(254), hidden(255), {Code::limit_hidden_size, 65535, 65534}, "hidden size");
}

TEST(PromptBadInput, AscendPages) {
  expect_limits_of_pages<Prompt>(128);
  for (const DType cache : {DType::f16, DType::i8, DType::i4}) {
    const auto pages = [cache](index_t size) { return strict_pages<Prompt>(size, cache); };
    expect_limit_between(pages(128), pages(64), {Code::limit_block_size, 64, 128}, "multiple");
    expect_limit_between(pages(512), pages(640), {Code::limit_block_size, 640, 512}, "size");
  }
}

TEST(PromptBadInput, AscendSequences) {
  const auto sequences = [](index_t count) {
    Prompt f = tnd();
    f.q_lens.assign(static_cast<std::size_t>(count), 6);
    f.kv_lens.assign(static_cast<std::size_t>(count), 8);
    return under_ascend(f);
  };
  expect_limit_between(sequences(4096), sequences(4097), {Code::limit_sequence_count, 4097, 4096}, "sequences");

  const auto rows = [](index_t count) {
    Prompt f = dense<Prompt>({.batch = 1, .heads = 1, .kv_heads = 1, .q_len = count, .kv_len = 1, .dim = 1});
    f.call.input_layout = "TND";
    f.call.query.shape = f.call.attention_out.shape = {count, 1, 1};
    f.call.key.shape = f.call.value.shape = {1, 1, 1};
    f.q_lens = {count}, f.kv_lens = {1};
    return under_ascend(f);
  };
  expect_limit_between(rows(1048576), rows(1048577), {Code::limit_sequence, 1048577, 1048576}, "rows");

  const auto ends = [](index_t q, index_t kv) {
    Prompt f = tnd();
    f.q_lens = {2, q}, f.kv_lens = {3, kv};
    return under_ascend(f);
  };
  expect_limit_between(ends(6, 8), ends(5, 8), {Code::limit_sequence_total, 5, 6}, "rows without a sequence");
  expect_limit_between(ends(6, 8), ends(6, 7), {Code::limit_sequence_total, 7, 8}, "keys without a sequence");

  Prompt prefixed_tnd = under_ascend(tnd());
  prefixed_tnd.call.key_shared_prefix =
      prefixed_tnd.call.value_shared_prefix = {prefixed_tnd.memory.take(192), DType::f16, {3, 2, 16}};
  expect_limit_between(under_ascend(tnd()), prefixed_tnd, {Code::limit_combination, 1, 0}, "prefix");
}

Prompt quantized_band(index_t pre, index_t next, int mode = 4) {
  Prompt f = mode == 0 ? masked<Prompt>() : in_mode(mode);
  f.call.pre_tokens = pre, f.call.next_tokens = next;
  f.call.attention_out.dtype = DType::i8;
  f.call.quant_scale2 = ones(DType::f32, {1});
  return under_ascend(f);
}
Prompt with_offset(Prompt f) {
  f.call.quant_offset2 = ones(DType::f32, {1});
  return f;
}

// The device's int8 output knows no rows without keys (operators 2.1); the library gives them quant(0).
TEST(PromptBadInput, AscendInt8Output) {
  expect_limit_between(quantized_band(0, 0), quantized_band(-1, 3), {Code::limit_combination, -1, 0}, "pre");
  expect_limit_between(quantized_band(0, 0), quantized_band(3, -1), {Code::limit_combination, -1, 0}, "next");

  const auto short_keys = [](Prompt f, index_t keys) {
    f.kv_lens = {8, keys};
    return f;
  };
  const auto band = [](index_t next) { return with_offset(quantized_band(8, next)); };
  expect_limit_between(short_keys(band(3), 3), short_keys(band(2), 3), {Code::limit_combination, 3, 6}, "band");
  const Prompt causal = with_offset(quantized_band(0, 0, 3));
  expect_limit_between(short_keys(causal, 6), short_keys(causal, 5), {Code::limit_combination, 5, 6}, "causal");
  expect_limit_between(short_keys(quantized_band(0, 0, 3), 5), short_keys(causal, 5), {Code::limit_combination, 5, 6},
                       "an offset");
  const auto mode_0 = [](index_t pre, index_t next) { return with_offset(quantized_band(pre, next, 0)); };
  expect_limit_between(short_keys(mode_0(1, 0), 5), short_keys(mode_0(0, 0), 5), {Code::limit_combination, 5, 6},
                       "rows below the band");
  expect_limit_between(mode_0(8, 0), mode_0(8, -1), {Code::limit_combination, 8, 6}, "rows above the band");
}

TEST(PromptBadInput, AscendHeadSizes) {
  const auto of_size = [](index_t dim, DType dtype) { return under_ascend(dense<Prompt>({.dim = dim}, dtype)); };
  expect_limit_between(of_size(16, DType::bf16), of_size(8, DType::bf16), {Code::limit_combination, 8, 16}, "bfloat16");
  EXPECT_TRUE(static_cast<bool>(of_size(8, DType::f16).check()));
  const auto by_channel_of = [](index_t dim) {
    Prompt f = dense<Prompt>({.dim = dim});
    f.call.attention_out.dtype = DType::i8;
    f.call.quant_scale2 = ones(DType::f32, {4, dim});
    return under_ascend(f);
  };
  expect_limit_between(by_channel_of(16), by_channel_of(24), {Code::limit_combination, 24, 32}, "channels");
}

}  // namespace
}  // namespace bad_input
