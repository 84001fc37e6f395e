// The tests' cases as questions: what a differential test asks is what a bundle holds.
#pragma once

#include "kit/question.hpp"
#include "support/inference_line.hpp"
#include "support/inference_question.hpp"
#include "support/score_grad_doors.hpp"
#include "support/score_line.hpp"

namespace kit {

namespace detail {

template <class T>
Question score_question(const glint_test::Case& c, bool gradient) {
  const glint_test::CaseData<T> data = glint_test::data_of<T>(c);
  Question question;
  question.line = print(c);
  question.spec = data.spec;
  question.gradient = gradient;
  question.out_type = glint::dtype_of<T>;
  for (const char* name : {"query", "key", "value", "d_out"}) question.types[name] = glint::dtype_of<T>;
  question.types["pse"] = c.pse_type >= 2 ? DType::f32 : glint::dtype_of<T>;
  question.rounds_p = std::is_same_v<T, glint::bfloat16> && c.inner_precise == 1;
  if (gradient) {
    const auto shape = glint::reference::shape_of(data.out_extent, glint_test::detail::layout_name(c));
    question.d_out = glint_test::detail::as_array(glint_test::d_out_of(c, data), shape);
  }
  return question;
}

}  // namespace detail

// dtype: f32, f16 or bf16.  It and `gradient` count, not those of the case.
inline Question question_of(glint_test::Case c, DType dtype, bool gradient) {
  c.dtype = dtype == DType::f16 ? glint_test::kF16 : dtype == DType::bf16 ? glint_test::kBf16 : glint_test::kF32;
  c.gradient = gradient ? 1 : 0;
  if (dtype == DType::f16) return detail::score_question<glint::half>(c, gradient);
  if (dtype == DType::bf16) return detail::score_question<glint::bfloat16>(c, gradient);
  return detail::score_question<float>(c, gradient);
}

inline Question question_of(const glint_test::InferenceCase& c) {
  const glint_test::InferenceData data = glint_test::inference_data_of(c);
  Question question;
  question.line = print(c);
  question.spec = data.spec;
  const DType query = glint_test::kDTypes[c.query], cache = glint_test::kDTypes[c.cache];
  const auto set = [&](const char* name, const glint_test::Operand& operand) {
    if (operand.present()) question.types[name] = operand.dtype;
  };
  question.types["query"] = question.types["query_rope"] = query;
  for (const char* name : {"key", "value", "key_rope", "key_shared_prefix", "value_shared_prefix"})
    question.types[name] = cache;
  for (std::size_t b = 0; b < data.k.size(); ++b)
    question.types["key." + std::to_string(b)] = question.types["value." + std::to_string(b)] = cache;
  set("pse", data.pse);
  set("sink", data.sink);
  set(c.joint != 0 ? "antiquant_scale" : "key_antiquant_scale", data.k_scale);
  set(c.joint != 0 ? "antiquant_offset" : "key_antiquant_offset", data.k_offset);
  set("value_antiquant_scale", data.v_scale);
  set("value_antiquant_offset", data.v_offset);
  set("quant_scale2", data.post_scale);
  set("quant_offset2", data.post_offset);
  question.out_type = c.post != glint_test::kPostNone ? DType::i8 : glint_test::kDTypes[c.number()];
  question.rounds_p = c.query == glint_test::kBf16 && c.cache == glint_test::kBf16 && c.inner_precise % 2 == 1;
  return question;
}

}  // namespace kit
