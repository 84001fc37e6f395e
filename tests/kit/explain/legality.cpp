// Calls with the setting's shapes, and addresses that nothing reads: each tensor has 2^59 bytes of its own, so that
// none seems to overlap another.
#include "kit/explain/legality.hpp"

#include "glint/dispatch/flash_attention_score_grad.hpp"
#include "glint/dispatch/incre_flash_attention.hpp"
#include "glint/dispatch/prompt_flash_attention.hpp"

namespace kit::about {

namespace {

using glint::Extents;
using glint::OutputRef;
using glint::Status;
using glint::TensorRef;

constexpr float kFactor = 0.5F;  // factors are read: checks want finite ones that are not 0

// Hands out addresses.
class Addresses {
 public:
  TensorRef input(DType type, Extents shape) { return {next(), type, shape}; }
  OutputRef output(DType type, Extents shape) { return {next(), type, shape}; }

 private:
  void* next() { return reinterpret_cast<void*>(++count_ << 59); }
  std::uintptr_t count_ = 0;
};

TensorRef factor() { return {&kFactor, DType::f32, {1}}; }

// Shapes in the layouts of inputs and output; an unknown name is left to the check.
struct Shapes {
  Extents query, key, value, out;
};

Shapes shapes_of(const Setting& s) {
  glint::dispatch::LayoutPair pair;
  if (!glint::dispatch::read_layouts(s.layout, pair)) {
    const Extents none{1, 1, 1};
    return {none, none, none, none};
  }
  const auto in = [&](index_t rows, index_t heads, index_t width) {
    return glint::dispatch::extents_in(*pair.in, {s.batch, heads, rows, width});
  };
  return {in(s.rows, s.heads, s.width), in(s.keys, s.kv_heads, s.width), in(s.keys, s.kv_heads, s.value_width),
          glint::dispatch::extents_in(*pair.out, {s.batch, s.heads, s.rows, s.value_width})};
}

index_t longest(const Setting& s, const std::vector<index_t>& list, index_t rows) {
  if (!s.ragged()) return rows;
  index_t most = 0, before = 0;
  for (const index_t end : list) most = std::max(most, end - std::exchange(before, end));
  return most;
}

// The mask that a mode wants: full, or the tag for a compressed one.
template <class Call>
void set_mask(const Setting& s, Addresses& at, Call& call) {
  const int mode = s.sparse_mode();
  const bool full = mode == 0 || mode == 1 || mode == 5;
  const index_t rows = longest(s, s.q_list, s.rows), keys = longest(s, s.kv_list, s.keys);
  if (!*s.masked) return;
  if (full)
    call.attn_mask = at.input(DType::boolean, mode == 5 ? Extents{s.batch, 1, rows, keys} : Extents{rows, keys});
  else
    call.attn_mask_compressed = true;
}

// A bias in a form that the operator and layout have.
void set_bias(const Setting& s, Addresses& at, glint::FlashAttentionScoreCall& call) {
  if (*s.bias == Bias::none) return;
  if (*s.bias == Bias::slopes) {
    call.real_shift = at.input(DType::f32, {s.heads});
  } else if (!s.ragged()) {
    call.real_shift = at.input(s.dtype, {1, 1, s.rows, s.keys});
    call.real_shift_form = glint::PseForm::dense;
  } else {
    index_t scores = 0, q_before = 0, kv_before = 0;
    for (std::size_t b = 0; b < s.q_list.size(); ++b) {
      const index_t rows = s.q_list[b] - std::exchange(q_before, s.q_list[b]);
      const index_t keys = s.kv_list[b] - std::exchange(kv_before, s.kv_list[b]);
      scores += std::max<index_t>(rows, 0) * std::max<index_t>(keys, 0);
    }
    call.real_shift = at.input(s.dtype, {scores * s.heads});
    call.real_shift_form = glint::PseForm::tnd_per_score;
  }
}

glint::FlashAttentionScoreCall score_call(const Setting& s, Addresses& at) {
  const Shapes shapes = shapes_of(s);
  glint::FlashAttentionScoreCall call;
  call.query = at.input(s.dtype, shapes.query);
  call.key = at.input(s.cache, shapes.key);
  call.value = at.input(s.cache, shapes.value);
  call.attention_out = at.output(s.int8_output ? DType::i8 : s.dtype, shapes.out);
  call.head_num = s.heads;
  call.input_layout = s.layout;
  call.scale_value = s.scale;
  call.q_scale = s.q_scale;
  call.pse_type = *s.pse_type;
  call.q_start_idx = s.q_start;
  call.kv_start_idx = s.kv_start;
  set_bias(s, at, call);
  call.keep_prob = s.keep;
  call.generate_dropout = s.keep != 1;
  set_mask(s, at, call);
  call.prefix = s.prefix;
  call.actual_seq_qlen = s.q_list;
  call.actual_seq_kvlen = s.kv_list;
  call.pre_tokens = *s.pre;
  call.next_tokens = *s.next;
  call.inner_precise = s.inner_precise;
  call.sparse_mode = s.mode;
  if (s.sink) call.sink = at.input(DType::f32, {s.heads});
  const Extents rows = s.ragged() ? Extents{s.rows, s.heads, 8} : Extents{s.batch, s.heads, s.rows, 8};
  call.softmax_max = at.output(DType::f32, rows);
  call.softmax_sum = at.output(DType::f32, rows);
  return call;
}

glint::FlashAttentionScoreGradCall gradient_call(const Setting& s, Addresses& at) {
  glint::FlashAttentionScoreGradCall call{.forward = score_call(s, at)};
  const auto like = [&](const TensorRef& of) { return at.output(of.dtype, of.shape); };
  call.dy = at.input(call.forward.attention_out.dtype, call.forward.attention_out.shape);
  call.dq = like(call.forward.query);
  call.dk = like(call.forward.key);
  call.dv = like(call.forward.value);
  if (s.sink) call.dsink = like(call.forward.sink);
  if (*s.bias == Bias::tensor) call.dpse = like(call.forward.real_shift);
  return call;
}

// What prompt and incre have in common.
template <class Call>
void set_inference(const Setting& s, Addresses& at, Call& call) {
  const Shapes shapes = shapes_of(s);
  call.query = at.input(s.dtype, shapes.query);
  call.key = at.input(s.cache, shapes.key);
  call.value = at.input(s.cache, shapes.value);
  const DType number = s.dtype == DType::i8 ? DType::f16 : s.dtype;
  call.attention_out = at.output(s.int8_output ? DType::i8 : number, shapes.out);
  call.num_heads = s.heads;
  call.num_key_value_heads = s.kv_heads;
  call.input_layout = s.layout;
  call.scale_value = s.scale;
  call.inner_precise = s.inner_precise;
  if (*s.bias != Bias::none)
    call.pse_shift = at.input(number, {1, 1, longest(s, s.q_list, s.rows), longest(s, s.kv_list, s.keys)});
  if (s.int8_output) call.quant_scale2 = factor();
  if (s.sink) call.learnable_sink = at.input(number, {s.heads});
  if (s.cache != s.dtype && (s.cache == DType::i8 || s.cache == DType::i4))
    call.key_antiquant_scale = call.value_antiquant_scale = factor();
}

glint::PromptFlashAttentionCall prompt_call(const Setting& s, Addresses& at) {
  glint::PromptFlashAttentionCall call;
  set_inference(s, at, call);
  set_mask(s, at, call);
  call.actual_seq_lengths = s.q_list;
  call.actual_seq_lengths_kv = s.kv_list;
  call.pre_tokens = *s.pre;
  call.next_tokens = *s.next;
  call.sparse_mode = s.mode;
  if (s.dtype == DType::i8) call.deq_scale1 = call.quant_scale1 = call.deq_scale2 = factor();
  return call;
}

glint::IncreFlashAttentionCall incre_call(const Setting& s, Addresses& at) {
  glint::IncreFlashAttentionCall call;
  set_inference(s, at, call);
  call.actual_seq_lengths = s.kv_list;
  call.sparse_mode = s.mode;
  if (*s.masked)
    call.attn_mask = at.input(DType::boolean, s.mode == 9 ? Extents{1, s.rows, s.rows} : Extents{1, 1, 1, s.keys});
  return call;
}

// The typed functor's mode is authoritative: it needs no compressed mask, and modes 1 and 5 need their tensor.
Status typed_score(const Setting& s, const glint::FlashAttentionScoreCall& call) {
  const glint::dispatch::LayoutName* const layout = glint::dispatch::find_layout(call.input_layout);
  if (layout == nullptr) return check(call);
  return glint::with_float_type(call.query.dtype, [&](auto element) -> Status {
    glint::ScoreProblem<decltype(element)> problem;
    glint::SparseMode mode = glint::SparseMode::default_mask;
    if (const Status read = glint::dispatch::read_score(call, *layout, problem, mode); !read) return read;
    problem.pre_tokens = call.pre_tokens;
    problem.next_tokens = call.next_tokens;
    problem.prefix = call.prefix;
    return glint::check_score(problem, layout->layout, static_cast<glint::SparseMode>(s.mode));
  });
}

Status typed_door(const Setting& s) {
  Addresses at;
  if (s.training()) return typed_score(s, score_call(s, at));
  if (s.op == Op::incre) return check(incre_call(s, at));
  glint::PromptFlashAttentionCall call = prompt_call(s, at);
  const int mode = s.sparse_mode();
  call.attn_mask_compressed = call.attn_mask_compressed || (mode >= 2 && mode <= 4);
  return check(call);
}

Status run_time_door(const Setting& s) {
  Addresses at;
  switch (s.op) {
    case Op::forward: return check(score_call(s, at));
    case Op::backward: return check(gradient_call(s, at));
    case Op::prompt: return check(prompt_call(s, at));
    case Op::incre: break;
  }
  return check(incre_call(s, at));
}

std::string sentence(const Status& status) {
  char text[512];
  glint::format(status, text, sizeof text);
  return status ? "legal" : "illegal: " + std::string(text);
}

bool typed_mode_acts(const Setting& s) {
  const int mode = s.sparse_mode();
  return !*s.masked && mode >= 2 && mode <= 8 && mode != 5 && s.op != Op::incre;
}

}  // namespace

std::string legality(const Setting& s) {
  std::string text = "  " + sentence(run_time_door(s)) + "\n";
  if (s.softcap != 0)
    text += "  softcap: no operator document has it; kernels for some models do, and the oracle knows it\n";
  if (*s.masked || s.mode == 0 || s.op == Op::incre) return text;
  const Status typed = typed_door(s);
  text += "  the typed functor: " + sentence(typed);
  if (typed && typed_mode_acts(s)) text += "; there the mode is authoritative and needs no mask tensor";
  return text + "\n";
}

}  // namespace kit::about
