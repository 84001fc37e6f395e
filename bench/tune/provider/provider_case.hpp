// For the tests of providers: problems whose operands lie at odd strides between numbers that are none, and what plain
// loops over doubles make of them.  The window, groups, lengths and pages are spelled out here again, without the
// functions of provider.h.
#pragma once

#include <algorithm>
#include <cfloat>
#include <cmath>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "glint/core/dtype.hpp"
#include "tune/provider/provider.h"

namespace bench::tune {

// [batch][heads][rows][dim], tokens outermost, with a gap behind each row; everything is NaN until it is set.
class Tensor {
 public:
  Tensor() = default;
  Tensor(std::int64_t batch, std::int64_t heads, std::int64_t rows, std::int64_t dim, std::uint32_t dtype,
         std::int64_t gap = 3)
      : dim_(dim), dtype_(dtype), head_(dim + gap), batch_(head_ * heads), row_(batch_ * batch) {
    memory_.assign(static_cast<std::size_t>(row_ * rows) * bytes(), 0xff);  // a NaN of each type
  }

  std::int64_t dim() const { return dim_; }
  double get(std::int64_t b, std::int64_t h, std::int64_t r, std::int64_t d) const {
    const unsigned char* const at = memory_.data() + place(b, h, r, d);
    if (dtype_ == GLINT_F32) return double{load<float>(at)};
    if (dtype_ == GLINT_F16) return double{glint::to_float(load<glint::half>(at))};
    return double{glint::to_float(load<glint::bfloat16>(at))};
  }
  void set(std::int64_t b, std::int64_t h, std::int64_t r, std::int64_t d, double number) {
    unsigned char* const at = memory_.data() + place(b, h, r, d);
    const auto value = static_cast<float>(number);
    if (dtype_ == GLINT_F32) return store(at, value);
    if (dtype_ == GLINT_F16) return store(at, glint::from_float<glint::half>(value));
    return store(at, glint::from_float<glint::bfloat16>(value));
  }
  glint_tensor ref() {
    if (memory_.empty()) return {};
    return {memory_.data(), dtype_, 0, batch_, head_, row_};
  }
  // Of a view of the first `dim` numbers of each row (latent attention).
  Tensor first_numbers(std::int64_t dim) const {
    Tensor view = *this;
    view.dim_ = dim;
    return view;
  }
  // Everything but the numbers themselves: what nobody may write.
  std::vector<unsigned char> gaps() const {
    std::vector<unsigned char> left;
    for (std::size_t i = 0; i < memory_.size(); ++i)
      if (static_cast<std::int64_t>(i / bytes()) % head_ >= dim_) left.push_back(memory_[i]);
    return left;
  }
  friend bool operator==(const Tensor&, const Tensor&) = default;

 private:
  std::size_t bytes() const { return dtype_ == GLINT_F32 ? 4 : 2; }
  std::size_t place(std::int64_t b, std::int64_t h, std::int64_t r, std::int64_t d) const {
    return static_cast<std::size_t>(b * batch_ + h * head_ + r * row_ + d) * bytes();
  }
  template <class Item>
  static Item load(const unsigned char* from) {
    Item item;
    std::memcpy(&item, from, sizeof item);
    return item;
  }
  template <class Item>
  static void store(unsigned char* to, Item item) {
    std::memcpy(to, &item, sizeof item);
  }

  std::int64_t dim_ = 0;
  std::uint32_t dtype_ = GLINT_F32;
  std::int64_t head_ = 0, batch_ = 0, row_ = 0;
  std::vector<unsigned char> memory_{};
};

struct ProviderCase {
  std::string name{};
  std::int32_t op = GLINT_FORWARD;
  std::int64_t batch = 1, heads = 1, kv_heads = 1, q_len = 1, kv_len = 1, head_dim = 8, value_dim = 8;
  std::int64_t lo = -GLINT_OPEN, hi = GLINT_OPEN;
  std::vector<std::int64_t> kv_lens{};
  std::int64_t block_size = 0;
  std::uint32_t q_type = GLINT_F32, kv_type = GLINT_F32;
  enum class Mask { none, of_all, of_each_head } mask = Mask::none;
  bool statistics = false, v_in_k = false;

