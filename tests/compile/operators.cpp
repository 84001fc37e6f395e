// What the typed operators refuse to compile, and the sentence that the user reads.
#include "glint/glint.hpp"

struct EveryDocument {
  glint::mask::None operator()(glint::HeadIndex at) const { return {at.q_len, at.kv_len}; }
};
struct OwnMasks : glint::recipe::Default {
  using masks = EveryDocument;
};
struct Squared {
  template <class V>
  void operator()(V& s, const V&) const {
    s *= s;
  }
};
struct OwnModifier : glint::recipe::Default {
  using modifiers = glint::SameModifier<Squared>;
};
using glint::layout::BNSD;

int main() {
#ifndef GLINT_SHOULD_FAIL
  glint::Status status = glint::FlashAttentionScore<BNSD, float, glint::SparseMode::custom, OwnMasks>::check({});
  status = glint::FlashAttentionScoreGrad<BNSD, glint::half>::check({});
  status = glint::FlashAttentionScoreGrad<BNSD, float, glint::SparseMode::custom, OwnMasks>::check({});
  status = glint::PromptFlashAttention<BNSD, glint::half>::check({});
  status = glint::PromptFlashAttention<BNSD, std::int8_t>::check({});
  status = glint::IncreFlashAttention<BNSD, glint::bfloat16>::check({});
  return status ? 0 : 1;

#elif GLINT_SHOULD_FAIL == 1
  // EXPECT 1: FlashAttentionScore: the element type must be float, half or bfloat16
  glint::FlashAttentionScore<BNSD, double> attend;

#elif GLINT_SHOULD_FAIL == 2
  // EXPECT 2: PromptFlashAttention: the element type must be float, half, bfloat16 or std::int8_t
  glint::PromptFlashAttention<BNSD, short> attend;

#elif GLINT_SHOULD_FAIL == 3
  // EXPECT 3: IncreFlashAttention: the element type must be float, half or bfloat16
  glint::IncreFlashAttention<BNSD, int> attend;

#elif GLINT_SHOULD_FAIL == 4
  // EXPECT 4: FlashAttentionScore: SparseMode::custom and Recipe::masks belong together
  glint::FlashAttentionScore<BNSD, float, glint::SparseMode::custom> attend;

#elif GLINT_SHOULD_FAIL == 5
  // EXPECT 5: FlashAttentionScore: SparseMode::custom and Recipe::masks belong together
  glint::FlashAttentionScore<BNSD, float, glint::SparseMode::band, OwnMasks> attend;

#elif GLINT_SHOULD_FAIL == 6
  // EXPECT 6: PromptFlashAttention: SparseMode::custom and Recipe::masks belong together
  glint::PromptFlashAttention<BNSD, float, glint::SparseMode::custom> attend;

#elif GLINT_SHOULD_FAIL == 7
  // EXPECT 7: IncreFlashAttention: a cache holds the query's element type, std::int8_t or int4x2
  glint::IncreFlashAttention<BNSD, glint::half, glint::kv::Contiguous<float>> attend;

#elif GLINT_SHOULD_FAIL == 8
  // Keys of another type than the query: the problem has one element type.
  // EXPECT 8: cannot convert|cannot initialize
  const glint::half key{};
  return glint::FlashAttentionScore<BNSD, float>::check({.k = &key}) ? 0 : 1;

#elif GLINT_SHOULD_FAIL == 9
  // EXPECT 9: PromptFlashAttention: a cache holds the query's element type, std::int8_t or int4x2
  glint::PromptFlashAttention<BNSD, glint::bfloat16, glint::SparseMode::band, glint::kv::Paged<glint::half>> attend;

#elif GLINT_SHOULD_FAIL == 10
  // Ignoring an answer.
  // EXPECT 10: nodiscard|unused-result
  glint::FlashAttentionScore<BNSD, float>::check({});

#elif GLINT_SHOULD_FAIL == 11
  // An executor that is none.
  // EXPECT 11: constraints not satisfied|no matching function|no match for call
  return glint::FlashAttentionScore<BNSD, float>{}({}, 4) ? 0 : 1;

#elif GLINT_SHOULD_FAIL == 12
  // EXPECT 12: under std::int8_t only that
  glint::PromptFlashAttention<BNSD, std::int8_t, glint::SparseMode::band, glint::kv::Contiguous<glint::half>> attend;

#elif GLINT_SHOULD_FAIL == 13
  // EXPECT 13: PromptFlashAttention: SparseMode::custom and Recipe::masks belong together
  glint::PromptFlashAttention<BNSD, float, glint::SparseMode::band, glint::kv::Contiguous<float>, OwnMasks> attend;

#elif GLINT_SHOULD_FAIL == 14
  // What queries of int8 are answered with is half, or int8 through out_int8.
  // EXPECT 14: cannot convert|cannot initialize
  std::int8_t out{};
  return glint::PromptFlashAttention<BNSD, std::int8_t>::check({.out = &out}) ? 0 : 1;

#elif GLINT_SHOULD_FAIL == 15
  // EXPECT 15: FlashAttentionScoreGrad: the element type must be float, half or bfloat16
  glint::FlashAttentionScoreGrad<BNSD, double> gradient;

#elif GLINT_SHOULD_FAIL == 16
  // EXPECT 16: FlashAttentionScoreGrad: SparseMode::custom and Recipe::masks belong together
  glint::FlashAttentionScoreGrad<BNSD, float, glint::SparseMode::custom> gradient;

#elif GLINT_SHOULD_FAIL == 17
  // EXPECT 17: FlashAttentionScoreGrad: SparseMode::custom and Recipe::masks belong together
  glint::FlashAttentionScoreGrad<BNSD, float, glint::SparseMode::band, OwnMasks> gradient;

#elif GLINT_SHOULD_FAIL == 18
  // A gradient of another type than the problem's.
  // EXPECT 18: cannot convert|cannot initialize
  float d_q{};
  return glint::FlashAttentionScoreGrad<BNSD, glint::bfloat16>::check({.d_q = &d_q}) ? 0 : 1;

#elif GLINT_SHOULD_FAIL == 19
  // EXPECT 19: a score modifier needs pullback
  constexpr auto kMode = glint::SparseMode::default_mask;
  return glint::FlashAttentionScoreGrad<BNSD, float, kMode, OwnModifier>{}({}) ? 0 : 1;
#endif
}
