// Which rows belong to a batch entry.  Three sources, one answer: all alike, a list of lengths (prompt and incre),
// or a list of cumulative ends (TND).
#pragma once

#include <span>

#include "glint/tensor/box.hpp"

namespace glint {
inline namespace GLINT_ABI {

class Sequences {
 public:
  constexpr Sequences() = default;

  static constexpr Sequences uniform(index_t batch, index_t rows) { return Sequences{Kind::uniform, batch, rows, {}}; }

  // One length for each batch entry, or a single one for all; `rows` is what the tensor holds for each.
  static constexpr Sequences lengths(index_t batch, index_t rows, std::span<const index_t> list) {
    return Sequences{list.empty() ? Kind::uniform : Kind::lengths, batch, rows, list};
  }

  // Cumulative ends without a leading zero (operators 3): entry b owns rows [ends[b-1], ends[b]).  A trailing run
  // of zeros means that the tail of the batch is skipped.
  static constexpr Sequences ends(std::span<const index_t> list) {
    return Sequences{Kind::ends, static_cast<index_t>(list.size()), 0, list};
  }

  constexpr index_t batch() const { return batch_; }

  constexpr index_t length(index_t b) const {
    const auto at = [&](index_t i) { return list_[static_cast<std::size_t>(i)]; };
    switch (kind_) {
      case Kind::uniform: return rows_;
      case Kind::lengths: return at(list_.size() == 1 ? 0 : b);
      case Kind::ends: break;
    }
    const index_t length = at(b) - (b > 0 ? at(b - 1) : 0);
    return length > 0 ? length : 0;
  }

  // The first row of entry b, counted from the start of the tensor's row axis (TND) or of the entry (others).
  constexpr index_t first(index_t b) const {
    return kind_ == Kind::ends && b > 0 ? list_[static_cast<std::size_t>(b - 1)] : 0;
  }

  // One past the last row that any sequence owns (TND).
  constexpr index_t total() const {
    index_t end = 0;
    for (index_t b = 0; b < batch_; ++b) end = first(b) + length(b) > end ? first(b) + length(b) : end;
    return end;
  }

  constexpr index_t longest() const {
    index_t rows = kind_ == Kind::uniform ? rows_ : 0;  // also of an empty batch
    for (index_t b = 0; b < batch_; ++b) rows = length(b) > rows ? length(b) : rows;
    return rows;
  }

 private:
  enum class Kind : std::uint8_t { uniform, lengths, ends };
  constexpr Sequences(Kind kind, index_t batch, index_t rows, std::span<const index_t> list)
      : kind_(kind), batch_(batch), rows_(rows), list_(list) {}

  Kind kind_ = Kind::uniform;
  index_t batch_ = 0;
  index_t rows_ = 0;
  std::span<const index_t> list_{};
};

}  // namespace GLINT_ABI
}  // namespace glint
