// A recipe names a choice for everything that is *how* and not *what*.  Derive from Default, override one alias:
//
//   struct SmallL2 : recipe::Default { template <class T> using tile = Tile<32, 96>; };
//
// describe<Recipe>() says what was chosen, so that a misspelt alias is seen.
#pragma once

#include <type_traits>

#include "glint/core/dtype.hpp"
#include "glint/policy/mask.hpp"
#include "glint/policy/score.hpp"
#include "glint/policy/tile.hpp"

namespace glint {
inline namespace GLINT_ABI {

// Makes the same lane modifier for every head.
template <class Modifier>
struct SameModifier {
  Modifier modifier{};
  template <class HeadIndex>
  constexpr Modifier operator()(const HeadIndex&) const {
    return modifier;
  }
};

// Stands for "the mask that the sparse mode means".
struct MaskFromMode {};

namespace recipe {

struct Default {
  // The tile for tensors of T.
  template <class Element>
  using tile = std::conditional_t<std::is_same_v<storage_t<Element>, float>, glint::tile::Prefill,
                                  std::conditional_t<std::is_same_v<storage_t<Element>, std::int8_t>,
                                                     glint::tile::PrefillBytes, glint::tile::PrefillConverted>>;
  // The same for gradients.
  template <class Element>
  using gradient_tile = glint::tile::Gradient;
  // Decode: keys whose partial result is calculated on its own, a multiple of 256.  Parts are merged in order, so the
  // bits depend on this number and not on who calculated what.
  static constexpr index_t decode_split = 1024;
  // SparseMode::custom: a type whose operator()(HeadIndex) returns the mask of one head.
  using masks = MaskFromMode;
  // A type whose operator()(HeadIndex) returns the lane modifier of one head; it acts after bias and slopes.
  using modifiers = SameModifier<score::None>;
};

}  // namespace recipe

// The aliases of a recipe that differ from the default, as data.
struct RecipeDescription {
  index_t rows = 0, columns = 0, shared = 0;
  bool custom_tile = false;
  bool custom_masks = false;
  bool custom_modifiers = false;
};

template <class Recipe, class Element = float>
constexpr RecipeDescription describe() {
  using Tile = typename Recipe::template tile<Element>;
  return {Tile::rows,
          Tile::columns,
          Tile::shared,
          !std::is_same_v<Tile, recipe::Default::tile<Element>>,
          !std::is_same_v<typename Recipe::masks, recipe::Default::masks>,
          !std::is_same_v<typename Recipe::modifiers, recipe::Default::modifiers>};
}

}  // namespace GLINT_ABI
}  // namespace glint
