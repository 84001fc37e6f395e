// An inference case through the two doors of IncreFlashAttention.
#pragma once

#include "glint/dispatch/incre_flash_attention.hpp"
#include "support/inference_call.hpp"
#include "support/inference_doors.hpp"

namespace glint_test {

struct DecodeDoors {
  // Query and Stored must be the case's.
  template <class Query, class Stored>
  static InferenceOutcome typed(const InferenceCase& c, const InferenceData& data, const TestExecutor& executor) {
    InferenceOutcome outcome = blank_outcome(c, data);
    detail::TypedPlaces places(c, data);
    detail::with_cache<Stored>(c, [&]<class Kv>(Kv*) {
      glint::IncreProblem<Query, Kv> p;
      detail::fill_problem<Query>(c, data, places, outcome, p);
      detail::fill_operator(c, data, p);
      detail::fill_kv(c, data, places, p.kv);
      const auto attend = [&](auto layout) {
        const glint::IncreFlashAttention<decltype(layout), Query, Kv> incre;
        detail::attend_typed(c, data, executor, places, p, incre, outcome);
      };
      if (c.layout == kBsh)
        attend(glint::layout::BSH{});
      else if (c.layout == kBnsd)
        attend(glint::layout::BNSD{});
      else
        attend(glint::layout::BSND{});
    });
    return outcome;
  }

  static glint::IncreFlashAttentionCall call_of(const InferenceCase& c, const InferenceData& data,
                                                detail::CallPlaces& places, InferenceOutcome& outcome) {
    glint::IncreFlashAttentionCall call;
    detail::fill_call(c, data, places, outcome, call);
    call.actual_seq_lengths = data.lists.lens;
    fill_mask(c, data, call);
    return call;
  }

  static InferenceOutcome run_time(const InferenceCase& c, const InferenceData& data, const TestExecutor& executor) {
    InferenceOutcome outcome = blank_outcome(c, data);
    detail::CallPlaces places(c, data);
    const glint::IncreFlashAttentionCall call = call_of(c, data, places, outcome);
    detail::run_door(
        data, c, places.out, outcome, [&] { return check(call); },
        [&] { return workspace_bytes(call, executor.workers()); },
        [&](std::span<std::byte> workspace) { return incre_flash_attention(call, executor, workspace); });
    return outcome;
  }

 private:
  static void fill_mask(const InferenceCase& c, const InferenceData& data, glint::IncreFlashAttentionCall& call) {
    const DType dtype = c.seed % 2 == 0 ? DType::u8 : DType::i8;
    const index_t columns = data.lists.columns;
    if (c.draft == kDraftTree) call.attn_mask = {first_of(data.tree), dtype, {data.tree_batch, c.q_len, c.q_len}};
    call.sparse_mode = c.draft == kDraftTree ? 9 : c.draft == kDraftCausal ? 3 : 0;
    if (c.draft != kDraftNone || c.mask == kUnmasked) return;
    call.attn_mask = {first_of(data.mask), dtype, {data.mask_batch, 1, 1, columns}};
    if (c.seed % 3 == 0) call.attn_mask.shape = {data.mask_batch, 1, columns};
    if (c.seed % 3 == 1 && data.mask_batch == c.batch) call.attn_mask.shape = {c.batch, columns};
  }
};

}  // namespace glint_test
