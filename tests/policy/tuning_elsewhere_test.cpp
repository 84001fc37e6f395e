// A tuning table for another CPU changes nothing and says so.
#define TEST_TABLE_MACHINE \
  { .name = "abacus", .vendor = "GenuineWood!", .family = 1, .model = 2 }
#define GLINT_TUNING_FILE "support/tuning_table.hpp"

#include <gtest/gtest.h>

#include "glint/glint.hpp"

namespace glint_test {
namespace {

namespace recipe = glint::recipe;

TEST(TuningElsewhere, BuiltInChoicesHold) {
  for (const glint::index_t dim : {40, 100}) {
    EXPECT_EQ(glint::describe<recipe::Default>(dim).columns, glint::tile::Prefill::columns);
    EXPECT_EQ(recipe::split_of(recipe::Default::decode_split, glint::DType::f16, dim), recipe::BuiltIn::decode_split);
  }
}

TEST(TuningElsewhere, SaysSo) {
  const glint::tuned::Use use = glint::tuned::in_use();
  EXPECT_FALSE(use.used);
  EXPECT_STREQ(use.table, "abacus");
  EXPECT_STREQ(use.note, "the tuning table is for another CPU and ignored");
}

}  // namespace
}  // namespace glint_test
