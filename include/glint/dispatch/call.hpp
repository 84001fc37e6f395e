// The run-time door's vocabulary: tensors as pointer, dtype and shape, layouts as strings, and the readers that turn
// them into the typed problems' Shape.  The typed problem is then checked and run by the same code as ever, with the
// mask erased (policy/any.hpp), so both doors give the same bits.
#pragma once

#include <limits>

#include "glint/dispatch/layout_name.hpp"
#include "glint/ops/attention.hpp"
#include "glint/policy/any.hpp"

namespace glint {
inline namespace GLINT_ABI {

// A contiguous tensor that is read, and one that is written.  Absent when data is null and no shape is given.
struct TensorRef {
  const void* data = nullptr;
  DType dtype = DType::none;
  Extents shape{};

  constexpr bool present() const { return data != nullptr || shape.rank > 0; }
};
struct OutputRef {
  void* data = nullptr;
  DType dtype = DType::none;
  Extents shape{};

  constexpr bool present() const { return data != nullptr || shape.rank > 0; }
};

namespace dispatch {

// A tensor without elements may come with a null pointer, which further in would mean "absent".
inline const void* data_of(const TensorRef& tensor) {
  static constexpr unsigned char kNothing = 0;
  return tensor.data == nullptr && tensor.shape.elements() == 0 ? &kNothing : tensor.data;
}

// What a call's q, k, v and out say together.
struct Operands {
  TensorRef query, key, value;
  OutputRef out;
  index_t num_heads = 0;
  index_t num_kv_heads = -1;  // -1: follows from the shapes; 0: num_heads
};

inline Status dtypes(const Operands& o) {
  const DType q = o.query.dtype;
  GLINT_REQUIRE(q == DType::f16 || q == DType::bf16 || q == DType::f32, Code::dtype_query,
                "query must be float16, bfloat16 or float32", q, DType::f16);
  GLINT_REQUIRE(o.key.dtype == q, Code::dtype_key_value, "key must have the data type of query", o.key.dtype, q);
  GLINT_REQUIRE(o.value.dtype == q, Code::dtype_key_value, "value must have the data type of query", o.value.dtype, q);
  GLINT_REQUIRE(o.out.dtype == q, Code::dtype_output, "attention_out must have the data type of query", o.out.dtype, q);
  return Status::ok();
}

inline Status ranks(const Operands& o, const LayoutPair& layouts) {
  for (const int rank : {o.query.shape.rank, o.key.shape.rank, o.value.shape.rank})
    GLINT_REQUIRE(rank == layouts.in->rank, Code::rank_mismatch,
                  "query, key, value and output must have the layout's rank", rank, layouts.in->rank);
  GLINT_REQUIRE(o.out.shape.rank == layouts.out->rank, Code::rank_mismatch,
                "query, key, value and output must have the layout's rank", o.out.shape.rank, layouts.out->rank);
  for (const Extents* e : {&o.query.shape, &o.key.shape, &o.value.shape, &o.out.shape})
    for (int i = 0; i < e->rank; ++i)
      GLINT_REQUIRE((*e)[i] >= 0, Code::extent_negative, "a tensor extent must not be negative", (*e)[i], 0);
  return Status::ok();
}

// Head counts and head sizes, from axes of their own or from a hidden size that they divide.
inline Status heads(const Operands& o, const LayoutName& layout, Shape& s) {
  GLINT_REQUIRE(o.num_heads > 0, Code::head_num_not_positive, "head_num must be greater than 0", o.num_heads, 1);
  s.heads = o.num_heads;
  const index_t q_last = o.query.shape[layout.last], k_last = o.key.shape[layout.last];
  const index_t v_last = o.value.shape[layout.last];
  if (layout.heads >= 0) {
    GLINT_REQUIRE(o.query.shape[layout.heads] == o.num_heads, Code::num_heads_mismatch,
                  "head_num must equal the head axis of query", o.query.shape[layout.heads], o.num_heads);
    GLINT_REQUIRE(o.key.shape[layout.heads] == o.value.shape[layout.heads], Code::kv_shape_mismatch,
                  "key and value must have the same number of heads", o.value.shape[layout.heads],
                  o.key.shape[layout.heads]);
    s.head_dim = q_last;
    s.kv_heads = o.key.shape[layout.heads];
    GLINT_REQUIRE(k_last == q_last, Code::head_dim_mismatch, "query and key must have the same head size", k_last,
                  q_last);
    s.value_dim = v_last;
  } else {
    GLINT_REQUIRE(q_last % o.num_heads == 0, Code::hidden_not_divisible,
                  "the hidden size of query must be a multiple of head_num", q_last, o.num_heads);
    s.head_dim = q_last / o.num_heads;
    GLINT_REQUIRE(s.head_dim > 0, Code::head_dim_not_positive, "the head size must be at least 1", s.head_dim, 1);
    const index_t given = o.num_kv_heads == 0 ? o.num_heads : o.num_kv_heads;
    s.kv_heads = given > 0 ? given : k_last / s.head_dim;
    const bool counts = s.kv_heads <= 0 || rules::countable({s.kv_heads, s.head_dim});
    const index_t hidden = counts ? s.kv_heads * s.head_dim : (std::numeric_limits<index_t>::max)();
    GLINT_REQUIRE(s.kv_heads > 0 && k_last == hidden, Code::head_dim_mismatch,
                  "the hidden size of key must be the number of kv heads times the head size of query", k_last, hidden);
    GLINT_REQUIRE(v_last % s.kv_heads == 0, Code::kv_shape_mismatch,
                  "the hidden size of value must be a multiple of the number of kv heads", v_last, s.kv_heads);
    s.value_dim = v_last / s.kv_heads;
  }
  GLINT_REQUIRE(s.head_dim > 0, Code::head_dim_not_positive, "the head size must be at least 1", s.head_dim, 1);
  GLINT_REQUIRE(s.value_dim > 0, Code::head_dim_not_positive, "the head size of value must be at least 1", s.value_dim,
                1);
  GLINT_REQUIRE(s.kv_heads > 0, Code::kv_heads_mismatch, "key must have at least one head", s.kv_heads, 1);
  const index_t wanted = o.num_kv_heads == 0 ? o.num_heads : o.num_kv_heads;
  GLINT_REQUIRE(wanted < 0 || wanted == s.kv_heads, Code::kv_heads_mismatch,
                "num_key_value_heads must equal the heads of key", s.kv_heads, wanted);
  GLINT_REQUIRE(s.heads % s.kv_heads == 0, Code::heads_not_divisible,
                "head_num must be a multiple of the number of kv heads", s.heads, s.kv_heads);
  return Status::ok();
}

// Shapes of q, k, v and out -> Shape.  For TND, batch stays 0: the length lists say how many sequences there are.
inline Status read_shapes(const Operands& o, const LayoutPair& layouts, Shape& s) {
  const LayoutName& layout = *layouts.in;
  GLINT_PASS_ON(ranks(o, layouts));
  GLINT_PASS_ON(heads(o, layout, s));
  s.q_len = o.query.shape[layout.rows];
  s.kv_len = o.key.shape[layout.rows];
  GLINT_REQUIRE(o.value.shape[layout.rows] == s.kv_len, Code::kv_shape_mismatch,
                "key and value must have the same length", o.value.shape[layout.rows], s.kv_len);
  if (layout.batch >= 0) {
    s.batch = o.query.shape[layout.batch];
    GLINT_REQUIRE(o.key.shape[layout.batch] == s.batch, Code::batch_mismatch, "query and key must have the same batch",
                  o.key.shape[layout.batch], s.batch);
    GLINT_REQUIRE(o.value.shape[layout.batch] == s.batch, Code::batch_mismatch,
                  "query and value must have the same batch", o.value.shape[layout.batch], s.batch);
  }
  GLINT_REQUIRE(rules::countable({s.heads, s.value_dim}), Code::extent_too_large,
                "the tensors must have fewer than 2^62 bytes", s.value_dim, 1);
  const Extents want = extents_in(*layouts.out, {s.batch, s.heads, s.q_len, s.value_dim});
  for (int i = 0; i < want.rank; ++i)
    GLINT_REQUIRE(o.out.shape[i] == want[i], Code::output_shape_mismatch,
                  "attention_out must have the shape of query with value's head size", o.out.shape[i], want[i]);
  return Status::ok();
}

inline Status read(const Operands& o, const LayoutName& layout, Shape& s) {
  GLINT_PASS_ON(dtypes(o));
  return read_shapes(o, {&layout, &layout}, s);
}

// One of the `forms` that a tensor may have; -1 stands for an extent that another rule judges.  What is reported is the
// first axis that differs from the first form of that rank.
inline Status one_of(const Extents& shape, std::initializer_list<Extents> forms, Code code, const char* rule) {
  Status first{code, rule, shape.rank, forms.begin()->rank};
  bool seen = false;
  for (const Extents& form : forms) {
    if (shape.rank != form.rank) continue;
    int axis = 0;
    while (axis < form.rank && (form[axis] == -1 || shape[axis] == form[axis])) ++axis;
    if (axis == form.rank) return Status::ok();
    if (!seen) first.got = shape[axis], first.want = form[axis];
    seen = true;
  }
  return first;
}

// A mask tensor in one of the broadcast shapes: SS, (B|1)SS where `three` allows it, (B|1)(N|1)SS.
inline Status read_mask(const TensorRef& mask, bool three, rules::MaskTypes types, MaskTensor& out) {
  GLINT_PASS_ON(rules::mask_dtype(mask.dtype, types));
  const Extents& e = mask.shape;
  GLINT_REQUIRE(e.rank == 2 || e.rank == 4 || (three && e.rank == 3), Code::mask_shape,
                "attn_mask must have 2 or 4 axes (inference: or 3)", e.rank, 4);
  out.data = static_cast<const std::uint8_t*>(data_of(mask));
  out.dtype = mask.dtype;
  out.rows = e[e.rank - 2];
  out.columns = e[e.rank - 1];
  out.batch = e.rank >= 3 ? e[0] : 1;
  out.heads = e.rank == 4 ? e[1] : 1;
  GLINT_REQUIRE(out.data != nullptr || e.elements() == 0, Code::null_mask, "attn_mask has a shape but no data", 0, 1);
  return Status::ok();
}

// The triangle that the vendor's kernels want for modes 2 to 4 and 6 to 8: (2048, 2048), for mode 6 (3072, 2048), with
// leading ones allowed (operators 12.4).  Its contents are implied by the mode and never read.
inline Status compressed_mask(const TensorRef& mask, SparseMode mode, rules::MaskTypes types) {
  GLINT_PASS_ON(rules::mask_dtype(mask.dtype, types));
  const Extents& e = mask.shape;
  const index_t rows = mode == SparseMode::prefix_compressed ? 3072 : 2048;
  GLINT_REQUIRE(e.rank >= 2 && e.rank <= 4, Code::mask_not_compressed, "a compressed attn_mask has 2 to 4 axes", e.rank,
                2);
  for (int i = 0; i + 2 < e.rank; ++i)
    GLINT_REQUIRE(e[i] == 1, Code::mask_not_compressed, "the leading axes of a compressed attn_mask must be 1", e[i],
                  1);
  GLINT_REQUIRE(e[e.rank - 2] == rows, Code::mask_not_compressed,
                "sparse_mode 2, 3, 4, 7 and 8 need an attn_mask of 2048 x 2048, mode 6 one of 3072 x 2048",
                e[e.rank - 2], rows);
  GLINT_REQUIRE(e[e.rank - 1] == 2048, Code::mask_not_compressed, "a compressed attn_mask has 2048 columns",
                e[e.rank - 1], 2048);
  return Status::ok();
}

inline Status has_data(const TensorRef& pse) {
  GLINT_REQUIRE(pse.data != nullptr || pse.shape.elements() == 0, Code::null_pse,
                "a bias (real_shift, pse_shift) has a shape but no data", 0, 1);
  return Status::ok();
}

// A sink (learnable_sink), whose data type depends on the operator.
inline Status sink_form(const TensorRef& sink, index_t heads) {
  GLINT_PASS_ON(one_of(sink.shape, {{heads}}, Code::sink_shape, "a sink (learnable_sink) must have the shape (N)"));
  GLINT_REQUIRE(sink.data != nullptr, Code::sink_null, "a sink (learnable_sink) has a shape but no data", 0, 1);
  return Status::ok();
}

// (B|1, N|1, rows, S2).
inline Status read_pse(const TensorRef& pse, PseTensor& out) {
  GLINT_PASS_ON(has_data(pse));
  GLINT_REQUIRE(pse.shape.rank == 4, Code::pse_shape, "a bias (real_shift, pse_shift) must have 4 axes", pse.shape.rank,
                4);
  out = {data_of(pse), pse.dtype, pse.shape[0], pse.shape[1], pse.shape[2], pse.shape[3], PseForm::dense};
  return Status::ok();
}

// A mode's mask, erased: one kernel serves them all.
struct AnyMaskOf {
  StaircaseAndDenseOf both;
  AnyMask operator()(HeadIndex at) const {
    if (both.dense.drop != nullptr) return both(at);
    return both.stairs(at);
  }
};

}  // namespace dispatch
}  // namespace GLINT_ABI
}  // namespace glint
