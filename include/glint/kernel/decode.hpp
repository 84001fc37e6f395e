// Decode over all heads of a problem, through an executor: split-KV with parts of a fixed size, merged in order.
//
// Which worker calculates a part is free, what a part is and in which order parts are merged is not, so the bits depend
// neither on the workers nor on the batch.  Where there are heads enough for all workers, one takes all parts of a head
// and merges as it goes; else parts are tasks of their own, and a second round merges.
#pragma once

#include <bit>
#include <span>

#include "glint/core/status.hpp"
#include "glint/kernel/decode_scratch.hpp"
#include "glint/kernel/merge.hpp"
#include "glint/policy/executor.hpp"
#include "glint/simd/bits.hpp"
#include "glint/simd/simd.hpp"

#define GLINT_ISA_BODY "glint/kernel/decode_isa-inl.hpp"
#include "glint/simd/for_each_isa.hpp"

namespace glint {
inline namespace GLINT_ABI {

// What an operator tells the kernel.  A head is one (batch, kv head).
template <class Candidate>
concept DecodePlan = requires(const Candidate& plan, index_t i) {
  typename Candidate::Stored;
  { plan.heads() } -> std::same_as<index_t>;
  { plan.keys(i) } -> std::same_as<index_t>;  // of head i
  { plan.extents() } -> std::same_as<decode::Extents>;
  { plan.head(i) } -> std::same_as<decode::Head<typename Candidate::Stored>>;
};

namespace decode {

template <class Stored>
struct Entries {
  void (*splits)(const Head<Stored>&, Interval, index_t, float*, std::byte*, const kv::Cache<Stored>*);
  void (*merge)(const Head<Stored>&, index_t, float*, std::byte*);
};

template <class Stored>
Entries<Stored> entries(Isa isa) {
#if GLINT_HAVE_X86
  if (isa == Isa::avx512) return {&isa_avx512::decode_splits<Stored>, &isa_avx512::decode_merge<Stored>};
  if (isa == Isa::avx2) return {&isa_avx2::decode_splits<Stored>, &isa_avx2::decode_merge<Stored>};
#endif
#if GLINT_HAVE_VECTOR_EXTENSIONS
  if (isa == Isa::base) return {&isa_base::decode_splits<Stored>, &isa_base::decode_merge<Stored>};
#endif
  return {&isa_plain::decode_splits<Stored>, &isa_plain::decode_merge<Stored>};
}

// How a problem's parts become tasks.
struct Schedule {
  index_t heads = 0;
  index_t splits = 0;  // of all heads together
  bool by_split = false;

  template <class Plan>
  Schedule(const Plan& plan, index_t split_keys, index_t workers) : heads(plan.heads()) {
    index_t most = 0;
    for (index_t i = 0; i < heads; ++i) {
      const index_t count = splits_of(plan.keys(i), split_keys);
      splits += count;
      most = most > count ? most : count;
    }
    // One worker takes whole heads, and so do several if none of them is kept long by the last.
    by_split = workers > 1 && most > 1 && 2 * workers * most > splits;
  }
  static constexpr index_t splits_of(index_t keys, index_t split_keys) { return (keys + split_keys - 1) / split_keys; }

  index_t partial_floats(const Extents& extents) const { return by_split ? splits * Partial::floats(extents) : 0; }
};

template <DecodePlan Plan>
index_t workspace_bytes(const Plan& plan, index_t split_keys, index_t workers) {
  const Extents extents = plan.extents();
  return kAlignment + workers * Scratch::bytes(extents) +
         aligned_bytes_of<float>(Schedule(plan, split_keys, workers).partial_floats(extents));
}

// Whole heads, in order.
template <class Plan, class Pool>
void run_heads(const Plan& plan, index_t split_keys, Pool& executor, std::byte* scratch) {
  using Stored = typename Plan::Stored;
  const Entries<Stored> run = entries<Stored>(simd::selected);
  const index_t heads = plan.heads(), workers = executor.workers(), each = Scratch::bytes(plan.extents());
  executor.for_each(heads, [&](index_t i, index_t worker) {
    const Head<Stored> head = plan.head(i);
    const index_t later = i + workers;  // the likely next of the same worker
    const kv::Cache<Stored> after = later < heads ? plan.head(later).kv : kv::Cache<Stored>{};
    const index_t splits = Schedule::splits_of(head.kv.length(), split_keys);
    run.splits(head, {0, splits}, split_keys, nullptr, scratch + worker * each, &after);
  });
}

// Which head task `task` belongs to, and which of its parts it is.
template <class Plan>
struct SplitTask {
  index_t head = 0, split = 0, before = 0;  // parts of earlier heads

  SplitTask(const Plan& plan, index_t split_keys, index_t task) {
    for (;; ++head) {
      const index_t count = Schedule::splits_of(plan.keys(head), split_keys);
      if (task < before + count) break;
      before += count;
    }
    split = task - before;
  }
};

template <class Plan, class Pool>
void run_splits(const Plan& plan, index_t split_keys, index_t splits, Pool& executor, std::byte* scratch,
                float* partials) {
  using Stored = typename Plan::Stored;
  const Entries<Stored> run = entries<Stored>(simd::selected);
  const Extents extents = plan.extents();
  const index_t floats = Partial::floats(extents), each = Scratch::bytes(extents);
  executor.for_each(splits, [&](index_t task, index_t worker) {
    const SplitTask<Plan> at(plan, split_keys, task);
    const Head<Stored> head = plan.head(at.head);
    run.splits(head, {at.split, at.split + 1}, split_keys, partials + at.before * floats, scratch + worker * each,
               nullptr);
  });
  executor.for_each(plan.heads(), [&](index_t i, index_t worker) {
    index_t before = 0;
    for (index_t h = 0; h < i; ++h) before += Schedule::splits_of(plan.keys(h), split_keys);
    run.merge(plan.head(i), Schedule::splits_of(plan.keys(i), split_keys), partials + before * floats,
              scratch + worker * each);
  });
}

// Runs the plan.  `workspace` holds workspace_bytes(...) for executor.workers() workers.
template <DecodePlan Plan, Executor Pool>
Status run(const Plan& plan, index_t split_keys, Pool& executor, std::span<std::byte> workspace) {
  const Extents extents = plan.extents();
  const index_t workers = executor.workers(), scratch = workers * Scratch::bytes(extents);
  const Schedule schedule(plan, split_keys, workers);
  const index_t needed = scratch + aligned_bytes_of<float>(schedule.partial_floats(extents));
  std::byte* const memory = aligned_start(workspace, needed);
  if (memory == nullptr) {
    return {Code::workspace_too_small, "the workspace must hold workspace_bytes(problem, workers) bytes",
            static_cast<index_t>(workspace.size()), needed + kAlignment};
  }
  if (schedule.by_split) {
    run_splits(plan, split_keys, schedule.splits, executor, memory, reinterpret_cast<float*>(memory + scratch));
  } else {
    run_heads(plan, split_keys, executor, memory);
  }
  return Status::ok();
}

}  // namespace decode
}  // namespace GLINT_ABI
}  // namespace glint
