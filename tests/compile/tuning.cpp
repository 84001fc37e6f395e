// Tuning tables that say what no kernel could do (tuning_tables.hpp).
#ifdef GLINT_SHOULD_FAIL
#define GLINT_TUNING_FILE "compile/tuning_tables.hpp"
#endif

#include "glint/glint.hpp"

// EXPECT 1: tuning table needs rows with a head_dim, sorted by it
// EXPECT 2: tuning table needs rows with a head_dim, sorted by it; decode_split or draft_rows are decode.s alone
// EXPECT 3: Tile: Rows must be 16, 32 or 64
// EXPECT 4: the columns of an int8 tile are the key block of its roundings
// EXPECT 5: decode_split, or a tuning table's, must be a multiple of 256
// EXPECT 6: written for another format

int main() {
  const glint::IncreFlashAttention<glint::layout::BNSD, glint::half> decode;
  const glint::IncreProblem<glint::half> p;
  return glint::describe<glint::recipe::Default, std::int8_t>(64).rows > 0 && !decode(p) ? 0 : 1;
}
