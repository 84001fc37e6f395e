// What glint's run-time doors wrote, as a foreign kernel's results.
#pragma once

#include <cstring>

#include "kit/bundle/types.hpp"
#include "kit/case/drawn.hpp"
#include "kit/check/check.hpp"
#include "support/inference_outcome.hpp"
#include "support/score_differential.hpp"

namespace kit {

template <class Element>
Tensor tensor_from(const std::vector<Element>& elements, Type type, const std::vector<index_t>& shape) {
  Tensor tensor{type, shape, std::vector<std::byte>(elements.size() * sizeof(Element))};
  if (!elements.empty()) std::memcpy(tensor.bytes.data(), elements.data(), tensor.bytes.size());
  return tensor;
}

// A door's statistics in the order of the bundle, with their copies.
inline Tensor statistic_from(const std::vector<float>& values, const std::vector<index_t>& slots,
                             std::vector<index_t> shape, index_t copies) {
  const std::size_t rows = Array::element_count(shape), repeat = static_cast<std::size_t>(copies);
  std::vector<float> ordered(rows * repeat);
  for (std::size_t row = 0; row < rows; ++row)
    for (std::size_t copy = 0; copy < repeat; ++copy)
      ordered[row * repeat + copy] =
          values[(slots.empty() ? row : static_cast<std::size_t>(slots[row])) * repeat + copy];
  if (copies > 1) shape.push_back(copies);
  return tensor_from(ordered, Type::f32, shape);
}

template <class T>
Results results_of(const glint_test::Case& c, const glint_test::Lists& lists, const Answer& want,
                   const glint_test::Outcome<T>& got) {
  const std::vector<index_t> slots = glint_test::statistics_slots(c, lists);
  const std::vector<index_t>& rows = want.forward.lse.shape;
  Results results;
  results["out"] = tensor_from(got.out, storage_of(glint::dtype_of<T>), want.forward.out.shape);
  if (!got.max.empty()) results["softmax_max"] = statistic_from(got.max, slots, rows, c.repeat);
  if (!got.sum.empty()) results["softmax_sum"] = statistic_from(got.sum, slots, rows, c.repeat);
  if (!got.lse.empty()) results["lse"] = statistic_from(got.lse, {}, rows, 1);
  return results;
}

inline Results results_of(const glint_test::InferenceCase& c, const Answer& want,
                          const glint_test::InferenceOutcome& got) {
  Results results;
  results["out"] = {storage_of(glint_test::out_type(c)), want.forward.out.shape, got.out};
  if (!got.lse.empty()) results["lse"] = tensor_from(got.lse, Type::f32, want.forward.lse.shape);
  return results;
}

// The verdict of a check without hints; its text where something is wrong.
inline std::string wrong_in(const Bundle& bundle, const Results& results) {
  CheckOptions options;
  options.hints = false;
  const Report report = check(bundle, results, options);
  return report.pass ? "" : text(report);
}

}  // namespace kit
