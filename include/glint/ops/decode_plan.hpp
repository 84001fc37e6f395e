// STUB
#pragma once
#include "glint/ops/decode_problem.hpp"
#include "glint/policy/executor.hpp"
#include <span>
namespace glint {
inline namespace GLINT_ABI {
namespace detail {
template <class Recipe>
index_t decode_workspace(const DecodeProblem&, index_t) { return 64; }
template <class Recipe, class Pool>
Status run_decode(const DecodeProblem&, Pool&, std::span<std::byte>) { return Status::ok(); }
}  // namespace detail
}  // namespace GLINT_ABI
}  // namespace glint
