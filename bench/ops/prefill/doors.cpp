#include "ops/prefill/doors.hpp"

namespace bench {

glint::Status through_the_door(const glint::FlashAttentionScoreCall& call, std::span<std::byte> workspace) {
  return glint::flash_attention_score(call, glint::Serial{}, workspace);
}

glint::Status through_the_door(const glint::PromptFlashAttentionCall& call, std::span<std::byte> workspace) {
  return glint::prompt_flash_attention(call, glint::Serial{}, workspace);
}

}  // namespace bench
