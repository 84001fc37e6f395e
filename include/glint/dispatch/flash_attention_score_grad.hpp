// flash_attention_score_grad at run time, named as in the operator documents (operators 7).
//
// The forward call comes as it was made; its attention_out, softmax_max and softmax_sum are now read, and its three
// integers are not written.  softmax_in of the documents is not needed, because they do not fill softmax_out either.
#pragma once

#include "glint/dispatch/flash_attention_score.hpp"
#include "glint/ops/flash_attention_score_grad.hpp"

namespace glint {
inline namespace GLINT_ABI {

struct FlashAttentionScoreGradCall {
  FlashAttentionScoreCall forward{};
  TensorRef dy{};  // the gradient that comes in: like attention_out

  OutputRef dq{}, dk{}, dv{};  // like query, key and value; dk and dv are summed over the heads of a group
  OutputRef dpse{};            // like real_shift; pse_type 0 and 1 in any form but the compressed.  Absent: not wanted
  OutputRef dsink{};           // like sink.  Absent: not wanted
};

namespace dispatch {

// A gradient is a tensor like the one that it belongs to.
struct TwinRule {
  Code null;
  const char* null_rule;
  Code dtype;
  const char* dtype_rule;
  Code shape;
  const char* shape_rule;
};
inline constexpr TwinRule kDy{Code::null_dy,  "dy must not be null",
                              Code::dtype_dy, "dy must have the data type of query",
                              Code::dy_shape, "dy must have the shape of attention_out"};
inline constexpr TwinRule kDq{Code::null_dq,  "dq must not be null",
                              Code::dtype_dq, "dq must have the data type of query",
                              Code::dq_shape, "dq must have the shape of query"};
inline constexpr TwinRule kDk{Code::null_dk,  "dk must not be null",
                              Code::dtype_dk, "dk must have the data type of query",
                              Code::dk_shape, "dk must have the shape of key"};
inline constexpr TwinRule kDv{Code::null_dv,  "dv must not be null",
                              Code::dtype_dv, "dv must have the data type of query",
                              Code::dv_shape, "dv must have the shape of value"};
inline constexpr TwinRule kDpse{Code::null_dpse,  "dpse has a shape but no data",
                                Code::dtype_dpse, "dpse must have the data type of query",
                                Code::dpse_shape, "dpse must have the shape of real_shift"};
inline constexpr TwinRule kDsink{Code::null_dsink,  "dsink has a shape but no data",
                                 Code::dtype_dsink, "dsink is float32",
                                 Code::dsink_shape, "dsink must have the shape of sink, (N)"};

constexpr TensorRef as_input(const OutputRef& t) { return {t.data, t.dtype, t.shape}; }

inline Status twin(const TensorRef& gradient, const TensorRef& of, const TwinRule& rule) {
  GLINT_REQUIRE(data_of(gradient) != nullptr, rule.null, rule.null_rule, 0, 1);
  GLINT_REQUIRE(gradient.dtype == of.dtype, rule.dtype, rule.dtype_rule, gradient.dtype, of.dtype);
  return one_of(gradient.shape, {of.shape}, rule.shape, rule.shape_rule);
}

// Whether there is anything to take the gradient of comes before how it is given.
template <class Element>
Status read_optional_gradients(const FlashAttentionScoreGradCall& c, ScoreGradProblem<Element>& p) {
  if (c.dpse.present()) {
    p.d_pse = static_cast<Element*>(const_cast<void*>(data_of(as_input(c.dpse))));
    GLINT_PASS_ON(gradient_rules::bias(p));
    GLINT_PASS_ON(twin(as_input(c.dpse), c.forward.real_shift, kDpse));
  }
  if (c.dsink.present()) {
    p.d_sink = static_cast<float*>(c.dsink.data);
    GLINT_PASS_ON(gradient_rules::sink(p));
    GLINT_PASS_ON(twin(as_input(c.dsink), c.forward.sink, kDsink));
  }
  return Status::ok();
}

template <class Element>
Status read_score_grad(const FlashAttentionScoreGradCall& c, ScoreGradProblem<Element>& p) {
  GLINT_PASS_ON(twin(c.dy, as_input(c.forward.attention_out), kDy));
  GLINT_PASS_ON(twin(as_input(c.dq), c.forward.query, kDq));
  GLINT_PASS_ON(twin(as_input(c.dk), c.forward.key, kDk));
  GLINT_PASS_ON(twin(as_input(c.dv), c.forward.value, kDv));
  p.d_out = static_cast<const Element*>(c.dy.data);
  p.d_q = static_cast<Element*>(c.dq.data);
  p.d_k = static_cast<Element*>(c.dk.data);
  p.d_v = static_cast<Element*>(c.dv.data);
  return read_optional_gradients(c, p);
}

// Reads and checks the call, then hands the typed problem to `then(problem, layout, mode)`.
template <class Then>
Status with_score_grad(const FlashAttentionScoreGradCall& c, const Then& then) {
  GLINT_PASS_ON(gradient_rules::attention_out(data_of(as_input(c.forward.attention_out)) != nullptr));
  return with_score(c.forward,
                    [&]<class Element>(const ScoreProblem<Element>& forward, Layout layout, SparseMode mode) -> Status {
                      ScoreGradProblem<Element> p{.forward = forward};
                      GLINT_PASS_ON(read_score_grad(c, p));
                      GLINT_PASS_ON(gradient_rules::beyond_forward(p, layout));
                      return then(p, layout, mode);
                    });
}

}  // namespace dispatch

inline Status check(const FlashAttentionScoreGradCall& call) {
  return dispatch::with_score_grad(call, [](const auto&, Layout, SparseMode) { return Status::ok(); });
}

// Bytes of scratch for `workers` workers; 0 for an illegal call.
inline index_t workspace_bytes(const FlashAttentionScoreGradCall& call, index_t workers = 1) {
  index_t bytes = 0;
  (void)static_cast<bool>(dispatch::with_score_grad(call, [&](const auto& p, Layout layout, SparseMode) {
    bytes = detail::gradient_workspace<recipe::Default>(p, layout, workers);
    return Status::ok();
  }));
  return bytes;
}

template <Executor Pool>
Status flash_attention_score_grad(const FlashAttentionScoreGradCall& call, Pool&& executor,
                                  std::span<std::byte> workspace) {
  return dispatch::with_score_grad(call, [&](const auto& p, Layout layout, SparseMode mode) {
    return detail::run_gradient<recipe::Default>(p, layout, dispatch::AnyMaskOf{detail::masks(p.forward, layout, mode)},
                                                 SameModifier<score::None>{}, executor, workspace);
  });
}

template <Executor Pool>
Status flash_attention_score_grad(const FlashAttentionScoreGradCall& call, Pool&& executor) {
  GLINT_PASS_ON(check(call));
  return detail::with_workspace(workspace_bytes(call, executor.workers()), [&](std::span<std::byte> workspace) {
    return flash_attention_score_grad(call, executor, workspace);
  });
}
inline Status flash_attention_score_grad(const FlashAttentionScoreGradCall& call) {
  return flash_attention_score_grad(call, Serial{});
}

}  // namespace GLINT_ABI
}  // namespace glint
