// Cases of FlashAttentionScore and PromptFlashAttention.
#include "tune/worker/bench_of.hpp"
#include "tune/worker/forward_operands.hpp"

namespace bench::tune {

std::unique_ptr<CaseBench> forward_bench(const Case& c) {
  if (c.dtype == DType::f16) return std::make_unique<BenchOf<ScoreOperands<glint::half>>>(c, c.dtype);
  if (c.dtype == DType::bf16) return std::make_unique<BenchOf<ScoreOperands<glint::bfloat16>>>(c, c.dtype);
  return std::make_unique<BenchOf<ScoreOperands<float>>>(c, c.dtype);
}

std::unique_ptr<CaseBench> prompt_bench(const Case& c) {
  if (c.dtype == DType::f16) return std::make_unique<BenchOf<PromptOperands<glint::half>>>(c, c.dtype);
  if (c.dtype == DType::bf16) return std::make_unique<BenchOf<PromptOperands<glint::bfloat16>>>(c, c.dtype);
  if (c.dtype == DType::i8) return std::make_unique<BenchOf<PromptOperands<std::int8_t>>>(c, c.dtype);
  return std::make_unique<BenchOf<PromptOperands<float>>>(c, c.dtype);
}

}  // namespace bench::tune
