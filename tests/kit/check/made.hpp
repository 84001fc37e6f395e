// Bundles for tests that need no oracle: every output has one number and one tolerance everywhere.
#pragma once

#include <cstring>

#include "kit/bundle/types.hpp"
#include "kit/check/check.hpp"

namespace kit {

template <class Element>
Tensor filled(Type type, const std::vector<index_t>& shape, Element value) {
  const std::vector<Element> elements(static_cast<std::size_t>(elements_of(shape).value()), value);
  Tensor tensor{type, shape, std::vector<std::byte>(elements.size() * sizeof(Element))};
  if (!elements.empty()) std::memcpy(tensor.bytes.data(), elements.data(), tensor.bytes.size());
  return tensor;
}

template <class Element>
void set(Tensor& tensor, index_t at, Element value) {
  std::memcpy(tensor.bytes.data() + static_cast<std::size_t>(at) * sizeof(Element), &value, sizeof(Element));
}

inline constexpr double kWant = 0.5, kTolerance = 0.0078125;  // exact in every type

inline void put(Bundle& bundle, const std::string& name, const std::vector<index_t>& shape, double want = kWant,
                float tolerance = static_cast<float>(kTolerance)) {
  bundle.tensors[name] = filled(Type::f64, shape, want);
  bundle.tensors[name + ".tolerance"] = filled(Type::f32, shape, tolerance);
}

// The notes of a case in this layout, without tensors.
inline Bundle made_bundle(const std::string& layout, index_t heads, index_t kv_heads,
                          const std::vector<index_t>& q_ends = {}, const std::vector<index_t>& kv_ends = {}) {
  Question question;
  question.line = "a case";
  question.spec.layout = layout;
  question.spec.head_num = heads;
  question.spec.kv_head_num = kv_heads;
  question.spec.actual_seq_qlen = q_ends;
  question.spec.actual_seq_kvlen = kv_ends;
  return to_bundle(question, {}, {});
}

inline Report checked(const Bundle& bundle, const Results& results, CheckOptions options = {}) {
  options.hints = false;
  return check(bundle, results, options);
}

}  // namespace kit
