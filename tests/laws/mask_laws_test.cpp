// The judge is judged: each law must notice a mask that lies to it, and only that law may.
#include "laws/mask_laws.hpp"

namespace glint_test {
namespace {

// Causal, and honest unless told otherwise.
enum class Lie { nothing, keys, queries, outside, none, full, bits, extra_bit, extra_word };

struct Liar {
  Lie lie = Lie::nothing;
  index_t nq = 0, nk = 0;

  bool visible(index_t q, index_t k) const { return k <= q; }
  Interval keys(index_t, index_t q1) const {
    if (lie == Lie::outside) return {0, nk + 1};
    const index_t end = q1 < nk ? q1 : nk;
    return {0, lie == Lie::keys ? end - 1 : end};
  }
  Interval queries(index_t k0, index_t) const { return {lie == Lie::queries ? k0 + 1 : k0, nq}; }
  Cover cover(Box box) const {
    const bool none = lie == Lie::none ? box.k0 >= box.q1 - 1 : box.k0 > box.q1 - 1;
    const bool full = lie == Lie::full ? box.k1 - 1 <= box.q0 + 1 : box.k1 - 1 <= box.q0;
    return none ? Cover::none : full ? Cover::full : Cover::partial;
  }
  void bits(Box box, std::uint64_t* words) const {
    for (index_t k = box.k0; k < box.k1; ++k) {
      words[k - box.k0] = 0;
      for (index_t q = box.q0; q < box.q1; ++q) words[k - box.k0] |= std::uint64_t{visible(q, k)} << (q - box.q0);
      if (lie == Lie::bits && k == box.k0 + 64) words[k - box.k0] ^= 1;
      if (lie == Lie::extra_bit && box.q1 - box.q0 < 64) words[k - box.k0] |= std::uint64_t{1} << (box.q1 - box.q0);
    }
    if (lie == Lie::extra_word) words[box.k1 - box.k0] = 0;
  }
};

// The laws that this liar breaks, by their position below.
std::string broken_laws(Lie lie) {
  const Liar liar{lie, 9, 80};
  const Seen seen(liar, liar.nq, liar.nk);
  std::string broken;
  if (!law::KeysHoldEveryKeySeen{}(liar, seen).empty()) broken += "keys ";
  if (!law::QueriesHoldEveryRowThatSees{}(liar, seen).empty()) broken += "queries ";
  if (!law::IntervalsStayInsideTheMatrix{}(liar, seen).empty()) broken += "inside ";
  if (!law::CoverNoneMeansNothingIsVisible{}(liar, seen).empty()) broken += "none ";
  if (!law::CoverFullMeansEverythingIsVisible{}(liar, seen).empty()) broken += "full ";
  if (!law::BitsAreTheDefinition{}(liar, seen).empty()) broken += "bits ";
  if (!law::ErasedMaskGivesTheSameAnswers{}(liar, seen).empty()) broken += "erased ";
  return broken;
}

TEST(MaskLawsNotice, NothingWhereTheMaskIsHonest) { EXPECT_EQ(broken_laws(Lie::nothing), ""); }
TEST(MaskLawsNotice, KeysThatAreTooShort) { EXPECT_EQ(broken_laws(Lie::keys), "keys "); }
TEST(MaskLawsNotice, QueriesThatAreTooShort) { EXPECT_EQ(broken_laws(Lie::queries), "queries "); }
TEST(MaskLawsNotice, KeysOutsideTheMatrix) { EXPECT_EQ(broken_laws(Lie::outside), "inside "); }
TEST(MaskLawsNotice, AFalseNone) { EXPECT_EQ(broken_laws(Lie::none), "none "); }
TEST(MaskLawsNotice, AFalseFull) { EXPECT_EQ(broken_laws(Lie::full), "full "); }
TEST(MaskLawsNotice, OneWrongBitBehindTheSixtyFourthKey) { EXPECT_EQ(broken_laws(Lie::bits), "bits "); }
TEST(MaskLawsNotice, ABitBehindTheLastRow) { EXPECT_EQ(broken_laws(Lie::extra_bit), "bits "); }
TEST(MaskLawsNotice, AWordBehindTheLastKey) { EXPECT_EQ(broken_laws(Lie::extra_word), "bits "); }

TEST(MaskLawsNotice, EverySmallBoxIsVisitedOnce) {
  const Liar honest{Lie::nothing, 4, 3};
  int boxes = 0;
  first_box(Seen(honest, 4, 3), [&](const Box& box) {
    EXPECT_TRUE(box.q0 < box.q1 && box.q1 <= 4 && box.k0 < box.k1 && box.k1 <= 3);
    return ++boxes == 0;
  });
  EXPECT_EQ(boxes, (4 * 5 / 2) * (3 * 4 / 2));
}

}  // namespace

// Honest, it passes the whole suite.
template <>
struct MaskExamples<Liar> {
  template <class Visit>
  static void each(const Visit& visit) {
    each_shape([&](index_t nq, index_t nk) { visit(Liar{Lie::nothing, nq, nk}, nq, nk); });
  }
};
INSTANTIATE_TYPED_TEST_SUITE_P(HonestLiar, MaskLaws, Liar);

}  // namespace glint_test
