// describe() says what a recipe chose, so that an alias that is misspelt, and therefore ignored, is seen.
#include "glint/policy/recipe.hpp"

#include <gtest/gtest.h>

namespace glint_test {
namespace {

using glint::describe;
using glint::RecipeDescription;
namespace recipe = glint::recipe;

struct SmallL2 : recipe::Default {
  template <class Element>
  using tile = glint::Tile<32, 96>;
};
struct Misspelt : recipe::Default {
  template <class Element>
  using tiles = glint::Tile<32, 96>;
};
struct OwnMasks : recipe::Default {
  struct masks {};
};
struct OwnModifiers : recipe::Default {
  using modifiers = glint::SameModifier<glint::score::Alibi>;
};

bool all_default(const RecipeDescription& recipe) {
  return !recipe.custom_tile && !recipe.custom_masks && !recipe.custom_modifiers;
}

TEST(Recipe, DefaultChoosesByElementSize) {
  constexpr RecipeDescription single = describe<recipe::Default>(), narrow = describe<recipe::Default, glint::half>();
  EXPECT_TRUE(all_default(single) && all_default(narrow));
  EXPECT_EQ(single.rows, glint::tile::Prefill::rows);
  EXPECT_EQ(single.columns, glint::tile::Prefill::columns);
  EXPECT_EQ(single.shared, glint::tile::Prefill::shared);
  EXPECT_EQ(narrow.shared, glint::tile::PrefillConverted::shared);
  EXPECT_GT(narrow.shared, 1);
  constexpr RecipeDescription bytes = describe<recipe::Default, std::int8_t>();
  EXPECT_TRUE(all_default(bytes));
  EXPECT_EQ(bytes.columns, glint::tile::PrefillBytes::columns);
}

TEST(Recipe, AnOverriddenAliasIsTold) {
  constexpr RecipeDescription small = describe<SmallL2>();
  EXPECT_EQ(small.rows, 32);
  EXPECT_EQ(small.columns, 96);
  EXPECT_EQ(small.shared, 1);
  EXPECT_TRUE(small.custom_tile && !small.custom_masks && !small.custom_modifiers);
  EXPECT_TRUE(describe<OwnMasks>().custom_masks && !describe<OwnMasks>().custom_tile);
  EXPECT_TRUE(describe<OwnModifiers>().custom_modifiers && !describe<OwnModifiers>().custom_masks);
}

TEST(Recipe, AMisspeltAliasShowsAsTheDefault) { EXPECT_TRUE(all_default(describe<Misspelt>())); }

TEST(Recipe, TheSameModifierIsMadeForEveryHead) {
  struct HeadNumber {};
  const glint::SameModifier<glint::score::Alibi> make{{0.5F, 2.0F}};
  EXPECT_EQ(make(HeadNumber{}).slope, 0.5F);
  EXPECT_EQ(make(HeadNumber{}).offset, 2.0F);
}

TEST(Tile, TellsItsNumbers) {
  static_assert(glint::Tile<16, 8>::rows == 16 && glint::Tile<16, 8>::columns == 8 && glint::Tile<16, 8>::shared == 1);
  static_assert(glint::Tile<64, 128, 3>::shared == 3);
}

}  // namespace
}  // namespace glint_test
