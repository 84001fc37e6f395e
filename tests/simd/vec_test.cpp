// Single operations of a vector, lane by lane.
#include <cmath>

#include "simd/floors.hpp"
#include "support/rounding.hpp"

namespace glint_test {
namespace {

class Vec : public testing::TestWithParam<Floor> {
 protected:
  static const Floor& floor() { return GetParam(); }
};
INSTANTIATE_TEST_SUITE_P(EachIsa, Vec, testing::ValuesIn(floors()), isa_name);

// Numbers of every kind, all pairs of them.
struct Pairs {
  std::vector<float> a, b;
  Pairs() {
    const float nan = NAN, infinity = INFINITY;
    const std::vector<float> kinds{0.0F,   -0.0F, 1.0F,     -1.0F,     0x1p-149F, -0x1p-149F, 1.5F, 3e38F,
                                   -3e38F, 2.0F,  infinity, -infinity, nan,       -nan,       0.1F, -7.0F};
    for (const float first : kinds)
      for (const float second : kinds) a.push_back(first), b.push_back(second);
  }
  index_t size() const { return static_cast<index_t>(a.size()); }
};

TEST_P(Vec, IotaCountsAndSplatRepeats) {
  float lane[16];
  floor().iota(lane);
  for (int i = 0; i < floor().lanes; ++i) EXPECT_EQ(lane[i], static_cast<float>(i));
  for (const std::uint32_t bits : {0u, 0x80000000u, 0x3f800000u, 0xff800000u, 0x7fc00000u}) {
    floor().splat(float_of(bits), lane);
    for (int i = 0; i < floor().lanes; ++i) EXPECT_EQ(bits_of(lane[i]), bits) << std::hex << bits;
  }
}

// a > b ? a : b, exactly: a NaN in b wins, a NaN in a loses, and of two zeros the second is taken.
TEST_P(Vec, MaxIsTheSecondUnlessTheFirstIsGreater) {
  const Pairs pairs;
  std::vector<float> out(pairs.a.size());
  floor().max(pairs.a.data(), pairs.b.data(), out.data(), pairs.size());
  for (std::size_t i = 0; i < out.size(); ++i) {
    const float expected = pairs.a[i] > pairs.b[i] ? pairs.a[i] : pairs.b[i];
    EXPECT_EQ(bits_of(out[i]), bits_of(expected)) << pairs.a[i] << " " << pairs.b[i];
  }
}

TEST_P(Vec, MaxLetsTheNaNOfItsSecondArgumentPass) {
  const std::vector<float> bound(16, -110.0F), nan(16, NAN);
  std::vector<float> out(16);
  floor().max(bound.data(), nan.data(), out.data(), 16);
  for (const float element : out) EXPECT_TRUE(is_nan(bits_of(element)));
  floor().max(nan.data(), bound.data(), out.data(), 16);
  for (const float element : out) EXPECT_EQ(element, -110.0F);
}

// Fused where the CPU can, else rounded twice; nothing in between.
TEST_P(Vec, FmaRoundsOnceWhereItCan) {
  std::vector<float> a, b, c;
  for (int i = 0; i < 4096; ++i) {
    a.push_back(1.0F + static_cast<float>(i) * 0x1p-20F);
    b.push_back(1.0F - static_cast<float>(i * 7 % 4096) * 0x1p-19F);
    c.push_back(-a.back() * b.back());
  }
  std::vector<float> out(a.size());
  floor().fma(a.data(), b.data(), c.data(), out.data(), static_cast<index_t>(a.size()));
  const bool must_fuse = floor().isa == glint::Isa::avx2 || floor().isa == glint::Isa::avx512;
  for (std::size_t i = 0; i < out.size(); ++i) {
    const float fused = std::fma(a[i], b[i], c[i]);
    EXPECT_TRUE(out[i] == fused || (!must_fuse && out[i] == 0)) << i << " " << out[i] << " " << fused;
  }
}

TEST_P(Vec, SquareRootIsRoundedCorrectly) {
  std::vector<float> from, out;
  for (std::uint32_t bits = 0; bits <= 0x7f800000u; bits += 40009) from.push_back(float_of(bits));
  from.resize(from.size() / 16 * 16 + 16, INFINITY);
  out.resize(from.size());
  floor().square_root(from.data(), out.data(), static_cast<index_t>(from.size()));
  for (std::size_t i = 0; i < from.size(); ++i)
    ASSERT_EQ(bits_of(out[i]), bits_of(static_cast<float>(std::sqrt(static_cast<double>(from[i]))))) << from[i];
}

// Lane i is taken from a exactly if bit first + i of the word is set, wherever in the word the tile's lanes begin.
TEST_P(Vec, LanesOfAWordSelect) {
  const std::vector<float> a(16, 1.0F), b(16, -1.0F);
  float lane[16];
  const auto expect_word = [&](std::uint64_t word) {
    for (int first = 0; first + floor().lanes <= 64; first += floor().lanes) {
      floor().select(word, first, a.data(), b.data(), lane);
      for (int i = 0; i < floor().lanes; ++i)
        ASSERT_EQ(lane[i], (word >> (first + i) & 1) != 0 ? 1.0F : -1.0F) << std::hex << word << " " << first;
    }
  };
  for (int bit = 0; bit < 64; ++bit) expect_word(std::uint64_t{1} << bit), expect_word(~(std::uint64_t{1} << bit));
  for (std::uint64_t i = 0, word = 1; i < 1000; ++i)
    expect_word(word = word * 6364136223846793005ull + 1442695040888963407ull);
}

TEST_P(Vec, SelectTakesBitsAsTheyAre) {
  const Pairs pairs;
  float lane[16];
  for (std::size_t at = 0; at + 16 <= pairs.a.size(); at += 16) {
    floor().select(0x5555, 0, pairs.a.data() + at, pairs.b.data() + at, lane);
    for (std::size_t i = 0; i < static_cast<std::size_t>(floor().lanes); ++i)
      EXPECT_EQ(bits_of(lane[i]), bits_of(i % 2 == 0 ? pairs.a[at + i] : pairs.b[at + i]));
  }
}

TEST_P(Vec, TransposeMovesEveryElementAcrossTheDiagonal) {
  const int lanes = floor().lanes;
  std::vector<float> square(static_cast<std::size_t>(lanes * lanes));
  for (std::size_t i = 0; i < square.size(); ++i) square[i] = static_cast<float>(i);
  floor().transpose(square.data());
  for (int row = 0; row < lanes; ++row)
    for (int column = 0; column < lanes; ++column)
      EXPECT_EQ(square[static_cast<std::size_t>(row * lanes + column)], static_cast<float>(column * lanes + row));
}

TEST(Isa, NamesAreThoseOfTheEnvironmentVariable) {
  EXPECT_STREQ(name(glint::Isa::plain), "plain");
  EXPECT_STREQ(name(glint::Isa::base), "base");
  EXPECT_STREQ(name(glint::Isa::avx2), "avx2");
  EXPECT_STREQ(name(glint::Isa::avx512), "avx512");
}

TEST(Isa, TheChoiceIsSupportedAndForced) {
  using glint::simd::detect;
  EXPECT_TRUE(glint::simd::supported(glint::Isa::plain));
  EXPECT_TRUE(glint::simd::supported(glint::simd::selected));
  const char* const before = std::getenv("GLINT_FORCE_ISA");
  const std::string saved = before != nullptr ? before : "";
  unsetenv("GLINT_FORCE_ISA");
  const glint::Isa best = detect();
  for (const glint::Isa isa : {glint::Isa::plain, glint::Isa::base, glint::Isa::avx2, glint::Isa::avx512}) {
    setenv("GLINT_FORCE_ISA", name(isa), 1);
    EXPECT_EQ(detect(), glint::simd::supported(isa) ? isa : best);
    if (glint::simd::supported(isa)) {
      EXPECT_LE(isa, best);
    }
  }
  for (const char* const nonsense : {"", "avx", "avx5121", "AVX2"}) {
    setenv("GLINT_FORCE_ISA", nonsense, 1);
    EXPECT_EQ(detect(), best) << nonsense;
  }
  before != nullptr ? setenv("GLINT_FORCE_ISA", saved.c_str(), 1) : unsetenv("GLINT_FORCE_ISA");
}

}  // namespace
}  // namespace glint_test
