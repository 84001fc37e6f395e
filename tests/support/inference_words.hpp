// The words of a case line for op=prompt and op=incre, and the keys among them that say and hear themselves.
#pragma once

#include "support/case_key.hpp"
#include "support/common_keys.hpp"
#include "support/inference_lists.hpp"

namespace glint_test {

inline std::string_view op_name(const InferenceCase& c) { return c.op == kPrompt ? "prompt" : "incre"; }

namespace detail {

inline constexpr const char* kInferenceOps[] = {"incre", "prompt"};
inline constexpr const char* kInferenceTypes[] = {"f32", "f16", "bf16", "i8", "i4"};
inline constexpr const char* kFormWords[] = {"contiguous", "left_padded", "paged", "list"};
inline constexpr const char* kListWords[] = {"none", "one", "each"};
inline constexpr const char* kInferenceMasks[] = {"none", "111s", "b11s", "11ss", "b1ss"};
inline constexpr const char* kMaskTypeWords[] = {"bytes", "f16", "bf16", "f32"};
inline constexpr const char* kDraftWords[] = {"none", "causal", "tree"};
inline constexpr const char* kShiftWords[] = {"none", "dense"};
inline constexpr const char* kRangeWords[] = {"tiny", "usual", "saturate"};
inline constexpr const char* kPostWords[] = {"none", "tensor", "channel"};
inline constexpr const char* kSinkWords[] = {"none", "among", "far_below", "far_above"};
inline constexpr const char* kPoisonWords[] = {"unread", "partly_seen"};
inline constexpr const char* kOfIntegers = "cache=i8|i4 of a floating-point query";
inline constexpr const char* kTurned = "BNSD_BSND";

inline bool ragged(const InferenceCase& c) { return c.ragged(); }
inline bool dense(const InferenceCase& c) { return !c.ragged(); }
inline bool paged(const InferenceCase& c) { return c.form == kPaged; }
inline bool masked(const InferenceCase& c) { return c.mask != kUnmasked; }
inline bool biased(const InferenceCase& c) { return c.pse != 0; }
inline bool tree(const InferenceCase& c) { return c.draft == kDraftTree; }
inline bool integers(const InferenceCase& c) { return c.integer_cache(); }
inline bool int8_query(const InferenceCase& c) { return c.query == kInt8; }
inline bool post_quantised(const InferenceCase& c) { return c.post != kPostNone; }
inline index_t one(const InferenceCase&) { return 1; }

// Without what longer_lists puts behind it.  A comma makes a list of one number that could mean all of the batch.
inline std::string say_list(const InferenceCase& c, index_t kind, std::vector<index_t> list) {
  if (kind == kLengthsNone) return {};
  if (kind == kLengthsEach) list.resize(std::min(list.size(), static_cast<std::size_t>(c.batch)));
  return list_text(list) + (kind == kLengthsEach && c.batch == 1 && c.longer_lists > 0 ? "," : "");
}
inline std::string say_q_lens(const InferenceCase& c) { return say_list(c, c.q_lens, inference_lists(c).q_lens); }
inline std::string say_lens(const InferenceCase& c) { return say_list(c, c.lens, inference_lists(c).lens); }
inline std::string say_rows(const InferenceCase& c) {
  if (c.ragged() && c.batch > 0) return lengths_text(inference_lists(c).q_of);
  return c.op == kIncre && c.q_len == 1 ? "" : std::to_string(c.q_len);
}
inline std::string say_keys(const InferenceCase& c) {
  std::string text = std::to_string(c.kv_len);
  if (c.batch > 0 && c.form == kList) text = lengths_text(inference_lists(c).room);
  if (c.batch > 0 && c.ragged()) text = lengths_text(inference_lists(c).own);
  return c.op == kPrompt && text == say_rows(c) ? "" : text;
}

// Unless a list says it.
inline std::string say_batch(const InferenceCase& c) {
  const auto lists = [](const std::string& text) { return text.find(',') != text.npos; };
  return c.batch == 1 || lists(say_rows(c)) || lists(say_keys(c)) ? "" : std::to_string(c.batch);
}

inline std::string say_layout(const InferenceCase& c) {
  return c.turned != 0 ? kTurned : c.layout == kBsh ? "" : kLayoutNames[c.layout];
}
inline std::string hear_layout(InferenceCase& c, std::string_view text) {
  if (text == kTurned) return c.layout = kBnsd, c.turned = 1, "";
  for (const index_t layout : {kBsh, kBnsd, kBsnd, kTnd})
    if (text == kLayoutNames[layout]) return c.layout = layout, "";
  return "BSH|BNSD|BSND|BNSD_BSND|TND, of which op=incre has the first three";
}

// block= and kv_padding= say the form too.
inline std::string say_form(const InferenceCase& c) { return c.form == kList ? "list" : ""; }

inline std::string hear_list(std::string_view text, index_t& kind, std::vector<index_t>& list) {
  if (hear_word(text, kListWords, kind).empty()) return {};
  kind = text.find(',') == text.npos ? kLengthsOne : kLengthsEach;
  if (text.find(',') + 1 == text.size()) text.remove_suffix(1);
  if (read_list(text, 0, list)) return {};
  return alternatives(kListWords) +
         ", a whole number from 0 to 2147483648, or one for each batch entry with commas between them";
}

inline std::string hear_padding(std::string_view text, index_t& padding) {
  if (read_number(text, padding) && padding >= -kMostRows && padding <= kMostRows) return {};
  return "a whole number from -2147483648 to 2147483648";
}

inline std::string hear_block(InferenceCase& c, std::string_view text) {
  if (c.form != kContiguous && c.form != kPaged) return "only with form=paged";
  c.form = kPaged;
  const bool fits = read_number(text, c.block_size) && c.block_size >= 1 && c.block_size <= 65536;
  return fits ? "" : "a whole number from 1 to 65536";
}

}  // namespace detail

}  // namespace glint_test
