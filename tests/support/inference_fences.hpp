// Inference cases whose every operand, list, table, factor and output ends exactly at an unreadable page, or begins
// exactly behind one (F8).
#pragma once

#include <memory>

#include "support/fence.hpp"
#include "support/inference_doors.hpp"

namespace glint_test {

// Fences that are mapped once and handed out anew for each case.
class Fences {
 public:
  void start(Flush where) { next_ = 0, where_ = where; }
  std::byte* room(index_t bytes) {
    if (next_ == fences_.size()) fences_.push_back(std::make_unique<Fence>(index_t{1} << 24));
    return static_cast<std::byte*>(fences_[next_++]->flush(where_, bytes));
  }
  // A copy of what `data` points at; null stays null.
  template <class Element>
  const Element* copy(const Element* data, index_t bytes) {
    if (data == nullptr) return nullptr;
    return static_cast<const Element*>(static_cast<const void*>(
        std::memcpy(room(bytes), static_cast<const void*>(data), static_cast<std::size_t>(bytes))));
  }
  const std::byte* copy(const Operand& operand) {
    return copy(operand.data(), bytes_of(operand.dtype, operand.size()));
  }
  template <class Element>
  const Element* copy(const std::vector<Element>& list) {
    return copy(first_of(list), static_cast<index_t>(list.size() * sizeof(Element)));
  }

