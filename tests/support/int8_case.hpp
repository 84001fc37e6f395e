// Problems of int8 attention for the kernel alone: random ones, their plan, and what the reference makes of them.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "glint/kernel/forward.hpp"
#include "glint/reference/attention.hpp"
#include "support/random.hpp"

namespace glint_test::int8_case {

using glint::half;
using Tile = glint::Tile<64, 96, 3>;
using Mask = glint::mask::Both<glint::mask::Staircase, glint::mask::Dense>;

// One batch entry, dense rows; keys in pages of block_size.
struct Case {
  index_t heads = 1, kv_heads = 1, rows = 1, keys = 1, dim = 1, value_dim = 1, block_size = 1;
  float scale = 1;
  glint::Int8Factors int8;
  glint::mask::Staircase band;
  std::vector<std::int8_t> q, k, v;
  std::vector<std::uint8_t> drop;  // empty: none
  std::vector<half> bias;          // [heads][rows][keys], or empty
  std::vector<std::int32_t> table;
};

inline float truncated(double value) { return glint::reference::truncate_to_19_bits(static_cast<float>(value)); }
inline float to_half_and_back(double value) { return static_cast<float>(glint::reference::round_to_half(value)); }

inline std::vector<std::int8_t> bytes(Random& random, index_t count, bool extreme) {
  std::vector<std::int8_t> all(static_cast<std::size_t>(count));
  for (std::int8_t& byte : all)
    byte = static_cast<std::int8_t>(extreme ? random.pick(-128, 127) : std::clamp(random.normal() * 40, -128.0, 127.0));
  return all;
}

inline void choose_factors(Random& random, Case& c) {
  const double spread = 1600 * std::sqrt(static_cast<double>(c.dim));  // of q k
  const double scores = random.pick(0.3, 1.0, 3.0, 8.0) / spread;
  c.scale = to_half_and_back(random.chance(40) ? 0.125 : 1 / std::sqrt(static_cast<double>(c.dim)));
  c.int8.dequant1 = truncated(scores / static_cast<double>(c.scale));
  c.int8.quant1 = to_half_and_back(random.chance(70) ? 127 : 20 + 130 * std::abs(random.normal()));
  c.int8.dequant2 = truncated(0.01 / 127 * (1 + std::abs(random.normal())));
  if (random.chance(15)) c.int8.quant1 = -c.int8.quant1;
  if (random.chance(10)) c.int8.dequant2 = -c.int8.dequant2;
  if (random.chance(5)) c.int8.dequant1 = truncated(random.pick(30.0, 1e-6, 1e-9, 0.0, -0.02));
  if (random.chance(5)) c.scale = to_half_and_back(random.pick(1e-7, 1000.0, -0.05, 3e-5));
  if (random.chance(5)) c.int8.quant1 = to_half_and_back(random.pick(60000.0, 1e-6, -9000.0, 0.0));
  if (random.chance(5)) c.int8.dequant2 = truncated(random.pick(3.0, 1e-9, -40.0));
}

inline Case make_case(std::uint64_t seed) {
  Random random(seed);
  Case c;
  const bool large = random.chance(5);
  c.kv_heads = random.between(1, 2);
  c.heads = c.kv_heads * random.between(1, 3);
  c.rows = random.between(1, large ? 150 : 70);
  c.keys = random.chance(2) ? 0 : random.between(1, large ? 1000 : 250);
  c.dim = random.chance(40) ? random.pick(16, 32, 64, 128) : random.between(1, large ? 200 : 70);
  c.value_dim = random.chance(60) ? c.dim : random.between(1, 70);
  c.block_size = random.chance(60) ? std::max<index_t>(c.keys, 1) : random.between(1, 130);
  c.band = {.nq = c.rows, .nk = c.keys};
  if (random.chance(40)) c.band.hi = random.between(-20, c.keys);
  if (random.chance(20)) c.band.lo = random.between(-60, 20);
  const bool extreme = random.chance(10);
  const index_t blocks = (c.keys + c.block_size - 1) / c.block_size, slots = blocks * c.block_size;
  c.q = bytes(random, c.heads * c.rows * c.dim, extreme);
  c.k = bytes(random, c.kv_heads * slots * c.dim, extreme);
  c.v = bytes(random, c.kv_heads * slots * c.value_dim, random.chance(10));
  if (random.chance(5)) std::fill(c.k.begin(), c.k.end(), std::int8_t{0});  // all scores are equal
  for (index_t b = 0; b < blocks; ++b) c.table.push_back(static_cast<std::int32_t>(b));
  for (index_t b = blocks; b > 1; --b)
    std::swap(c.table[static_cast<std::size_t>(b - 1)], c.table[static_cast<std::size_t>(random.below(b))]);
  choose_factors(random, c);
  if (random.chance(25)) {
    const double keep = random.pick(10.0, 50.0, 90.0, 99.0);
    for (index_t i = 0; i < c.rows * c.keys; ++i) c.drop.push_back(random.chance(keep) ? 0 : 1);
  }
  if (random.chance(25)) {
    const double size = random.pick(0.5, 4.0, 20000.0);
    for (index_t i = 0; i < c.heads * c.rows * c.keys; ++i)
      c.bias.push_back(
          glint::from_float<half>(random.chance(1) ? -INFINITY : static_cast<float>(random.normal() * size)));
  }
  return c;
}

struct Answer {
  std::vector<half> out;
  std::vector<float> lse;
};

// Page b of the pool is [kv head][slot][dim].
struct Plan {
  const Case& c;
  Answer& answer;

