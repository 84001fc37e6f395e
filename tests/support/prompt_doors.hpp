// An inference case through the two doors of PromptFlashAttention.
#pragma once

#include "glint/dispatch/prompt_flash_attention.hpp"
#include "support/inference_call.hpp"
#include "support/inference_doors.hpp"

namespace glint_test {

struct PromptDoors {
  // Query and Stored must be the case's.
  template <class Query, class Stored>
  static InferenceOutcome typed(const InferenceCase& c, const InferenceData& data, const TestExecutor& executor) {
    InferenceOutcome outcome = blank_outcome(c, data);
    detail::TypedPlaces places(c, data);
    detail::with_cache<Stored>(c, [&]<class Kv>(Kv*) {
      glint::PromptProblem<Query, Kv> p;
      detail::fill_problem<Query>(c, data, places, outcome, p);
      detail::fill_operator(c, data, p);
      detail::fill_kv(c, data, places, p.kv);
      const auto attend = [&](auto layout) {
        with_mode<0, 4>(c.mode, [&](auto mode) {
          const glint::PromptFlashAttention<decltype(layout), Query, decltype(mode)::value, Kv> prompt;
          detail::attend_typed(c, data, executor, places, p, prompt, outcome);
        });
      };
      with_prompt_layout(c, attend);
    });
    return outcome;
  }

  static glint::PromptFlashAttentionCall call_of(const InferenceCase& c, const InferenceData& data,
                                                 detail::CallPlaces& places, InferenceOutcome& outcome) {
    glint::PromptFlashAttentionCall call;
    detail::fill_call(c, data, places, outcome, call);
    call.actual_seq_lengths = data.lists.q_lens;
    call.actual_seq_lengths_kv = data.lists.lens;
    call.pre_tokens = c.pre, call.next_tokens = c.next;
    fill_mode(c, call);
    fill_mask(c, data, call);
    fill_int8(c, data, places, call);
    places.q_padding = c.q_padding;
    if (c.pad_queries != 0) call.query_padding_size = {&places.q_padding, DType::i64, {1}};
    return call;
  }

  static InferenceOutcome run_time(const InferenceCase& c, const InferenceData& data, const TestExecutor& executor) {
    InferenceOutcome outcome = blank_outcome(c, data);
    detail::CallPlaces places(c, data);
    const glint::PromptFlashAttentionCall call = call_of(c, data, places, outcome);
    detail::run_door(
        data, c, places.out, outcome, [&] { return check(call); },
        [&] { return workspace_bytes(call, executor.workers()); },
        [&](std::span<std::byte> workspace) { return prompt_flash_attention(call, executor, workspace); });
    return outcome;
  }

 private:
  template <class Attend>
  static void with_prompt_layout(const InferenceCase& c, const Attend& attend) {
    if (c.turned != 0) return attend(glint::layout::BNSD_BSND{});
    switch (c.layout) {
      case kBsh: return attend(glint::layout::BSH{});
      case kBnsd: return attend(glint::layout::BNSD{});
      case kBsnd: return attend(glint::layout::BSND{});
      default: return attend(glint::layout::TND{});
    }
  }

  // Modes 10 to 14 are 0 to 4 in high precision.
  static void fill_mode(const InferenceCase& c, glint::PromptFlashAttentionCall& call) {
    const bool ten_more = c.inner_precise % 2 == 0 && c.seed % 5 == 0;
    call.sparse_mode = static_cast<int>(c.mode) + (ten_more ? 10 : 0);
    if (ten_more) call.inner_precise = 1;
  }
  static void fill_mask(const InferenceCase& c, const InferenceData& data, glint::PromptFlashAttentionCall& call) {
    constexpr DType kTypes[] = {DType::u8, DType::i8, DType::boolean};
    const DType dtype = c.mask_type != kBytes ? kMaskTypes[c.mask_type] : kTypes[c.seed % 3];
    const index_t batch = data.mask_batch, rows = data.mask_rows, columns = data.lists.columns;
    if (c.mode >= 2) {
      call.attn_mask_compressed = c.seed % 2 == 0;
      // The contents of a compressed mask are not read.
      if (c.seed % 2 != 0) call.attn_mask = {data.lists.q_of.data(), dtype, {1, 2048, 2048}};
    }
    if (c.mask == kUnmasked) return;
    call.attn_mask = {data.mask_data(), dtype, {batch, 1, rows, columns}};
    if (c.seed % 4 == 0) call.attn_mask.shape = {batch, rows, columns};
    if (c.seed % 4 == 1 && batch == 1) call.attn_mask.shape = {rows, columns};
    if (c.seed % 4 == 2 && !c.ragged() && data.lists.q_rows == 1 && batch == c.batch)
      call.attn_mask.shape = {batch, columns};
  }
  static void fill_int8(const InferenceCase& c, const InferenceData& data, detail::CallPlaces& at,
                        glint::PromptFlashAttentionCall& call) {
    if (c.query != kInt8) return;
    at.bits[0] = std::bit_cast<std::uint32_t>(data.dequant1), at.bits[1] = std::bit_cast<std::uint32_t>(data.dequant2);
    const bool as_bits = c.scale_bits != 0;
    call.deq_scale1 = {
        as_bits ? static_cast<const void*>(&at.bits[0]) : &data.dequant1, as_bits ? DType::u64 : DType::f32, {1}};
    call.deq_scale2 = {
        as_bits ? static_cast<const void*>(&at.bits[1]) : &data.dequant2, as_bits ? DType::u64 : DType::f32, {1}};
    call.quant_scale1 = {&data.quant1, DType::f32, {1}};
  }
};

}  // namespace glint_test