 private:
  std::vector<std::unique_ptr<Fence>> fences_;
  std::size_t next_ = 0;
  Flush where_ = Flush::end;
};

template <class Stored>
void move_cache(const InferenceCase& c, const InferenceData& data, Fences& fences,
                glint::KvCache<glint::kv::Contiguous<Stored>>& kv) {
  kv.k = reinterpret_cast<const Stored*>(fences.copy(data.k[0]));
  kv.v = reinterpret_cast<const Stored*>(fences.copy(data.v[0]));
  if (c.rope > 0) kv.k_rope = reinterpret_cast<const Stored*>(fences.copy(data.k_rope[0]));
}
template <class Stored>
void move_cache(const InferenceCase& c, const InferenceData& data, Fences& fences,
                glint::KvCache<glint::kv::LeftPadded<Stored>>& kv) {
  glint::KvCache<glint::kv::Contiguous<Stored>> plain;
  move_cache(c, data, fences, plain);
  kv.k = plain.k, kv.v = plain.v, kv.k_rope = plain.k_rope, kv.padding = c.padding;
}
template <class Stored>
void move_cache(const InferenceCase& c, const InferenceData& data, Fences& fences,
                glint::KvCache<glint::kv::Paged<Stored>>& kv) {
  glint::KvCache<glint::kv::Contiguous<Stored>> plain;
  move_cache(c, data, fences, plain);
  kv.k = plain.k, kv.v = plain.v, kv.k_rope = plain.k_rope;
  kv.block_table = fences.copy(data.table);
  kv.max_blocks = data.lists.max_blocks, kv.block_size = c.block_size, kv.blocks = data.blocks;
  kv.pages = c.head_major != 0 ? glint::PageLayout::head_major : glint::PageLayout::token_major;
}
template <class Stored>
void move_cache(const InferenceCase&, const InferenceData& data, Fences& fences,
                glint::KvCache<glint::kv::List<Stored>>& kv) {
  const auto list = [&](const std::vector<Operand>& tensors) {
    std::vector<const Stored*> pointers;
    for (const Operand& tensor : tensors) pointers.push_back(reinterpret_cast<const Stored*>(fences.copy(tensor)));
    return std::span<const Stored* const>(fences.copy(pointers), pointers.size());
  };
  kv.k = list(data.k), kv.v = list(data.v), kv.k_rope = list(data.k_rope);
  kv.rows = {fences.copy(data.lists.room), data.lists.room.size()};
}

// Everything that a problem points at goes to a fence of its own.
template <class Problem>
void move_operands(const InferenceCase& c, const InferenceData& data, Fences& fences, Problem& p) {
  using Query = std::remove_cvref_t<decltype(*p.q)>;
  using Number = std::remove_pointer_t<decltype(p.out)>;
  using Stored = typename Problem::Stored;
  p.q = reinterpret_cast<const Query*>(fences.copy(data.q));
  if (c.rope > 0) p.q_rope = reinterpret_cast<const Query*>(fences.copy(data.q_rope));
  if (c.mask != kUnmasked)
    p.attn_mask.data = c.mask_type == kBytes ? fences.copy(data.mask)
                                             : reinterpret_cast<const std::uint8_t*>(fences.copy(data.wide_mask));
  if (c.pse != 0) p.pse_shift.data = fences.copy(data.pse);
  if (c.sink != kSinkNone) p.learnable_sink = reinterpret_cast<const Number*>(fences.copy(data.sink));
  if (!data.lists.lens.empty()) p.kv_lens = {fences.copy(data.lists.lens), data.lists.lens.size()};
  p.k_antiquant.scale = fences.copy(data.k_scale), p.k_antiquant.offset = fences.copy(data.k_offset);
  p.v_antiquant.scale = fences.copy(data.v_scale), p.v_antiquant.offset = fences.copy(data.v_offset);
  p.post_quant.scale = fences.copy(data.post_scale), p.post_quant.offset = fences.copy(data.post_offset);
  if (c.prefix == 0) return;
  p.prefix.k = reinterpret_cast<const Stored*>(fences.copy(data.prefix_k));
  p.prefix.v = reinterpret_cast<const Stored*>(fences.copy(data.prefix_v));
  if (c.rope > 0) p.prefix.k_rope = reinterpret_cast<const Stored*>(fences.copy(data.prefix_k_rope));
}

template <class Query, class Kv>
void move_lists(const InferenceCase& c, const InferenceData& data, Fences& fences, glint::IncreProblem<Query, Kv>& p) {
  if (c.draft == kDraftTree) p.draft_tree.data = fences.copy(data.tree);
}
template <class Query, class Kv>
void move_lists(const InferenceCase&, const InferenceData& data, Fences& fences, glint::PromptProblem<Query, Kv>& p) {
  if (!data.lists.q_lens.empty()) p.q_lens = {fences.copy(data.lists.q_lens), data.lists.q_lens.size()};
}

// A problem of the case with every operand, list and output, and its workspace, at a fence.  attend_with(problem, f)
// calls f with the operator that is meant.
template <class Problem, class AttendWith>
InferenceOutcome fenced(const InferenceCase& c, const InferenceData& data, Fences& fences,
                        const AttendWith& attend_with) {
  using Query = std::remove_cvref_t<decltype(*Problem{}.q)>;
  InferenceOutcome outcome = blank_outcome(c, data);
  detail::TypedPlaces places(c, data);
  Problem p;
  detail::fill_problem<Query>(c, data, places, outcome, p);
  detail::fill_operator(c, data, p);
  p.q_strides = p.q_rope_strides = p.out_strides = {};
  move_cache(c, data, fences, p.kv);
  move_operands(c, data, fences, p);
  move_lists(c, data, fences, p);
  const Extent& e = data.out_extent;
  const index_t rows = e.batch * e.rows * e.heads, bytes = rows * e.width * glint::size_of(out_type(c));
  std::byte* const out = fences.room(bytes);
  if (c.post == kPostNone)
    p.out = reinterpret_cast<decltype(p.out)>(out);
  else
    p.out_int8 = reinterpret_cast<std::int8_t*>(out);
  if (c.lse != 0) p.lse = reinterpret_cast<float*>(fences.room(rows * 4));
  attend_with(p, [&](const auto& attend) {
    const index_t scratch = attend.workspace_bytes(p);
    outcome.status = attend(p, glint::Serial{}, {fences.room(scratch), static_cast<std::size_t>(scratch)});
  });
  outcome.out.assign(out, out + bytes);
  if (c.lse != 0) outcome.lse.assign(p.lse, p.lse + rows);
  return outcome;
}

// Both ends of everything.  fenced_at(fences) answers the case with fresh fences.
template <class FencedAt>
void expect_no_fault(const InferenceCase& c, const InferenceOutcome& want, Fences& fences, const FencedAt& fenced_at) {
  for (const Flush where : {Flush::end, Flush::start}) {
    fences.start(where);
    ASSERT_EQ(difference(want, fenced_at(fences)), "") << print(c);
  }
}

// A drawn case in a given form of the cache, heads few.
inline void make_small(InferenceCase& c, index_t form) {
  c.batch = std::clamp<index_t>(c.batch, 1, 2), c.kv_heads = std::min<index_t>(c.kv_heads, 2);
  c.group = std::min<index_t>(c.group, 5);
  c.strided = c.skew = c.joint = 0;
  c.form = form, c.poison = kPoisonUnread;
  if (form != kContiguous) c.prefix = 0;
  if (form == kPaged && c.lens == kLengthsNone) c.lens = kLengthsEach;
  for (index_t* const mode : {&c.k_mode, &c.v_mode}) {
    if (form == kPaged && (*mode == 1 || *mode == 3)) *mode = *mode == 1 ? 4 : 5;
    if (form != kPaged && *mode >= 4) *mode = *mode == 4 ? 1 : 3;
  }
  if (form == kPaged && c.k_mode != c.v_mode) c.v_mode = c.k_mode, c.v_single = 0;
}

}  // namespace glint_test
