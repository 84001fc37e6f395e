// A random call of kv_append, and where the definition says that each number must be: formulas of this file's own, from
// the shapes that the documents print.
#pragma once

#include <algorithm>
#include <cstring>
#include <numeric>
#include <string>
#include <vector>

#include "glint/ops/kv_append.hpp"
#include "support/random.hpp"

namespace glint_test {

inline std::size_t size(index_t count) { return static_cast<std::size_t>(count); }

inline constexpr std::uint8_t kPoison = 0x5b;

// How a cache lies: plain or paged.
struct Form {
  glint::Layout layout = glint::Layout::BSH;
  index_t block_size = 0;  // 0: plain
  glint::PageLayout pages = glint::PageLayout::token_major;

  bool paged() const { return block_size > 0; }
  std::string name() const {
    const char* const layouts[] = {"BSH", "BSND", "SBH", "BNSD", "TND"};
    std::string text = layouts[static_cast<int>(layout)];
    if (paged()) text += pages == glint::PageLayout::head_major ? " head-major" : " token-major";
    return paged() ? text + " pages of " + std::to_string(block_size) : text;
  }
};

inline std::vector<Form> all_forms() {
  std::vector<Form> forms;
  for (const glint::Layout layout : {glint::Layout::BSH, glint::Layout::BSND, glint::Layout::BNSD}) {
    forms.push_back({layout});
    for (const index_t block_size : {1, 3, 16})
      for (const auto pages : {glint::PageLayout::token_major, glint::PageLayout::head_major})
        forms.push_back({layout, block_size, pages});
  }
  return forms;
}

// (B, S, N, D) or (B, N, S, D), as the layout says.
inline index_t number_at(glint::Layout layout, index_t heads, index_t rows, index_t dim, index_t b, index_t h,
                         index_t row, index_t d) {
  if (layout == glint::Layout::BNSD) return ((b * heads + h) * rows + row) * dim + d;
  return ((b * rows + row) * heads + h) * dim + d;
}

struct AppendShape {
  index_t batch = 3, heads = 2, rows = 5, dim = 6, value_dim = 10, room = 23;
  std::vector<index_t> lengths{0, 7, 18}, new_rows{5, 2, 3};
};

template <class Element, class Stored>
struct AppendCase {
  static constexpr index_t kNumbers = glint::numbers_in<Stored>;
  static constexpr double kMost = std::is_same_v<Stored, glint::int4x2> ? 7 : 127;  // of an integer cache

  Form form;
  AppendShape s;
  index_t blocks = 0, max_blocks = 0;
  std::vector<std::int32_t> table;
  std::vector<Element> rows[2];  // K and V
  std::vector<std::uint8_t> cache[2];

  AppendCase(const Form& f, const AppendShape& shape, std::uint64_t seed) : form(f), s(shape) {
    Random random(seed);
    for (int t : {0, 1}) {
      rows[t].resize(size(s.batch * s.heads * s.rows * dim(t)));
      for (Element& x : rows[t]) x = glint::from_float<Element>(static_cast<float>(4 * random.normal()));
    }
    if (form.paged()) {  // every block belongs to one entry, in a random order; a few belong to none
      max_blocks = (s.room + form.block_size - 1) / form.block_size;
      blocks = s.batch * max_blocks + 3;
      table.resize(size(blocks));
      std::iota(table.begin(), table.end(), 0);
      for (index_t i = blocks - 1; i > 0; --i) std::swap(table[size(i)], table[size(random.below(i + 1))]);
      table.resize(size(s.batch * max_blocks));
    }
    const index_t cached = form.paged() ? blocks * form.block_size : s.batch * s.room;
    for (int t : {0, 1}) cache[t].assign(size(cached * s.heads * dim(t) / kNumbers) * sizeof(Stored), kPoison);
  }

  index_t dim(int tensor) const { return tensor == 0 ? s.dim : s.value_dim; }
  Stored* data(int tensor) { return reinterpret_cast<Stored*>(cache[tensor].data()); }

