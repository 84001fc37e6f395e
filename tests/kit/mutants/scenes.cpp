// Scenes of the training operator and its gradient, and the list of all.  Lengths are no multiples of the
// tests' tile of 16, so every row and key loop has a tail.
#include "kit/mutants/scenes.hpp"

#include <array>
#include <cmath>
#include <limits>
#include <string>

#include "kit/case/drawn.hpp"
#include "kit/mutants/scenes_inference.hpp"

namespace kit {

namespace {

using glint::reference::SoftcapOrder;
using glint_test::Case;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

// Two entries, four heads on two; the layout goes with the seed.
Case usual_case(std::uint64_t seed) {
  constexpr std::array<index_t, 4> layouts{glint_test::kBnsd, glint_test::kBsh, glint_test::kBsnd, glint_test::kSbh};
  Case c;
  c.seed = seed;
  c.layout = layouts[seed % layouts.size()];
  c.batch = 2, c.heads = 4, c.kv_heads = 2;
  c.q_len = 40, c.kv_len = 55;
  c.dim = c.value_dim = 20;
  c.scale = 1300;
  c.compressed = glint_test::kMaskTag;
  return c;
}

Case ragged_case(std::uint64_t seed) {
  Case c = usual_case(seed);
  c.layout = glint_test::kTnd;
  c.batch = 3;
  return c;
}

// The gradient's oracle takes longer.
Case small_case(std::uint64_t seed) {
  Case c = usual_case(seed);
  c.q_len = 21, c.kv_len = 27;
  return c;
}

Question forward(const Case& c) { return question_of(c, DType::f32, false); }
Question backward(const Case& c) { return question_of(c, DType::f32, true); }

Question plain(std::uint64_t seed) { return forward(usual_case(seed)); }

Question half_precision(std::uint64_t seed) {
  return question_of(usual_case(seed), seed % 2 == 0 ? DType::f16 : DType::bf16, false);
}

Question causal(std::uint64_t seed) {
  Case c = usual_case(seed);
  c.mode = seed % 2 == 0 ? 3 : 2;
  return forward(c);
}

Question band(std::uint64_t seed) {
  Case c = usual_case(seed);
  c.mode = 4, c.pre = 9, c.next = 4;
  return forward(c);
}

// Rows whose first tiles of keys are hidden.
Question late_band(std::uint64_t seed) {
  Case c = usual_case(seed);
  c.mode = 4, c.pre = 3, c.next = 5;
  return forward(c);
}

Question mask_tensor(std::uint64_t seed) {
  Case c = usual_case(seed);
  c.mode = 1, c.mask = glint_test::kMaskBNSS, c.mask_fill = 1;
  return forward(c);
}

Question hidden_rows(std::uint64_t seed) {
  Case c = usual_case(seed);
  if (seed % 2 == 0) {
    c.mode = 1, c.mask = glint_test::kMaskB1SS, c.mask_fill = 2;
  } else {
    c.mode = 3, c.q_len = 55, c.kv_len = 40;
  }
  return forward(c);
}

Question prefix(std::uint64_t seed) {
  Case c = usual_case(seed);
  c.mode = 6, c.q_len = 55, c.kv_len = 40;
  c.prefix = glint_test::kPrefixValid;
  return forward(c);
}

Question q_scale(std::uint64_t seed) {
  Case c = usual_case(seed);
  c.q_scale = 1700;
  return forward(c);
}

Question bias(std::uint64_t seed) {
  Case c = usual_case(seed);
  c.pse = 1, c.pse_type = seed % 2 == 0 ? 1 : 0;
  c.pse_per_batch = c.pse_per_head = c.pse_per_row = 1;
  return forward(c);
}

Question alibi(std::uint64_t seed) {
  Case c = ragged_case(seed);
  c.pse = 1, c.pse_type = seed % 2 == 0 ? 2 : 3;
  c.pse_per_batch = 1;
  return forward(c);
}

Question cap(std::uint64_t seed) {
  Case c = usual_case(seed);
  c.pse = 1, c.pse_type = 0, c.pse_per_row = 1;
  Question question = forward(c);
  question.spec.softcap = 1.5;
  question.spec.softcap_order = seed % 2 == 0 ? SoftcapOrder::before_bias : SoftcapOrder::after_bias;
  return question;
}

Question sink(std::uint64_t seed) {
  Case c = usual_case(seed);
  c.sink = 1;
  Question question = forward(c);
  for (index_t head = 0; head < c.heads; ++head) question.spec.sink.flat(head) = 1.5 - 0.25 * static_cast<double>(head);
  return question;
}

Case with_bits(Case c) {
  c.drop = glint_test::kDropBits, c.keep = 700;
  return c;
}
Question dropout(std::uint64_t seed) { return forward(with_bits(usual_case(seed))); }

Question philox(std::uint64_t seed) {
  Case c = usual_case(seed);
  c.drop = glint_test::kDropPhilox, c.keep = 700, c.offset = 48;
  return forward(c);
}

// As many rows as the case has, in sequences of about a quarter, a third and the rest.
Question ragged(std::uint64_t seed) {
  Question question = forward(ragged_case(seed));
  const auto ends = [](index_t rows) { return std::vector<index_t>{rows / 4, rows / 4 + rows / 3, rows}; };
  question.spec.actual_seq_qlen = ends(question.spec.query.shape[0]);
  question.spec.actual_seq_kvlen = ends(question.spec.key.shape[0]);
  return question;
}

// A sequence with queries and without keys.
Question empty_sequence(std::uint64_t seed) {
  Question question = ragged(seed);
  AttentionCase& spec = question.spec;
  const index_t rows = spec.query.shape[0], keys = spec.key.shape[0];
  spec.actual_seq_qlen = {rows / 3, rows / 3 + 5, rows};
  spec.actual_seq_kvlen = {keys / 2, keys / 2, keys};
  return question;
}

// More keys than one chain of float sums bears, all of them like.
Question long_row(std::uint64_t seed) {
  Case c = usual_case(seed);
  c.batch = 1, c.heads = c.kv_heads = 1;
  c.q_len = 2, c.kv_len = 40000, c.dim = c.value_dim = 4;
  c.sd_q = c.sd_k = 0;
  Question question = forward(c);
  for (double& number : question.spec.value.data) number = 1 + 0x1p-10 * std::nearbyint(number * 64);
  return question;
}

Question large_tensor(std::uint64_t seed) {
  Case c = usual_case(seed);
  c.kv_len = 200, c.kv_heads = 4, c.dim = c.value_dim = 64;
  c.q_len = 9;
  return forward(c);
}

Question large_scores(std::uint64_t seed) {
  Case c = usual_case(seed);
  c.sd_q = c.sd_k = 3;
  return forward(c);
}

Question number_is_nan(std::uint64_t seed) {
  Question question = plain(seed);
  question.spec.key.data[question.spec.key.data.size() / 3] = kNaN;
  return question;
}

Question gradient(std::uint64_t seed) { return backward(small_case(seed)); }

Question gradient_dropout(std::uint64_t seed) { return backward(with_bits(small_case(seed))); }

Question gradient_mask(std::uint64_t seed) {
  Case c = small_case(seed);
  c.mode = seed % 2 == 0 ? 3 : 1;
  if (c.mode == 1) c.mask = glint_test::kMaskBNSS, c.mask_fill = 1;
  return backward(c);
}

Question gradient_bias(std::uint64_t seed) {
  Case c = small_case(seed);
  c.pse = 1, c.pse_type = seed % 2 == 0 ? 1 : 0, c.pse_per_head = 1;
  return backward(c);
}

Question gradient_sink(std::uint64_t seed) {
  Case c = small_case(seed);
  c.sink = 1;
  Question question = backward(c);
  for (index_t head = 0; head < c.heads; ++head) question.spec.sink.flat(head) = 0.5 * static_cast<double>(head);
  return question;
}

constexpr Scene kScenes[] = {
    {"plain", plain},
    {"half_precision", half_precision},
    {"causal", causal},
    {"band", band},
    {"late_band", late_band},
    {"mask_tensor", mask_tensor},
    {"hidden_rows", hidden_rows},
    {"prefix", prefix},
    {"q_scale", q_scale},
    {"bias", bias},
    {"alibi", alibi},
    {"cap", cap},
    {"sink", sink},
    {"dropout", dropout},
    {"philox", philox},
    {"ragged", ragged},
    {"empty_sequence", empty_sequence},
    {"long_row", long_row},
    {"large_tensor", large_tensor},
    {"large_scores", large_scores},
    {"number_is_nan", number_is_nan},
    {"gradient", gradient},
    {"gradient_dropout", gradient_dropout},
    {"gradient_mask", gradient_mask},
    {"gradient_bias", gradient_bias},
    {"gradient_sink", gradient_sink},
    {"lengths", scene::lengths},
    {"poisoned_tail", scene::poisoned_tail},
    {"poisoned_mask", scene::poisoned_mask},
    {"integer_cache", scene::integer_cache},
    {"paged", scene::paged},
    {"left_padded", scene::left_padded},
    {"shared_prefix", scene::shared_prefix},
    {"int8_output", scene::int8_output},
};

}  // namespace

std::span<const Scene> scenes() { return kScenes; }

const Scene* find_scene(const std::string& name) {
  for (const Scene& scene : kScenes)
    if (name == scene.name) return &scene;
  return nullptr;
}

}  // namespace kit
