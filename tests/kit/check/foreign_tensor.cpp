// Shapes, layouts and types of foreign tensors.
#include "kit/check/foreign_tensor.hpp"

#include <cstring>

#include "kit/bundle/types.hpp"

namespace kit::detail {

namespace {

// The last axis that the operators' documents give softmax_max and softmax_sum.
constexpr index_t kStatisticsCopies = 8;

using Shape = std::vector<index_t>;

// Axes of one element do not move anything.
Shape without_ones(const Shape& shape) {
  Shape rest;
  for (const index_t extent : shape)
    if (extent != 1) rest.push_back(extent);
  return rest;
}

// Do tensors of these shapes, one of them in this layout, have the same elements at the same places?  Heads may lie in
// the last axis or in one of their own.
bool same_places(const Frame& frame, std::string_view output, const Shape& own, const std::string& layout,
                 const Shape& foreign) {
  const Shape rest = without_ones(foreign);
  if (rest == without_ones(shape_in(frame, output, own, layout))) return true;
  if (layout == "BSH" || layout == "BSND")
    return rest == without_ones(shape_in(frame, output, own, layout == "BSH" ? "BSND" : "BSH"));
  if (layout != "SBH") return false;
  Shape split = shape_in(frame, output, own, "BSND");
  if (split.size() != 4) return false;  // of a golden tensor without elements, whose rank nobody looked at
  std::swap(split[0], split[1]);
  return rest == without_ones(split);
}

// Another layout that has the shape, the case's own before all.
std::string fitting_layout(const Frame& frame, std::string_view output, const Shape& own, const std::string& layout,
                           const Shape& foreign) {
  std::vector<std::string> others = layouts_for(frame, output);
  others.insert(others.begin(), layout_of(frame, output));
  for (const std::string& other : others)
    if (other != layout && same_places(frame, output, own, other, foreign)) return other;
  return {};
}

std::string shape_error(const Frame& frame, std::string_view output, const Shape& own, const std::string& layout,
                        const Shape& foreign) {
  const Shape want = layout.empty() ? own : shape_in(frame, output, own, layout);
  std::string text = "got shape " + text_of(foreign) + ", want " + text_of(want);
  if (!layout.empty()) text += " (" + layout + ")";
  const std::string other = layout.empty() ? "" : fitting_layout(frame, output, own, layout, foreign);
  if (!other.empty()) return text + "; the shape is that of " + other + ": try --layout " + other;
  const Shape a = without_ones(own), b = without_ones(foreign);
  if (axes_of(output) == Axes::statistics && b == Shape(a.rbegin(), a.rend()))
    return text + "; the shape is that of the transposed tensor";
  if (axes_of(output) == Axes::statistics && a.size() == 3 && b == Shape{a[0], a[2], a[1]})
    return text + "; the shape is that of (B, S, N): transpose the last two axes";
  if (elements_of(own) == elements_of(foreign)) return text + ", of as many elements";
  return text;
}

// What the elements are.  numpy has no bfloat16: it comes as 16-bit integers.
std::string type_error(const Frame& frame, Type& type, std::string& note) {
  const auto is = [&](auto... types) { return ((type == types) || ...); };
  const bool as_bits = is(Type::u16, Type::i16);
  const DType out = frame.question.out_type;
  if (is(Type::f64, Type::f32, Type::f16, Type::bf16)) return {};
  if (frame.integer_output() && !is(Type::boolean)) return {};
  if (as_bits && (out == DType::bf16 || out == DType::f16)) {
    note = std::string(name_of(type)) + " read as the bits of " + (out == DType::bf16 ? "BF16" : "F16");
    type = out == DType::bf16 ? Type::bf16 : Type::f16;
    return {};
  }
  return "got type " + std::string(name_of(type)) + ", want F16, BF16, F32 or F64";
}

std::string layout_error(const Frame& frame, std::string_view output, const std::string& layout) {
  const std::vector<std::string> known = layouts_for(frame, output);
  std::string names;
  for (const std::string& name : known) {
    if (name == layout) return {};
    names += (names.empty() ? "" : ", ") + name;
  }
  return known.empty() ? "" : "layout " + in_quotes(layout) + " is none of this case, want one of " + names;
}

bool repeated(std::string_view output, const Shape& own, Shape foreign) {
  if (axes_of(output) != Axes::statistics || foreign.size() < 2 || foreign.back() != kStatisticsCopies) return false;
  foreign.pop_back();
  return without_ones(foreign) == without_ones(own);
}

bool complete(const Tensor& tensor) {
  const auto count = elements_of(tensor.shape);
  return count && tensor.bytes.size() == static_cast<std::size_t>(*count) * bytes_of(tensor.type);
}

// The copies of a row differ: which row, in the tensor's order.
std::string copies_differ(const ForeignTensor& open) {
  double values[kStatisticsCopies];
  index_t different = 0, first = 0;
  const index_t rows = open.tensor->size() / kStatisticsCopies;
  for (index_t row = 0; row < rows; ++row) {
    read_elements(*open.tensor, open.as, row * kStatisticsCopies, kStatisticsCopies, values);
    for (index_t copy = 1; copy < kStatisticsCopies; ++copy) {
      if (std::memcmp(&values[copy], &values[0], sizeof(double)) == 0) continue;
      if (different++ == 0) first = row;
      break;
    }
  }
  if (different == 0) return {};
  return "the 8 copies differ in " + std::to_string(different) + " of " + std::to_string(rows) +
         " rows, first in row " + std::to_string(first) + " of the tensor; the worst copy of each row was judged";
}

}  // namespace

void read_elements(const Tensor& tensor, Type as, index_t first, index_t count, double* to) {
  with_element(as, [&](auto element) {
    const std::byte* from = tensor.bytes.data() + static_cast<std::size_t>(first) * sizeof element;
    for (index_t at = 0; at < count; ++at, from += sizeof element) {
      std::memcpy(&element, from, sizeof element);
      to[at] = as_double(element);
    }
  });
}

std::string open_foreign(const Frame& frame, std::string_view output, const Tensor& own, const Tensor& foreign,
                         const std::string& layout, ForeignTensor& open) {
  const std::vector<std::string> choice = layouts_for(frame, output);
  const std::string chosen = choice.empty() ? "" : layout.empty() ? layout_of(frame, output) : layout;
  if (!choice.empty() && !layout.empty())
    if (std::string wrong = layout_error(frame, output, layout); !wrong.empty()) return wrong;
  if (!complete(foreign)) return "the tensor has not as many bytes as its shape says";
  open = {&foreign, foreign.type, {}, 1, {}};
  if (std::string wrong = type_error(frame, open.as, open.note); !wrong.empty()) return wrong;
  const bool copies = repeated(output, own.shape, foreign.shape);
  if (!copies && !same_places(frame, output, own.shape, chosen, foreign.shape))
    return shape_error(frame, output, own.shape, chosen, foreign.shape);
  if (copies) open.copies = kStatisticsCopies, open.note = copies_differ(open);
  return grid_of(frame, output, own.shape, chosen, open.grid);
}

Tensor in_order_of(const Tensor& own, const Grid& grid, const ForeignTensor& foreign) {
  Tensor ordered{foreign.as, own.shape, {}};
  const std::size_t size = bytes_of(foreign.as);
  ordered.bytes.resize(static_cast<std::size_t>(ordered.size()) * size);
  for (std::size_t block = 0; block < grid.size(); ++block) {
    const Block &to = grid[block], &from = foreign.grid[block];
    const auto bytes = [&](index_t elements) { return static_cast<std::size_t>(elements) * size; };
    for (index_t n = 0; n < to.heads; ++n)
      for (index_t i = 0; i < to.rows; ++i)
        std::memcpy(ordered.bytes.data() + bytes(to.row(n, i)),
                    foreign.tensor->bytes.data() + bytes(from.row(n, i) * foreign.copies), bytes(to.width));
  }
  return ordered;
}

}  // namespace kit::detail
