// The products of bytes against the reference, which rounds where the documents do (operators 4.1, 12.17).  Only where
// exp lands within its error of a rounding limit may an integer of P differ: outputs then differ by a last place.
#include "support/int8_case.hpp"

namespace glint_test::int8_case {
namespace {

TEST(Int8Products, AgreeWithTheReference) {
  const bool best = glint::simd::selected == glint::simd::detect() && std::getenv("GLINT_FORCE_ISA") == nullptr;
  const std::uint64_t cases = best ? 2400 : 400;
  Tally tally;
  for (std::uint64_t seed = 0; seed < cases && !HasFatalFailure(); ++seed) {
    const Case c = make_case(seed);
    const Answer answer = attend(c);
    compare(c, answer, reference_answer(c), tally, seed);
    if (!glint::simd::int8_dot()) continue;
    const WithoutDot off;
    ASSERT_TRUE(same(answer, attend(c))) << "the dot instruction changes bits, seed " << seed;
  }
  std::printf("int8 products, %s: %lld of %lld outputs differ, most %.0f steps of int8, lse %.1e\n",
              name(glint::simd::selected), static_cast<long long>(tally.differ), static_cast<long long>(tally.outputs),
              tally.most_steps, tally.most_lse);
}

// More keys than one block of sums takes.
TEST(Int8Products, LongRows) {
  Case c = make_case(1);
  Random random(7);
  c.heads = c.kv_heads = 1, c.rows = 3, c.keys = 40000, c.dim = c.value_dim = 8, c.block_size = c.keys;
  c.scale = 0.125F, c.int8 = {0x1p-7F, 127, truncated(0.01 / 127)};
  c.band = {.nq = c.rows, .nk = c.keys};
  c.q = bytes(random, c.rows * c.dim, false);
  c.k = bytes(random, c.keys * c.dim, false);
  c.v = bytes(random, c.keys * c.value_dim, false);
  c.drop.clear(), c.bias.clear(), c.table = {0};
  Tally tally;
  compare(c, attend(c), reference_answer(c), tally, 0);
}

// A case with a bias, a mask and several heads.
Case masked_case() {
  for (std::uint64_t seed = 0;; ++seed) {
    Case c = make_case(seed);
    if (!c.bias.empty() && !c.drop.empty() && c.heads > 1 && c.kv_heads == 1 && c.keys > 100) return c;
  }
}

TEST(Int8Products, ExcludedBiasIsNotLookedAt) {
  Case c = masked_case();
  const Answer clean = attend(c);
  const Mask mask{c.band, {c.drop.data(), c.keys, c.rows, c.keys}};
  for (std::size_t i = 0; i < c.bias.size(); ++i) {
    const index_t row = static_cast<index_t>(i) / c.keys % c.rows, key = static_cast<index_t>(i) % c.keys;
    if (!mask.visible(row, key)) c.bias[i] = half{static_cast<std::uint16_t>(i % 2 == 0 ? 0x7e00 : 0xfc01)};
  }
  EXPECT_TRUE(same(clean, attend(c)));
}

TEST(Int8Products, NaNInTheBiasMarksItsRowAlone) {
  Case c = masked_case();
  c.drop.clear(), c.band = {.nq = c.rows, .nk = c.keys};
  const Answer clean = attend(c);
  const index_t row = c.rows / 2;  // of head 0
  for (const std::uint16_t nan : {0x7e00, 0xfe00}) {
    c.bias[static_cast<std::size_t>(row * c.keys + c.keys / 3)] = half{nan};
    const Answer marked = attend(c);
    for (std::size_t i = 0; i < marked.out.size(); ++i) {
      const bool is_nan = (marked.out[i].bits & 0x7fff) > 0x7c00;
      const bool here = static_cast<index_t>(i) / c.value_dim == row;
      ASSERT_EQ(is_nan, here) << i;
      ASSERT_TRUE(here || marked.out[i].bits == clean.out[i].bits) << i;
    }
  }
}

// Neither other heads nor other rows, nor where keys lie, change a bit.
TEST(Int8Products, RowsAreCalculatedAlone) {
  const Case c = masked_case();
  const Answer all = attend(c);
  for (index_t row = 0; row < c.rows; row += 7) {
    Case one = c;
    one.heads = one.rows = 1, one.band.nq = 1;
    one.band.lo += row, one.band.hi += row;
    one.q.assign(c.q.begin() + row * c.dim, c.q.begin() + (row + 1) * c.dim);  // of head 0
    one.bias.assign(c.bias.begin() + row * c.keys, c.bias.begin() + (row + 1) * c.keys);
    one.drop.assign(c.drop.begin() + row * c.keys, c.drop.begin() + (row + 1) * c.keys);
    const Answer alone = attend(one);
    for (index_t d = 0; d < c.value_dim; ++d)
      ASSERT_EQ(alone.out[static_cast<std::size_t>(d)].bits,
                all.out[static_cast<std::size_t>(row * c.value_dim + d)].bits)
          << row;
  }
}

}  // namespace
}  // namespace glint_test::int8_case
