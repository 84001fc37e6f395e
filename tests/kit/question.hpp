// What a kernel is asked, with its numbers, and what the oracle answers.  Everything in the kit is about these two.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "glint/core/dtype.hpp"
#include "glint/reference/gradient.hpp"

namespace kit {

using glint::DType;
using glint::index_t;
using glint::reference::Array;
using glint::reference::AttentionCase;
using glint::reference::ByteArray;

struct Question {
  std::string line;    // the case line that it was made from; empty if it comes from elsewhere
  AttentionCase spec;  // the numbers are already rounded to their storage types
  bool gradient = false;
  Array d_out;  // of a gradient: in the operator's output layout
  // Storage types of the inputs by their names in a bundle (visit_inputs); f32 where nothing is said.
  std::map<std::string, DType, std::less<>> types;
  DType out_type = DType::f32;  // of attention_out and of the gradients; i8 with post-quantization
  // bfloat16 with inner_precise 1: P is rounded to bfloat16, which the contract allows for.
  bool rounds_p = false;

  DType type_of(const std::string& name) const {
    const auto known = types.find(name);
    return known == types.end() ? DType::f32 : known->second;
  }
};

struct Answer {
  glint::reference::AttentionResult forward;
  glint::reference::GradientResult gradient;  // of a gradient
};

inline Answer answer(const Question& question) {
  Answer result;
  result.forward = glint::reference::attention(question.spec);
  if (question.gradient) result.gradient = glint::reference::gradient({question.spec, question.d_out});
  return result;
}

// visit(name, tensor) for every tensor that a case may have, present or not, in the order of a bundle.  `tensor` is an
// Array or a ByteArray; the block table and lists of lengths are integers and belong to the parameters.
template <class Spec, class Visit>
void visit_inputs(Spec& spec, const Visit& visit) {
  visit("query", spec.query);
  visit("key", spec.key);
  visit("value", spec.value);
  for (std::size_t b = 0; b < spec.key_list.size(); ++b) visit("key." + std::to_string(b), spec.key_list[b]);
  for (std::size_t b = 0; b < spec.value_list.size(); ++b) visit("value." + std::to_string(b), spec.value_list[b]);
  visit("query_rope", spec.query_rope);
  visit("key_rope", spec.key_rope);
  visit("key_shared_prefix", spec.key_shared_prefix);
  visit("value_shared_prefix", spec.value_shared_prefix);
  visit("attn_mask", spec.attn_mask);
  visit("pse", spec.pse);
  visit("sink", spec.sink);
  visit("drop_mask", spec.drop_mask);
  visit("antiquant_scale", spec.antiquant.scale);
  visit("antiquant_offset", spec.antiquant.offset);
  visit("key_antiquant_scale", spec.key_antiquant.scale);
  visit("key_antiquant_offset", spec.key_antiquant.offset);
  visit("value_antiquant_scale", spec.value_antiquant.scale);
  visit("value_antiquant_offset", spec.value_antiquant.offset);
  visit("dequant_scale1", spec.int8.dequant_scale1);
  visit("quant_scale1", spec.int8.quant_scale1);
  visit("dequant_scale2", spec.int8.dequant_scale2);
  visit("quant_scale2", spec.int8.quant_scale2);
  visit("quant_offset2", spec.int8.quant_offset2);
}

// visit(name, array) for every output of an answer, present or not.  Names as in a bundle.
template <class AnyAnswer, class Visit>
void visit_outputs(AnyAnswer& answer, const Visit& visit) {
  visit("out", answer.forward.out);
  visit("softmax_max", answer.forward.softmax_max);
  visit("softmax_sum", answer.forward.softmax_sum);
  visit("lse", answer.forward.lse);
  visit("d_query", answer.gradient.d_query);
  visit("d_key", answer.gradient.d_key);
  visit("d_value", answer.gradient.d_value);
  visit("d_query_rope", answer.gradient.d_query_rope);
  visit("d_key_rope", answer.gradient.d_key_rope);
  visit("d_pse", answer.gradient.d_pse);
  visit("d_sink", answer.gradient.d_sink);
}

}  // namespace kit
