// Small helpers shared by the oracle's own tests.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "glint/reference/attention.hpp"

namespace oracle_test {

using glint::index_t;
using glint::reference::Array;
using glint::reference::AttentionCase;
using glint::reference::AttentionResult;
using glint::reference::ByteArray;
using glint::reference::InvalidRow;
using glint::reference::Operator;
using glint::reference::PseForm;
using glint::reference::SoftcapOrder;
using glint::reference::SparseRule;

inline constexpr double float_max = static_cast<double>(std::numeric_limits<float>::max());
inline constexpr double infinity = std::numeric_limits<double>::infinity();
inline const double not_a_number = std::numeric_limits<double>::quiet_NaN();

inline Array filled(std::vector<index_t> shape, double value) {
  Array array(std::move(shape));
  for (double& element : array.data) element = value;
  return array;
}

// Repeatable values in (-1, 1) without two alike: the fractional parts of multiples of an irrational number.
inline Array varied(std::vector<index_t> shape, int salt = 1) {
  Array array(std::move(shape));
  double phase = 0.1234567 * salt;
  for (double& element : array.data) {
    phase += 0.7548776662466927;
    element = 2 * (phase - std::floor(phase)) - 1;
  }
  return array;
}

// Values (1, 1, rows, rows) with a one on the diagonal: attention then writes its weights out.
inline Array one_hot(index_t rows) {
  Array array({1, 1, rows, rows});
  for (index_t row = 0; row < rows; ++row) array.at(0, 0, row, row) = 1;
  return array;
}

// One batch entry, one head, K = 0 and one-hot V: the output is the mask row divided by its count (operators 10).
inline AttentionCase uniform_case(index_t rows, index_t keys) {
  AttentionCase spec;
  spec.layout = "BNSD";
  spec.query = varied({1, 1, rows, 3});
  spec.key = Array({1, 1, keys, 3});
  spec.value = one_hot(keys);
  return spec;
}

// The contents of a compressed mask are not read: here they would drop everything.
inline AttentionCase compressed(int mode, index_t rows, index_t keys) {
  AttentionCase spec = uniform_case(rows, keys);
  spec.sparse_mode = mode;
  spec.attn_mask = ByteArray({16, 16});
  for (auto& element : spec.attn_mask.data) element = 1;
  return spec;
}

// TND, one head, one-hot V inside each sequence: columns count from 0 in every sequence.
inline AttentionCase ragged(int mode, std::vector<index_t> q_ends, std::vector<index_t> kv_ends, index_t widest) {
  AttentionCase spec;
  spec.layout = "TND";
  spec.sparse_mode = mode;
  spec.query = varied({q_ends.back(), 1, 2});
  spec.key = Array({kv_ends.back(), 1, 2});
  spec.value = Array({kv_ends.back(), 1, widest});
  index_t begin = 0;
  for (const index_t end : kv_ends) {
    for (index_t row = begin; row < end; ++row) spec.value.at(row, 0, row - begin) = 1;
    begin = end;
  }
  spec.actual_seq_qlen = std::move(q_ends);
  spec.actual_seq_kvlen = std::move(kv_ends);
  spec.attn_mask = ByteArray({1, 1});
  return spec;
}

struct Extents {
  index_t batch, heads, kv_heads, rows, keys, width, value_width;
};
inline constexpr Extents extents{2, 4, 2, 3, 5, 4, 2};

// A dense problem with grouped heads and Dv != D.
inline AttentionCase dense_case() {
  AttentionCase spec;
  spec.layout = "BNSD";
  spec.head_num = extents.heads;
  spec.query = varied({extents.batch, extents.heads, extents.rows, extents.width}, 1);
  spec.key = varied({extents.batch, extents.kv_heads, extents.keys, extents.width}, 2);
  spec.value = varied({extents.batch, extents.kv_heads, extents.keys, extents.value_width}, 3);
  spec.scale = 0.7;
  return spec;
}

// '#' where the row sees the key.
inline std::string picture(const SparseRule& rule) {
  std::string art = "\n";
  for (index_t row = 0; row < rule.rows; ++row) {
    for (index_t key = 0; key < rule.keys; ++key) art += visible(rule, row, key, false) ? '#' : '.';
    art += '\n';
  }
  return art;
}

// The same picture read off an output of uniform_case; also checks that each row's weights are 1/count.
inline std::string picture(const Array& out, index_t rows, index_t keys) {
  std::string art = "\n";
  for (index_t row = 0; row < rows; ++row) {
    index_t count = 0;
    for (index_t key = 0; key < keys; ++key) count += out.flat(row * keys + key) != 0;
    for (index_t key = 0; key < keys; ++key) {
      const double weight = out.flat(row * keys + key);
      EXPECT_NEAR(weight, weight == 0 ? 0 : 1.0 / static_cast<double>(count), 1e-15);
      art += weight != 0 ? '#' : '.';
    }
    art += '\n';
  }
  return art;
}

inline void expect_near(const Array& actual, const std::vector<double>& expected, double tolerance = 1e-15) {
  ASSERT_EQ(actual.data.size(), expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) EXPECT_NEAR(actual.data[i], expected[i], tolerance) << "at " << i;
}

inline void expect_same(const Array& actual, const Array& expected, double tolerance = 1e-14) {
  ASSERT_EQ(actual.shape, expected.shape);
  expect_near(actual, expected.data, tolerance);
}

}  // namespace oracle_test
