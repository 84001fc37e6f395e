// What rotary refuses, each with its code and nothing written.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <vector>

#include "glint/ops/rotary.hpp"

namespace glint_test {
namespace {

using glint::Code;
using glint::index_t;
using glint::Layout;
using glint::RotaryProblem;
using glint::RotaryStyle;
using glint::Status;

TEST(RotaryRules, EachHasItsCodeAndNothingIsWritten) {
  using P = RotaryProblem<float>;
  std::vector<float> memory(400, 1.5F), table(400);
  const std::vector<float> before = memory;
  static const index_t first[] = {0, 6}, many[] = {0, 1, 2, 3}, before_start[] = {0, -1},
                       far_off[] = {index_t{1} << 31};
  static index_t inside[50] = {};
  const P theta{.out = memory.data(), .dims = {2, 2, 3, 8}, .first_positions = first};
  P tables = theta;
  tables.cos_table = table.data(), tables.sin_table = table.data() + 40, tables.table_positions = 9;
  struct Row {
    const P& legal;
    std::function<void(P&)> spoil;
    Code code;
    index_t got, want;
  };
  const Row rows[] = {
      {theta, [](P& p) { p.dims.batch = -1; }, Code::extent_negative, -1, 0},
      {theta, [](P& p) { p.dims.heads = -2; }, Code::extent_negative, -2, 0},
      {theta, [](P& p) { p.dims.rows = -3; }, Code::extent_negative, -3, 0},
      {theta, [](P& p) { p.dims.dim = 0; }, Code::head_dim_not_positive, 0, 1},
      {theta, [](P& p) { p.dims.rows = index_t{1} << 60; }, Code::extent_too_large, 8, 1},
      {theta, [](P& p) { p.style = static_cast<RotaryStyle>(2); }, Code::rotary_style_unknown, 2, 0},
      {theta, [](P& p) { p.rotary_dim = 10; }, Code::rotary_dim_range, 10, 8},
      {theta, [](P& p) { p.rotary_dim = -2; }, Code::rotary_dim_range, -2, 8},
      {theta, [](P& p) { p.rotary_dim = 5; }, Code::rotary_dim_range, 5, 6},
      {theta, [](P& p) { p.dims.dim = 7; }, Code::rotary_dim_range, 7, 8},
      {theta, [](P& p) { p.theta = 0.5; }, Code::rotary_base_range, 0, 1},
      {theta, [](P& p) { p.theta = std::nan(""); }, Code::rotary_base_range, 0, 1},
      {theta, [](P& p) { p.out = nullptr; }, Code::null_output, 0, 1},
      {theta, [](P& p) { p.first_positions = {}; }, Code::rotary_positions, 0, 1},
      {theta, [](P& p) { p.positions = first; }, Code::rotary_positions, 2, 1},
      {theta, [](P& p) { p.first_positions = many; }, Code::lengths_size, 4, 2},
      {theta, [](P& p) { p.first_positions = {}, p.positions = many; }, Code::lengths_size, 4, 6},
      {theta, [](P& p) { p.first_positions = far_off; }, Code::rotary_position_range, index_t{1} << 31,
       (index_t{1} << 31) - 2},
      {theta,
       [](P& p) {
         p.out_strides = {48, 24, 7};
       },
       Code::strides_too_small, 7, 8},
      {theta,
       [](P& p) {
         p.out_strides = {48, 20, 8};
       },
       Code::strides_overlap, 20, 24},
      {theta, [](P& p) { p.x = p.out + 1; }, Code::output_overlaps_input, 1, 0},
      {theta,
       [](P& p) {
         p.x = p.out, p.x_strides = {48, 8, 16};
       },
       Code::output_overlaps_input, 1, 0},
      {theta,
       [](P& p) {
         p.first_positions = {inside, 1}, p.out = reinterpret_cast<float*>(inside);
       },
       Code::output_overlaps_input, 1, 0},
      {tables, [](P& p) { p.sin_table = nullptr; }, Code::rotary_table_half, 0, 1},
      {tables, [](P& p) { p.table_positions = 8; }, Code::rotary_position_range, 6, 5},
      {tables, [](P& p) { p.table_positions = -1; }, Code::extent_negative, -1, 0},
      {tables, [](P& p) { p.first_positions = before_start; }, Code::rotary_position_range, -1, 0},
      {tables, [](P& p) { p.cos_table = p.out; }, Code::output_overlaps_input, 1, 0},
  };
  for (const Row& row : rows) {
    P p = row.legal;
    ASSERT_TRUE(static_cast<bool>(check_rotary(p, Layout::BNSD)));
    row.spoil(p);
    const auto number = &row - rows;
    for (const Status& status : {check_rotary(p, Layout::BNSD), rotary(p, Layout::BNSD)}) {
      EXPECT_EQ(static_cast<int>(status.code), static_cast<int>(row.code)) << number << ": " << status.rule;
      EXPECT_EQ(status.got, row.got) << number;
      EXPECT_EQ(status.want, row.want) << number;
    }
    EXPECT_EQ(memory, before) << number;
  }
  EXPECT_EQ(rotary(theta, Layout::TND).code, Code::layout_not_for_operator);
  EXPECT_TRUE((glint::rotary<glint::layout::BSH, float>({.dims = {0, 2, 3, 8}})));  // nothing to turn
}

}  // namespace
}  // namespace glint_test
