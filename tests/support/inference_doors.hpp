// What the typed doors of IncreFlashAttention and PromptFlashAttention have in common: an inference case as a problem.
#pragma once

#include "glint/ops/cache_plan.hpp"
#include "support/inference_outcome.hpp"

namespace glint_test {

namespace detail {

// Runs check, workspace_bytes and the operator itself, each as a user would.
template <class Check, class Bytes, class Attend>
void run_door(const InferenceData& data, const InferenceCase& c, Slice& out, InferenceOutcome& outcome,
              const Check& check, const Bytes& bytes, const Attend& attend) {
  outcome.status = check();
  if (!outcome.status) return;
  const Workspace workspace(bytes());
  outcome.status = attend(workspace.span());
  if (!workspace.fence_holds()) outcome.damage = "a write behind the workspace";
  if (outcome.status) collect(c, data.out_extent, out, outcome);
}

// The tensors that a typed problem points at, and the lists of the list form.
struct TypedPlaces {
  Slice q, q_rope, k, v, k_rope, out;
  std::vector<const void*> k_list, v_list, rope_list;

  static Slice nothing(const InferenceCase& c) { return {c, c.layout, DType::i8, {}, 23, false}; }
  static Slice cache(const InferenceCase& c, const std::vector<Operand>& tensors, std::uint64_t number) {
    const bool sliced = !tensors.empty() && (c.form == kContiguous || c.form == kLeftPadded);
    return sliced ? slice_of(c, tensors[0], number) : nothing(c);
  }
  TypedPlaces(const InferenceCase& c, const InferenceData& data)
      : q(slice_of(c, data.q, 22)),
        q_rope(c.rope > 0 ? slice_of(c, data.q_rope, 23) : nothing(c)),
        k(cache(c, data.k, 24)),
        v(cache(c, data.v, 25)),
        k_rope(cache(c, data.k_rope, 26)),
        out(c, c.out_layout(), out_type(c), data.out_extent, 27, c.strided != 0) {}
};

template <class Stored>
void fill_kv(const InferenceCase& c, const InferenceData&, TypedPlaces& at,
             glint::KvCache<glint::kv::Contiguous<Stored>>& kv) {
  kv.k = reinterpret_cast<const Stored*>(at.k.data), kv.k_strides = at.k.strides;
  kv.v = reinterpret_cast<const Stored*>(at.v.data), kv.v_strides = at.v.strides;
  if (c.rope > 0) kv.k_rope = reinterpret_cast<const Stored*>(at.k_rope.data), kv.k_rope_strides = at.k_rope.strides;
}

template <class Stored>
void fill_kv(const InferenceCase& c, const InferenceData&, TypedPlaces& at,
             glint::KvCache<glint::kv::LeftPadded<Stored>>& kv) {
  kv.k = reinterpret_cast<const Stored*>(at.k.data), kv.k_strides = at.k.strides;
  kv.v = reinterpret_cast<const Stored*>(at.v.data), kv.v_strides = at.v.strides;
  if (c.rope > 0) kv.k_rope = reinterpret_cast<const Stored*>(at.k_rope.data), kv.k_rope_strides = at.k_rope.strides;
  kv.padding = c.padding;
}

template <class Stored>
void fill_kv(const InferenceCase& c, const InferenceData& data, TypedPlaces&,
             glint::KvCache<glint::kv::Paged<Stored>>& kv) {
  kv.k = data.k[0].as<Stored>(), kv.v = data.v[0].as<Stored>();
  if (c.rope > 0) kv.k_rope = data.k_rope[0].as<Stored>();
  kv.block_table = first_of(data.table);
  kv.max_blocks = data.lists.max_blocks, kv.block_size = c.block_size, kv.blocks = data.blocks;
  kv.pages = c.head_major != 0 ? glint::PageLayout::head_major : glint::PageLayout::token_major;
}

template <class Stored>
void fill_kv(const InferenceCase&, const InferenceData& data, TypedPlaces& at,
             glint::KvCache<glint::kv::List<Stored>>& kv) {
  const auto list = [](const std::vector<Operand>& tensors, std::vector<const void*>& to) {
    for (const Operand& tensor : tensors) to.push_back(tensor.data());
    return std::span<const Stored* const>(reinterpret_cast<const Stored* const*>(to.data()), to.size());
  };
  kv.k = list(data.k, at.k_list), kv.v = list(data.v, at.v_list), kv.k_rope = list(data.k_rope, at.rope_list);
  kv.rows = data.lists.room;
}

inline glint::Antiquant typed_factors(const FactorForm& form, const Operand& scale, const Operand& offset,
                                      bool second) {
  glint::Antiquant factors;
  const index_t skip = second ? bytes_of(scale.dtype, scale.size() / 2) : 0;
  factors.scale = scale.data() + skip;
  factors.offset = offset.present() ? offset.data() + skip : nullptr;
  factors.dtype = scale.dtype;
  factors.mode = static_cast<glint::AntiquantMode>(form.mode);
  factors.single = form.single != 0;
  if (form.mode == 1 || form.mode == 3) factors.columns = scale.numbers.shape.back();
  return factors;
}

// What does not depend on where the cache lies.
template <class Query, class Problem>
void fill_problem(const InferenceCase& c, const InferenceData& data, TypedPlaces& at, InferenceOutcome& outcome,
                  Problem& p) {
  using Stored = typename Problem::Stored;
  using Number = std::remove_pointer_t<decltype(p.out)>;
  p.shape = {.batch = c.batch,
             .heads = c.heads(),
             .kv_heads = c.group == 1 && c.seed % 2 == 0 ? 0 : c.kv_heads,
             .q_len = data.lists.q_rows,
             .kv_len = c.form == kContiguous || c.form == kLeftPadded ? data.lists.kv_rows : 0,
             .head_dim = c.dim,
             .value_dim = c.value_dim == c.dim && c.seed % 3 == 0 ? 0 : c.value_dim};
  p.q = reinterpret_cast<const Query*>(at.q.data), p.q_strides = at.q.strides;
  if (c.post == kPostNone)
    p.out = reinterpret_cast<Number*>(at.out.data);
  else
    p.out_int8 = reinterpret_cast<std::int8_t*>(at.out.data);
  p.out_strides = at.out.strides;
  p.rope_dim = c.rope;
  if (c.rope > 0) p.q_rope = reinterpret_cast<const Query*>(at.q_rope.data), p.q_rope_strides = at.q_rope.strides;
  p.scale = data.scale;
  if (c.mask != kUnmasked)
    p.attn_mask = {data.mask_data(), data.mask_batch, 1, data.mask_rows, data.lists.columns, kMaskTypes[c.mask_type]};
  if (const std::vector<index_t>& shape = data.pse.numbers.shape; c.pse != 0)
    p.pse_shift = {data.pse.data(), data.pse.dtype, shape[0], shape[1], shape[2], shape[3]};
  p.kv_lens = data.lists.lens;
  if (c.integer_cache()) {
    p.k_antiquant = typed_factors(k_form(c), data.k_scale, data.k_offset, false);
    p.v_antiquant = c.joint != 0 ? typed_factors(v_form(c), data.k_scale, data.k_offset, true)
                                 : typed_factors(v_form(c), data.v_scale, data.v_offset, false);
  }
  if (c.post != kPostNone)
    p.post_quant = {data.post_scale.data(), data.post_offset.data(), data.post_scale.dtype, data.post_scale.size()};
  if (c.prefix > 0) {
    p.prefix = {data.prefix_k.as<Stored>(), data.prefix_v.as<Stored>(), c.prefix, c.prefix_length};
    if (c.rope > 0) p.prefix.k_rope = data.prefix_k_rope.as<Stored>();
  }
  p.learnable_sink = data.sink.as<Number>();
  if (c.lse != 0) p.lse = outcome.lse.data();
  p.inner_precise = static_cast<int>(c.inner_precise);
}

template <class Query, class Kv>
void fill_operator(const InferenceCase& c, const InferenceData& data, glint::IncreProblem<Query, Kv>& p) {
  p.draft = static_cast<glint::DraftMask>(c.draft);
  if (c.draft == kDraftTree) p.draft_tree = {first_of(data.tree), data.tree_batch, 1, c.q_len, c.q_len};
}

template <class Query, class Kv>
void fill_operator(const InferenceCase& c, const InferenceData& data, glint::PromptProblem<Query, Kv>& p) {
  p.pre_tokens = c.pre, p.next_tokens = c.next;
  p.q_lens = data.lists.q_lens;
  if (c.ragged()) p.shape.batch = c.seed % 2 == 0 ? 0 : c.batch;  // the lists say how many there are
  if (c.pad_queries != 0) p.q_padding = c.q_padding;
  if (c.query == kInt8) p.int8 = {data.dequant1, data.quant1, data.dequant2};
}

template <class Problem, class Attend>
void attend_typed(const InferenceCase& c, const InferenceData& data, const TestExecutor& executor, TypedPlaces& places,
                  const Problem& p, const Attend& attend, InferenceOutcome& outcome) {
  run_door(
      data, c, places.out, outcome, [&] { return attend.check(p); },
      [&] { return attend.workspace_bytes(p, executor.workers()); },
      [&](std::span<std::byte> workspace) { return attend(p, executor, workspace); });
}

// f(static_cast<Kv*>(nullptr)) for the form of the cache.
template <class Stored, class F>
void with_cache(const InferenceCase& c, const F& f) {
  if (c.form == kContiguous) return f(static_cast<glint::kv::Contiguous<Stored>*>(nullptr));
  if (c.form == kLeftPadded) return f(static_cast<glint::kv::LeftPadded<Stored>*>(nullptr));
  if (c.form == kPaged) return f(static_cast<glint::kv::Paged<Stored>*>(nullptr));
  f(static_cast<glint::kv::List<Stored>*>(nullptr));
}

}  // namespace detail
}  // namespace glint_test
