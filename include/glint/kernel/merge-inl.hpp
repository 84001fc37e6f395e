// No guard: included once for each ISA.  Two partial results of one row become one: what split-KV does with its parts,
// and merge_state() with a user's.
namespace glint {
inline namespace GLINT_ABI {
namespace GLINT_ISA {

// state and o (dim numbers, weighted by exp(score - state.max), not yet divided by state.sum) := both parts.  Results
// that are already divided by their sum are parts with max = lse and sum = 1.  A part that saw nothing changes no bit
// of the other.
GLINT_NOINLINE inline void merge_rows(SoftmaxState& state, float* o, const SoftmaxState& part_state, const float* part,
                                      index_t dim) {
  const SoftmaxState whole = merge(state, part_state);
  if (part_state.empty()) return;
  const bool first = state.empty();
  const float a = state.weight(whole), b = part_state.weight(whole);
  state = whole;
  index_t d = 0;
  for (; d + kLanes <= dim; d += kLanes)
    store(o + d, first ? load(part + d) : fma(splat(a), load(o + d), load(part + d) * b));
  for (; d < dim; ++d) o[d] = first ? part[d] : a * o[d] + b * part[d];
}

}  // namespace GLINT_ISA
}  // namespace GLINT_ABI
}  // namespace glint
