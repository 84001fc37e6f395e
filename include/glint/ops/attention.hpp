// What the forward operators have in common after their checks: pick the tile, run the plan, own the workspace.
#pragma once

#include <memory>
#include <new>

#include "glint/ops/rules.hpp"
#include "glint/ops/plan.hpp"
#include "glint/policy/recipe.hpp"

namespace glint {
inline namespace GLINT_ABI {
namespace detail {

// Prefill: one tile for any number of rows.  An integer cache under queries of floats is converted like halves.
template <class Recipe, class Element, bool bytes>
using PrefillTile =
    typename Recipe::template tile<std::conditional_t<is_integer_element<Element> && !bytes, half, Element>>;

template <class Recipe, class Plan, class Pool>
Status run_prefill(const Plan& plan, Pool& executor, std::span<std::byte> workspace) {
  using Choice = PrefillTile<Recipe, typename Plan::Head::element, Plan::kBytes>;
  return Choice::choose(plan.head_dim(),
                        [&](auto tile) -> Status { return forward::run<decltype(tile)>(plan, executor, workspace); });
}
template <class Recipe, class Keys>
index_t prefill_workspace(const AttentionOptions& options, const Keys& keys, index_t workers) {
  using Choice = PrefillTile<Recipe, typename Keys::element, Keys::kBytes>;
  const AttentionPlan plan(options, keys, StaircaseOf{}, SameModifier<score::None>{});
  return Choice::choose(plan.head_dim(),
                        [&](auto tile) -> index_t { return forward::workspace_bytes<decltype(tile)>(plan, workers); });
}

// A sparse mode known at compile time chooses the mask's type; the recipe's own masks replace it in custom mode.
template <SparseMode mode, class Masks, class Run>
Status in_mode(const StaircaseAndDenseOf& from_mode, [[maybe_unused]] const Masks& custom, const Run& run) {
  if constexpr (mode == SparseMode::custom) {
    return run(custom);
  } else if constexpr (reads_mask_tensor(mode)) {
    return run(from_mode);
  } else {
    return run(from_mode.stairs);
  }
}

template <SparseMode mode, class Recipe, class Keys, class Masks, class Modifiers, class Pool>
Status run_in_mode(const AttentionOptions& options, const Keys& keys, const StaircaseAndDenseOf& from_mode,
                   const Masks& custom, const Modifiers& modifiers, Pool& executor, std::span<std::byte> workspace) {
  return in_mode<mode>(from_mode, custom, [&](const auto& mask_of) {
    return run_prefill<Recipe>(AttentionPlan(options, keys, mask_of, modifiers), executor, workspace);
  });
}

// The convenience overloads: one allocation for the call.
template <class Run>
Status with_workspace(index_t bytes, const Run& run) {
  const std::unique_ptr<std::byte[]> memory(new (std::nothrow) std::byte[static_cast<std::size_t>(bytes)]);
  if (memory == nullptr) return {Code::out_of_memory, "the workspace could not be allocated", 0, bytes};
  return run(std::span<std::byte>(memory.get(), static_cast<std::size_t>(bytes)));
}

// What every functor's short overload does.
template <class Operator, class Problem, class Pool>
Status with_own_workspace(const Operator& attend, const Problem& p, Pool& executor) {
  GLINT_PASS_ON(attend.check(p));
  return with_workspace(attend.workspace_bytes(p, executor.workers()),
                        [&](std::span<std::byte> workspace) { return attend(p, executor, workspace); });
}

// Foreign 16-bit types (Eigen::half, ...) are the same bits under another name.
template <class Element>
const storage_t<Element>* as_storage(const Element* data) {
  return reinterpret_cast<const storage_t<Element>*>(data);
}
template <class Element>
storage_t<Element>* as_storage(Element* data) {
  return reinterpret_cast<storage_t<Element>*>(data);
}

}  // namespace detail
}  // namespace GLINT_ABI
}  // namespace glint
