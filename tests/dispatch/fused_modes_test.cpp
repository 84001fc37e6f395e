// What few query rows see through fused_infer_attention_score in every mode, whichever kernel shows it to them.
#include <gtest/gtest.h>

#include <vector>

#include "glint/dispatch/fused_infer_attention_score.hpp"
#include "support/random.hpp"

namespace {

using glint::DType;
using glint::index_t;
using glint_test::Random;

// Keys of zeros and one-hot values: the output is the row of the mask, divided by its sum.
struct Sight {
  index_t rows, keys;
  int mode;
  index_t pre, next;
  bool masked;

  bool sees(index_t i, index_t j, bool dropped) const {  // operators 2
    const index_t d = keys - rows;
    switch (mode) {
      case 0: return !masked || (!dropped && j >= i - pre && j <= i + next);
      case 1: return !dropped;
      case 2: return j <= i;
      case 3: return j <= i + d;
      default: return j >= i + d - pre && j <= i + d + next;
    }
  }
};

// True if the call is legal and shows what it should.
bool shows(const Sight& s) {
  constexpr index_t kKeys = 8;
  std::vector<float> q(static_cast<std::size_t>(s.rows * kKeys), 1), k(kKeys * kKeys), v(kKeys * kKeys);
  std::vector<float> out(q.size());
  for (std::size_t j = 0; j < kKeys; ++j) v[j * kKeys + j] = 1;
  std::vector<std::uint8_t> drop(q.size());
  Random random(static_cast<std::uint64_t>(s.rows));
  for (std::uint8_t& d : drop) d = random.chance(30);
  glint::FusedInferAttentionScoreCall c;
  c.input_layout = "BNSD";
  c.query = {q.data(), DType::f32, {1, 1, s.rows, kKeys}};
  c.key = {k.data(), DType::f32, {1, 1, kKeys, kKeys}}, c.value = {v.data(), DType::f32, {1, 1, kKeys, kKeys}};
  c.attention_out = {out.data(), DType::f32, {1, 1, s.rows, kKeys}};
  c.sparse_mode = s.mode, c.pre_tokens = s.pre, c.next_tokens = s.next;
  c.actual_seq_lengths_kv = {&s.keys, 1};
  if (s.masked) c.atten_mask = {drop.data(), DType::u8, {s.rows, kKeys}};
  c.atten_mask_compressed = s.mode >= 2;
  if (!glint::fused_infer_attention_score(c)) return false;
  for (index_t i = 0; i < s.rows; ++i) {
    index_t count = 0;
    const auto at = [&](index_t j) { return static_cast<std::size_t>(i * kKeys + j); };
    for (index_t j = 0; j < s.keys; ++j) count += s.sees(i, j, drop[at(j)] != 0);
    for (index_t j = 0; j < kKeys; ++j) {
      const bool seen = j < s.keys && s.sees(i, j, drop[at(j)] != 0);
      EXPECT_NEAR(out[at(j)], seen ? 1.0f / static_cast<float>(count) : 0.0f, seen ? 1e-6f : 0.0f)
          << s.rows << " rows, " << s.keys << " keys, mode " << s.mode << ", " << s.pre << ", " << s.next << ": row "
          << i << ", key " << j;
    }
  }
  return true;
}

TEST(Fused, FewRowsSeeWhatTheirModeSays) {
  constexpr index_t kAll = 2147483647;
  index_t legal = 0;
  for (const index_t rows : {1, 2, 3, 8, 9}) {
    for (const index_t keys : {0, 1, 3, 8}) {
      legal += shows({rows, keys, 0, -5, -5, false}) + shows({rows, keys, 1, -5, -5, true});
      legal += shows({rows, keys, 2, 0, 0, false}) + shows({rows, keys, 3, 0, 0, false});
      for (const index_t pre : {index_t{-1}, index_t{0}, index_t{2}, rows - 1, kAll})
        for (const index_t next : {index_t{-1}, index_t{0}, index_t{1}, rows - 1, kAll})
          legal += shows({rows, keys, 0, pre, next, true}) + shows({rows, keys, 4, pre, next, false});
    }
  }
  EXPECT_GT(legal, 700);
}

}  // namespace
