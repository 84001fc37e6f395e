// Tiles that no kernel could run, and masks that cannot be erased.
#include <string>

#include "glint/policy/any.hpp"
#include "glint/policy/tile.hpp"

struct Big {
  char bytes[200] = {};
  bool visible(glint::index_t, glint::index_t) const { return true; }
  glint::Interval keys(glint::index_t, glint::index_t) const { return {}; }
  glint::Interval queries(glint::index_t, glint::index_t) const { return {}; }
  glint::Cover cover(glint::Box) const { return glint::Cover::partial; }
};
struct WithText {
  std::string text;
  bool visible(glint::index_t, glint::index_t) const { return true; }
  glint::Interval keys(glint::index_t, glint::index_t) const { return {}; }
  glint::Interval queries(glint::index_t, glint::index_t) const { return {}; }
  glint::Cover cover(glint::Box) const { return glint::Cover::partial; }
};
struct Blind {
  bool visible(glint::index_t, glint::index_t) const { return true; }
};

int main() {
#ifndef GLINT_SHOULD_FAIL
  const glint::AnyMask any = glint::mask::None{};
  return static_cast<int>(glint::Tile<16, 8>::rows + glint::Tile<64, 1024, 16>::columns) > 0 && any.visible(0, 0) ? 0
                                                                                                                  : 1;

#elif GLINT_SHOULD_FAIL == 1
  // EXPECT 1: Tile: Rows must be 16, 32 or 64
  return static_cast<int>(glint::Tile<48, 128>::rows);

#elif GLINT_SHOULD_FAIL == 2
  // EXPECT 2: Tile: Rows must be 16, 32 or 64
  return static_cast<int>(glint::Tile<128, 128>::rows);

#elif GLINT_SHOULD_FAIL == 3
  // EXPECT 3: Tile: Columns must be a multiple of 8 between 8 and 1024
  return static_cast<int>(glint::Tile<64, 100>::rows);

#elif GLINT_SHOULD_FAIL == 4
  // EXPECT 4: Tile: Columns must be a multiple of 8 between 8 and 1024
  return static_cast<int>(glint::Tile<64, 1032>::rows);

#elif GLINT_SHOULD_FAIL == 5
  // EXPECT 5: Tile: Columns must be a multiple of 8 between 8 and 1024
  return static_cast<int>(glint::Tile<64, 0>::rows);

#elif GLINT_SHOULD_FAIL == 6
  // EXPECT 6: Tile: Shared must be between 1 and 16
  return static_cast<int>(glint::Tile<64, 128, 17>::rows);

#elif GLINT_SHOULD_FAIL == 10
  // EXPECT 10: Tile: a RegisterBlock has 1 to 16 rows of 1, 2 or 4 vectors
  return static_cast<int>(glint::Tile<64, 128, 1, glint::RegisterBlock<4, 3>>::rows);

#elif GLINT_SHOULD_FAIL == 11
  // EXPECT 11: Tile: a RegisterBlock has 1 to 16 rows of 1, 2 or 4 vectors
  return static_cast<int>(glint::Tile<64, 128, 1, glint::RegisterBlock<17, 4>>::rows);

#elif GLINT_SHOULD_FAIL == 12
  // EXPECT 12: Tile: a RegisterBlock has 1 to 16 rows of 1, 2 or 4 vectors
  return static_cast<int>(glint::Tile<64, 128, 1, glint::RegisterBlock<0, 4>>::rows);

#elif GLINT_SHOULD_FAIL == 7
  // EXPECT 7: AnyMask: the mask is larger than 128 bytes
  const glint::AnyMask any = Big{};
  return any.visible(0, 0) ? 0 : 1;

#elif GLINT_SHOULD_FAIL == 8
  // EXPECT 8: AnyMask: a mask must be trivially copyable
  const glint::AnyMask any = WithText{};
  return any.visible(0, 0) ? 0 : 1;

#elif GLINT_SHOULD_FAIL == 9
  // EXPECT 9: no viable conversion|conversion from .Blind. to non-scalar type
  const glint::AnyMask any = Blind{};
  return any.visible(0, 0) ? 0 : 1;
#endif
}