  index_t groups() const { return c.kv_heads; }
  index_t heads_per_group() const { return c.heads / c.kv_heads; }
  index_t max_rows() const { return c.rows; }
  index_t max_keys() const { return c.keys; }
  index_t head_dim() const { return c.dim; }
  index_t value_dim() const { return c.value_dim; }
  static constexpr bool kBytes = true;
  glint::Products products() const { return glint::Products::singles; }
  bool stages(index_t) const { return true; }

  using Head = glint::HeadWork<std::int8_t, Mask>;
  Head head(index_t group, index_t member) const {
    const index_t h = group * heads_per_group() + member;
    glint::kv::Paged<std::int8_t> pages{.k = c.k.data() + group * c.block_size * c.dim,
                                        .v = c.v.data() + group * c.block_size * c.value_dim};
    pages.k_block_stride = c.kv_heads * c.block_size * c.dim;
    pages.v_block_stride = c.kv_heads * c.block_size * c.value_dim;
    pages.k_stride = c.dim, pages.v_stride = c.value_dim;
    pages.table = c.table.data(), pages.block_size = c.block_size, pages.keys = c.keys;
    Head head{.q = {c.q.data() + h * c.rows * c.dim, glint::DType::i8, c.rows, c.dim, c.dim},
              .kv = {.prefix = {}, .own = pages},
              .out = {answer.out.data() + h * c.rows * c.value_dim, glint::DType::f16, c.rows, 0, c.value_dim,
                      c.value_dim},
              .scale = c.scale,
              .mask = {c.band, {c.drop.empty() ? nullptr : c.drop.data(), c.keys, c.rows, c.keys}}};
    if (!c.bias.empty()) {
      head.bias.data = c.bias.data() + h * c.rows * c.keys;
      head.bias.dtype = glint::DType::f16;
      head.bias.row_stride = c.keys;
    }
    head.stats.lse = answer.lse.data() + h * c.rows;
    head.int8 = c.int8;
    return head;
  }
};

template <class AnyTile = Tile>
Answer attend(const Case& c) {
  Answer answer{std::vector<half>(static_cast<std::size_t>(c.heads * c.rows * c.value_dim), half{0x7e00}),
                std::vector<float>(static_cast<std::size_t>(c.heads * c.rows), NAN)};
  const Plan plan{c, answer};
  const index_t size = glint::forward::workspace_bytes<AnyTile>(plan, 1);
  std::vector<std::byte> workspace(static_cast<std::size_t>(size), std::byte{0xff});  // NaN, if looked at
  glint::Serial serial;
  EXPECT_TRUE(static_cast<bool>(glint::forward::run<AnyTile>(plan, serial, workspace)));
  return answer;
}

inline glint::reference::AttentionResult reference_answer(const Case& c) {
  using glint::reference::Array;
  glint::reference::AttentionCase spec;
  spec.op = glint::reference::Operator::prompt;
  spec.layout = "BNSD";
  spec.head_num = c.heads, spec.kv_head_num = c.kv_heads;
  spec.query = Array({1, c.heads, c.rows, c.dim});
  for (std::size_t i = 0; i < c.q.size(); ++i) spec.query.flat(static_cast<index_t>(i)) = c.q[i];
  spec.key = Array({1, c.kv_heads, c.keys, c.dim});
  spec.value = Array({1, c.kv_heads, c.keys, c.value_dim});
  const auto gather = [&](const std::vector<std::int8_t>& pool, index_t dim, Array& to) {
    for (index_t h = 0; h < c.kv_heads; ++h)
      for (index_t j = 0; j < c.keys; ++j)
        for (index_t d = 0; d < dim; ++d) {
          const index_t block = c.table[static_cast<std::size_t>(j / c.block_size)];
          const index_t row = (block * c.kv_heads + h) * c.block_size + j % c.block_size;
          to.flat((h * c.keys + j) * dim + d) = pool[static_cast<std::size_t>(row * dim + d)];
        }
  };
  gather(c.k, c.dim, spec.key);
  gather(c.v, c.value_dim, spec.value);
  spec.scale = c.scale;
  spec.sparse_mode = 1;
  const Mask mask{c.band, {c.drop.empty() ? nullptr : c.drop.data(), c.keys, c.rows, c.keys}};
  spec.attn_mask = glint::reference::ByteArray({c.rows, c.keys});
  for (index_t i = 0; i < c.rows; ++i)
    for (index_t j = 0; j < c.keys; ++j) spec.attn_mask.flat(i * c.keys + j) = mask.visible(i, j) ? 0 : 1;
  if (!c.bias.empty()) {
    spec.pse = Array({1, c.heads, c.rows, c.keys});
    for (std::size_t i = 0; i < c.bias.size(); ++i)
      spec.pse.flat(static_cast<index_t>(i)) = static_cast<double>(glint::to_float(c.bias[i]));
  }
  spec.int8.dequant_scale1 = Array({1}, {static_cast<double>(c.int8.dequant1)});
  spec.int8.quant_scale1 = Array({1}, {static_cast<double>(c.int8.quant1)});
  spec.int8.dequant_scale2 = Array({1}, {static_cast<double>(c.int8.dequant2)});
  spec.int8.key_block = Tile::columns;
  return glint::reference::attention(spec);
}

// Differences from the reference over all cases.
struct Tally {
  index_t outputs = 0, differ = 0;
  double most_steps = 0;  // of int8 at a scale that spans the range of the case
  double most_lse = 0;    // |difference| / (1 + |lse|)
};

inline void compare(const Case& c, const Answer& got, const glint::reference::AttentionResult& want, Tally& tally,
                    std::uint64_t seed) {
  double range = 0;
  for (const double each : want.out.data) range = std::max(range, std::abs(each));
  const double to_int8 = range > 0 ? 127 / range : 0;
  for (std::size_t i = 0; i < got.out.size(); ++i) {
    const double mine = static_cast<double>(glint::to_float(got.out[i])), theirs = want.out.data[i];
    ++tally.outputs;
    if (mine == theirs) continue;
    ++tally.differ;
    // Outputs so small that neighboring halves lie more than a step of int8 apart: no answer can be nearer.
    if (std::abs(mine - theirs) <= 0x1p-24) continue;
    const double steps = std::abs(std::nearbyint(mine * to_int8) - std::nearbyint(theirs * to_int8));
    ASSERT_LE(steps, 1) << "seed " << seed << " at " << i << ": " << mine << " instead of " << theirs << ", keys "
                        << c.keys << " dim " << c.dim;
    tally.most_steps = std::max(tally.most_steps, steps);
  }
  for (std::size_t i = 0; i < got.lse.size(); ++i) {
    const double mine = static_cast<double>(got.lse[i]), theirs = want.lse.data[i];
    if (theirs == INFINITY) {
      ASSERT_EQ(mine, -INFINITY) << "seed " << seed;
      continue;
    }
    ASSERT_NEAR(mine, theirs, 1e-6 * (1 + std::abs(theirs))) << "seed " << seed << " row " << i;
    tally.most_lse = std::max(tally.most_lse, std::abs(mine - theirs) / (1 + std::abs(theirs)));
  }
}

// Turns the dot instruction off for a while.
class WithoutDot {
 public:
  WithoutDot() { glint::simd::has_int8_dot = false; }
  ~WithoutDot() { glint::simd::has_int8_dot = before_; }
  WithoutDot(const WithoutDot&) = delete;
  WithoutDot& operator=(const WithoutDot&) = delete;

 private:
  bool before_ = glint::simd::has_int8_dot;
};

inline bool same(const Answer& a, const Answer& b) {
  return std::memcmp(a.out.data(), b.out.data(), a.out.size() * sizeof(half)) == 0 &&
         std::memcmp(a.lse.data(), b.lse.data(), a.lse.size() * sizeof(float)) == 0;
}

}  // namespace glint_test::int8_case
