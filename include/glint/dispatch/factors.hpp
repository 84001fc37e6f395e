// The factors of integer caches and outputs in a run-time call (operators 4.2 and 4.3), and its sink.  Call: a call of
// prompt_flash_attention or incre_flash_attention.
#pragma once

#include "glint/dispatch/call.hpp"
#include "glint/ops/inference_rules.hpp"

namespace glint {
inline namespace GLINT_ABI {
namespace dispatch {

inline Status has_scale(const TensorRef& scale, const TensorRef& offset) {
  GLINT_REQUIRE(scale.present() || !offset.present(), Code::antiquant_offset_alone,
                "an antiquant offset needs its scale", 1, 0);
  GLINT_REQUIRE(data_of(scale) != nullptr || !scale.present(), Code::antiquant_null,
                "an antiquant scale has a shape but no data", 0, 1);
  return Status::ok();
}

// An offset is a tensor like its scale, whose shape has been judged.
inline Status offset_like(const TensorRef& scale, const TensorRef& offset) {
  if (!offset.present()) return Status::ok();
  GLINT_REQUIRE(offset.dtype == scale.dtype, Code::antiquant_dtype,
                "an antiquant offset must have the data type of its scale", offset.dtype, scale.dtype);
  GLINT_PASS_ON(one_of(offset.shape, {scale.shape}, Code::antiquant_shape,
                       "an antiquant offset must have the shape of its scale"));
  GLINT_REQUIRE(data_of(offset) != nullptr, Code::antiquant_null, "an antiquant offset has a shape but no data", 0, 1);
  return Status::ok();
}

// Factors of key, value or both, from element `first` of what is given.
inline Antiquant factors_from(const TensorRef& scale, const TensorRef& offset, index_t first) {
  const auto at = [first](const TensorRef& t) -> const void* {
    return t.present() ? static_cast<const std::byte*>(data_of(t)) + first * size_of(t.dtype) : nullptr;
  };
  return {.scale = at(scale), .offset = at(offset), .dtype = scale.dtype};
}

// One tensor whose first half is key's and whose second half is value's.
template <class Call>
Status read_joint(const Call& c, detail::InferenceProblem& p) {
  const TensorRef &scale = c.antiquant_scale, &offset = c.antiquant_offset;
  const Shape& s = p.shape;
  const bool per_token = c.antiquant_mode == 1;
  GLINT_PASS_ON(quant_rules::mode_number(c.antiquant_mode, 1));
  GLINT_PASS_ON(has_scale(scale, offset));
  GLINT_REQUIRE(per_token || scale.dtype == p.q_type || scale.dtype == DType::f32, Code::antiquant_dtype,
                "antiquant_scale of mode 0 must be float32 or have the data type of query", scale.dtype, p.q_type);
  index_t half = 1, columns = 0;
  const bool single = !per_token && scale.shape == Extents{2};
  if (per_token) {
    GLINT_PASS_ON(one_of(scale.shape, {{2, s.batch, -1}}, Code::antiquant_shape,
                         "antiquant_scale of mode 1 must have the shape (2, B, S)"));
    columns = scale.shape[2];
    GLINT_REQUIRE(columns >= 0 && rules::countable({s.batch, columns}), Code::antiquant_shape,
                  "antiquant_scale must have between 0 and 2^59 elements", columns, 0);
    half = s.batch * columns;
  } else if (!single) {
    const Extents form = p.layout == Layout::BNSD   ? Extents{2, s.kv_heads, 1, s.head_dim}
                         : p.layout == Layout::BSND ? Extents{2, s.kv_heads, s.head_dim}
                                                    : Extents{2, s.kv_heads * s.head_dim};
    GLINT_PASS_ON(one_of(scale.shape, {form}, Code::antiquant_shape,
                         "antiquant_scale must be (2,), in BNSD (2,N2,1,D), in BSND (2,N2,D), in BSH (2,N2*D)"));
    GLINT_REQUIRE(s.value_dim == s.head_dim, Code::antiquant_shape,
                  "a joint antiquant_scale for each channel needs one head size of key and value", s.value_dim,
                  s.head_dim);
    half = s.kv_heads * s.head_dim;
  }
  GLINT_PASS_ON(offset_like(scale, offset));
  p.k_antiquant = factors_from(scale, offset, 0);
  p.v_antiquant = factors_from(scale, offset, half);
  for (Antiquant* a : {&p.k_antiquant, &p.v_antiquant}) {
    a->mode = per_token ? AntiquantMode::per_token : AntiquantMode::per_channel;
    a->single = single;
    a->columns = columns;
  }
  return Status::ok();
}

// The shapes of a separate tensor, by mode (operators 4.3).
inline Status separate_shape(const Extents& shape, AntiquantMode mode, index_t dim, const detail::InferenceProblem& p) {
  const index_t batch = p.shape.batch, heads = p.shape.kv_heads, all = heads * dim;
  constexpr Code code = Code::antiquant_shape;
  switch (mode) {
    case AntiquantMode::per_channel:
      return one_of(shape, {{all}, {1}, {heads, dim}, {1, all}, {1, heads, dim}, {heads, 1, dim}, {1, heads, 1, dim}},
                    code, "antiquant factors of mode 0 must be (1), (N2*D), (N2,D) or one of these with axes of 1");
    case AntiquantMode::per_token:
      return one_of(shape, {{batch, -1}, {1, batch, -1}}, code, "antiquant factors of mode 1 must be (B,S) or (1,B,S)");
    case AntiquantMode::per_head: return one_of(shape, {{heads}}, code, "antiquant factors of mode 2 must be (N2)");
    case AntiquantMode::per_token_head:
      return one_of(shape, {{batch, heads, -1}}, code, "antiquant factors of mode 3 must be (B,N2,S)");
    case AntiquantMode::per_token_paged:
      return one_of(shape, {{p.blocks, p.block_size}}, code, "antiquant factors of mode 4 must be (blocks,block_size)");
    case AntiquantMode::per_token_head_paged: break;
  }
  return one_of(shape, {{p.blocks, heads, p.block_size}}, code,
                "antiquant factors of mode 5 must be (blocks,N2,block_size)");
}

// One of key and value; `dim` is its head size.
inline Status read_separate(const TensorRef& scale, const TensorRef& offset, index_t number, index_t dim,
                            const detail::InferenceProblem& p, Antiquant& a) {
  GLINT_PASS_ON(quant_rules::mode_number(number, 5));
  GLINT_PASS_ON(has_scale(scale, offset));
  if (!scale.present()) return Status::ok();
  const auto mode = static_cast<AntiquantMode>(number);
  GLINT_PASS_ON(quant_rules::mode_for_cache(mode, p.kind));
  GLINT_PASS_ON(separate_shape(scale.shape, mode, dim, p));
  GLINT_PASS_ON(offset_like(scale, offset));
  a = factors_from(scale, offset, 0);
  a.mode = mode;
  a.single = a.mode == AntiquantMode::per_channel && scale.shape == Extents{1};
  if (a.mode == AntiquantMode::per_token || a.mode == AntiquantMode::per_token_head)
    a.columns = scale.shape[scale.shape.rank - 1];
  return Status::ok();
}

template <class Call>
Status read_antiquant(const Call& c, detail::InferenceProblem& p) {
  const bool joint = c.antiquant_scale.present() || c.antiquant_offset.present();
  bool separate = false;
  for (const TensorRef* t :
       {&c.key_antiquant_scale, &c.key_antiquant_offset, &c.value_antiquant_scale, &c.value_antiquant_offset})
    separate = separate || t->present();
  GLINT_REQUIRE(!joint || !separate, Code::antiquant_joint_and_separate,
                "pass joint antiquant tensors, or separate ones of key and value", 1, 0);
  GLINT_PASS_ON(quant_rules::antiquant_unexpected(p, joint || separate));
  if (joint) return read_joint(c, p);
  GLINT_PASS_ON(read_separate(c.key_antiquant_scale, c.key_antiquant_offset, c.key_antiquant_mode, p.shape.head_dim, p,
                              p.k_antiquant));
  return read_separate(c.value_antiquant_scale, c.value_antiquant_offset, c.value_antiquant_mode, p.shape.value_dim, p,
                       p.v_antiquant);
}

// quant_scale2 and quant_offset2: one number, or one for each channel of the output, in any shape.
template <class Call>
Status read_post_quant(const Call& c, detail::InferenceProblem& p) {
  const TensorRef &scale = c.quant_scale2, &offset = c.quant_offset2;
  GLINT_REQUIRE(scale.present() || !offset.present(), Code::post_quant_offset_alone, "quant_offset2 needs quant_scale2",
                1, 0);
  if (!scale.present()) return Status::ok();
  GLINT_REQUIRE(scale.data != nullptr, Code::post_quant_null, "quant_scale2 has a shape but no data", 0, 1);
  p.post_quant = {.scale = scale.data, .dtype = scale.dtype, .channels = scale.shape.elements()};
  if (!offset.present()) return Status::ok();
  GLINT_REQUIRE(offset.data != nullptr, Code::post_quant_null, "quant_offset2 has a shape but no data", 0, 1);
  GLINT_REQUIRE(offset.dtype == scale.dtype, Code::post_quant_dtype, "quant_offset2 must have quant_scale2's data type",
                offset.dtype, scale.dtype);
  GLINT_REQUIRE(offset.shape.elements() == p.post_quant.channels, Code::post_quant_shape,
                "quant_offset2 must have as many elements as quant_scale2", offset.shape.elements(),
                p.post_quant.channels);
  p.post_quant.offset = offset.data;
  return Status::ok();
}

// The bits of a float32 in the lower half of a uint64, or a float32 (operators 4.1).
inline Status read_scale(const TensorRef& tensor, bool bits_allowed, std::optional<float>& scale) {
  if (!tensor.present()) return Status::ok();
  const bool bits = tensor.dtype == DType::u64 && bits_allowed;
  GLINT_REQUIRE(tensor.dtype == DType::f32 || bits, Code::int8_scale_dtype,
                "quant_scale1 is float32, deq_scale1 and deq_scale2 are float32 or uint64", tensor.dtype, DType::f32);
  GLINT_PASS_ON(one_of(tensor.shape, {{1}, {}}, Code::int8_scale_shape, "the scales of an int8 query are one number"));
  GLINT_REQUIRE(tensor.data != nullptr, Code::int8_scale_null, "a scale has a shape but no data", 0, 1);
  scale = bits ? std::bit_cast<float>(static_cast<std::uint32_t>(*static_cast<const std::uint64_t*>(tensor.data)))
               : *static_cast<const float*>(tensor.data);
  return Status::ok();
}

template <class Call>
Status read_int8_scales(const Call& c, detail::InferenceProblem& p) {
  GLINT_PASS_ON(read_scale(c.deq_scale1, true, p.int8.dequant1));
  GLINT_PASS_ON(read_scale(c.quant_scale1, false, p.int8.quant1));
  return read_scale(c.deq_scale2, true, p.int8.dequant2);
}

// lse of the inference doors: (B, N, S1, 1) or (B, N, S1); with layout TND (T1, N, 1) or (T1, N).
inline Status read_lse(const OutputRef& lse, const detail::InferenceProblem& p, float*& data) {
  if (!lse.present()) return Status::ok();
  const Shape& s = p.shape;
  GLINT_REQUIRE(lse.dtype == DType::f32, Code::dtype_stats, "softmax_lse is float32", lse.dtype, DType::f32);
  GLINT_REQUIRE(lse.data != nullptr || lse.shape.elements() == 0, Code::null_stats, "softmax_lse must not be null", 0,
                1);
  if (p.ragged()) {
    GLINT_PASS_ON(one_of(lse.shape, {{s.q_len, s.heads, 1}, {s.q_len, s.heads}}, Code::stats_shape_mismatch,
                         "softmax_lse has the shape (T, N, 1)"));
  } else {
    GLINT_PASS_ON(one_of(lse.shape, {{s.batch, s.heads, s.q_len, 1}, {s.batch, s.heads, s.q_len}},
                         Code::stats_shape_mismatch, "softmax_lse has the shape (B, N, S1, 1)"));
  }
  data = static_cast<float*>(lse.data);
  return Status::ok();
}

template <class Call>
Status read_sink(const Call& c, detail::InferenceProblem& p) {
  const TensorRef& sink = c.learnable_sink;
  if (!sink.present()) return Status::ok();
  GLINT_REQUIRE(sink.dtype == p.number_type(), Code::sink_dtype, "learnable_sink must have the data type of query",
                sink.dtype, p.number_type());
  GLINT_PASS_ON(sink_form(sink, p.shape.heads));
  p.sink = sink.data;
  return Status::ok();
}

}  // namespace dispatch
}  // namespace GLINT_ABI
}  // namespace glint
