// Forward attention over all heads of a problem, through an executor.
#pragma once

#include <span>
#include <type_traits>

#include "glint/core/arena.hpp"
#include "glint/core/status.hpp"
#include "glint/kernel/head.hpp"
#include "glint/kernel/rows.hpp"
#include "glint/policy/executor.hpp"
#include "glint/policy/tile.hpp"
#include "glint/simd/simd.hpp"

#define GLINT_ISA_BODY "glint/kernel/forward_isa-inl.hpp"
#include "glint/simd/for_each_isa.hpp"

namespace glint {
inline namespace GLINT_ABI {

// What an operator tells the kernel.  A group is one (batch, kv head); its heads share K and V.
template <class Candidate>
concept ForwardPlan = requires(const Candidate& plan, index_t i) {
  { Candidate::kBytes } -> std::convertible_to<bool>;  // are q, k and v multiplied as integers (operators 4.1)?
  { plan.groups() } -> std::same_as<index_t>;
  { plan.heads_per_group() } -> std::same_as<index_t>;
  { plan.max_rows() } -> std::same_as<index_t>;  // of any head's out, with its lead
  { plan.max_keys() } -> std::same_as<index_t>;  // of any head's kv
  { plan.head_dim() } -> std::same_as<index_t>;  // with a rope part
  { plan.value_dim() } -> std::same_as<index_t>;
  { plan.products() } -> std::same_as<Products>;
  { plan.stages(i) } -> std::same_as<bool>;  // must tiles of i keys be converted or gathered?
  plan.head(i, i);                           // (group, head within the group) -> HeadWork
};

namespace forward {

// How many query tiles walk the keys together: sharing pays for what a key tile costs before it can be multiplied.
template <class Tile, class Plan>
index_t tiles_together(const Plan& plan) {
  return plan.stages(Tile::columns) ? Tile::shared : 1;
}

template <class Plan>
using HeadOf = decltype(std::declval<const Plan&>().head(0, 0));

// Factors of K and V, number by number.
template <class Plan>
constexpr index_t factor_count(const Plan& plan) {
  constexpr bool kHolds = is_integer_element<typename HeadOf<Plan>::element>;
  return kHolds ? 2 * (padded(plan.head_dim()) + padded(plan.value_dim())) : 0;
}

// Scratch of one worker, in the order in which forward_tiles takes it.
template <class Tile, class Plan>
index_t scratch_bytes(const Plan& plan) {
  const index_t head_dim = plan.head_dim(), value_dim = plan.value_dim();
  const index_t state = 3 * aligned_bytes_of<float>(Tile::rows);
  const index_t output = aligned_bytes_of<float>(value_dim * Tile::rows) + state;
  const index_t tile = aligned_bytes_of<float>(head_dim * Tile::rows) + output * (plan.max_keys() > kKeyBlock ? 2 : 1);
  return aligned_bytes_of<float>(Tile::columns * Tile::rows) + aligned_bytes_of<float>(Tile::rows) +
         2 * aligned_bytes_of<std::uint64_t>(Tile::columns) + aligned_bytes_of<float>(Tile::columns * head_dim) +
         aligned_bytes_of<float>(Tile::columns * value_dim) + aligned_bytes_of<float>(factor_count(plan)) +
         tiles_together<Tile>(plan) * tile;
}

// The bytes that run() needs for `workers` workers.
template <class Tile, class Plan>
index_t workspace_bytes(const Plan& plan, index_t workers) {
  return kAlignment + workers * scratch_bytes<Tile>(plan);
}

template <class Tile, class Head>
using Entry = void (*)(const Head*, const Interval*, index_t, std::byte*, const NextTask&);

template <class Tile, class Head>
Entry<Tile, Head> floats_entry([[maybe_unused]] Isa isa, [[maybe_unused]] Products products) {
#define GLINT_IN(set, Way)               \
  if constexpr (Tile::runs_on(Isa::set)) \
    if (isa == Isa::set) return &isa_##set::forward_tiles<Tile, Head, isa_##set::Way<Tile>>;
#if GLINT_HAVE_X86
  if constexpr (std::is_same_v<typename Head::element, bfloat16>)
    if (products == Products::pairs && simd::bf16_dot()) {
      GLINT_IN(avx512, ProductsOfPairs)
    }
  GLINT_IN(avx512, FloatProducts)
  GLINT_IN(avx2, FloatProducts)
#endif
#if GLINT_HAVE_VECTOR_EXTENSIONS
  GLINT_IN(base, FloatProducts)
#endif
  GLINT_IN(plain, FloatProducts)
  return nullptr;  // of a tile that does not run here, which nobody asks for
}

// The products of bytes: with the dot instruction, or the same integers in float.
template <class Tile, class Head>
Entry<Tile, Head> bytes_entry([[maybe_unused]] Isa isa) {
#if GLINT_HAVE_X86
  if (simd::int8_dot()) {
    GLINT_IN(avx512, BytesByDot)
  }
  GLINT_IN(avx512, BytesInFloat)
  GLINT_IN(avx2, BytesInFloat)
#endif
#if GLINT_HAVE_VECTOR_EXTENSIONS
  GLINT_IN(base, BytesInFloat)
#endif
  GLINT_IN(plain, BytesInFloat)
  return nullptr;
#undef GLINT_IN
}

template <class Tile, class Plan>
Entry<Tile, HeadOf<Plan>> entry(Isa isa, const Plan& plan) {
  if constexpr (Plan::kBytes) {
    return bytes_entry<Tile, HeadOf<Plan>>(isa);
  } else {
    return floats_entry<Tile, HeadOf<Plan>>(isa, plan.products());
  }
}

template <class Head>
void zero_rows(const Head& head, Interval rows) {
  for (index_t r = rows.lo; r < rows.hi; ++r) {
    isa_plain::store_zeros(head.out, r);
    isa_plain::write_stats(head.stats, r, SoftmaxState{});
  }
}

// One task: up to Tile::shared query tiles, taken from a list in which the heads of the group that have the same
// rows, and so see the same keys, are neighbours.
template <class Tile, class Plan>
void run_task(const Plan& plan, index_t group, Interval tiles, std::byte* scratch, const NextTask& next) {
  using Head = HeadOf<Plan>;
  static_assert(std::is_trivially_destructible_v<Head>, "glint: masks and modifiers must be trivially destructible");
  alignas(Head) std::byte storage[Tile::shared * sizeof(Head)];
  Head* const heads = reinterpret_cast<Head*>(storage);
  Interval rows[Tile::shared];
  index_t count = 0;
  for (index_t i = tiles.lo; i < tiles.hi; ++i) {
    Head* const head = ::new (static_cast<void*>(heads + count)) Head(plan.head(group, i % plan.heads_per_group()));
    const index_t q0 = i / plan.heads_per_group() * Tile::rows - head->out.lead;
    const Interval wanted = intersect({q0, q0 + Tile::rows}, {-head->out.lead, head->out.rows});
    const Interval computed = intersect(wanted, {0, head->q.rows});
    if (computed.empty()) {
      zero_rows(*head, wanted);
    } else {
      zero_rows(*head, {wanted.lo, computed.lo});
      zero_rows(*head, {computed.hi, wanted.hi});
      rows[count++] = computed;
    }
  }
  if (count > 0) entry<Tile>(simd::selected, plan)(heads, rows, count, scratch, next);
}

// The tasks of a plan, numbered group by group.
template <class Tile>
struct Tasks {
  index_t together;   // query tiles of a task
  index_t tiles;      // of all heads of a group
  index_t per_group;  // tasks

  template <class Plan>
  explicit Tasks(const Plan& plan)
      : together(tiles_together<Tile>(plan)),
        tiles((plan.max_rows() + Tile::rows - 1) / Tile::rows * plan.heads_per_group()),
        per_group((tiles + together - 1) / together) {}

  // Late query tiles first: under a causal mask they are the longest, and short tasks fill the end.
  Interval tiles_of(index_t task) const {
    const index_t first = (per_group - 1 - task % per_group) * together;
    return intersect({first, first + together}, {0, tiles});
  }

  // Tasks that go to a worker together: the whole group, whose K and V it then reads once, where groups are small and
  // there are plenty.
  index_t unit(index_t groups, index_t workers) const {
    return per_group >= 1 && per_group <= 4 && groups >= 8 * workers ? per_group : 1;
  }

  // The task that the same worker is likely to run after this one: the unit's next, or the first of the unit that is
  // as many further on as there are workers.
  static index_t likely_next(index_t task, index_t unit, index_t workers) {
    return (task + 1) % unit != 0 ? task + 1 : task + 1 + (workers - 1) * unit;
  }
};

// The rows with which a task begins.
template <class Tile, class Plan>
NextTask preview(const Plan& plan, const Tasks<Tile>& tasks, index_t task, bool same_group) {
  const index_t tile = tasks.tiles_of(task).lo;
  const auto head = plan.head(task / tasks.per_group, tile % plan.heads_per_group());
  using Element = typename std::remove_cvref_t<decltype(head)>::element;
  const index_t q0 = tile / plan.heads_per_group() * Tile::rows - head.out.lead, size = size_of(head.q.dtype);
  const Interval rows = intersect({q0, q0 + Tile::rows}, {0, head.q.rows});
  if (rows.empty() || head.kv.length() == 0) return {};
  NextTask next{.q = {head.q.row(rows.lo), head.q.row_stride * size, rows.size(), head.q.dim * size}, .k = {}, .v = {}};
  if (same_group) return next;
  const auto run = head.kv.run(0, Tile::columns);
  constexpr index_t kSize = sizeof(Element);
  next.k = {run.k, run.k_stride * kSize, run.count, row_bytes<Element>(head.q.dim)};
  next.v = {run.v, run.v_stride * kSize, run.count, row_bytes<Element>(head.out.dim)};
  return next;
}

// Runs the plan.  `workspace` holds workspace_bytes<Tile>(plan, n) for n = executor.workers() workers.
template <class Tile, ForwardPlan Plan, Executor Pool>
Status run(const Plan& plan, Pool& executor, std::span<std::byte> workspace) {
  const index_t each = scratch_bytes<Tile>(plan);
  const index_t workers = executor.workers();
  std::byte* const memory = aligned_start(workspace, each * workers);
  if (memory == nullptr) {
    return {Code::workspace_too_small, "the workspace must hold workspace_bytes(problem, workers) bytes",
            static_cast<index_t>(workspace.size()), each * workers + kAlignment};
  }
  const Tasks<Tile> tasks(plan);
  const index_t count = plan.groups() * tasks.per_group, unit = tasks.unit(plan.groups(), workers);
  executor.for_each(count / unit, [&](index_t which, index_t worker) {
    for (index_t task = which * unit; task < (which + 1) * unit; ++task) {
      const index_t group = task / tasks.per_group, later = tasks.likely_next(task, unit, workers);
      const NextTask next =
          later < count ? preview<Tile>(plan, tasks, later, later / tasks.per_group == group) : NextTask{};
      run_task<Tile>(plan, group, tasks.tiles_of(task), memory + worker * each, next);
    }
  });
  return Status::ok();
}

}  // namespace forward
}  // namespace GLINT_ABI
}  // namespace glint
