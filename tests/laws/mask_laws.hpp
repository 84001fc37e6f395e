// The laws that every mask must keep, as a typed suite.  The author of a mask writes some small instances and one line:
//
//   template <>
//   struct glint_test::MaskExamples<MyMask> {
//     template <class Visit>
//     static void each(const Visit& visit) {
//       each_shape([&](index_t nq, index_t nk) { visit(MyMask{...}, nq, nk); });
//     }
//   };
//   namespace glint_test { INSTANTIATE_TYPED_TEST_SUITE_P(MyMask, MaskLaws, MyMask); }
//
// visible() is the definition; each law holds the mask's other members against it, over every box of a small shape
// and over the boxes between awkward edges of a large one.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "glint/policy/any.hpp"
#include "glint/policy/mask.hpp"
#include "support/picture.hpp"

namespace glint_test {

using glint::Box;
using glint::Cover;
using glint::index_t;
using glint::Interval;

template <class TestedMask>
struct MaskExamples;

// 0 x 0 to 9 x 9: rows without keys, more rows than keys, and both sides of a byte of bits.
template <class Visit>
void each_small_shape(const Visit& visit) {
  for (index_t nq = 0; nq <= 9; ++nq)
    for (index_t nk = 0; nk <= 9; ++nk) visit(nq, nk);
}

// Wider and higher than a word of bits, and no multiple of eight.
template <class Visit>
void each_wide_shape(const Visit& visit) {
  visit(index_t{70}, index_t{141});
  visit(index_t{131}, index_t{67});
}

template <class Visit>
void each_shape(const Visit& visit) {
  each_small_shape(visit);
  each_wide_shape(visit);
}

// Every interval inside [0, size), or those between awkward edges if there are too many.
inline std::vector<Interval> intervals(index_t size) {
  std::vector<index_t> edges;
  for (index_t edge = 0; edge <= size; ++edge) {
    const bool awkward = edge < 2 || edge == 9 || (edge >= 63 && edge <= 65) || edge + 1 >= size;
    if (size <= 10 || awkward) edges.push_back(edge);
  }
  std::vector<Interval> all;
  for (const index_t lo : edges)
    for (const index_t hi : edges)
      if (lo < hi) all.push_back({lo, hi});
  return all;
}

// What the definition says, as a table of sums: seen_in(box) is one look-up.
class Seen {
 public:
  template <class TestedMask>
  Seen(const TestedMask& mask, index_t nq, index_t nk) : nq_(nq), nk_(nk), sums_(area(nq + 1, nk + 1), 0) {
    for (index_t q = 0; q < nq; ++q)
      for (index_t k = 0; k < nk; ++k)
        sums_[at(q + 1, k + 1)] = sums_[at(q + 1, k)] + sums_[at(q, k + 1)] - sums_[at(q, k)] + mask.visible(q, k);
  }

  index_t nq() const { return nq_; }
  index_t nk() const { return nk_; }
  index_t seen_in(Box box) const {
    return sums_[at(box.q1, box.k1)] - sums_[at(box.q0, box.k1)] - sums_[at(box.q1, box.k0)] +
           sums_[at(box.q0, box.k0)];
  }
  bool visible(index_t q, index_t k) const { return seen_in({q, q + 1, k, k + 1}) != 0; }

 private:
  static std::size_t area(index_t rows, index_t columns) { return static_cast<std::size_t>(rows * columns); }
  std::size_t at(index_t q, index_t k) const { return static_cast<std::size_t>(q * (nk_ + 1) + k); }

