// An inference case as the oracle is asked it.
#pragma once

#include "glint/policy/recipe.hpp"
#include "support/inference_factors.hpp"

namespace glint_test {

namespace detail {

// Head by head, the numbers of one tensor and then those of the other.
inline Array joined(const Operand& left, const Operand& right) {
  Extent wide = left.extent;
  wide.width += right.extent.width;
  Operand both(DType::f32, wide, left.layout, 0);
  for (index_t b = 0; b < wide.batch; ++b)
    for (index_t n = 0; n < wide.heads; ++n)
      for (index_t i = 0; i < wide.rows; ++i)
        for (index_t d = 0; d < wide.width; ++d)
          both.set(both.row(b, n, i) + d, d < left.extent.width
                                              ? left.numbers.flat(left.row(b, n, i) + d)
                                              : right.numbers.flat(right.row(b, n, i) + d - left.extent.width));
  return both.numbers;
}

// The oracle knows no rope beside a prefix or in lists: there it is asked with the rows joined, which is the
// definition.
inline void ask_cache(const InferenceCase& c, const InferenceData& data, AttentionCase& spec) {
  const bool join = c.rope > 0 && (c.prefix > 0 || c.form == kList);
  spec.query = join ? joined(data.q, data.q_rope) : data.q.numbers;
  if (!join) spec.query_rope = data.q_rope.numbers;
  if (c.form == kList) {
    for (std::size_t t = 0; t < data.k.size(); ++t)
      spec.key_list.push_back(join ? joined(data.k[t], data.k_rope[t]) : data.k[t].numbers);
    for (const Operand& v : data.v) spec.value_list.push_back(v.numbers);
  } else {
    spec.key = join ? joined(data.k[0], data.k_rope[0]) : data.k[0].numbers;
    spec.value = data.v[0].numbers;
  }
  if (c.rope > 0 && !join) spec.key_rope = data.k_rope[0].numbers;
  if (c.prefix > 0) {
    spec.key_shared_prefix = join ? joined(data.prefix_k, data.prefix_k_rope) : data.prefix_k.numbers;
    spec.value_shared_prefix = data.prefix_v.numbers;
    if (c.prefix_length >= 0) spec.actual_shared_prefix_len = c.prefix_length;
  }
  spec.actual_seq_kvlen = data.lists.lens;
  if (c.form == kLeftPadded) spec.kv_padding_size = c.padding;
  if (c.form != kPaged) return;
  spec.paging.block_size = c.block_size;
  spec.paging.block_table = {{c.batch, data.lists.max_blocks}, {data.table.begin(), data.table.end()}};
}

// One mask for the oracle: attn_mask, the draft's own rule, or where there are both, what they leave.
inline void ask_mask(const InferenceCase& c, const InferenceData& data, AttentionCase& spec) {
  spec.op = c.op == kPrompt ? glint::reference::Operator::prompt : glint::reference::Operator::incre;
  spec.sparse_mode = static_cast<int>(c.mode);
  spec.pre_tokens = c.pre, spec.next_tokens = c.next;
  spec.implied_mask = c.mode >= 2;
  if (c.draft == kDraftNone && c.mask != kUnmasked)
    spec.attn_mask = {{data.mask_batch, 1, data.mask_rows, data.lists.columns}, data.mask};
  if (c.draft == kDraftNone) return;
  if (c.mask != kUnmasked) {
    spec.attn_mask = {{c.batch, 1, c.q_len, data.lists.columns}, data.seen};
    for (std::uint8_t& drop : spec.attn_mask.data) drop = drop == 0 ? 1 : 0;
  } else if (c.draft == kDraftTree) {
    spec.sparse_mode = 9;
    spec.attn_mask = {{data.tree_batch, c.q_len, c.q_len}, data.tree};
  } else {
    spec.op = glint::reference::Operator::prompt;
    spec.sparse_mode = 3;
    spec.implied_mask = true;
  }
}

inline void ask_factors(const InferenceCase& c, const InferenceData& data, AttentionCase& spec) {
  const auto factors = [](index_t mode, const Operand& scale, const Operand& offset) {
    return glint::reference::Antiquant{static_cast<int>(mode), scale.numbers, offset.numbers};
  };
  (c.joint != 0 ? spec.antiquant : spec.key_antiquant) = factors(c.k_mode, data.k_scale, data.k_offset);
  spec.value_antiquant = factors(c.v_mode, data.v_scale, data.v_offset);
  spec.int8.quant_scale2 = data.post_scale.numbers;
  spec.int8.quant_offset2 = data.post_offset.numbers;
  if (c.query != kInt8) return;
  const auto one = [](float value) { return Array({1}, {static_cast<double>(value)}); };
  spec.int8.dequant_scale1 = one(data.dequant1);
  spec.int8.quant_scale1 = one(data.quant1);
  spec.int8.dequant_scale2 = one(data.dequant2);
  spec.int8.key_block = glint::recipe::BuiltIn::tile<std::int8_t>::columns;
}

}  // namespace detail

// The question for these data.
inline AttentionCase question_of(const InferenceCase& c, const InferenceData& data) {
  AttentionCase spec;
  spec.layout = c.turned != 0 ? "BNSD_BSND" : c.layout_name();
  spec.head_num = c.heads();
  spec.kv_head_num = c.kv_heads;
  spec.scale = static_cast<double>(data.scale);
  detail::ask_cache(c, data, spec);
  detail::ask_mask(c, data, spec);
  spec.actual_seq_qlen = data.lists.q_lens;
  if (c.pad_queries != 0) spec.query_padding_size = c.q_padding;
  spec.pse = data.pse.numbers;
  spec.sink = data.sink.numbers;
  detail::ask_factors(c, data, spec);
  return spec;
}

inline InferenceData inference_data_of(const InferenceCase& c) {
  InferenceData data;
  data.lists = inference_lists(c);
  data.scale = scale_of(c, c.dim + c.rope);
  if (c.form == kPaged) detail::fill_table(c, data);
  detail::fill_cache(c, data);
  detail::fill_queries(c, data);
  detail::fill_masks(c, data);
  detail::widen_mask(c, data);
  detail::fill_seen(c, data);
  detail::spoil_queries(c, data);
  detail::fill_pse(c, data);
  detail::spoil_cache(c, data);
  detail::fill_factors(c, data);
  detail::spoil_partly_seen(c, data);
  detail::fill_int8_scales(c, data);
  detail::fill_post_quant(c, data);
  detail::fill_sink(c, data);
  data.spec = question_of(c, data);
  return data;
}

}  // namespace glint_test