  auto problem() {
    using namespace glint;
    const auto fill = [&](auto& p) {
      p.k = rows[0].data(), p.v = rows[1].data();
      p.kv.k = data(0), p.kv.v = data(1);
      p.shape = {.batch = s.batch,
                 .kv_heads = s.heads,
                 .q_len = s.rows,
                 .kv_len = s.room,
                 .head_dim = s.dim,
                 .value_dim = s.value_dim};
      p.lengths = s.lengths, p.new_rows = s.new_rows;
    };
    KvAppendProblem<Element, kv::Contiguous<Stored>> plain;
    fill(plain);
    KvAppendProblem<Element, kv::Paged<Stored>> paged;
    fill(paged);
    paged.kv.block_table = table.data(), paged.kv.max_blocks = max_blocks, paged.kv.block_size = form.block_size;
    paged.kv.blocks = blocks, paged.kv.pages = form.pages;
    return std::pair(plain, paged);
  }
  glint::Status run(const glint::AppendFactors& k = {}, const glint::AppendFactors& v = {}) {
    auto [plain, paged] = problem();
    plain.k_factors = paged.k_factors = k;
    plain.v_factors = paged.v_factors = v;
    return form.paged() ? glint::kv_append(paged, form.layout) : glint::kv_append(plain, form.layout);
  }

  // visit(entry, head, new row) for all that must be written.
  template <class Visit>
  void each_new(const Visit& visit) const {
    for (index_t b = 0; b < s.batch; ++b)
      for (index_t h = 0; h < s.heads; ++h)
        for (index_t i = 0; i < s.new_rows[size(b)]; ++i) visit(b, h, i);
  }
  Element row_number(int tensor, index_t b, index_t h, index_t i, index_t d) const {
    return rows[tensor][size(number_at(form.layout, s.heads, s.rows, dim(tensor), b, h, i, d))];
  }
  // Where number d of new row i of entry b must be in the cache, counted in numbers.
  index_t cache_place(int tensor, index_t b, index_t h, index_t i, index_t d) const {
    const index_t t = s.lengths[size(b)] + i, width = dim(tensor);
    if (!form.paged()) return number_at(form.layout, s.heads, s.room, width, b, h, t, d);
    const index_t block = table[size(b * max_blocks + t / form.block_size)], slot = t % form.block_size;
    if (form.pages == glint::PageLayout::head_major)
      return ((block * s.heads + h) * form.block_size + slot) * width + d;
    return ((block * form.block_size + slot) * s.heads + h) * width + d;
  }
  // Where the factor of that row must be (modes 1, 3, 4, 5).
  index_t factor_place(glint::AntiquantMode mode, index_t columns, index_t b, index_t h, index_t i) const {
    using glint::AntiquantMode;
    const index_t t = s.lengths[size(b)] + i;
    if (mode == AntiquantMode::per_token) return b * columns + t;
    if (mode == AntiquantMode::per_token_head) return (b * s.heads + h) * columns + t;
    const index_t block = table[size(b * max_blocks + t / form.block_size)], slot = t % form.block_size;
    if (mode == AntiquantMode::per_token_paged) return block * form.block_size + slot;
    return (block * s.heads + h) * form.block_size + slot;
  }
  // The integer of a number of the cache.
  int code(int tensor, index_t place) {
    const std::uint8_t byte = cache[tensor][size(place / kNumbers)];
    if (kNumbers == 1) return static_cast<std::int8_t>(byte);
    const int nibble = place % 2 == 0 ? byte & 15 : byte >> 4;
    return nibble < 8 ? nibble : nibble - 16;
  }
  // Numbers of the cache outside the new rows that are no longer poison.
  index_t spoiled(int tensor) const {
    std::vector<std::uint8_t> rest = cache[tensor];
    each_new([&](index_t b, index_t h, index_t i) {
      for (index_t d = 0; d < dim(tensor); d += kNumbers)
        std::memset(rest.data() + size(cache_place(tensor, b, h, i, d) / kNumbers) * sizeof(Stored), kPoison,
                    sizeof(Stored));
    });
    return static_cast<index_t>(rest.size()) - std::count(rest.begin(), rest.end(), kPoison);
  }
};

}  // namespace glint_test
