// The oracle's tensors: row-major N-d arrays that own their elements, and the matrices it computes with.
// Values arrive here already decoded from their storage type (an int8 5 is the double 5.0), so that the oracle
// needs nothing of the library it judges.
#pragma once

#include <Eigen/Core>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <numeric>
#include <utility>
#include <vector>

#include "glint/core/config.hpp"

namespace glint::reference {

// A row-major tensor.  An empty shape means "absent" (the documents' None); a shape that contains a zero is a
// present tensor without elements, which is something else (operators 1.2, "empty S2").
template <class Element>
struct NdArray {
  std::vector<index_t> shape;
  std::vector<Element> data;

  NdArray() = default;
  explicit NdArray(std::vector<index_t> extents) : shape(std::move(extents)), data(element_count(shape)) {}
  NdArray(std::vector<index_t> extents, std::vector<Element> elements)
      : shape(std::move(extents)), data(std::move(elements)) {}

  bool present() const { return !shape.empty(); }
  index_t size() const { return static_cast<index_t>(data.size()); }
  index_t rank() const { return static_cast<index_t>(shape.size()); }

  // Element by flat position.  Checked: a wrong index in a test must be loud.
  Element& flat(index_t position) { return data.at(static_cast<std::size_t>(position)); }
  const Element& flat(index_t position) const { return data.at(static_cast<std::size_t>(position)); }

  // Element by one index per axis.
  template <class... Indices>
  Element& at(Indices... indices) {
    return flat(position({static_cast<index_t>(indices)...}));
  }
  template <class... Indices>
  const Element& at(Indices... indices) const {
    return flat(position({static_cast<index_t>(indices)...}));
  }

  // As many indices as axes.
  index_t position(std::initializer_list<index_t> indices) const {
    index_t sum = 0;
    std::size_t axis = 0;
    for (const index_t along : indices) sum = sum * shape.at(axis++) + along;
    return sum;
  }

  static std::size_t element_count(const std::vector<index_t>& extents) {
    if (extents.empty()) return 0;
    return static_cast<std::size_t>(
        std::accumulate(extents.begin(), extents.end(), index_t{1}, std::multiplies<index_t>()));
  }
};

using Array = NdArray<double>;
using ByteArray = NdArray<std::uint8_t>;  // masks (non-zero = drop) and packed dropout bits

using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using Vector = Eigen::VectorXd;
using BoolMatrix = Eigen::Matrix<bool, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

}  // namespace glint::reference