  index_t nq_, nk_;
  std::vector<index_t> sums_;
};

inline std::string text(const Interval& rows) {
  return "[" + std::to_string(rows.lo) + ", " + std::to_string(rows.hi) + ")";
}
inline std::string text(const Box& box) {
  return "queries " + text(Interval{box.q0, box.q1}) + " x keys " + text(Interval{box.k0, box.k1});
}

// The first box for which `wrong(box)` holds, as text; empty if there is none.
template <class Wrong>
std::string first_box(const Seen& seen, const Wrong& wrong) {
  const auto rows = intervals(seen.nq()), keys = intervals(seen.nk());
  for (const Interval& q : rows)
    for (const Interval& k : keys)
      if (const Box box{q.lo, q.hi, k.lo, k.hi}; wrong(box)) return text(box);
  return "";
}

// The words of a box, between two others that must stay as they are.
struct Words {
  static constexpr std::uint64_t kUntouched = 0x5eed5eed5eed5eedull;
  explicit Words(const Box& box) : all(static_cast<std::size_t>(box.k1 - box.k0 + 2), kUntouched) {}
  std::uint64_t* data() { return all.data() + 1; }
  bool intact() const { return all.front() == kUntouched && all.back() == kUntouched; }
  std::vector<std::uint64_t> all;
};

// Each law answers with the place where it is broken, or with an empty text.
namespace law {

struct KeysHoldEveryKeySeen {
  template <class TestedMask>
  std::string operator()(const TestedMask& mask, const Seen& seen) const {
    for (const Interval& rows : intervals(seen.nq())) {
      const Interval keys = mask.keys(rows.lo, rows.hi);
      for (index_t k = 0; k < seen.nk(); ++k) {
        const bool inside = keys.lo <= k && k < keys.hi;
        if (!inside && seen.seen_in({rows.lo, rows.hi, k, k + 1}) != 0)
          return "keys" + text(rows) + " = " + text(keys) + " lacks key " + std::to_string(k);
      }
    }
    return "";
  }
};

struct QueriesHoldEveryRowThatSees {
  template <class TestedMask>
  std::string operator()(const TestedMask& mask, const Seen& seen) const {
    for (const Interval& keys : intervals(seen.nk())) {
      const Interval rows = mask.queries(keys.lo, keys.hi);
      for (index_t q = 0; q < seen.nq(); ++q) {
        const bool inside = rows.lo <= q && q < rows.hi;
        if (!inside && seen.seen_in({q, q + 1, keys.lo, keys.hi}) != 0)
          return "queries" + text(keys) + " = " + text(rows) + " lacks row " + std::to_string(q);
      }
    }
    return "";
  }
};

// A kernel walks them without looking at nq and nk again.
struct IntervalsStayInsideTheMatrix {
  template <class TestedMask>
  std::string operator()(const TestedMask& mask, const Seen& seen) const {
    for (const Interval& rows : intervals(seen.nq())) {
      const Interval keys = mask.keys(rows.lo, rows.hi);
      if (!keys.empty() && (keys.lo < 0 || keys.hi > seen.nk())) return "keys" + text(rows) + " = " + text(keys);
    }
    for (const Interval& keys : intervals(seen.nk())) {
      const Interval rows = mask.queries(keys.lo, keys.hi);
      if (!rows.empty() && (rows.lo < 0 || rows.hi > seen.nq())) return "queries" + text(keys) + " = " + text(rows);
    }
    return "";
  }
};

struct CoverNoneMeansNothingIsVisible {
  template <class TestedMask>
  std::string operator()(const TestedMask& mask, const Seen& seen) const {
    return first_box(seen, [&](const Box& box) { return mask.cover(box) == Cover::none && seen.seen_in(box) != 0; });
  }
};

struct CoverFullMeansEverythingIsVisible {
  template <class TestedMask>
  std::string operator()(const TestedMask& mask, const Seen& seen) const {
    return first_box(seen, [&](const Box& box) {
      return mask.cover(box) == Cover::full && seen.seen_in(box) != (box.q1 - box.q0) * (box.k1 - box.k0);
    });
  }
};

// Every word, whole: bits past the last row are 0, and no word outside the box is written.
struct BitsAreTheDefinition {
  template <class TestedMask>
  std::string operator()(const TestedMask& mask, const Seen& seen) const {
    return first_box(seen, [&](const Box& box) {
      if (box.q1 - box.q0 > 64) return false;
      Words words(box);
      glint::mask_bits(mask, box, words.data());
      for (index_t k = box.k0; k < box.k1; ++k) {
        std::uint64_t expected = 0;
        for (index_t q = box.q0; q < box.q1; ++q) expected |= std::uint64_t{seen.visible(q, k)} << (q - box.q0);
        if (words.data()[k - box.k0] != expected) return true;
      }
      return !words.intact();
    });
  }
};

struct ErasedMaskGivesTheSameAnswers {
  template <class TestedMask>
  std::string operator()(const TestedMask& mask, const Seen& seen) const {
    const glint::AnyMask any = mask;
    for (const Interval& rows : intervals(seen.nq()))
      if (!(any.keys(rows.lo, rows.hi) == mask.keys(rows.lo, rows.hi))) return "keys" + text(rows);
    for (const Interval& keys : intervals(seen.nk()))
      if (!(any.queries(keys.lo, keys.hi) == mask.queries(keys.lo, keys.hi))) return "queries" + text(keys);
    for (index_t q = 0; q < seen.nq(); ++q)
      for (index_t k = 0; k < seen.nk(); ++k)
        if (any.visible(q, k) != seen.visible(q, k)) return text(Box{q, q + 1, k, k + 1});
    return first_box(seen, [&](const Box& box) {
      if (any.cover(box) != mask.cover(box)) return true;
      if (box.q1 - box.q0 > 64) return false;
      Words erased(box), typed(box);
      any.bits(box, erased.data());
      glint::mask_bits(mask, box, typed.data());
      return erased.all != typed.all;
    });
  }
};

}  // namespace law

// Visits every example, reports the first few that break the law, and shows what they look like.
template <class TestedMask, class Law>
void expect_law(const Law& law) {
  int examples = 0, broken = 0;
  MaskExamples<TestedMask>::each([&](const TestedMask& mask, index_t nq, index_t nk) {
    ++examples;
    if (broken == 3) return;
    const std::string where = law(mask, Seen(mask, nq, nk));
    if (where.empty()) return;
    ++broken;
    ADD_FAILURE() << "broken at " << where << " of a mask " << nq << " x " << nk << picture(mask, nq, nk);
  });
  EXPECT_GT(examples, 0) << "MaskExamples visited no mask";
}

template <class TestedMask>
class MaskLaws : public testing::Test {};

TYPED_TEST_SUITE_P(MaskLaws);
TYPED_TEST_P(MaskLaws, KeysHoldEveryKeySeen) { expect_law<TypeParam>(law::KeysHoldEveryKeySeen{}); }
TYPED_TEST_P(MaskLaws, QueriesHoldEveryRowThatSees) { expect_law<TypeParam>(law::QueriesHoldEveryRowThatSees{}); }
TYPED_TEST_P(MaskLaws, IntervalsStayInsideTheMatrix) { expect_law<TypeParam>(law::IntervalsStayInsideTheMatrix{}); }
TYPED_TEST_P(MaskLaws, CoverNoneMeansNothingIsVisible) { expect_law<TypeParam>(law::CoverNoneMeansNothingIsVisible{}); }
TYPED_TEST_P(MaskLaws, CoverFullMeansEverythingIsVisible) {
  expect_law<TypeParam>(law::CoverFullMeansEverythingIsVisible{});
}
TYPED_TEST_P(MaskLaws, BitsAreTheDefinition) { expect_law<TypeParam>(law::BitsAreTheDefinition{}); }
TYPED_TEST_P(MaskLaws, ErasedMaskGivesTheSameAnswers) { expect_law<TypeParam>(law::ErasedMaskGivesTheSameAnswers{}); }
REGISTER_TYPED_TEST_SUITE_P(MaskLaws, KeysHoldEveryKeySeen, QueriesHoldEveryRowThatSees, IntervalsStayInsideTheMatrix,
                            CoverNoneMeansNothingIsVisible, CoverFullMeansEverythingIsVisible, BitsAreTheDefinition,
                            ErasedMaskGivesTheSameAnswers);

}  // namespace glint_test
