// The preconditions of the oracle.  A case from a file must meet them before anybody computes with it: the oracle looks
// at most indices only where it uses them, and at no divisor.
#include "kit/bundle/sound.hpp"

#include "kit/bundle/sound_parts.hpp"
#include "kit/bundle/types.hpp"

namespace kit {

namespace sound {

std::string wrong(std::string_view name, const std::string& text) { return std::string(name) + ": " + text; }

std::string want(std::string_view name, std::string_view what, index_t got, const std::string& wanted) {
  return wrong(name, std::string(what) + " " + std::to_string(got) + ", want " + wanted);
}

std::string unequal(std::string_view name, std::string_view what, index_t got, index_t wanted) {
  return got == wanted ? "" : want(name, what, got, std::to_string(wanted));
}

std::string first_error(std::initializer_list<std::string> errors) {
  for (const std::string& error : errors)
    if (!error.empty()) return error;
  return {};
}

namespace {

std::string check_options(const Question& question) {
  const AttentionCase& spec = question.spec;
  if (spec.head_num < 1 || spec.head_num > kMostHeads)
    return want("head_num", "got", spec.head_num, "1 to " + std::to_string(kMostHeads));
  if (spec.kv_head_num < 0 || spec.kv_head_num > kMostHeads)
    return want("kv_head_num", "got", spec.kv_head_num, "0 to " + std::to_string(kMostHeads));
  if (spec.sparse_mode < 0 || spec.sparse_mode > 9) return want("sparse_mode", "got", spec.sparse_mode, "0 to 9");
  if (spec.pse_type < 0 || spec.pse_type > 3) return want("pse_type", "got", spec.pse_type, "0 to 3");
  if (!(spec.keep_prob > 0 && spec.keep_prob <= 1))
    return wrong("keep_prob", "got " + std::to_string(spec.keep_prob) + ", want more than 0, at most 1");
  if (spec.int8.key_block < 1) return want("int8.key_block", "got", spec.int8.key_block, "at least 1");
  for (const auto* starts : {&spec.q_start_idx, &spec.kv_start_idx})
    for (const index_t start : *starts)
      if (start < -kMostTokens || start > kMostTokens)
        return want(starts == &spec.q_start_idx ? "q_start_idx" : "kv_start_idx", "got", start, "at most 2^40 tokens");
  return {};
}

// The gradient operator knows plain keys and values only.
std::string check_gradient(const Question& question, const Shapes& shapes) {
  const AttentionCase& spec = question.spec;
  if (!question.gradient) return {};
  const bool plain = spec.key_list.empty() && !shapes.paged && !spec.key_shared_prefix.present() &&
                     !spec.antiquant.scale.present() && !spec.key_antiquant.scale.present() &&
                     !spec.value_antiquant.scale.present();
  if (!plain || spec.int8.dequant_scale1.present() || spec.int8.quant_scale2.present())
    return "gradient: wants plain keys and values: no list, pages, shared prefix, integers or int8 output";
  const std::vector<index_t> output = glint::reference::shape_of(shapes.out, shapes.out_layout);
  if (question.d_out.shape == output) return {};
  return wrong("d_out", "shape " + text_of(question.d_out.shape) + ", want " + text_of(output));
}

}  // namespace

}  // namespace sound

std::string find_unsound(const Question& question) {
  sound::Shapes shapes;
  sound::Reach reach;
  std::string error = sound::check_options(question);
  if (error.empty()) error = sound::check_shapes(question.spec, shapes);
  if (error.empty()) error = sound::check_lengths(question.spec, shapes, reach);
  if (error.empty()) error = sound::check_masks(question.spec, shapes, reach);
  if (error.empty()) error = sound::check_factors(question.spec, shapes, reach);
  if (error.empty()) error = sound::check_gradient(question, shapes);
  return error;
}

std::string find_stranger(const Question& question, const Bundle& bundle) {
  Question empty;
  empty.spec.key_list.resize(question.spec.key_list.size());
  empty.spec.value_list.resize(question.spec.value_list.size());
  std::map<std::string, bool, std::less<>> known{{"d_out", true}, {"block_table", true}};
  visit_inputs(empty.spec, [&](const std::string& name, const auto&) { known[name] = true; });
  const Answer nothing;
  visit_outputs(nothing,
                [&](const std::string& name, const Array&) { known[name] = known[name + ".tolerance"] = true; });
  for (const auto& [name, tensor] : bundle.tensors)
    if (known.count(name) == 0 && name.rfind("probabilities.", 0) != 0)
      return "tensor " + in_quotes(name) + ": is no part of this case";
  return {};
}

}  // namespace kit
