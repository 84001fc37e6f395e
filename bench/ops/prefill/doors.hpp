// The run-time doors, compiled once for all rows that go through them.
#pragma once

#include "glint/dispatch/flash_attention_score.hpp"
#include "glint/dispatch/prompt_flash_attention.hpp"

namespace bench {

glint::Status through_the_door(const glint::FlashAttentionScoreCall& call, std::span<std::byte> workspace);
glint::Status through_the_door(const glint::PromptFlashAttentionCall& call, std::span<std::byte> workspace);

}  // namespace bench
