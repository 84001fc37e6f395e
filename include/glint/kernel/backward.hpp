// The gradient of attention over all heads of a problem, through an executor; backward_blocks.hpp says in which order.
#pragma once

#include "glint/kernel/backward_blocks.hpp"
#include "glint/kernel/forward.hpp"

#define GLINT_ISA_BODY "glint/kernel/backward_isa-inl.hpp"
#include "glint/simd/for_each_isa.hpp"

namespace glint {
inline namespace GLINT_ABI {

// What an operator tells the kernel.  A group is one (batch entry, kv head).
template <class Candidate>
concept BackwardPlan = requires(const Candidate& plan, index_t i) {
  { plan.groups() } -> std::same_as<index_t>;
  { plan.heads_per_group() } -> std::same_as<index_t>;
  { plan.heads() } -> std::same_as<index_t>;    // of a batch entry
  { plan.entries() } -> std::same_as<index_t>;  // of the batch
  { plan.max_rows() } -> std::same_as<index_t>;
  { plan.max_keys() } -> std::same_as<index_t>;
  { plan.head_dim() } -> std::same_as<index_t>;
  { plan.value_dim() } -> std::same_as<index_t>;
  { plan.scale() } -> std::same_as<float>;
  { plan.products() } -> std::same_as<Products>;
  plan.head(i, i);                              // (group, head within the group) -> GradientHead
  { plan.d_k(i) } -> std::same_as<OutputView>;  // of a group
  { plan.d_v(i) } -> std::same_as<OutputView>;
  { plan.unowned() } -> std::same_as<index_t>;  // how many views of rows that belong to no sequence
  { plan.unowned(i) } -> std::same_as<OutputView>;
  { plan.d_sink() } -> std::same_as<float*>;  // [heads]; null: not wanted
  { plan.bias_planes() } -> std::same_as<index_t>;
  { plan.bias_plane(i) } -> std::same_as<BiasPlane>;
};

namespace backward {

template <class Plan>
using HeadOf = decltype(std::declval<const Plan&>().head(0, 0));

// The bytes that run() needs for `workers` workers.
template <class Tile, class Plan>
index_t workspace_bytes(const Plan& plan, index_t workers) {
  const Blocks<Tile> blocks(plan, workers);
  return kAlignment + blocks.all_sums_bytes() + workers * blocks.scratch_bytes();
}

// The selected ISA's kernels for one type of head.
template <class Head>
struct Entries {
  void (*block)(const GradientBlock<Head>&, const GradientExtents&, std::byte*);
  void (*bias)(const Head&, Interval, Interval, const GradientExtents&, std::byte*);
};

template <class Tile, class Head>
Entries<Head> entries([[maybe_unused]] Isa isa, [[maybe_unused]] Products products) {
#define GLINT_IN(set, Way)                                                  \
  if constexpr (Tile::runs_on(Isa::set))                                    \
    if (isa == Isa::set)                                                    \
      return {&isa_##set::backward_block<Tile, Head, isa_##set::Way<Tile>>, \
              &isa_##set::add_bias_gradient<Tile, Head, isa_##set::GradientInSingles<Tile>>};
#if GLINT_HAVE_X86
  if constexpr (std::is_same_v<typename Head::element, bfloat16>)
    if (products == Products::pairs && simd::bf16_dot()) {
      GLINT_IN(avx512, GradientInPairs)
    }
  GLINT_IN(avx512, GradientInSingles)
  GLINT_IN(avx2, GradientInSingles)
#endif
#if GLINT_HAVE_VECTOR_EXTENSIONS
  GLINT_IN(base, GradientInSingles)
#endif
  GLINT_IN(plain, GradientInSingles)
  return {};  // of a tile that does not run here, which nobody asks for
#undef GLINT_IN
}

template <class Tile>
void store_query_gradient(const float* sum, float scale, Interval rows, const OutputView& d_q) {
  GLINT_ON_SELECTED_ISA(store_query_gradient<Tile::rows>(sum, scale, rows, d_q));
}
inline void store_key_gradient(const float* sum, const float* parts, float scale, Interval keys,
                               const OutputView& rows) {
  GLINT_ON_SELECTED_ISA(store_key_gradient(sum, parts, scale, keys, rows));
}
template <class Head>
double sink_gradient(const Head& head) {
  GLINT_ON_SELECTED_ISA(sink_gradient(head));
}
template <class Tile>
void store_shared_bias(const BiasPlane& plane, Box box, const float* sum) {
  GLINT_ON_SELECTED_ISA(store_shared_bias<Tile>(plane, box, sum));
}

// One group on its way through its blocks.
template <class Tile, class Plan>
struct Group {
  using Head = HeadOf<Plan>;

  const Plan& plan;
  const Blocks<Tile>& blocks;
  index_t number;
  GroupSums<Tile> sums;

  void clear(index_t unit) const {
    const auto zero = [&](float* from, index_t piece, index_t floats) {
      __builtin_memset(from + piece * floats, 0, static_cast<std::size_t>(floats) * sizeof(float));
    };
    const index_t key_block = unit - blocks.row_blocks();
    if (key_block < 0) return zero(sums.d_q(unit / blocks.of_rows), unit % blocks.of_rows, blocks.rows * blocks.dim);
    const index_t k_floats = blocks.keys * padded(blocks.dim), v_floats = blocks.keys * padded(blocks.value_dim);
    zero(sums.d_k(), key_block, k_floats);
    zero(sums.d_v(), key_block, v_floats);
    if (!blocks.in_parts) return;
    zero(sums.d_k_parts(), key_block, k_floats);
    zero(sums.d_v_parts(), key_block, v_floats);
  }

  // What a key block does in a phase.
  void step(index_t phase, index_t key_block, std::byte* scratch) const {
    const index_t row_block = phase - key_block;
    if (row_block < 0 || row_block >= blocks.row_blocks()) return;
    const index_t member = row_block / blocks.of_rows;
    const index_t q0 = row_block % blocks.of_rows * blocks.rows, k0 = key_block * blocks.keys;
    const Head head = plan.head(number, member);
    const Interval rows = intersect({q0, q0 + blocks.rows}, {0, head.forward.q.rows});
    const Interval keys = intersect({k0, k0 + blocks.keys}, {0, head.forward.kv.length()});
    if (rows.empty() || keys.empty()) return;
    const index_t later = number * blocks.heads + member + 1;
    const bool more = later < blocks.groups * blocks.heads;
    const Head next = more ? plan.head(later / blocks.heads, later % blocks.heads) : head;
    GradientBlock<Head> block{head, rows, keys, sums.d_q(member), sums.d_k(), sums.d_v()};
    block.d_k_parts = sums.d_k_parts(), block.d_v_parts = sums.d_v_parts();
    block.first_tile = member * pieces(head.forward.q.rows, Tile::rows) + q0 / Tile::rows;
    if (more) block.next = &next;
    if (row_block + 1 == blocks.row_blocks()) block.k_rows = plan.d_k(number), block.v_rows = plan.d_v(number);
    entries<Tile, Head>(simd::selected, plan.products()).block(block, blocks.extents(), scratch);
  }

  void store(index_t unit) const {
    const index_t k0 = (unit - blocks.row_blocks()) * blocks.keys;
    if (k0 >= 0) return store_keys({k0, k0 + blocks.keys});
    const index_t member = unit / blocks.of_rows, first = unit % blocks.of_rows * blocks.rows;
    const OutputView d_q = plan.head(number, member).d_q;
    for (index_t q0 = first; q0 < first + blocks.rows && q0 < d_q.rows; q0 += Tile::rows)
      store_query_gradient<Tile>(sums.d_q(member) + q0 * blocks.dim, plan.scale(),
                                 intersect({q0, q0 + Tile::rows}, {0, d_q.rows}), d_q);
  }

 private:
  void store_keys(Interval span) const {
    const OutputView d_k = plan.d_k(number), d_v = plan.d_v(number);
    const Interval keys = intersect(span, {0, d_k.rows});
    store_key_gradient(sums.d_k(), sums.d_k_parts(), plan.scale(), keys, d_k);
    store_key_gradient(sums.d_v(), sums.d_v_parts(), 1.0F, keys, d_v);
  }
};

template <class Tile, class Plan, class Pool>
void run_groups(const Plan& plan, const Blocks<Tile>& blocks, Pool& executor, std::byte* all_sums, std::byte* scratch) {
  const auto group = [&](index_t number, index_t slot) {
    float* const memory = reinterpret_cast<float*>(all_sums + slot * blocks.sums_bytes());
    return Group<Tile, Plan>{plan, blocks, number, {blocks, memory}};
  };
  const auto of = [&](index_t worker) { return scratch + worker * blocks.scratch_bytes(); };
  const index_t phases = blocks.phases(), of_keys = blocks.of_keys, units = blocks.units();
  if (!blocks.side_by_side) {
    executor.for_each(blocks.groups, [&](index_t number, index_t worker) {
      const auto one = group(number, worker);
      for (index_t unit = 0; unit < units; ++unit) one.clear(unit);
      for (index_t phase = 0; phase < phases; ++phase) one.step(phase, 0, of(worker));
      for (index_t unit = 0; unit < units; ++unit) one.store(unit);
    });
    return;
  }
  const auto each = [&](index_t count, const auto& task) {
    executor.for_each(blocks.groups * count,
                      [&](index_t i, index_t worker) { task(group(i / count, i / count), i % count, worker); });
  };
  each(units, [](const auto& one, index_t unit, index_t) { one.clear(unit); });
  for (index_t phase = 0; phase < phases; ++phase)
    each(of_keys, [&](const auto& one, index_t key_block, index_t worker) { one.step(phase, key_block, of(worker)); });
  each(units, [](const auto& one, index_t unit, index_t) { one.store(unit); });
}

// d_sink, one number for each head; and rows that belong to no sequence.
template <class Plan, class Pool>
void run_rest(const Plan& plan, Pool& executor) {
  const index_t sinks = plan.d_sink() == nullptr ? 0 : plan.heads(), group_heads = plan.heads_per_group();
  executor.for_each(sinks + plan.unowned(), [&](index_t i, index_t) {
    if (i >= sinks) {
      const OutputView rows = plan.unowned(i - sinks);
      for (index_t r = 0; r < rows.rows; ++r) isa_plain::store_zeros(rows, r);
      return;
    }
    double sum = 0;
    for (index_t entry = 0; entry < plan.entries(); ++entry) {
      const index_t head = entry * plan.heads() + i;
      sum += sink_gradient(plan.head(head / group_heads, head % group_heads));
    }
    plan.d_sink()[i] = static_cast<float>(sum);
  });
}

// One tile of a plane, from all who share it; rows: of a plane that has more than one.
template <class Tile, class Plan>
void bias_tile(const Plan& plan, const BiasPlane& plane, Box box, const Blocks<Tile>& blocks, std::byte* memory) {
  using Head = HeadOf<Plan>;
  Arena arena(memory);
  float* const sum = GradientScratch<Tile>::take(arena, blocks.extents()).bias;
  __builtin_memset(sum, 0, sizeof(float) * Tile::rows * Tile::columns);
  for (index_t i = 0; i < plane.members(); ++i) {
    const Head head = plan.head(plane.member(i) / blocks.heads, plane.member(i) % blocks.heads);
    const Interval keys = intersect({box.k0, box.k1}, {0, head.forward.kv.length()});
    const Interval rows = plane.one_row ? Interval{0, head.forward.q.rows} : Interval{box.q0, box.q1};
    for (index_t q0 = rows.lo; q0 < rows.hi && !keys.empty(); q0 += Tile::rows)
      entries<Tile, Head>(simd::selected, Products::singles)
          .bias(head, intersect({q0, q0 + Tile::rows}, rows), keys, blocks.extents(), memory);
  }
  store_shared_bias<Tile>(plane, box, sum);
}

// A bias that is shared: one owner for each tile of rows, or of keys where there is one row, who calculates dS again
// for all who share it.
template <class Tile, class Plan, class Pool>
void run_bias(const Plan& plan, const Blocks<Tile>& blocks, Pool& executor, std::byte* scratch) {
  if (plan.bias_planes() == 0) return;
  const index_t of_rows = pieces(plan.max_rows(), Tile::rows), of_keys = pieces(plan.max_keys(), Tile::columns);
  const index_t most = of_rows > of_keys ? of_rows : of_keys;
  executor.for_each(plan.bias_planes() * most, [&](index_t i, index_t worker) {
    const BiasPlane plane = plan.bias_plane(i / most);
    const index_t q0 = i % most * Tile::rows, k0 = i % most * Tile::columns;
    const Interval rows = plane.one_row ? Interval{0, 1} : intersect({q0, q0 + Tile::rows}, {0, plane.rows});
    const Interval keys = intersect(plane.one_row ? Interval{k0, k0 + Tile::columns} : Interval{0, plane.keys},
                                    {0, rows.empty() ? 0 : plane.keys});
    for (index_t k = keys.lo; k < keys.hi; k += Tile::columns) {
      const Interval part = intersect({k, k + Tile::columns}, keys);
      bias_tile<Tile>(plan, plane, {rows.lo, rows.hi, part.lo, part.hi}, blocks,
                      scratch + worker * blocks.scratch_bytes());
    }
  });
}

// Runs the plan.  `workspace` holds workspace_bytes<Tile>(plan, n) for n = executor.workers() workers.
template <class Tile, BackwardPlan Plan, Executor Pool>
Status run(const Plan& plan, Pool& executor, std::span<std::byte> workspace) {
  const index_t workers = executor.workers();
  const Blocks<Tile> blocks(plan, workers);
  const index_t sums = blocks.all_sums_bytes();
  const index_t bytes = sums + workers * blocks.scratch_bytes();
  std::byte* const memory = aligned_start(workspace, bytes);
  if (memory == nullptr) {
    return {Code::workspace_too_small, "the workspace must hold workspace_bytes(problem, workers) bytes",
            static_cast<index_t>(workspace.size()), bytes + kAlignment};
  }
  run_groups(plan, blocks, executor, memory, memory + sums);
  run_rest(plan, executor);
  run_bias(plan, blocks, executor, memory + sums);
  return Status::ok();
}

}  // namespace backward
}  // namespace GLINT_ABI
}  // namespace glint
