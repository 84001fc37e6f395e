// Every documented illegal input of incre_flash_attention has its own code, and leaves every byte as it was.
#include "dispatch/incre_rows.hpp"
#include "dispatch/inference_limits.hpp"
#include "dispatch/inference_rows.hpp"
#include "dispatch/inference_rows_cache.hpp"
#include "dispatch/inference_rows_legal.hpp"
#include "dispatch/inference_rows_output.hpp"
#include "dispatch/inference_rows_prefix.hpp"
#include "dispatch/inference_rows_quant.hpp"

namespace bad_input {
namespace {

TEST(IncreBadInput, LikePrompt) { expect_rows(alike<Incre>()); }
TEST(IncreBadInput, Pages) { expect_rows(page_rows<Incre>()); }
TEST(IncreBadInput, Lists) { expect_rows(list_rows<Incre>()); }
TEST(IncreBadInput, Padding) { expect_rows(padding_rows<Incre>()); }
TEST(IncreBadInput, Prefixes) { expect_rows(prefix_rows<Incre>()); }
TEST(IncreBadInput, Rope) { expect_rows(rope_rows<Incre>()); }
TEST(IncreBadInput, Sinks) { expect_rows(sink_rows<Incre>()); }
TEST(IncreBadInput, JointFactors) { expect_rows(joint_rows<Incre>()); }
TEST(IncreBadInput, SeparateFactors) { expect_rows(separate_rows<Incre>()); }
TEST(IncreBadInput, PostQuant) { expect_rows(post_quant_rows<Incre>()); }
TEST(IncreBadInput, ModesAndDrafts) { expect_rows(incre_mode_rows()); }
TEST(IncreBadInput, OnlyIncre) { expect_rows(incre_option_rows()); }

TEST(IncreBadInput, LegalPlacesOfACache) { expect_legal_rows(legal_places<Incre>()); }
TEST(IncreBadInput, LegalFactors) { expect_legal_rows(legal_factors<Incre>()); }
TEST(IncreBadInput, LegalOptions) { expect_legal_rows(legal_options<Incre>()); }
TEST(IncreBadInput, LegalForIncre) { expect_legal_rows(kLegalIncre); }

// Nothing to do is legal, with whatever null pointers.
TEST(IncreBadInput, NoBatchIsLegal) {
  for (Incre (*const make)() : {&plain<Incre>, &paged<Incre>}) {
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

TEST(IncreBadInput, AscendLimits) {
  expect_limits_of_both<Incre>();
  expect_limit<Incre>({"batch", {65535, 1, 1, 1, 1, 1}, {65536, 1, 1, 1, 1, 1}, Code::limit_batch, 65536, 65535});
  expect_limit<Incre>(
      {"length", {1, 1, 1, 1, 262144, 1}, {1, 1, 1, 1, 262145, 1}, Code::limit_sequence, 262145, 262144});
}

TEST(IncreBadInput, AscendPages) {
  expect_limits_of_pages<Incre>(16);
  for (const index_t multiple : {16, 32, 64}) {
    const DType cache = multiple == 16 ? DType::f16 : multiple == 32 ? DType::i8 : DType::i4;
    const auto pages = [cache](index_t size) { return strict_pages<Incre>(size, cache); };
    expect_limit_between(pages(multiple), pages(multiple * 3 / 2), {Code::limit_block_size, multiple * 3 / 2, multiple},
                         "multiple");
    expect_limit_between(pages(512), pages(576), {Code::limit_block_size, 576, 512}, "size");
  }
}

TEST(IncreBadInput, AscendRest) {
  const auto biased_heads = [](index_t dim) {
    Incre f = dense<Incre>({.q_len = 1, .dim = dim});
    f.call.pse_shift = {f.memory.take(128), DType::f16, {2, 4, 1, 8}};
    return under_ascend(f);
  };
  expect_limit_between(biased_heads(16), biased_heads(8), {Code::limit_pse_head_dim, 8, 16}, "pse_shift and D");

  const auto with_prefix = [](index_t rows) {
    Incre f = dense<Incre>({.batch = 1, .heads = 1, .kv_heads = 1, .q_len = 1, .kv_len = 262143, .dim = 1});
    f.call.key_shared_prefix = f.call.value_shared_prefix = {f.memory.take(4), DType::f16, {1, 1, rows, 1}};
    return under_ascend(f);
  };
  expect_limit_between(with_prefix(1), with_prefix(2), {Code::limit_sequence, 262145, 262144}, "prefix");
}

}  // namespace
}  // namespace bad_input
