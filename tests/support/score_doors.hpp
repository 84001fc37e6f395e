// A case through the two doors of FlashAttentionScore.
#pragma once

#include "glint/dispatch/flash_attention_score.hpp"
#include "support/door.hpp"

namespace glint_test {

inline index_t statistics_rows(const Case& c, const Lists& lists) {
  return (c.layout == kTnd ? 1 : c.batch) * c.heads * lists.q_rows;
}

template <class T>
Outcome<T> blank_outcome(const Case& c, const Lists& lists) {
  Outcome<T> outcome;
  const auto rows = static_cast<std::size_t>(statistics_rows(c, lists));
  const auto repeat = static_cast<std::size_t>(c.repeat);
  if ((c.stats & kWantMax) != 0) outcome.max.assign(rows * repeat + 1, poison());
  if ((c.stats & kWantSum) != 0) outcome.sum.assign(rows * repeat + 1, poison());
  if ((c.stats & kWantLse) != 0) outcome.lse.assign(rows + 1, poison());
  return outcome;
}

inline float* or_null(std::vector<float>& values) { return values.empty() ? nullptr : values.data(); }

// The element behind each statistic must still be poison.
template <class T>
void check_ends(Outcome<T>& outcome) {
  for (const std::vector<float>* stat : {&outcome.max, &outcome.sum, &outcome.lse})
    if (!stat->empty() && std::bit_cast<std::uint32_t>(stat->back()) != 0xffffffffu)
      outcome.damage = "a write behind the statistics";
}

template <class T>
glint::FlashAttentionScoreCall score_call(const Case& c, const CaseData<T>& data, Placed<T>& out, Outcome<T>& outcome) {
  using namespace glint;
  using glint::reference::shape_of;
  constexpr DType dtype = dtype_of<T>;
  const char* const layout = detail::layout_name(c);
  FlashAttentionScoreCall call;
  call.query = {data.q.data(), dtype, extents(shape_of(data.q_extent, layout))};
  call.key = {data.k.data(), dtype, extents(shape_of(data.kv_extent, layout))};
  call.value = {data.v.data(), dtype, extents(shape_of(data.v_extent, layout))};
  call.attention_out = {out.data, dtype, extents(shape_of(data.out_extent, layout))};
  call.head_num = c.heads;
  call.input_layout = layout;
  call.scale_value = static_cast<double>(data.scale);
  call.q_scale = static_cast<double>(data.q_scale);
  call.pse_type = static_cast<int>(c.pse_type);
  if (c.pse != 0 && c.pse_type >= 2) {
    call.real_shift = {data.slopes.data(), DType::f32, extents(data.pse_shape)};
    call.q_start_idx = data.q_start;
    call.kv_start_idx = data.kv_start;
  } else if (c.pse != 0) {
    constexpr PseForm kForms[] = {PseForm::dense, PseForm::compressed, PseForm::tnd_per_score, PseForm::tnd_per_column};
    call.real_shift = {data.pse.data(), dtype, extents(data.pse_shape)};
    call.real_shift_form = kForms[c.pse_store];
  }
  if (c.sink != 0) call.sink = {data.sink.data(), DType::f32, {c.heads}};
  call.keep_prob = data.spec.keep_prob;
  call.seed = data.spec.seed;
  call.offset = data.spec.offset;
  call.generate_dropout = c.drop == kDropPhilox;
  const auto drop_bytes = static_cast<index_t>(data.drop.size());
  if (c.drop == kDropBits) call.drop_mask = {data.drop.data(), DType::u8, Extents{drop_bytes}};
  if (c.drop == kDropBits && c.drop_rank4 != 0)
    call.drop_mask.shape = {c.batch, c.heads, data.lists.q_rows, data.lists.kv_rows / 8};
  if (c.mask != kMaskNone)
    call.attn_mask = {data.mask.data(), c.mask_bool != 0 ? DType::boolean : DType::u8, extents(data.mask_shape)};
  if (data.spec.implied_mask) {
    call.attn_mask_compressed = c.compressed == kMaskTag;
    // One readable byte: the contents of a compressed mask are not read.
    if (c.compressed == kMaskTensor)
      call.attn_mask = {data.lists.q_of.data(), DType::u8, {1, 1, c.mode == 6 ? 3072 : 2048, 2048}};
  }
  call.prefix = data.lists.prefix;
  call.actual_seq_qlen = data.lists.q_ends;
  call.actual_seq_kvlen = data.lists.kv_ends;
  call.pre_tokens = c.pre;
  call.next_tokens = c.next;
  call.sparse_mode = static_cast<int>(c.mode);
  call.inner_precise = static_cast<int>(c.inner_precise);
  Extents rows = c.layout == kTnd ? Extents{data.lists.q_rows, c.heads} : Extents{c.batch, c.heads, c.q_len};
  if (c.repeat == 8) rows.extent[rows.rank++] = 8;
  if (!outcome.max.empty()) call.softmax_max = {outcome.max.data(), DType::f32, rows};
  if (!outcome.sum.empty()) call.softmax_sum = {outcome.sum.data(), DType::f32, rows};
  call.softmax_layout = c.by_token != 0 ? "TND" : "";
  return call;
}

template <class T>
Outcome<T> run_time_score(const Case& c, const CaseData<T>& data, const TestExecutor& executor) {
  Outcome<T> outcome = blank_outcome<T>(c, data.lists);
  outcome.lse.clear();  // this door has none
  Case contiguous = c;
  contiguous.strided = 0;
  Placed<T> out = place<T>(contiguous, data.out_extent, nullptr, 21);
  const glint::FlashAttentionScoreCall call = score_call(c, data, out, outcome);
  outcome.status = check(call);
  if (!outcome.status) return outcome;
  const Workspace workspace(workspace_bytes(call, executor.workers()));
  outcome.status = flash_attention_score(call, executor, workspace.span());
  collect(contiguous, data.out_extent, out, outcome);
  check_ends(outcome);
  if (!workspace.fence_holds()) outcome.damage = "a write behind the workspace";
  return outcome;
}

// Does the typed door say the same as the run-time door?  Not where a missing mask tensor means two things (C36).
inline bool typed_score_applies(const Case& c) {
  if (c.mode == 0) return true;
  return c.mode == 1 || c.mode == 5 ? c.mask != kMaskNone : c.compressed != kNoMask;
}

template <class T>
glint::ScoreProblem<T> score_problem(const Case& c, const CaseData<T>& data, Outcome<T>& outcome) {
  using namespace glint;
  const bool ragged = c.layout == kTnd;
  ScoreProblem<T> p;
  p.shape = {.batch = ragged && c.seed % 2 == 0 ? 0 : c.batch,
             .heads = c.heads,
             .kv_heads = c.kv_heads == c.heads && c.seed % 3 == 0 ? 0 : c.kv_heads,
             .q_len = data.lists.q_rows,
             .kv_len = data.lists.kv_rows,
             .head_dim = c.dim,
             .value_dim = c.value_dim == c.dim && c.seed % 5 == 0 ? 0 : c.value_dim};
  p.scale = data.scale;
  p.q_scale = data.q_scale;
  p.pre_tokens = c.pre;
  p.next_tokens = c.next;
  if (c.mask != kMaskNone) {
    const std::vector<index_t>& shape = data.mask_shape;
    const bool wide = shape.size() == 4;
    p.attn_mask = {data.mask.data(), wide ? shape[0] : 1, wide ? shape[1] : 1, shape[shape.size() - 2], shape.back()};
  }
  p.prefix = data.lists.prefix;
  p.pse_type = static_cast<int>(c.pse_type);
  if (c.pse != 0 && c.pse_type >= 2) {
    const index_t q_start = (c.starts & kStartQ) != 0 ? c.q_start : 0;
    const index_t kv_start = c.starts == (kStartQ | kStartKv) ? c.kv_start : 0;
    p.slopes = {data.slopes.data(), c.pse_per_batch != 0 ? c.batch : 1, q_start, kv_start};
  } else if (c.pse != 0) {
    constexpr PseForm kForms[] = {PseForm::dense, PseForm::compressed, PseForm::tnd_per_score, PseForm::tnd_per_column};
    const std::vector<index_t>& shape = data.pse_shape;
    p.pse = shape.size() == 4 ? PseTensor{data.pse.data(), dtype_of<T>, shape[0], shape[1], shape[2], shape[3]}
                              : PseTensor{data.pse.data(), dtype_of<T>, 1, c.heads, 1, shape[0]};
    p.pse.form = kForms[c.pse_store];
  }
  p.sink = data.sink.empty() ? nullptr : data.sink.data();
  p.dropout = {data.spec.keep_prob, data.drop, c.drop == kDropPhilox, data.spec.seed, data.spec.offset};
  p.q_ends = data.lists.q_ends;
  p.kv_ends = data.lists.kv_ends;
  p.softmax_max = or_null(outcome.max);
  p.softmax_sum = or_null(outcome.sum);
  p.lse = or_null(outcome.lse);
  p.stats_layout = c.by_token != 0 ? StatsLayout::token_major : StatsLayout::per_batch;
  p.stats_repeat = c.repeat;
  p.inner_precise = static_cast<int>(c.inner_precise);
  return p;
}

template <class T>
Outcome<T> typed_score(const Case& c, const CaseData<T>& data, const TestExecutor& executor) {
  Outcome<T> outcome = blank_outcome<T>(c, data.lists);
  glint::ScoreProblem<T> p = score_problem(c, data, outcome);
  Placed<T> q = place(c, data.q_extent, data.q.data(), 22), k = place(c, data.kv_extent, data.k.data(), 23);
  Placed<T> v = place(c, data.v_extent, data.v.data(), 24), out = place<T>(c, data.out_extent, nullptr, 25);
  p.q = q.data, p.k = k.data, p.v = v.data, p.out = out.data;
  p.q_strides = q.strides, p.k_strides = k.strides, p.v_strides = v.strides, p.out_strides = out.strides;
  outcome.status = with_layout(c.layout, [&](auto layout) {
    return with_mode<0, 8>(c.mode, [&](auto mode) -> glint::Status {
      const glint::FlashAttentionScore<decltype(layout), T, decltype(mode)::value> attend;
      if (const glint::Status legal = attend.check(p); !legal) return legal;
      const Workspace workspace(attend.workspace_bytes(p, executor.workers()));
      const glint::Status status = attend(p, executor, workspace.span());
      if (!workspace.fence_holds()) outcome.damage = "a write behind the workspace";
      return status;
    });
  });
  if (outcome.status) collect(c, data.out_extent, out, outcome);
  check_ends(outcome);
  return outcome;
}

}  // namespace glint_test
