// A recipe names a choice for everything that is *how* and not *what*.  Derive from Default, override one alias:
//
//   struct SmallL2 : recipe::Default { template <class T> using tile = Tile<32, 96>; };
//
// Tiles and decode_split of Default come from the tuning table where there is one (simd/tuning.hpp), else from BuiltIn.
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

struct BuiltIn {
  // The tile for tensors of T.
  template <class Element>
  using tile = std::conditional_t<std::is_same_v<storage_t<Element>, float>, glint::tile::Prefill,
                                  std::conditional_t<std::is_same_v<storage_t<Element>, std::int8_t>,
                                                     glint::tile::PrefillBytes, glint::tile::PrefillConverted>>;
  // The same for gradients.
  template <class Element>
  using gradient_tile = std::conditional_t<std::is_same_v<storage_t<Element>, float>, glint::tile::Gradient,
                                           glint::tile::GradientConverted>;
  // Decode: keys whose partial result is calculated on its own, a multiple of 256.  Parts are merged in order, so the
  // bits depend on this number and not on who calculated what.
  static constexpr index_t decode_split = 1024;
  // SparseMode::custom: a type whose operator()(HeadIndex) returns the mask of one head.
  using masks = MaskFromMode;
  // A type whose operator()(HeadIndex) returns the lane modifier of one head; it acts after bias and slopes.
  using modifiers = SameModifier<score::None>;
};

// What the table has for decode_split.
struct TunedSplit {
  index_t otherwise;
};

#ifdef GLINT_TUNING_FILE
struct Default : BuiltIn {
  template <class Element>
  using tile = glint::tile::Tuned<tuned::Regime::prefill, dtype_of<storage_t<Element>>, BuiltIn::tile<Element>>;
  template <class Element>
  using gradient_tile =
      glint::tile::Tuned<tuned::Regime::gradient, dtype_of<storage_t<Element>>, BuiltIn::gradient_tile<Element>>;
  static constexpr TunedSplit decode_split{BuiltIn::decode_split};
};
#else
struct Default : BuiltIn {};
#endif

// The keys of a part, whichever way a recipe says it.
constexpr index_t split_of(index_t fixed, DType, index_t) { return fixed; }
inline index_t split_of(TunedSplit split, DType cache, index_t head_dim) {
  return tuned::decode_split(cache, head_dim, split.otherwise);
}

// Are these multiples of `unit` keys?
constexpr bool are_whole_parts(index_t fixed, index_t unit) { return fixed > 0 && fixed % unit == 0; }
constexpr bool are_whole_parts(TunedSplit split, index_t unit) {
  for (const tuned::Row& row : tuned::kRows)
    if (row.decode_split % unit != 0) return false;
  return are_whole_parts(split.otherwise, unit);
}

}  // namespace recipe

// What a recipe chooses for a head_dim, as data, and whether its aliases are those of the default.
struct RecipeDescription {
  index_t rows = 0, columns = 0, shared = 0;
  int block_rows = 0, block_vecs = 0;
  bool custom_tile = false;
  bool custom_masks = false;
  bool custom_modifiers = false;
};

template <class Recipe, class Element = float>
constexpr RecipeDescription describe(index_t head_dim = 128) {
  using Choice = typename Recipe::template tile<Element>;
  return Choice::choose(head_dim, [](auto tile) {
    using Tile = decltype(tile);
    return RecipeDescription{Tile::rows,
                             Tile::columns,
                             Tile::shared,
                             Tile::block::rows,
                             Tile::block::vecs,
                             !std::is_same_v<Choice, recipe::Default::tile<Element>>,
                             !std::is_same_v<typename Recipe::masks, recipe::Default::masks>,
                             !std::is_same_v<typename Recipe::modifiers, recipe::Default::modifiers>};
  });
}

}  // namespace GLINT_ABI
}  // namespace glint
