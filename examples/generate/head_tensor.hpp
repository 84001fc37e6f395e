// Rows of heads as glint takes them: in the layout and the data type that the command line asks for.
#pragma once

#include "glint/glint.hpp"
#include "layers.hpp"

namespace generate {

enum class CachePlace { plain, paged, left };

// --cache: where keys and values lie, and whether as int8.
struct CacheForm {
  CachePlace place = CachePlace::plain;
  Index block_size = 0;  // of pages
  bool int8 = false;
};

// How q, k, v and the output are stored.
struct Storage {
  glint::DType dtype = glint::DType::f32;
  std::string layout = "BSH";  // or BSND, BNSD
  CacheForm cache{};
};

// A row of a HeadTensor.
struct Place {
  Index batch = 0;
  Index row = 0;
};

// [batch][rows][heads * size] as float on this side, any of the layouts and types on glint's.  int8 has one factor for
// each row and head, so that its largest number becomes 127.
class HeadTensor {
 public:
  HeadTensor(const Storage& storage, Index batch, Index rows, Index heads, Index size)
      : dtype_(storage.dtype), layout_(storage.layout), batch_(batch), rows_(rows), heads_(heads), size_(size) {
    bytes_.resize(static_cast<std::size_t>(batch * rows * heads * size * glint::size_of(dtype_)));
    if (dtype_ == glint::DType::i8) factors_.resize(static_cast<std::size_t>(batch * heads * rows));
  }
  HeadTensor(const Storage& storage, const Matrix& x, Index heads)
      : HeadTensor(storage, 1, x.rows(), heads, x.cols() / heads) {
    for (Index r = 0; r < x.rows(); ++r) write(x.row(r), {0, r});
  }

  template <class Row>
  void write(const Row& x, Place to) {
    for (Index head = 0; head < heads_; ++head) {
      const auto numbers = x.segment(head * size_, size_);
      const float factor = dtype_ == glint::DType::i8 ? new_factor(numbers.cwiseAbs().maxCoeff(), to, head) : 1;
      for (Index d = 0; d < size_; ++d) store(offset(to, head) + d, numbers[d] / factor);
    }
  }
  Matrix read() const {  // of batch entry 0
    Matrix x(rows_, heads_ * size_);
    for (Index row = 0; row < rows_; ++row)
      for (Index head = 0; head < heads_; ++head)
        for (Index d = 0; d < size_; ++d) x(row, head * size_ + d) = load(offset({0, row}, head) + d);
    return x;
  }

  glint::TensorRef ref() const { return {bytes_.data(), dtype_, shape()}; }
  glint::OutputRef ref() { return {bytes_.data(), dtype_, shape()}; }
  glint::TensorRef factors() const { return {factors_.data(), glint::DType::f32, {batch_, heads_, rows_}}; }

 private:
  glint::Extents shape() const {
    if (layout_ == "BNSD") return {batch_, heads_, rows_, size_};
    if (layout_ == "BSND") return {batch_, rows_, heads_, size_};
    return {batch_, rows_, heads_ * size_};
  }
  Index offset(Place at, Index head) const {
    if (layout_ == "BNSD") return ((at.batch * heads_ + head) * rows_ + at.row) * size_;
    return ((at.batch * rows_ + at.row) * heads_ + head) * size_;
  }

  float new_factor(float largest, Place at, Index head) {
    const float factor = largest > 0 ? largest / 127 : 1;
    factors_[static_cast<std::size_t>((at.batch * heads_ + head) * rows_ + at.row)] = factor;
    return factor;
  }

  template <class T>
  T& element(Index i) {
    return reinterpret_cast<T*>(bytes_.data())[i];
  }
  template <class T>
  const T& element(Index i) const {
    return reinterpret_cast<const T*>(bytes_.data())[i];
  }
  void store(Index i, float value) {
    if (dtype_ == glint::DType::f32) element<float>(i) = value;
    if (dtype_ == glint::DType::f16) element<glint::half>(i) = glint::from_float<glint::half>(value);
    if (dtype_ == glint::DType::bf16) element<glint::bfloat16>(i) = glint::from_float<glint::bfloat16>(value);
    if (dtype_ == glint::DType::i8) element<std::int8_t>(i) = static_cast<std::int8_t>(std::nearbyint(value));
  }
  float load(Index i) const {
    if (dtype_ == glint::DType::f16) return glint::to_float(element<glint::half>(i));
    if (dtype_ == glint::DType::bf16) return glint::to_float(element<glint::bfloat16>(i));
    return element<float>(i);
  }

  glint::DType dtype_;
  std::string layout_;
  Index batch_, rows_, heads_, size_;
  std::vector<std::byte> bytes_;
  std::vector<float> factors_;  // [batch][heads][rows]
};

}  // namespace generate
