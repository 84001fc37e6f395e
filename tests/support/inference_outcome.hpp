// Where an inference case's tensors are put for a call, and what the call wrote.
#pragma once

#include "support/inference_line.hpp"
#include "support/inference_question.hpp"
#include "support/door.hpp"

namespace glint_test {

// What a door wrote: the output contiguous in the layout's own order, in q's type or int8.
struct InferenceOutcome {
  glint::Status status{};
  std::vector<std::byte> out;
  std::vector<float> lse;
  std::string damage;  // writes where nothing may be written
};

inline DType out_type(const InferenceCase& c) { return c.post != kPostNone ? DType::i8 : kDTypes[c.number()]; }

// Rows of an extent contiguous in memory, or as a slice of a larger tensor that is otherwise garbage.
struct Slice {
  std::vector<std::byte> memory;
  std::byte* data = nullptr;
  glint::Strides strides{};  // empty: contiguous; in elements of storage

  // NaN in floating-point tensors; no likely result in an int8 one.
  static std::byte garbage(DType dtype) { return dtype == DType::i8 ? std::byte{0x85} : std::byte{0xff}; }

  Slice(const InferenceCase& c, index_t layout, DType dtype, Extent extent, std::uint64_t number, bool strided) {
    Random random(c.seed, number);
    if (dtype == DType::i4) extent.width /= 2;
    const Extent larger{extent.batch + random.below(2), extent.rows + random.below(3), extent.heads + random.below(3),
                        extent.width + random.below(5)};
    if (strided) strides = strides_in(layout, larger);
    const Extent& size = strided ? larger : extent;
    const index_t before = random.below(7), elements = size.batch * size.rows * size.heads * size.width;
    memory.assign(static_cast<std::size_t>((before + elements + 1) * glint::size_of(dtype)), garbage(dtype));
    data = memory.data() + before * glint::size_of(dtype);
  }
  std::byte* row(const char* layout, DType dtype, Extent extent, index_t b, index_t n, index_t i) const {
    if (dtype == DType::i4) extent.width /= 2;
    const index_t at = strides.empty() ? glint::reference::row_position(extent, layout, b, n, i)
                                       : b * strides.batch + n * strides.head + i * strides.row;
    return data + at * glint::size_of(dtype);
  }
};

// each(b, n, i) for the rows of an extent.
template <class Each>
void for_rows(const Extent& e, const Each& each) {
  for (index_t b = 0; b < e.batch; ++b)
    for (index_t n = 0; n < e.heads; ++n)
      for (index_t i = 0; i < e.rows; ++i) each(b, n, i);
}

// An operand's numbers in a place of their own.
inline Slice slice_of(const InferenceCase& c, const Operand& operand, std::uint64_t number) {
  Slice slice(c, c.layout, operand.dtype, operand.extent, number, c.strided != 0);
  const index_t bytes = bytes_of(operand.dtype, operand.extent.width);
  for_rows(operand.extent, [&](index_t b, index_t n, index_t i) {
    std::memcpy(slice.row(operand.layout, operand.dtype, operand.extent, b, n, i),
                operand.data() + bytes_of(operand.dtype, operand.row(b, n, i)), static_cast<std::size_t>(bytes));
  });
  return slice;
}

// Takes the rows out of their place and looks for writes beside them.
inline void collect(const InferenceCase& c, const Extent& extent, Slice& slice, InferenceOutcome& outcome) {
  const DType dtype = out_type(c);
  const char* const layout = c.out_layout_name();
  const index_t bytes = extent.width * glint::size_of(dtype);
  outcome.out.resize(static_cast<std::size_t>(extent.batch * extent.rows * extent.heads * bytes));
  for_rows(extent, [&](index_t b, index_t n, index_t i) {
    std::byte* const row = slice.row(layout, dtype, extent, b, n, i);
    const index_t at = glint::reference::row_position(extent, layout, b, n, i) * glint::size_of(dtype);
    std::memcpy(outcome.out.data() + at, row, static_cast<std::size_t>(bytes));
    std::fill_n(row, bytes, Slice::garbage(dtype));
  });
  for (const std::byte byte : slice.memory)
    if (byte != Slice::garbage(dtype)) outcome.damage = "a write beside the rows of the output";
  if (outcome.lse.empty()) return;
  if (std::bit_cast<std::uint32_t>(outcome.lse.back()) != 0xffffffffu) outcome.damage = "a write behind lse";
  outcome.lse.pop_back();
}

// lse with one more element behind its end.
inline InferenceOutcome blank_outcome(const InferenceCase& c, const InferenceData& data) {
  InferenceOutcome outcome;
  const Extent& e = data.out_extent;
  if (c.lse != 0) outcome.lse.assign(static_cast<std::size_t>(e.batch * e.heads * e.rows + 1), poison());
  return outcome;
}

// Where lse has row i of (b, n), of the tensor's rows.
inline index_t lse_row(const InferenceCase& c, const Extent& e, index_t b, index_t n, index_t i) {
  return c.ragged() ? i * e.heads + n : (b * e.heads + n) * e.rows + i;
}

// The first thing in which two outcomes differ, the sign of an infinite lse aside (the doors' sentinels); empty if
// they have the same bits.
inline std::string difference(const InferenceOutcome& a, const InferenceOutcome& b) {
  if (!b.status) return std::string("rejected: ") + b.status.rule;
  if (!b.damage.empty()) return b.damage;
  if (a.out.size() != b.out.size() || a.lse.size() != b.lse.size()) return "the outputs differ in size";
  for (std::size_t i = 0; i < a.out.size(); ++i)
    if (a.out[i] != b.out[i]) return "attention_out differs at byte " + std::to_string(i);
  for (std::size_t i = 0; i < a.lse.size(); ++i) {
    const auto left = std::bit_cast<std::uint32_t>(a.lse[i]), right = std::bit_cast<std::uint32_t>(b.lse[i]);
    const bool infinite = (left & 0x7fffffffu) == 0x7f800000u && (left & 0x7fffffffu) == (right & 0x7fffffffu);
    if (left != right && !infinite) return "lse differs at row " + std::to_string(i);
  }
  return {};
}

}  // namespace glint_test
