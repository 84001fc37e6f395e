// Legal calls of the library as questions to the oracle.  Numbers are decoded from their storage types.
#pragma once

#include "glint/dispatch/flash_attention_score_grad.hpp"
#include "glint/dispatch/fused_infer_attention_score.hpp"
#include "glint/reference/gradient.hpp"

namespace kit::c {

// Preconditions: glint::check(call).
glint::reference::AttentionCase case_of(const glint::FlashAttentionScoreCall& call);
glint::reference::AttentionCase case_of(const glint::PromptFlashAttentionCall& call);
glint::reference::AttentionCase case_of(const glint::IncreFlashAttentionCall& call);
glint::reference::AttentionCase case_of(const glint::FusedInferAttentionScoreCall& call);

// Any tensor of a call; absent: absent.
glint::reference::Array numbers_of(const glint::TensorRef& tensor);

}  // namespace kit::c
