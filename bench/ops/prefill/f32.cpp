// f32: both operators with the run-time door beside them, all layouts, tensors of masks and biases, sinks, int8
// outputs, two threads.
#include "ops/prefill/rows.hpp"
#include "support/machine.hpp"

namespace bench {
namespace {

using namespace glint::layout;

template <class LayoutTag>
void add_strided() {
  for (const int i : {0, 2, 3}) add_typed<Score, LayoutTag, float>(kPrefill[i], "f32", "", {});
}

void add_tensors() {
  for (const int i : {0, 2, 3}) {
    Workload masked = kPrefill[i], biased = kPrefill[i];
    masked.dense_mask = true;
    add_typed<Score, BNSD, float>(masked, "f32", "dense_mask", {});
    biased.bias = BiasTensor::shared;
    add_typed<Score, BNSD, float>(biased, "f32", "pse", {});
    if (i == 2) continue;  // 1 GB
    biased.bias = BiasTensor::for_each_head;
    add_typed<Score, BNSD, float>(biased, "f32", "pse_for_each_head", {});
  }
}

// A mask of float16 in place of bytes.
void run_float_mask(benchmark::State& state, const Workload& w) {
  using Attention = glint::PromptFlashAttention<BNSD, float>;
  const Inputs<float> in(w);
  Buffer<glint::half> drop(static_cast<index_t>(in.drop.bytes()));
  std::transform(in.drop.begin(), in.drop.end(), drop.begin(),
                 [](std::uint8_t dropped) { return glint::from_float<glint::half>(dropped); });
  auto problem = problem_of<Attention::Problem>(in);
  Calls<Attention> bytes(problem, {});
  problem.attn_mask.data = reinterpret_cast<const std::uint8_t*>(drop.data());
  problem.attn_mask.dtype = glint::DType::f16;
  Calls<Attention> halves(problem, {});
  Work work = work_of(in, {});
  work.run = std::ref(halves);
  work.rival_counter = "f16_mask_over_u8";
  work.rival = std::ref(bytes);
  work.ours_over_rival = true;
  measure(state, work);
  finish(state, right(in));
}

// What only PromptFlashAttention has.
void add_prompt_options() {
  for (const int i : {0, 3}) {
    Workload masked = kPrefill[i], sunk = kPrefill[i];
    masked.dense_mask = true;
    add_row(prefill_row(Prompt::name, Layout::BNSD, "f32", masked.name, "f16_mask"), useful_flops(masked),
            [masked](benchmark::State& state) { run_float_mask(state, masked); });
    sunk.sink = true;
    add_typed<Prompt, BNSD, float>(sunk, "f32", "sink", {});
    add_typed<Prompt, BNSD, float, std::int8_t>(kPrefill[i], "f32", "post_quant", {});
  }
}

const bool kRegistered = [] {
  add_both_operators<float>("f32", {.with_door = true}, {.with_door = true});
  add_strided<BSH>();
  add_strided<SBH>();
  add_strided<BSND>();
  add_strided<TND>();
  add_tensors();
  add_prompt_options();
  if (usable_cpus() >= 2) {
    for (const Workload& w : kPrefill) add_typed<Score, BNSD, float>(w, "f32", "threads_2", {.threads = 2});
  }
  return true;
}();

}  // namespace
}  // namespace bench
