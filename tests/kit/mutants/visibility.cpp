// Which keys a row sees (operators 2), as a window and a mask tensor, with the ways to get both wrong.
#include <algorithm>
#include <utility>

#include "kit/mutants/kernel.hpp"

namespace kit::mutant {

namespace {

using glint::reference::Operator;

constexpr index_t kFar = index_t{1} << 40;  // farther than any tensor reaches

// The list counts as a whole or not at all (operators C34).
bool prefix_counts(const Kernel& kernel) {
  if (kernel.spec.prefix.size() != kernel.sequences.size()) return false;
  for (const Sequence& s : kernel.sequences) {
    const index_t prefix = kernel.spec.prefix[static_cast<std::size_t>(s.number)];
    if (prefix < 0 || prefix > s.keys() || prefix < s.keys() - s.rows) return false;
  }
  return true;
}

// The entry of modes 7 and 8 that has the band.
bool has_band(const Kernel& kernel, const Sequence& s, int mode) {
  index_t first = -1, last = -1;
  for (const Sequence& each : kernel.sequences) {
    if (each.rows == 0) continue;
    if (first < 0) first = each.number;
    last = each.number;
  }
  return s.number == (mode == 7 ? last : first);
}

int acting_mode(const Kernel& kernel) {
  const AttentionCase& spec = kernel.spec;
  const int mode = spec.sparse_mode;
  if (!spec.attn_mask.present() && !spec.implied_mask) return 1;
  if (spec.op == Operator::incre && mode != 9) return 1;
  if (mode == 5 && !prefix_counts(kernel)) return 1;
  const bool keys_padded =
      spec.kv_padding_size && !spec.actual_seq_kvlen.empty() && !kernel.has(Bug::cache_padding_ignored);
  const bool rows_padded = spec.query_padding_size && !spec.actual_seq_qlen.empty();
  return mode == 0 && (keys_padded || rows_padded) ? 1 : mode;
}

void narrow_or_widen(const Kernel& kernel, Window& window) {
  if (kernel.has(Bug::mask_window_wide)) window.high += 1;    // BUG: j <= i + 1
  if (kernel.has(Bug::mask_window_narrow)) window.high -= 1;  // BUG: j < i
  if (kernel.has(Bug::mask_window_early)) window.low -= 1;    // BUG: a window of pre + 1
  if (kernel.has(Bug::mask_window_late)) window.low += 1;     // BUG: a window of pre - 1
}

}  // namespace

Window window_of(const Kernel& kernel, const Sequence& s) {
  const AttentionCase& spec = kernel.spec;
  const int mode = acting_mode(kernel);
  const index_t corner = s.keys() - s.rows;
  index_t pre = std::clamp(spec.pre_tokens, -kFar, kFar), next = std::clamp(spec.next_tokens, -kFar, kFar);
  if (kernel.has(Bug::mask_tokens_swapped)) std::swap(pre, next);  // BUG
  bool from_the_right = mode == 3 || mode == 4 || mode == 5 || mode == 6 || mode == 7;
  bool band = mode == 0 || mode == 4;
  if (mode == 7 || mode == 8) band = has_band(kernel, s, mode);
  if (mode == 8) from_the_right = band;
  if (kernel.has(Bug::mask_corner) && mode != 5 && mode != 6) from_the_right = !from_the_right;  // BUG

  Window window;
  window.tensor = spec.attn_mask.present() && (mode == 0 || mode == 1 || mode == 5) && !kernel.has(Bug::mask_ignored);
  window.tree = mode == 9 && !kernel.has(Bug::mask_ignored);
  const index_t anchor = from_the_right ? corner : 0;
  window.low = band ? anchor - pre : -kFar;
  window.high = band ? anchor + next : anchor;
  if (mode == 1 || mode == 9 || kernel.has(Bug::mask_mode_ignored)) window.low = -kFar, window.high = kFar;
  if ((mode == 5 || mode == 6) && !kernel.has(Bug::prefix_ignored))
    window.prefix = spec.prefix.at(static_cast<std::size_t>(s.number));
  narrow_or_widen(kernel, window);
  return window;
}

namespace {

// [batch][head][row] of a tensor of up to four axes, of which some may be 1 or missing.
index_t broadcast(const std::vector<index_t>& shape, index_t b, index_t head, index_t row, index_t column) {
  const auto rank = static_cast<index_t>(shape.size());
  const index_t wanted[] = {b, head, row, column};
  index_t at = 0;
  for (index_t axis = 0; axis < rank; ++axis) {
    const index_t extent = shape[static_cast<std::size_t>(axis)];
    const index_t along = wanted[4 - rank + axis];
    at = at * extent + (extent == 1 && axis + 1 < rank ? 0 : along);
  }
  return at;
}

bool dropped_by_tensor(const Kernel& kernel, const Sequence& s, index_t head, index_t i, index_t key) {
  const ByteArray& mask = kernel.spec.attn_mask;
  index_t b = s.number;
  if (kernel.has(Bug::mask_broadcast)) b = head = 0;  // BUG
  const index_t row = i + s.row_lead, column = s.column(key);
  const std::string layout = input_side(kernel.spec.layout);
  const bool rows_are_entries = mask.rank() == 2 && !kernel.training() && !is_packed(layout) &&
                                grid_of(kernel.spec.query.shape, layout, kernel.heads).rows == 1;
  index_t at = 0;
  if (mask.rank() == 4) at = broadcast(mask.shape, b, head, row, column);
  if (mask.rank() == 3) at = broadcast(mask.shape, 0, b, row, column);
  if (mask.rank() <= 2) at = broadcast(mask.shape, 0, 0, rows_are_entries ? b : row, column);
  const bool set = mask.flat(at) != 0;
  return kernel.has(Bug::mask_polarity) ? !set : set;  // BUG: 1 keeps
}

bool dropped_by_tree(const Kernel& kernel, const Sequence& s, index_t i, index_t key) {
  const ByteArray& tree = kernel.spec.attn_mask;
  const index_t column = key - (s.keys() - s.rows);
  if (column < 0) return false;
  bool set = false;
  if (tree.rank() == 1) {
    set = tree.flat(s.squares + i * s.rows + column) != 0;
  } else {
    const bool shared = tree.shape[0] == 1 || kernel.has(Bug::mask_broadcast);  // BUG
    set = tree.at(shared ? 0 : s.number, i, column) != 0;
  }
  return kernel.has(Bug::mask_polarity) ? !set : set;  // BUG
}

}  // namespace

bool sees(const Kernel& kernel, const Sequence& s, const Window& window, index_t head, index_t i, index_t key) {
  const bool inside = key >= i + window.low && key <= i + window.high;
  if (!inside && key >= window.prefix) return false;
  if (window.tree) return !dropped_by_tree(kernel, s, i, key);
  return !window.tensor || !dropped_by_tensor(kernel, s, head, i, key);
}

}  // namespace kit::mutant
