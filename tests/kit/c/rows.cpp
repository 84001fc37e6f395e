// The helpers of glint.h that go through rows: merge_state and rotary.
#include "glint/ops/merge_state.hpp"
#include "glint/ops/rotary.hpp"
#include "kit/c/call.hpp"

namespace kit::c {
namespace {

using glint::Code;
using glint::Dims;
using glint::Extents;
using glint::Status;
using glint::dispatch::LayoutName;

// The C structs with the library's tensors in them.
struct MergeFields {
  std::span<const TensorRef> outs{}, lses{};
  OutputRef attention_out{}, softmax_lse{};
  index_t num_heads = 0;
  std::string_view input_layout = "BSH";
};
struct RotaryFields {
  TensorRef x{};
  OutputRef out{};
  index_t num_heads = 0;
  std::string_view input_layout = "BSH";
  std::span<const index_t> first_positions{}, positions{};
  index_t rotary_dim = 0;
  double theta = 10000;
  TensorRef cos_table{}, sin_table{};
  bool interleaved = false;
};

struct Merge {
  using Call = glint_merge_state_call;
  using Library = MergeFields;

  template <class From, class To, class Visit>
  static void each_field(From& c, To& to, Visit&& visit) {
    visit(c.outs, to.outs);
    visit(c.lses, to.lses);
    visit(c.attention_out, to.attention_out);
    visit(c.softmax_lse, to.softmax_lse);
    visit(c.num_heads, to.num_heads);
    visit(c.input_layout, to.input_layout);
  }
};

struct Rotary {
  using Call = glint_rotary_call;
  using Library = RotaryFields;

