// The oracle of glint.h.
#include <memory>

#include "kit/c/fields.hpp"
#include "kit/c/reference_case.hpp"

namespace kit::c {
namespace {

using glint::reference::Array;
using glint::reference::AttentionCase;
using glint::reference::Entry;

// What an answer points at.
struct Held {
  glint::reference::AttentionResult forward;
  glint::reference::GradientResult gradient;
  Array probabilities;
};

glint_array view(Array& numbers) {
  glint_array array{};
  if (!numbers.present()) return array;
  array.data = numbers.data.data();
  array.dtype = GLINT_TYPE_F64;
  array.rank = static_cast<std::int32_t>(numbers.rank());
  for (std::size_t axis = 0; axis < numbers.shape.size(); ++axis) array.shape[axis] = numbers.shape[axis];
  return array;
}

// [T][N] -> for each sequence, and for the rows behind the last one, a block [N][length].
Array by_sequence(const AttentionCase& spec, const Array& by_token) {
  Array blocks(by_token.shape);
  const index_t tokens = by_token.shape[0], heads = by_token.shape[1];
  index_t first = 0;
  const auto block = [&](index_t length) {
    for (index_t n = 0; n < heads; ++n)
      for (index_t i = 0; i < length; ++i) blocks.flat(first * heads + n * length + i) = by_token.at(first + i, n);
    first += length;
  };
  for (const Entry& entry : glint::reference::entries_of(spec)) block(entry.rows);
  block(tokens - first);
  return blocks;
}

// As the call's tensor holds them: in its order, and each eight times if it has an axis for that.
void arrange(const glint::FlashAttentionScoreCall& c, const AttentionCase& spec, const OutputRef& like, Array& rows) {
  const bool packed = glint::reference::is_packed(spec.layout);
  if (packed && c.softmax_layout.empty()) rows = by_sequence(spec, rows);
  if (!like.present() || like.shape.rank == static_cast<int>(rows.rank())) return;
  std::vector<index_t> shape = rows.shape;
  shape.push_back(8);
  Array repeated(shape);
  for (index_t i = 0; i < repeated.size(); ++i) repeated.flat(i) = rows.flat(i / 8);
  rows = std::move(repeated);
}

Array padded_probabilities(const AttentionCase& spec, const std::vector<glint::reference::Matrix>& all) {
  const index_t heads = spec.head_num, entries = static_cast<index_t>(all.size()) / heads;
  index_t rows = 0, keys = 0;
  for (const auto& head : all) rows = (std::max)(rows, head.rows()), keys = (std::max)(keys, head.cols());
  Array padded({entries, heads, rows, keys});
  for (index_t b = 0; b < entries; ++b)
    for (index_t n = 0; n < heads; ++n) {
      const auto& head = all[static_cast<std::size_t>(b * heads + n)];
      for (index_t i = 0; i < head.rows(); ++i)
        for (index_t j = 0; j < head.cols(); ++j) padded.at(b, n, i, j) = head(i, j);
    }
  return padded;
}

void ask(AttentionCase& spec, bool keep_probabilities, Held& held) {
  spec.keep_probabilities = keep_probabilities && !spec.int8.dequant_scale1.present();  // that path has none
  held.forward = glint::reference::attention(spec);
  if (spec.keep_probabilities) held.probabilities = padded_probabilities(spec, held.forward.probabilities);
}

AttentionCase answer_call(const glint::FlashAttentionScoreCall& c, bool keep_probabilities, Held& held) {
  AttentionCase spec = case_of(c);
  ask(spec, keep_probabilities, held);
  arrange(c, spec, c.softmax_max, held.forward.softmax_max);
  arrange(c, spec, c.softmax_sum, held.forward.softmax_sum);
  return spec;
}

void answer_call(const glint::FlashAttentionScoreGradCall& c, bool keep_probabilities, Held& held) {
  AttentionCase spec = answer_call(c.forward, keep_probabilities, held);
  held.gradient = glint::reference::gradient({std::move(spec), numbers_of(c.dy)});
  if (!c.dpse.present()) held.gradient.d_pse = {};
  if (!c.dsink.present()) held.gradient.d_sink = {};
}

template <class Inference>
void answer_call(const Inference& c, bool keep_probabilities, Held& held) {
  AttentionCase spec = case_of(c);
  ask(spec, keep_probabilities, held);
  held.forward.lse.shape.push_back(1);
}

glint_reference_answer views(Held& held) {
  glint_reference_answer answer{};
  answer.attention_out = view(held.forward.out);
  answer.softmax_max = view(held.forward.softmax_max);
  answer.softmax_sum = view(held.forward.softmax_sum);
  answer.softmax_lse = view(held.forward.lse);
  answer.dq = view(held.gradient.d_query);
  answer.dk = view(held.gradient.d_key);
  answer.dv = view(held.gradient.d_value);
  answer.dpse = view(held.gradient.d_pse);
  answer.dsink = view(held.gradient.d_sink);
  answer.probabilities = view(held.probabilities);
  answer.weighted_abs_v = view(held.forward.weighted_abs_v);
  answer.score_abs = view(held.forward.score_abs);
  return answer;
}

glint_status answer_status(const glint_reference_answer* answer) {
  if (answer == nullptr) return failure(GLINT_NULL_CALL, "the answer is null", 0, 1);
  const glint_status known = size_status(answer->size, sizeof *answer);
  if (known.code != GLINT_OK) return known;
  const std::size_t least = offsetof(glint_reference_answer, attention_out);
  if (answer->size < least)
    return failure(GLINT_CALL_SIZE, "the answer's size leaves no room for an answer",
                   static_cast<std::int64_t>(answer->size), static_cast<std::int64_t>(least));
  return kOk;
}

template <class Operator>
std::int32_t reference(const typename Operator::Call* call, glint_reference_answer* answer, glint_status* status) {
  return guarded(status, [&] {
    if (const glint_status wrong = answer_status(answer); wrong.code != GLINT_OK) return wrong;
    answer->memory = nullptr;
    const Converted<Operator> converted(call);
    if (converted.status().code != GLINT_OK) return converted.status();
    if (const glint::Status legal = glint::check(converted.library()); !legal) return status_of(legal);
    auto held = std::make_unique<Held>();
    answer_call(converted.library(), answer->keep_probabilities != 0, *held);
    glint_reference_answer full = views(*held);
    full.size = answer->size;
    full.keep_probabilities = answer->keep_probabilities;
    full.memory = held.release();
    std::memcpy(answer, &full, static_cast<std::size_t>(full.size));
    return kOk;
  });
}

}  // namespace
}  // namespace kit::c

extern "C" {

#define GLINT_C_REFERENCE(name, Operator)                                                         \
  int32_t glint_reference_##name(const glint_##name##_call* call, glint_reference_answer* answer, \
                                 glint_status* status) {                                          \
    return kit::c::reference<Operator>(call, answer, status);                                     \
  }

GLINT_C_REFERENCE(flash_attention_score, kit::c::Score)
GLINT_C_REFERENCE(flash_attention_score_grad, kit::c::ScoreGrad)
GLINT_C_REFERENCE(prompt_flash_attention, kit::c::Prompt)
GLINT_C_REFERENCE(incre_flash_attention, kit::c::Incre)
GLINT_C_REFERENCE(fused_infer_attention_score, kit::c::Fused)

void glint_reference_release(glint_reference_answer* answer) {
  if (answer == nullptr || answer->size < offsetof(glint_reference_answer, attention_out)) return;
  delete static_cast<kit::c::Held*>(answer->memory);
  answer->memory = nullptr;
}

}  // extern "C"
