// What kv_append leaves is what incre_flash_attention reads: decode on an appended integer cache is decode on the
// numbers that its integers and factors stand for.
#include <gtest/gtest.h>

#include "glint/ops/incre_flash_attention.hpp"
#include "support/kv_append_case.hpp"

namespace glint_test {
namespace {

using glint::AntiquantMode;
using glint::AppendFactors;
using glint::int4x2;
using glint::Layout;
using glint::Status;
using Factors = std::vector<float>;

template <class LayoutTag, class Stored>
void expect_same_decode(const Form& form, AntiquantMode mode) {
  AppendShape shape{.value_dim = 6};
  shape.lengths = {0, 0, 0}, shape.new_rows = {5, 2, 4};
  AppendCase<float, Stored> c(form, shape, 9);
  const bool given = mode == AntiquantMode::per_channel || mode == AntiquantMode::per_head;
  const index_t tokens = form.paged() ? c.blocks * form.block_size : c.s.batch * c.s.room;
  Factors scales[2], offsets(12, 0.5F);
  for (int t : {0, 1}) {
    scales[t].assign(size(tokens * c.s.heads + 12), 1);
    for (std::size_t i = 0; given && i < 12; ++i)
      scales[t][i] = 1 + 0.125F * static_cast<float>(i) + static_cast<float>(t);
  }
  const auto factors = [&](int t) {
    AppendFactors f{.mode = mode, .columns = c.s.room};
    if (given) f.scale = scales[t].data(), f.offset = offsets.data();
    if (!given) f.chosen = scales[t].data();
    return f;
  };
  Status status = c.run(factors(0), factors(1));
  ASSERT_TRUE(static_cast<bool>(status)) << form.name() << ": " << status.rule;

  // The same caches in float, by the formula of decode.
  std::vector<float> numbers[2];
  for (int t : {0, 1}) {
    numbers[t].resize(c.cache[t].size() * size(c.kNumbers));
    c.each_new([&](index_t b, index_t h, index_t i) {
      for (index_t d = 0; d < 6; ++d) {
        const index_t f = mode == AntiquantMode::per_channel ? h * 6 + d
                          : given                            ? h
                                                             : c.factor_place(mode, c.s.room, b, h, i);
        const index_t place = c.cache_place(t, b, h, i, d);
        const float x = static_cast<float>(c.code(t, place)) + (given ? 0.5F : 0);
        numbers[t][size(place)] = x * scales[t][size(f)];
      }
    });
  }

  std::vector<float> q(3 * 4 * 6), out[2] = {q, q};
  for (std::size_t i = 0; i < q.size(); ++i) q[i] = 0.1F * static_cast<float>(i % 7) - 0.3F;
  const auto decode = [&](auto element, const auto* k, const auto* v, float* to, bool integers) {
    using Cached = decltype(element);
    const auto run = [&](auto p) {
      p.q = q.data(), p.kv.k = k, p.kv.v = v, p.out = to;
      p.shape = {.batch = 3, .heads = 4, .kv_heads = 2, .q_len = 1, .kv_len = c.s.room, .head_dim = 6};
      p.kv_lens = c.s.new_rows, p.scale = 0.4F, p.inner_precise = 0;
      if (integers) p.k_antiquant = factors(0).antiquant(), p.v_antiquant = factors(1).antiquant();
      return p;
    };
    if (!form.paged())
      return glint::IncreFlashAttention<LayoutTag, float, glint::kv::Contiguous<Cached>>{}(
          run(glint::IncreProblem<float, glint::kv::Contiguous<Cached>>{}));
    auto p = run(glint::IncreProblem<float, glint::kv::Paged<Cached>>{});
    p.kv.block_table = c.table.data(), p.kv.max_blocks = c.max_blocks, p.kv.block_size = form.block_size;
    p.kv.blocks = c.blocks, p.kv.pages = form.pages;
    return glint::IncreFlashAttention<LayoutTag, float, glint::kv::Paged<Cached>>{}(p);
  };
  status = decode(Stored{}, c.data(0), c.data(1), out[0].data(), true);
  ASSERT_TRUE(static_cast<bool>(status)) << form.name() << ": " << status.rule;
  status = decode(float{}, numbers[0].data(), numbers[1].data(), out[1].data(), false);
  ASSERT_TRUE(static_cast<bool>(status)) << form.name() << ": " << status.rule;
  for (std::size_t i = 0; i < q.size(); ++i) EXPECT_NEAR(out[0][i], out[1][i], 1e-4) << form.name() << " " << i;
}

template <class LayoutTag, class Stored>
void expect_same_decode() {
  for (const Form& form : all_forms()) {
    if (form.layout != LayoutTag::kind) continue;
    expect_same_decode<LayoutTag, Stored>(form, AntiquantMode::per_channel);
    expect_same_decode<LayoutTag, Stored>(form, AntiquantMode::per_head);
    expect_same_decode<LayoutTag, Stored>(form,
                                          form.paged() ? AntiquantMode::per_token_paged : AntiquantMode::per_token);
    expect_same_decode<LayoutTag, Stored>(
        form, form.paged() ? AntiquantMode::per_token_head_paged : AntiquantMode::per_token_head);
  }
}

TEST(KvAppendDecode, Int8) {
  expect_same_decode<glint::layout::BSND, std::int8_t>();
  expect_same_decode<glint::layout::BNSD, std::int8_t>();
}

TEST(KvAppendDecode, Int4) {
  expect_same_decode<glint::layout::BSH, int4x2>();
  expect_same_decode<glint::layout::BNSD, int4x2>();
}

}  // namespace
}  // namespace glint_test
