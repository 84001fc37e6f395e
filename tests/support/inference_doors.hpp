// A case through the two doors of PromptFlashAttention and of IncreFlashAttention.
#pragma once

#include "glint/dispatch/incre_flash_attention.hpp"
#include "glint/dispatch/prompt_flash_attention.hpp"
#include "support/door.hpp"

namespace glint_test {

template <class T>
Outcome<T> blank_inference(const Case& c) {
  Outcome<T> outcome;
  if ((c.stats & kWantLse) != 0)
    outcome.lse.assign(static_cast<std::size_t>(c.batch * c.heads * c.q_len + 1), poison());
  return outcome;
}

template <class T>
void check_lse_end(Outcome<T>& outcome) {
  if (!outcome.lse.empty() && std::bit_cast<std::uint32_t>(outcome.lse.back()) != 0xffffffffu)
    outcome.damage = "a write behind softmax_lse";
}

// The fields that the two calls have in common.
template <class Call, class T>
void fill_call(const Case& c, const CaseData<T>& data, Placed<T>& out, Outcome<T>& outcome, Call& call) {
  using namespace glint;
  using glint::reference::shape_of;
  constexpr DType dtype = dtype_of<T>;
  const char* const layout = detail::layout_name(c);
  call.query = {data.q.data(), dtype, extents(shape_of(data.q_extent, layout))};
  call.key = {data.k.data(), dtype, extents(shape_of(data.kv_extent, layout))};
  call.value = {data.v.data(), dtype, extents(shape_of(data.v_extent, layout))};
  call.attention_out = {out.data, dtype, extents(shape_of(data.out_extent, layout))};
  call.num_heads = c.heads;
  call.num_key_value_heads = c.kv_heads == c.heads && c.seed % 2 == 0 ? 0 : c.kv_heads;
  call.input_layout = layout;
  call.scale_value = static_cast<double>(data.scale);
  call.inner_precise = static_cast<int>(c.inner_precise);
  constexpr DType kMaskTypes[] = {DType::u8, DType::boolean, DType::i8};
  if (c.mask != kMaskNone)
    call.attn_mask = {data.mask.data(), kMaskTypes[c.mask_bool != 0 ? 1 : c.seed % 2 * 2], extents(data.mask_shape)};
  if (c.pse != 0) call.pse_shift = {data.pse.data(), dtype, extents(data.pse_shape)};
  if (outcome.lse.empty()) return;
  call.softmax_lse = {outcome.lse.data(), DType::f32, {c.batch, c.heads, c.q_len, 1}};
  if (c.seed % 3 == 0) call.softmax_lse.shape = {c.batch, c.heads, c.q_len};
}

template <class T>
glint::PromptFlashAttentionCall prompt_call(const Case& c, const CaseData<T>& data, Placed<T>& out,
                                            Outcome<T>& outcome) {
  glint::PromptFlashAttentionCall call;
  fill_call(c, data, out, outcome, call);
  call.sparse_mode = static_cast<int>(c.mode);
  call.pre_tokens = c.pre;
  call.next_tokens = c.next;
  call.actual_seq_lengths = data.lists.q_lens;
  call.actual_seq_lengths_kv = data.lists.kv_lens;
  call.attn_mask_compressed = c.mode >= 2 && c.compressed != kMaskTensor;
  // One readable byte: the contents of a compressed mask are not read.
  if (c.mode >= 2 && c.compressed == kMaskTensor)
    call.attn_mask = {data.lists.q_of.data(), glint::DType::u8, {1, 2048, 2048}};
  return call;
}

template <class T>
glint::IncreFlashAttentionCall incre_call(const Case& c, const CaseData<T>& data, Placed<T>& out, Outcome<T>& outcome) {
  glint::IncreFlashAttentionCall call;
  fill_call(c, data, out, outcome, call);
  call.actual_seq_lengths = data.lists.kv_lens;
  return call;
}

template <class T>
Outcome<T> run_time_inference(const Case& c, const CaseData<T>& data, const TestExecutor& executor) {
  Outcome<T> outcome = blank_inference<T>(c);
  Case contiguous = c;
  contiguous.strided = 0;
  Placed<T> out = place<T>(contiguous, data.out_extent, nullptr, 21);
  const auto run = [&](const auto& call, const auto& attend) {
    outcome.status = check(call);
    if (!outcome.status) return;
    const Workspace workspace(workspace_bytes(call, executor.workers()));
    outcome.status = attend(call, workspace.span());
    if (!workspace.fence_holds()) outcome.damage = "a write behind the workspace";
  };
  if (c.op == kPrompt) {
    run(prompt_call(c, data, out, outcome),
        [&](const auto& call, auto scratch) { return prompt_flash_attention(call, executor, scratch); });
  } else {
    run(incre_call(c, data, out, outcome),
        [&](const auto& call, auto scratch) { return incre_flash_attention(call, executor, scratch); });
  }
  if (!outcome.status) return outcome;
  collect(contiguous, data.out_extent, out, outcome);
  check_lse_end(outcome);
  return outcome;
}

// The fields that the two problems have in common.
template <class T, class Problem>
void fill_problem(const Case& c, const CaseData<T>& data, Outcome<T>& outcome, Problem& p) {
  p.shape = {.batch = c.batch,
             .heads = c.heads,
             .kv_heads = c.kv_heads == c.heads && c.seed % 3 == 0 ? 0 : c.kv_heads,
             .q_len = c.q_len,
             .kv_len = c.kv_len,
             .head_dim = c.dim,
             .value_dim = c.value_dim};
  p.scale = data.scale;
  p.inner_precise = static_cast<int>(c.inner_precise);
  if (c.mask != kMaskNone) {
    const std::vector<index_t>& shape = data.mask_shape;
    const index_t batch = shape.size() > 2 ? shape[0] : c.mask == kMaskBS ? c.batch : 1;
    const index_t rows = c.mask == kMaskBS ? 1 : shape[shape.size() - 2];
    p.attn_mask = {data.mask.data(), batch, 1, rows, shape.back()};
  }
  if (c.pse != 0) {
    const std::vector<index_t>& shape = data.pse_shape;
    p.pse_shift = {data.pse.data(), glint::dtype_of<T>, shape[0], shape[1], shape[2], shape[3]};
  }
  p.kv_lens = data.lists.kv_lens;
  if (!outcome.lse.empty()) p.lse = outcome.lse.data();
}

template <class T>
Outcome<T> typed_inference(const Case& c, const CaseData<T>& data, const TestExecutor& executor) {
  Outcome<T> outcome = blank_inference<T>(c);
  Placed<T> q = place(c, data.q_extent, data.q.data(), 22), k = place(c, data.kv_extent, data.k.data(), 23);
  Placed<T> v = place(c, data.v_extent, data.v.data(), 24), out = place<T>(c, data.out_extent, nullptr, 25);
  const auto run = [&](const auto& attend, const auto& p) -> glint::Status {
    if (const glint::Status legal = attend.check(p); !legal) return legal;
    const Workspace workspace(attend.workspace_bytes(p, executor.workers()));
    const glint::Status status = attend(p, executor, workspace.span());
    if (!workspace.fence_holds()) outcome.damage = "a write behind the workspace";
    return status;
  };
  const auto prompt = [&](auto layout) {
    glint::PromptProblem<T> p;
    fill_problem(c, data, outcome, p);
    p.q = q.data, p.out = out.data;
    p.kv = {k.data, v.data, k.strides, v.strides};
    p.q_strides = q.strides, p.out_strides = out.strides;
    p.q_lens = data.lists.q_lens;
    p.pre_tokens = c.pre;
    p.next_tokens = c.next;
    return with_mode<0, 4>(c.mode, [&](auto mode) {
      return run(glint::PromptFlashAttention<decltype(layout), T, decltype(mode)::value>{}, p);
    });
  };
  const auto incre = [&](auto layout) {
    glint::IncreProblem<T> p;
    fill_problem(c, data, outcome, p);
    p.q = q.data, p.out = out.data;
    p.kv = {k.data, v.data, k.strides, v.strides};
    p.q_strides = q.strides, p.out_strides = out.strides;
    return run(glint::IncreFlashAttention<decltype(layout), T>{}, p);
  };
  const auto by_operator = [&](auto layout) { return c.op == kPrompt ? prompt(layout) : incre(layout); };
  outcome.status = c.layout == kBsh    ? by_operator(glint::layout::BSH{})
                   : c.layout == kBnsd ? by_operator(glint::layout::BNSD{})
                                       : by_operator(glint::layout::BSND{});
  if (outcome.status) collect(c, data.out_extent, out, outcome);
  check_lse_end(outcome);
  return outcome;
}

}  // namespace glint_test
