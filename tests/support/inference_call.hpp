// What the run-time doors of incre_flash_attention and prompt_flash_attention have in common: an inference case as a
// call, in the shapes and types that the documents allow for it.
#pragma once

#include "support/inference_outcome.hpp"

namespace glint_test {

namespace detail {

// What a call points at beside the case's data.
struct CallPlaces {
  Slice out;
  std::vector<glint::TensorRef> k_list, v_list;
  std::int64_t padding = 0, q_padding = 0;
  std::uint64_t bits[2] = {};

  CallPlaces(const InferenceCase& c, const InferenceData& data)
      : out(c, c.out_layout(), out_type(c), data.out_extent, 28, false) {}
};

inline glint::TensorRef tensor_ref(const Operand& operand) {
  if (!operand.present()) return {};
  return {operand.data(), operand.dtype, extents(operand.numbers.shape)};
}

// A tensor of the cache; int4 also as int32 with an eighth of the last axis.
inline glint::TensorRef cache_ref(const InferenceCase& c, const Operand& operand) {
  glint::TensorRef ref = tensor_ref(operand);
  if (operand.dtype != DType::i4 || c.dim % 8 != 0 || c.value_dim % 8 != 0 || c.seed % 2 == 0 || c.skew % 4 != 0)
    return ref;
  ref.dtype = DType::i32;
  ref.shape.extent[ref.shape.rank - 1] /= 8;
  return ref;
}

// Factors: the document's shapes for the layout, operators 4.3.
inline glint::TensorRef factor_ref(const InferenceCase& c, const Operand& operand, const FactorForm& form) {
  glint::TensorRef ref = tensor_ref(operand);
  if (!operand.present() || form.mode != 0 || form.single != 0) return ref;
  const bool joint = c.joint != 0;
  const index_t heads = c.kv_heads, width = form.width;
  if (c.layout == kBsh || c.ragged())
    ref.shape = joint ? glint::Extents{2, heads * width} : glint::Extents{heads * width};
  if (c.layout == kBnsd) ref.shape = joint ? glint::Extents{2, heads, 1, width} : glint::Extents{heads, 1, width};
  if (c.layout == kBsnd) ref.shape = joint ? glint::Extents{2, heads, width} : glint::Extents{heads, width};
  return ref;
}

template <class Call>
void fill_cache(const InferenceCase& c, const InferenceData& data, CallPlaces& at, Call& call) {
  if (c.form == kList) {
    for (const Operand& k : data.k) at.k_list.push_back(cache_ref(c, k));
    for (const Operand& v : data.v) at.v_list.push_back(cache_ref(c, v));
    call.key_list = at.k_list, call.value_list = at.v_list;
  } else {
    call.key = cache_ref(c, data.k[0]), call.value = cache_ref(c, data.v[0]);
  }
  if (c.form == kPaged) {
    call.block_table = {first_of(data.table), DType::i32, {c.batch, data.lists.max_blocks}};
    call.block_size = c.block_size;
  }
  at.padding = c.padding;
  if (c.form == kLeftPadded) call.kv_padding_size = {&at.padding, DType::i64, {1}};
  if (c.prefix > 0) {
    call.key_shared_prefix = cache_ref(c, data.prefix_k), call.value_shared_prefix = cache_ref(c, data.prefix_v);
    call.actual_shared_prefix_len = c.prefix_length;
  }
  if (c.rope > 0) call.query_rope = tensor_ref(data.q_rope), call.key_rope = tensor_ref(data.k_rope[0]);
}

template <class Call>
void fill_factors(const InferenceCase& c, const InferenceData& data, Call& call) {
  if (!c.integer_cache()) return;
  if (c.joint != 0) {
    call.antiquant_scale = factor_ref(c, data.k_scale, k_form(c));
    call.antiquant_offset = factor_ref(c, data.k_offset, k_form(c));
    call.antiquant_mode = c.k_mode;
    return;
  }
  call.key_antiquant_scale = factor_ref(c, data.k_scale, k_form(c));
  call.key_antiquant_offset = factor_ref(c, data.k_offset, k_form(c));
  call.value_antiquant_scale = factor_ref(c, data.v_scale, v_form(c));
  call.value_antiquant_offset = factor_ref(c, data.v_offset, v_form(c));
  call.key_antiquant_mode = c.k_mode, call.value_antiquant_mode = c.v_mode;
}

template <class Call>
void fill_call(const InferenceCase& c, const InferenceData& data, CallPlaces& at, InferenceOutcome& outcome,
               Call& call) {
  const Extent& e = data.out_extent;
  call.query = tensor_ref(data.q);
  call.attention_out = {at.out.data, out_type(c), extents(glint::reference::shape_of(e, c.out_layout_name()))};
  call.num_heads = c.heads();
  call.num_key_value_heads = c.group == 1 && c.seed % 2 == 0 ? 0 : c.kv_heads;
  call.input_layout = c.turned != 0 ? "BNSD_BSND" : c.layout_name();
  call.scale_value = static_cast<double>(data.scale);
  call.inner_precise = static_cast<int>(c.inner_precise);
  call.pse_shift = tensor_ref(data.pse);
  call.quant_scale2 = tensor_ref(data.post_scale);
  call.quant_offset2 = tensor_ref(data.post_offset);
  call.learnable_sink = tensor_ref(data.sink);
  fill_cache(c, data, at, call);
  fill_factors(c, data, call);
  if (c.lse == 0) return;
  call.softmax_lse = {outcome.lse.data(), DType::f32, {e.batch, e.heads, e.rows, 1}};
  if (c.ragged()) call.softmax_lse.shape = {e.rows, e.heads, 1};
}

}  // namespace detail
}  // namespace glint_test
