// flash_attention_score at run time: strings, integers and void pointers, named as in the operator documents.
//
// Where the typed functor takes its sparse mode as authoritative, this door follows seed 004 to the letter (operators
// C36): without attn_mask, sparse_mode, tokens and prefix have no effect and attention is full; modes 2 to 4 and 6 to 8
// want their compressed mask, or `attn_mask_compressed` in place of the tensor.
#pragma once

#include "glint/dispatch/call.hpp"
#include "glint/ops/flash_attention_score.hpp"

namespace glint {
inline namespace GLINT_ABI {

struct FlashAttentionScoreCall {
  TensorRef query{}, key{}, value{};
  OutputRef attention_out{};
  index_t head_num = 0;
  std::string_view input_layout = "BSH";
  double scale_value = 1;

  TensorRef real_shift{};  // pse; pse_type 2 and 3: float slopes (N) or (B, N)
  PseForm real_shift_form = PseForm::dense;
  int pse_type = 1;
  std::span<const index_t> q_start_idx{};  // only the first element counts; kv_start_idx only beside q_start_idx
  std::span<const index_t> kv_start_idx{};

  TensorRef drop_mask{};  // uint8: (B, N, S1, S2/8), or flat
  double keep_prob = 1;
  bool generate_dropout = false;  // keep_prob < 1 without drop_mask: Philox from seed and offset
  std::uint64_t seed = 0;
  std::uint64_t offset = 0;

  TensorRef padding_mask{};  // reserved: must be absent
  TensorRef attn_mask{};
  bool attn_mask_compressed = false;  // stands for the compressed mask that the mode wants
  std::span<const index_t> prefix{};
  std::span<const index_t> actual_seq_qlen{};
  std::span<const index_t> actual_seq_kvlen{};
  index_t pre_tokens = 2147483647;
  index_t next_tokens = 2147483647;
  int inner_precise = 0;
  int sparse_mode = 0;
  double q_scale = 1;
  TensorRef sink{};  // float32 (N): the learnable sink of the documents

  OutputRef softmax_max{}, softmax_sum{};  // float32: (B, N, S1, 8) or (B, N, S1); TND: (T1, N, 8) or (T1, N)
  std::string_view softmax_layout = "";    // TND: "" stores [N][S_b] block by block, "TND" stores [T][N]
  index_t* seed_out = nullptr;             // the three integers of seed 004
  index_t* offset_out = nullptr;
  index_t* numels_out = nullptr;  // elements of the dropout mask; 0 when keep_prob is 1
  Limits limits = Limits::none;
};

namespace dispatch {

inline Status read_score_mask(const FlashAttentionScoreCall& c, MaskTensor& mask, SparseMode& mode) {
  mode = static_cast<SparseMode>(c.sparse_mode);
  GLINT_REQUIRE(c.sparse_mode >= 0 && c.sparse_mode <= 8, Code::sparse_mode_unknown,
                "sparse_mode must be between 0 and 8", c.sparse_mode, 8);
  if (!c.attn_mask.present() && !c.attn_mask_compressed) {
    mode = SparseMode::default_mask;
    return Status::ok();
  }
  if (reads_mask_tensor(mode)) {
    GLINT_REQUIRE(c.attn_mask.present(), Code::mask_missing, "sparse_mode 0, 1 and 5 read a full attn_mask", 0, 1);
    return read_mask(c.attn_mask, false, rules::MaskTypes::training, mask);
  }
  return c.attn_mask.present() ? compressed_mask(c.attn_mask, mode, rules::MaskTypes::training) : Status::ok();
}

inline Status read_score_pse(const FlashAttentionScoreCall& c, Layout layout, PseTensor& pse, Slopes& slopes) {
  if (!c.real_shift.present()) return Status::ok();
  GLINT_PASS_ON(has_data(c.real_shift));
  const Extents& e = c.real_shift.shape;
  if (c.pse_type == 2 || c.pse_type == 3) {
    GLINT_REQUIRE(c.real_shift.dtype == DType::f32, Code::dtype_pse, "the slopes of pse_type 2 and 3 are float32",
                  c.real_shift.dtype, DType::f32);
    GLINT_REQUIRE(e.rank == 1 || e.rank == 2, Code::pse_shape, "slopes must have the shape (N) or (B, N)", e.rank, 1);
    GLINT_REQUIRE(e[e.rank - 1] == c.head_num, Code::pse_shape, "slopes must hold one value for each head",
                  e[e.rank - 1], c.head_num);
    slopes = {static_cast<const float*>(data_of(c.real_shift)), e.rank == 2 ? e[0] : 1,
              c.q_start_idx.empty() ? 0 : c.q_start_idx[0],
              c.q_start_idx.empty() || c.kv_start_idx.empty() ? 0 : c.kv_start_idx[0]};
    return Status::ok();
  }
  if (c.real_shift_form == PseForm::tnd_per_score || c.real_shift_form == PseForm::tnd_per_column) {
    GLINT_REQUIRE(e.rank == 1, Code::pse_shape, "a flat pse has 1 axis", e.rank, 1);
    pse = {data_of(c.real_shift), c.real_shift.dtype, 1, c.head_num, 1, e[0], c.real_shift_form};
    return Status::ok();
  }
  GLINT_PASS_ON(read_pse(c.real_shift, pse));
  // 1024 rows mean the compressed form unless the whole matrix has that many; TND has no other form of 4 axes.
  const index_t rows = layout == Layout::TND ? -1 : c.query.shape[find_layout(c.input_layout)->rows];
  const bool compressed = e[2] == 1024 && rows != 1024;
  if (compressed || c.real_shift_form == PseForm::compressed) pse.form = PseForm::compressed;
  return Status::ok();
}

inline Status read_dropout(const FlashAttentionScoreCall& c, const Shape& s, DropoutOptions& dropout) {
  dropout = {.keep_prob = c.keep_prob, .generate = c.generate_dropout, .seed = c.seed, .offset = c.offset};
  if (c.keep_prob == 1 || !c.drop_mask.present()) return Status::ok();  // a mask beside keep_prob 1 is ignored (12.1)
  const Extents& e = c.drop_mask.shape;
  GLINT_REQUIRE(c.drop_mask.dtype == DType::u8, Code::dtype_drop_mask, "drop_mask must be uint8", c.drop_mask.dtype,
                DType::u8);
  GLINT_REQUIRE(e.rank == 1 || e.rank == 4, Code::drop_mask_shape, "drop_mask must be flat or (B, N, S1, S2/8)", e.rank,
                4);
  if (e.rank == 4) {
    GLINT_REQUIRE(s.kv_len % 8 == 0, Code::drop_mask_shape, "a drop_mask of 4 axes needs S2 to be a multiple of 8",
                  s.kv_len, 8);
    const Extents want{s.batch, s.heads, s.q_len, s.kv_len / 8};
    for (int i = 0; i < 4; ++i)
      GLINT_REQUIRE(e[i] == want[i], Code::drop_mask_shape, "drop_mask must have the shape (B, N, S1, S2/8)", e[i],
                    want[i]);
  }
  GLINT_REQUIRE(c.drop_mask.data != nullptr || e.elements() == 0, Code::null_drop_mask,
                "drop_mask has a shape but no data", 0, 1);
  dropout.mask = {static_cast<const std::uint8_t*>(c.drop_mask.data), static_cast<std::size_t>(e.elements())};
  return Status::ok();
}

inline Status read_score_sink(const TensorRef& sink, index_t heads, const float*& data) {
  if (!sink.present()) return Status::ok();
  GLINT_REQUIRE(sink.dtype == DType::f32, Code::sink_dtype, "the sink of training is float32", sink.dtype, DType::f32);
  GLINT_PASS_ON(sink_form(sink, heads));
  data = static_cast<const float*>(sink.data);
  return Status::ok();
}

// (.., 8) or without the 8; for both tensors alike.
inline Status read_stats(const OutputRef& stats, const Shape& s, Layout layout, float*& data, index_t& repeat) {
  if (!stats.present()) return Status::ok();
  GLINT_REQUIRE(stats.dtype == DType::f32, Code::dtype_stats, "softmax_max and softmax_sum are float32", stats.dtype,
                DType::f32);
  GLINT_REQUIRE(stats.data != nullptr || stats.shape.elements() == 0, Code::null_stats,
                "softmax_max and softmax_sum must not be null", 0, 1);
  const Extents rows = layout == Layout::TND ? Extents{s.q_len, s.heads} : Extents{s.batch, s.heads, s.q_len};
  const bool repeated = stats.shape.rank == rows.rank + 1;
  GLINT_REQUIRE(repeated || stats.shape.rank == rows.rank, Code::stats_shape_mismatch,
                "softmax_max and softmax_sum have the shape (B, N, S1, 8), TND (T1, N, 8)", stats.shape.rank,
                rows.rank + 1);
  for (int i = 0; i < rows.rank; ++i)
    GLINT_REQUIRE(stats.shape[i] == rows[i], Code::stats_shape_mismatch,
                  "softmax_max and softmax_sum have the shape (B, N, S1, 8), TND (T1, N, 8)", stats.shape[i], rows[i]);
  GLINT_REQUIRE(!repeated || stats.shape[rows.rank] == 8, Code::stats_shape_mismatch,
                "the last axis of softmax_max and softmax_sum is 8", stats.shape[rows.rank], 8);
  const index_t wanted = repeated ? 8 : 1;
  GLINT_REQUIRE(repeat == 0 || repeat == wanted, Code::stats_shape_mismatch,
                "softmax_max and softmax_sum must have the same shape", wanted, repeat);
  repeat = wanted;
  data = static_cast<float*>(stats.data);
  return Status::ok();
}

// The call as a typed problem, whose rules then apply.
template <class Element>
Status read_score(const FlashAttentionScoreCall& c, const LayoutName& layout, ScoreProblem<Element>& p,
                  SparseMode& mode) {
  const Operands operands{c.query, c.key, c.value, c.attention_out, c.head_num};
  GLINT_PASS_ON(read(operands, layout, p.shape));
  GLINT_REQUIRE(!c.padding_mask.present(), Code::padding_mask_given, "padding_mask is reserved and must be absent", 1,
                0);
  GLINT_PASS_ON(read_score_mask(c, p.attn_mask, mode));
  GLINT_PASS_ON(read_score_pse(c, layout.layout, p.pse, p.slopes));
  GLINT_PASS_ON(read_dropout(c, p.shape, p.dropout));
  GLINT_PASS_ON(read_score_sink(c.sink, p.shape.heads, p.sink));
  p.stats_repeat = 0;
  GLINT_PASS_ON(read_stats(c.softmax_max, p.shape, layout.layout, p.softmax_max, p.stats_repeat));
  GLINT_PASS_ON(read_stats(c.softmax_sum, p.shape, layout.layout, p.softmax_sum, p.stats_repeat));
  if (p.stats_repeat == 0) p.stats_repeat = 1;
  const bool by_token =
      find_layout(c.softmax_layout) != nullptr && find_layout(c.softmax_layout)->layout == Layout::TND;
  GLINT_REQUIRE(c.softmax_layout.empty() || (by_token && layout.layout == Layout::TND), Code::softmax_layout_unknown,
                "softmax_layout must be empty, or TND with input_layout TND", 1, 0);
  p.stats_layout = by_token ? StatsLayout::token_major : StatsLayout::per_batch;
  p.q = static_cast<const Element*>(c.query.data);
  p.k = static_cast<const Element*>(c.key.data);
  p.v = static_cast<const Element*>(c.value.data);
  p.out = static_cast<Element*>(c.attention_out.data);
  p.scale = static_cast<float>(c.scale_value);
  p.q_scale = static_cast<float>(c.q_scale);
  p.pse_type = c.pse_type;
  p.q_ends = c.actual_seq_qlen;
  p.kv_ends = c.actual_seq_kvlen;
  p.inner_precise = c.inner_precise;
  p.limits = c.limits;
  const bool masked = c.attn_mask.present() || c.attn_mask_compressed;
  if (masked) p.pre_tokens = c.pre_tokens, p.next_tokens = c.next_tokens;
  GLINT_REQUIRE(c.prefix.empty() || c.sparse_mode == 5 || c.sparse_mode == 6, Code::prefix_unexpected,
                "prefix belongs to sparse_mode 5 and 6", c.sparse_mode, 5);
  if (masked) p.prefix = c.prefix;
  return Status::ok();
}

template <class Element>
void write_dropout_state(const FlashAttentionScoreCall& c, const ScoreProblem<Element>& p, Layout layout) {
  const Sequences q = score_rules::queries(p, layout), kv = score_rules::keys(p, layout);
  index_t scores = 0;
  for (index_t b = 0; b < q.batch(); ++b) scores += q.length(b) * kv.length(b);
  if (c.seed_out != nullptr) *c.seed_out = static_cast<index_t>(c.seed);
  if (c.offset_out != nullptr) *c.offset_out = static_cast<index_t>(c.offset);
  if (c.numels_out != nullptr) *c.numels_out = c.keep_prob == 1 ? 0 : scores * p.shape.heads;
}

// Reads and checks the call, then hands the typed problem to `then(problem, layout, mode)`.
template <class Then>
Status with_score(const FlashAttentionScoreCall& c, const Then& then) {
  const LayoutName* const layout = find_layout(c.input_layout);
  GLINT_REQUIRE(layout != nullptr, Code::layout_unknown, "input_layout must be BSH, SBH, BNSD, BSND or TND", -1, 0);
  return with_float_type(c.query.dtype, [&](auto element) -> Status {
    ScoreProblem<decltype(element)> p;
    SparseMode mode = SparseMode::default_mask;
    GLINT_PASS_ON(read_score(c, *layout, p, mode));
    GLINT_PASS_ON(check_score(p, layout->layout, mode));
    return then(p, layout->layout, mode);
  });
}

template <class Element>
index_t score_workspace(const ScoreProblem<Element>& p, Layout layout, index_t workers) {
  return detail::prefill_workspace<recipe::Default>(detail::options(p, layout), detail::keys(p, layout), workers);
}

}  // namespace dispatch

inline Status check(const FlashAttentionScoreCall& call) {
  return dispatch::with_score(call, [](const auto&, Layout, SparseMode) { return Status::ok(); });
}

// Bytes of scratch for `workers` workers; 0 for an illegal call.
inline index_t workspace_bytes(const FlashAttentionScoreCall& call, index_t workers = 1) {
  index_t bytes = 0;
  (void)static_cast<bool>(dispatch::with_score(call, [&](const auto& p, Layout layout, SparseMode) {
    bytes = dispatch::score_workspace(p, layout, workers);
    return Status::ok();
  }));
  return bytes;
}

template <Executor Pool>
Status flash_attention_score(const FlashAttentionScoreCall& call, Pool&& executor, std::span<std::byte> workspace) {
  return dispatch::with_score(call, [&](const auto& p, Layout layout, SparseMode mode) -> Status {
    const AttentionPlan plan(detail::options(p, layout), detail::keys(p, layout),
                             dispatch::AnyMaskOf{detail::masks(p, layout, mode)}, SameModifier<score::None>{});
    GLINT_PASS_ON(detail::run_prefill<recipe::Default>(plan, executor, workspace));
    dispatch::write_dropout_state(call, p, layout);
    return Status::ok();
  });
}

template <Executor Pool>
Status flash_attention_score(const FlashAttentionScoreCall& call, Pool&& executor) {
  GLINT_PASS_ON(check(call));
  return detail::with_workspace(workspace_bytes(call, executor.workers()), [&](std::span<std::byte> workspace) {
    return flash_attention_score(call, executor, workspace);
  });
}
inline Status flash_attention_score(const FlashAttentionScoreCall& call) {
  return flash_attention_score(call, Serial{});
}

}  // namespace GLINT_ABI
}  // namespace glint