  template <class From, class To, class Visit>
  static void each_field(From& c, To& to, Visit&& visit) {
    visit(c.x, to.x);
    visit(c.out, to.out);
    visit(c.num_heads, to.num_heads);
    visit(c.input_layout, to.input_layout);
    visit(c.first_positions, to.first_positions);
    visit(c.positions, to.positions);
    visit(c.rotary_dim, to.rotary_dim);
    visit(c.theta, to.theta);
    visit(c.cos_table, to.cos_table);
    visit(c.sin_table, to.sin_table);
    visit(c.interleaved, to.interleaved);
  }
};

Status float_type(DType type) {
  GLINT_REQUIRE(type == DType::f16 || type == DType::bf16 || type == DType::f32, Code::dtype_output,
                "rows must be float16, bfloat16 or float32", type, DType::f16);
  return Status::ok();
}

Status read_dims(const OutputRef& rows, std::string_view text, index_t heads, const LayoutName*& layout, Dims& d) {
  layout = glint::dispatch::find_layout(text);
  GLINT_REQUIRE(layout != nullptr && layout->batch >= 0, Code::layout_unknown,
                "input_layout must be BSH, SBH, BNSD or BSND", -1, 0);
  const Extents& e = rows.shape;
  GLINT_REQUIRE(e.rank == layout->rank, Code::rank_mismatch, "rows must have the layout's rank", e.rank, layout->rank);
  GLINT_REQUIRE(heads > 0, Code::head_num_not_positive, "num_heads must be greater than 0", heads, 1);
  const bool own_axis = layout->heads >= 0;
  GLINT_REQUIRE(!own_axis || e[layout->heads] == heads, Code::num_heads_mismatch, "num_heads must equal the head axis",
                own_axis ? e[layout->heads] : 0, heads);
  GLINT_REQUIRE(own_axis || e[layout->last] % heads == 0, Code::hidden_not_divisible,
                "the hidden size must be a multiple of num_heads", e[layout->last], heads);
  d = {e[layout->batch], heads, e[layout->rows], own_axis ? e[layout->last] : e[layout->last] / heads};
  return Status::ok();
}

Status like(const TensorRef& tensor, const OutputRef& out) {
  GLINT_REQUIRE(tensor.dtype == out.dtype, Code::dtype_output, "all rows must have the data type of the output",
                tensor.dtype, out.dtype);
  return glint::dispatch::one_of(tensor.shape, {out.shape}, Code::output_shape_mismatch,
                                 "all rows must have the shape of the output");
}

template <class Ref>
Status lse_form(const Ref& lse, const Dims& d) {
  GLINT_REQUIRE(lse.dtype == DType::f32, Code::dtype_stats, "softmax_lse is float32", lse.dtype, DType::f32);
  return glint::dispatch::one_of(lse.shape, {{d.batch, d.heads, d.rows, 1}, {d.batch, d.heads, d.rows}},
                                 Code::stats_shape_mismatch, "softmax_lse has the shape (B, N, S1, 1)");
}

Status check_parts(const MergeFields& f, const Dims& d) {
  GLINT_REQUIRE(f.outs.size() == f.lses.size(), Code::kv_list_size, "outs and lses must have the same size",
                f.lses.size(), f.outs.size());
  for (const TensorRef& out : f.outs) GLINT_PASS_ON(like(out, f.attention_out));
  for (const TensorRef& lse : f.lses) GLINT_PASS_ON(lse_form(lse, d));
  const OutputRef& lse = f.softmax_lse;
  GLINT_REQUIRE(lse.data != nullptr || !lse.present() || lse.shape.elements() == 0, Code::null_stats,
                "softmax_lse has a shape but no data", 0, 1);
  return lse.present() ? lse_form(lse, d) : Status::ok();
}

Status merge(const MergeFields& f) {
  const LayoutName* layout = nullptr;
  Dims dims;
  GLINT_PASS_ON(float_type(f.attention_out.dtype));
  GLINT_PASS_ON(read_dims(f.attention_out, f.input_layout, f.num_heads, layout, dims));
  GLINT_PASS_ON(check_parts(f, dims));
  return glint::with_float_type(f.attention_out.dtype, [&]<class Element>(Element) -> Status {
    std::vector<glint::PartialResult<Element>> parts;
    for (std::size_t i = 0; i < f.outs.size(); ++i)
      parts.push_back({static_cast<const Element*>(f.outs[i].data), static_cast<const float*>(f.lses[i].data), {}});
    glint::MergeStateProblem<Element> p;
    p.parts = parts;
    p.out = static_cast<Element*>(f.attention_out.data);
    p.lse = static_cast<float*>(f.softmax_lse.data);
    p.dims = dims;
    p.empty_lse = std::numeric_limits<float>::infinity();
    return glint::merge_state(p, layout->layout);
  });
}

Status check_tables(const RotaryFields& f, index_t turned) {
  for (const TensorRef* table : {&f.cos_table, &f.sin_table}) {
    if (!table->present()) continue;
    GLINT_REQUIRE(table->data != nullptr, Code::rotary_table_half, "a table has a shape but no data", 0, 1);
    GLINT_REQUIRE(table->dtype == DType::f32, Code::dtype_stats, "tables of cosines and sines are float32",
                  table->dtype, DType::f32);
    GLINT_PASS_ON(glint::dispatch::one_of(table->shape, {{f.cos_table.shape[0], turned / 2}}, Code::rotary_dim_range,
                                          "tables have the shape (positions, rotary_dim / 2)"));
  }
  return Status::ok();
}

Status turn(const RotaryFields& f) {
  const LayoutName* layout = nullptr;
  Dims dims;
  GLINT_PASS_ON(float_type(f.out.dtype));
  GLINT_PASS_ON(read_dims(f.out, f.input_layout, f.num_heads, layout, dims));
  if (f.x.present()) GLINT_PASS_ON(like(f.x, f.out));
  GLINT_REQUIRE(f.x.data != nullptr || !f.x.present() || f.x.shape.elements() == 0, Code::null_query,
                "x has a shape but no data", 0, 1);
  return glint::with_float_type(f.out.dtype, [&]<class Element>(Element) -> Status {
    glint::RotaryProblem<Element> p;
    p.x = static_cast<const Element*>(f.x.data);
    p.out = static_cast<Element*>(f.out.data);
    p.dims = dims;
    p.first_positions = f.first_positions;
    p.positions = f.positions;
    p.style = f.interleaved ? glint::RotaryStyle::interleaved : glint::RotaryStyle::half_split;
    p.rotary_dim = f.rotary_dim;
    p.theta = f.theta;
    p.cos_table = static_cast<const float*>(f.cos_table.data);
    p.sin_table = static_cast<const float*>(f.sin_table.data);
    p.table_positions = f.cos_table.shape[0];
    GLINT_PASS_ON(check_tables(f, p.turned()));
    return glint::rotary(p, layout->layout);
  });
}

template <class Operator, class Run>
std::int32_t run(const typename Operator::Call* call, glint_status* status, const Run& body) {
  return guarded(status, [&] {
    const Converted<Operator> converted(call);
    if (converted.status().code != GLINT_OK) return converted.status();
    return status_of(body(converted.library()));
  });
}

}  // namespace
}  // namespace kit::c

extern "C" {

void glint_merge_state_init(glint_merge_state_call* call, size_t size) { kit::c::init<kit::c::Merge>(call, size); }
int32_t glint_merge_state(const glint_merge_state_call* call, glint_status* status) {
  return kit::c::run<kit::c::Merge>(call, status, kit::c::merge);
}

void glint_rotary_init(glint_rotary_call* call, size_t size) { kit::c::init<kit::c::Rotary>(call, size); }
int32_t glint_rotary(const glint_rotary_call* call, glint_status* status) {
  return kit::c::run<kit::c::Rotary>(call, status, kit::c::turn);
}

}  // extern "C"
