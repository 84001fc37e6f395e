// What the gradient of flash_attention_score asks for beyond a legal forward problem (operators 7).  Problem: a
// ScoreGradProblem.  Rules name tensors as the documents do: dy is d_out, dq is d_q and so on.
#pragma once

#include "glint/ops/score_grad_problem.hpp"

namespace glint {
inline namespace GLINT_ABI {
namespace gradient_rules {

// A call without rows reads nothing that belongs to a row.
template <class Problem>
bool has_rows(const Problem& p, Layout layout) {
  const Dims q = detail::dims(p.forward, layout).q;
  return q.batch != 0 && q.rows != 0;
}

// Asked before the rules of the forward, to which attention_out is an output.
inline Status attention_out(bool given) {
  GLINT_REQUIRE(given, Code::attention_out_missing, "the gradient reads attention_out, as the forward wrote it", 0, 1);
  return Status::ok();
}

template <class Problem>
Status statistics(const Problem& p, Layout layout) {
  const auto& f = p.forward;
  const int given = (f.softmax_max != nullptr ? 1 : 0) + (f.softmax_sum != nullptr ? 1 : 0);
  GLINT_REQUIRE(given == 2 || f.lse != nullptr || !has_rows(p, layout), Code::statistics_missing,
                "the gradient reads softmax_max and softmax_sum (or lse), as the forward wrote them", given, 2);
  return Status::ok();
}

// Only a full or broadcast pse has a gradient: one of slopes or of compressed rows is not defined.
template <class Problem>
Status bias(const Problem& p) {
  const auto& f = p.forward;
  if (p.d_pse == nullptr) return Status::ok();
  GLINT_REQUIRE(!f.slopes, Code::dpse_of_slopes, "pse_type 2 and 3 have no dpse", f.pse_type, 1);
  GLINT_REQUIRE(f.pse, Code::dpse_without_pse, "dpse needs a pse (real_shift)", 0, 1);
  GLINT_REQUIRE(f.pse.form != PseForm::compressed, Code::dpse_of_compressed, "the compressed 1024-row pse has no dpse",
                f.pse.form, PseForm::dense);
  return Status::ok();
}

template <class Problem>
Status sink(const Problem& p) {
  GLINT_REQUIRE(p.d_sink == nullptr || p.forward.sink != nullptr, Code::dsink_without_sink, "dsink needs a sink", 0, 1);
  return Status::ok();
}

// Without rows dk and dv exist all the same, and become zero; without a batch there is neither.
template <class Problem>
Status pointers(const Problem& p, const detail::ScoreDims& d) {
  const auto empty = [](const Dims& dims) { return dims.batch == 0 || dims.rows == 0; };
  GLINT_REQUIRE(p.d_out != nullptr || empty(d.out), Code::null_dy, "dy (d_out) must not be null", 0, 1);
  GLINT_REQUIRE(p.d_q != nullptr || empty(d.q), Code::null_dq, "dq must not be null", 0, 1);
  GLINT_REQUIRE(p.d_k != nullptr || empty(d.k), Code::null_dk, "dk must not be null", 0, 1);
  GLINT_REQUIRE(p.d_v != nullptr || empty(d.v), Code::null_dv, "dv must not be null", 0, 1);
  return Status::ok();
}

template <class Problem>
Status apart(const Problem& p, Layout layout, const detail::ScoreDims& d) {
  const auto& f = p.forward;
  const auto span = [&](const auto* data, Strides given, Dims dims) {
    return detail::slice_extent(data, detail::strides_or(given, layout, dims), dims);
  };
  PseTensor d_pse = f.pse;
  d_pse.data = p.d_pse;
  const detail::Extent gradients[] = {span(p.d_q, p.d_q_strides, d.q), span(p.d_k, p.d_k_strides, d.k),
                                      span(p.d_v, p.d_v_strides, d.v), detail::pse_extent(d_pse),
                                      detail::extent(p.d_sink, d.q.heads)};
  const detail::Extent d_out[] = {span(p.d_out, p.d_out_strides, d.out)};
  GLINT_PASS_ON(rules::apart(gradients, d_out));
  GLINT_PASS_ON(rules::apart(gradients, detail::input_extents(f, layout)));
  return rules::apart(gradients, detail::output_extents(f, layout));
}

template <class Problem>
Status memory(const Problem& p, Layout layout) {
  const detail::ScoreDims d = detail::dims(p.forward, layout);
  GLINT_PASS_ON(pointers(p, d));
  if (d.out.batch != 0 && d.out.rows != 0) GLINT_PASS_ON(rules::strides(p.d_out_strides, d.out.dim));
  GLINT_PASS_ON(rules::output_strides(p.d_q_strides, d.q));
  GLINT_PASS_ON(rules::output_strides(p.d_k_strides, d.k));
  GLINT_PASS_ON(rules::output_strides(p.d_v_strides, d.v));
  return apart(p, layout, d);
}

// All rules of a problem whose forward is legal.
template <class Problem>
Status beyond_forward(const Problem& p, Layout layout) {
  GLINT_PASS_ON(statistics(p, layout));
  GLINT_PASS_ON(bias(p));
  GLINT_PASS_ON(sink(p));
  return memory(p, layout);
}

}  // namespace gradient_rules
}  // namespace GLINT_ABI
}  // namespace glint
