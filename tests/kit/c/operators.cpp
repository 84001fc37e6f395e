// The operators of glint.h.
#include <thread>

#include "glint/policy/executor_threads.hpp"
#include "glint/simd/isa.hpp"
#include "kit/c/fields.hpp"

namespace kit::c {
namespace {

constexpr std::int32_t kMostThreads = 1024;

// The library's overloads under one name.
template <class... Rest>
glint::Status attend(const glint::FlashAttentionScoreCall& call, Rest&&... rest) {
  return glint::flash_attention_score(call, rest...);
}
template <class... Rest>
glint::Status attend(const glint::FlashAttentionScoreGradCall& call, Rest&&... rest) {
  return glint::flash_attention_score_grad(call, rest...);
}
template <class... Rest>
glint::Status attend(const glint::PromptFlashAttentionCall& call, Rest&&... rest) {
  return glint::prompt_flash_attention(call, rest...);
}
template <class... Rest>
glint::Status attend(const glint::IncreFlashAttentionCall& call, Rest&&... rest) {
  return glint::incre_flash_attention(call, rest...);
}
template <class... Rest>
glint::Status attend(const glint::FusedInferAttentionScoreCall& call, Rest&&... rest) {
  return glint::fused_infer_attention_score(call, rest...);
}

bool legal_threads(std::int32_t threads) { return threads >= 0 && threads <= kMostThreads; }

index_t workers_of(std::int32_t threads) {
  if (threads > 0) return threads;
  const auto machine = static_cast<index_t>(std::thread::hardware_concurrency());
  return machine < kMostThreads ? machine : kMostThreads;
}

template <class Operator>
std::int32_t check(const typename Operator::Call* call, glint_status* status) {
  return guarded(status, [&] {
    const Converted<Operator> converted(call);
    if (converted.status().code != GLINT_OK) return converted.status();
    return status_of(glint::check(converted.library()));
  });
}

template <class Operator>
std::int64_t workspace_bytes(const typename Operator::Call* call, std::int32_t threads) {
  std::int64_t bytes = 0;
  guarded(nullptr, [&] {
    const Converted<Operator> converted(call);
    if (converted.status().code == GLINT_OK && legal_threads(threads))
      bytes = glint::workspace_bytes(converted.library(), workers_of(threads));
    return converted.status();
  });
  return bytes;
}

template <class Operator>
std::int32_t run(const typename Operator::Call* call, std::int32_t threads, void* workspace, std::size_t bytes,
                 glint_status* status) {
  return guarded(status, [&] {
    const Converted<Operator> converted(call);
    if (converted.status().code != GLINT_OK) return converted.status();
    if (!legal_threads(threads)) return failure(GLINT_THREADS, "threads is 0 to 1024", threads, kMostThreads);
    const glint::Threads executor(workers_of(threads));
    if (workspace == nullptr) return status_of(attend(converted.library(), executor));
    const std::span<std::byte> given(static_cast<std::byte*>(workspace), bytes);
    return status_of(attend(converted.library(), executor, given));
  });
}

}  // namespace
}  // namespace kit::c

extern "C" {

#define GLINT_C_OPERATOR(name, Operator)                                                                          \
  void glint_##name##_init(glint_##name##_call* call, size_t size) { kit::c::init<Operator>(call, size); }        \
  int32_t glint_##name##_check(const glint_##name##_call* call, glint_status* status) {                           \
    return kit::c::check<Operator>(call, status);                                                                 \
  }                                                                                                               \
  int64_t glint_##name##_workspace_bytes(const glint_##name##_call* call, int32_t threads) {                      \
    return kit::c::workspace_bytes<Operator>(call, threads);                                                      \
  }                                                                                                               \
  int32_t glint_##name(const glint_##name##_call* call, int32_t threads, void* workspace, size_t workspace_bytes, \
                       glint_status* status) {                                                                    \
    return kit::c::run<Operator>(call, threads, workspace, workspace_bytes, status);                              \
  }

GLINT_C_OPERATOR(flash_attention_score, kit::c::Score)
GLINT_C_OPERATOR(flash_attention_score_grad, kit::c::ScoreGrad)
GLINT_C_OPERATOR(prompt_flash_attention, kit::c::Prompt)
GLINT_C_OPERATOR(incre_flash_attention, kit::c::Incre)
GLINT_C_OPERATOR(fused_infer_attention_score, kit::c::Fused)

int32_t glint_version(void) { return GLINT_VERSION; }
const char* glint_isa(void) { return glint::name(glint::simd::selected); }

}  // extern "C"
