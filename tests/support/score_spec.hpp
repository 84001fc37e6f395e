// flash_attention_score through its run-time door, for a problem in logical order.
#pragma once

#include "glint/dispatch/flash_attention_score.hpp"
#include "support/metamorphic.hpp"

namespace metamorphic {

struct MaskValues {
  index_t batch = 1, heads = 1;
  std::vector<std::uint8_t> drop;  // [batch][heads][S1][S2]
};

struct ScoreSpec {
  DType dtype = DType::f32;
  std::string layout = "BNSD";
  index_t batch = 1, heads = 1, kv_heads = 1, q_len = 1, kv_len = 1, dim = 1, value_dim = 0;
  std::vector<float> q, k, v;
  double scale = 1, q_scale = 1;
  int sparse_mode = 0;
  int inner_precise = 1;    // high performance, which is another kernel for bfloat16
  bool compressed = false;  // stands for the 2048 x 2048 mask
  MaskValues mask;
  index_t pre = kAll, next = kAll;
  std::vector<index_t> prefix;
  glint::Extents pse_shape;
  std::vector<float> pse;
  int pse_type = 1;
  double keep_prob = 1;
  std::vector<std::uint8_t> keep_bits;
  std::vector<index_t> q_ends, kv_ends;  // TND; empty: every sequence has q_len and kv_len rows
  index_t stats_repeat = 1;

  Grid q_grid() const { return {batch, heads, q_len, dim}; }
  Grid k_grid() const { return {batch, kv_heads, kv_len, dim}; }
  Grid v_grid() const { return {batch, kv_heads, kv_len, value_dim == 0 ? dim : value_dim}; }
  Grid out_grid() const { return {batch, heads, q_len, value_dim == 0 ? dim : value_dim}; }
  index_t scores() const { return batch * heads * q_len * kv_len; }

  // Random q, k, v with scores of order 1.
  ScoreSpec& draw(unsigned seed = 1) {
    q = gaussian(q_grid().count(), dtype, seed);
    k = gaussian(k_grid().count(), dtype, seed + 1);
    v = gaussian(v_grid().count(), dtype, seed + 2);
    scale = 1 / std::sqrt(static_cast<double>(dim));
    return *this;
  }
  Contract contract() const {
    const float dots = largest(q) * largest(k) * static_cast<float>(std::abs(scale) * static_cast<double>(dim));
    return {dtype, largest(v), dots + largest(pse)};
  }
};

template <class Executor = TestExecutor>
Result run(const ScoreSpec& s, const Executor& executor = Executor()) {
  const bool ragged = s.layout == "TND";
  const Buffer q = packed(s.q_grid(), s.layout, s.dtype, s.q), k = packed(s.k_grid(), s.layout, s.dtype, s.k);
  const Buffer v = packed(s.v_grid(), s.layout, s.dtype, s.v);
  Buffer out(s.dtype, s.out_grid().count());
  const index_t rows = s.batch * s.heads * s.q_len;
  std::vector<float> max(size(rows), kNan), sum(size(rows), kNan);
  const DType pse_dtype = s.pse_type >= 2 ? DType::f32 : s.dtype;
  Buffer pse(pse_dtype, static_cast<index_t>(s.pse.size()));
  for (index_t i = 0; i < pse.count(); ++i) pse.set(i, s.pse[size(i)]);
  std::vector<index_t> q_ends = s.q_ends, kv_ends = s.kv_ends;
  for (index_t b = 1; ragged && s.q_ends.empty() && b <= s.batch; ++b)
    q_ends.push_back(b * s.q_len), kv_ends.push_back(b * s.kv_len);

  glint::FlashAttentionScoreCall call;
  const auto shape = [&](const Grid& grid) { return grid.shape<glint::Extents>(s.layout); };
  call.query = {q.data(), s.dtype, shape(s.q_grid())};
  call.key = {k.data(), s.dtype, shape(s.k_grid())};
  call.value = {v.data(), s.dtype, shape(s.v_grid())};
  call.attention_out = {out.data(), s.dtype, shape(s.out_grid())};
  call.head_num = s.heads;
  call.input_layout = s.layout;
  call.scale_value = s.scale;
  call.q_scale = s.q_scale;
  call.sparse_mode = s.sparse_mode;
  call.inner_precise = s.inner_precise;
  call.attn_mask_compressed = s.compressed;
  if (!s.mask.drop.empty())
    call.attn_mask = {s.mask.drop.data(), DType::u8, {s.mask.batch, s.mask.heads, s.q_len, s.kv_len}};
  call.pre_tokens = s.pre;
  call.next_tokens = s.next;
  call.prefix = s.prefix;
  if (pse.count() > 0) call.real_shift = {pse.data(), pse_dtype, s.pse_shape};
  call.pse_type = s.pse_type;
  call.keep_prob = s.keep_prob;
  if (!s.keep_bits.empty())
    call.drop_mask = {s.keep_bits.data(), DType::u8, {static_cast<index_t>(s.keep_bits.size())}};
  call.actual_seq_qlen = q_ends;
  call.actual_seq_kvlen = kv_ends;
  const glint::Extents stats =
      ragged ? glint::Extents{s.batch * s.q_len, s.heads} : glint::Extents{s.batch, s.heads, s.q_len};
  call.softmax_layout = ragged ? "TND" : "";
  call.softmax_max = {max.data(), DType::f32, stats};
  call.softmax_sum = {sum.data(), DType::f32, stats};

  const glint::Status status = glint::flash_attention_score(call, executor);
  EXPECT_TRUE(static_cast<bool>(status)) << status.rule << " got " << status.got << " want " << status.want;
  Result result{unpacked(s.out_grid(), s.layout, out), max, sum, {}};
  if (ragged) {  // [T][N] to [B][N][S]
    index_t to = 0;
    s.q_grid().rows_of([&](index_t b, index_t n, index_t i) {
      const index_t from = (b * s.q_len + i) * s.heads + n;
      result.max[size(to)] = max[size(from)];
      result.sum[size(to++)] = sum[size(from)];
    });
  }
  return result;
}

}  // namespace metamorphic