  std::int64_t keys(std::int64_t b) const { return kv_lens.empty() ? kv_len : kv_lens[static_cast<std::size_t>(b)]; }
};

// The operands of a case, and the problem that points at them.
class ProviderOperands {
 public:
  explicit ProviderOperands(const ProviderCase& c)
      : case_(c), blocks_(c.block_size > 0 ? (c.kv_len + c.block_size - 1) / c.block_size : 0) {
    const std::int64_t pages = c.batch * blocks_, kv_batch = pages > 0 ? pages : c.batch;
    const std::int64_t kv_rows = pages > 0 ? c.block_size : c.kv_len;
    for (std::int64_t page = 0; page < pages; ++page) table.push_back(static_cast<std::int32_t>(pages - 1 - page));
    q = random_rows(c.head_dim);
    k = {kv_batch, c.kv_heads, kv_rows, c.head_dim, c.kv_type};
    v = {kv_batch, c.kv_heads, kv_rows, c.value_dim, c.kv_type};
    fill_keys(k);
    fill_keys(v);
    if (c.v_in_k) v = k.first_numbers(c.value_dim);
    out = {c.batch, c.heads, c.q_len, c.value_dim, c.q_type};
    const std::int64_t matrices = c.mask == ProviderCase::Mask::of_each_head ? c.batch * c.heads : 1;
    if (c.mask != ProviderCase::Mask::none) mask.resize(static_cast<std::size_t>(matrices * c.q_len * c.kv_len));
    for (std::uint8_t& drop : mask) drop = engine_() % 3 == 0 ? 2 : 0;
    if (!mask.empty() && c.q_len > 1) std::fill_n(mask.begin(), c.kv_len, std::uint8_t{1});  // a row that sees nothing
    const std::size_t rows = static_cast<std::size_t>(c.batch * c.heads * c.q_len);
    if (c.statistics || c.op == GLINT_BACKWARD) max.assign(rows, NAN), sum.assign(rows, NAN);
    if (c.op != GLINT_BACKWARD) return;
    d_out = random_rows(c.value_dim);
    d_q = {c.batch, c.heads, c.q_len, c.head_dim, c.q_type, 5};
    d_k = {c.batch, c.kv_heads, c.kv_len, c.head_dim, c.kv_type, 5};
    d_v = {c.batch, c.kv_heads, c.kv_len, c.value_dim, c.kv_type, 5};
  }

  glint_problem problem() {
    const ProviderCase& c = case_;
    glint_problem p{};
    p.size = sizeof p;
    p.op = c.op;
    p.threads = 1;
    p.batch = c.batch, p.heads = c.heads, p.kv_heads = c.kv_heads, p.q_len = c.q_len, p.kv_len = c.kv_len;
    p.head_dim = c.head_dim, p.value_dim = c.value_dim;
    p.q = q.ref(), p.k = k.ref(), p.v = c.v_in_k ? k.ref() : v.ref(), p.out = out.ref();
    p.d_out = d_out.ref(), p.d_q = d_q.ref(), p.d_k = d_k.ref(), p.d_v = d_v.ref();
    p.scale = kScale;
    p.key_lo = c.lo, p.key_hi = c.hi;
    if (!mask.empty()) p.mask = mask.data(), p.mask_row_stride = c.kv_len;
    if (c.mask == ProviderCase::Mask::of_each_head)
      p.mask_head_stride = c.q_len * c.kv_len, p.mask_batch_stride = c.heads * p.mask_head_stride;
    if (!c.kv_lens.empty()) p.kv_lens = c.kv_lens.data();
    if (blocks_ > 0) p.block_table = table.data(), p.blocks_per_entry = blocks_, p.block_size = c.block_size;
    if (!max.empty()) p.softmax_max = max.data(), p.softmax_sum = sum.data();
    return p;
  }

  const ProviderCase& given() const { return case_; }
  double key(const Tensor& t, std::int64_t b, std::int64_t kv_head, std::int64_t at, std::int64_t d) const {
    const auto [batch, row] = place(b, at);
    return t.get(batch, kv_head, row, d);
  }
  bool visible(std::int64_t b, std::int64_t head, std::int64_t row, std::int64_t at) const {
    const ProviderCase& c = case_;
    const std::int64_t position = row + c.keys(b) - c.kv_len;
    if (at < position + c.lo || at > position + c.hi) return false;
    const std::int64_t matrix = c.mask == ProviderCase::Mask::of_each_head ? b * c.heads + head : 0;
    return mask.empty() || mask[static_cast<std::size_t>((matrix * c.q_len + row) * c.kv_len + at)] == 0;
  }

  static constexpr float kScale = 0.25F;
  Tensor q, k, v, out, d_out, d_q, d_k, d_v;
  std::vector<float> max{}, sum{};
  std::vector<std::uint8_t> mask{};
  std::vector<std::int32_t> table{};

 private:
  double normal() { return normal_(engine_); }
  Tensor random_rows(std::int64_t dim) {
    const ProviderCase& c = case_;
    Tensor t(c.batch, c.heads, c.q_len, dim, c.q_type);
    for (std::int64_t b = 0; b < c.batch; ++b)
      for (std::int64_t h = 0; h < c.heads; ++h)
        for (std::int64_t r = 0; r < c.q_len; ++r)
          for (std::int64_t d = 0; d < dim; ++d) t.set(b, h, r, d, normal());
    return t;
  }
  void fill_keys(Tensor& t) {
    for (std::int64_t b = 0; b < case_.batch; ++b)
      for (std::int64_t h = 0; h < case_.kv_heads; ++h)
        for (std::int64_t at = 0; at < case_.keys(b); ++at)
          for (std::int64_t d = 0; d < t.dim(); ++d) {
            const auto [batch, row] = place(b, at);
            t.set(batch, h, row, d, normal());
          }
  }
  std::pair<std::int64_t, std::int64_t> place(std::int64_t b, std::int64_t at) const {
    if (blocks_ == 0) return {b, at};
    return {table[static_cast<std::size_t>(b * blocks_ + at / case_.block_size)], at % case_.block_size};
  }

  ProviderCase case_;
  std::int64_t blocks_;
  std::mt19937 engine_{11};
  std::normal_distribution<double> normal_{};
};

}  // namespace bench::tune
