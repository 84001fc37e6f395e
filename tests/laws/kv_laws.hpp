// The laws that every KV source must keep, as a typed suite.  The author of a source says where each key and value
// really lies, and writes one line:
//
//   template <>
//   struct glint_test::KvExamples<MySource> {
//     template <class Visit>
//     static void each(const Visit& visit) {
//       visit(source, {{k0, v0}, {k1, v1}, ...});  // the places of logical keys 0, 1, ...
//     }
//   };
//   namespace glint_test { INSTANTIATE_TYPED_TEST_SUITE_P(MySource, KvLaws, MySource); }
//
// Pointers are compared, never followed: an example needs no numbers in its buffers.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "glint/tensor/kv_source.hpp"

namespace glint_test {

using glint::index_t;

template <class Source>
struct KvExamples;

// Where one logical key and its value lie.
template <class Element>
struct KvPlace {
  const Element* k = nullptr;
  const Element* v = nullptr;
};
template <class Source>
using KvPlaces = std::vector<KvPlace<typename Source::element>>;

// Each law answers with the place where it is broken, or with an empty text.
namespace law {

struct LengthIsTheNumberOfKeys {
  template <class Source>
  std::string operator()(const Source& source, const KvPlaces<Source>& places) const {
    const bool same = source.length() == static_cast<index_t>(places.size());
    return same ? "" : "length() is " + std::to_string(source.length());
  }
};

// Asked for any n >= 1, also far past the end, a run has between 1 and n keys and stays inside.
struct RunsHaveOneToAskedKeys {
  template <class Source>
  std::string operator()(const Source& source, const KvPlaces<Source>& places) const {
    const auto length = static_cast<index_t>(places.size());
    for (index_t k0 = 0; k0 < length; ++k0)
      for (const index_t n : asked(length)) {
        const index_t count = source.run(k0, n).count;
        if (count < 1 || count > n || k0 + count > length)
          return "run(" + std::to_string(k0) + ", " + std::to_string(n) + ") has " + std::to_string(count) + " keys";
      }
    return "";
  }
  static std::vector<index_t> asked(index_t length) {
    std::vector<index_t> counts{1000, index_t{1} << 40};
    for (index_t n = 1; n <= length + 2; ++n) counts.push_back(n);
    return counts;
  }
};

struct EveryKeyIsWhereItShouldBe {
  template <class Source>
  std::string operator()(const Source& source, const KvPlaces<Source>& places) const {
    for (index_t k0 = 0; k0 < static_cast<index_t>(places.size()); ++k0)
      for (const index_t n : RunsHaveOneToAskedKeys::asked(static_cast<index_t>(places.size()))) {
        const auto run = source.run(k0, n);
        for (index_t i = 0; i < run.count; ++i) {
          const auto key = static_cast<std::size_t>(k0 + i);
          if (key >= places.size()) break;  // another law's business
          if (run.k + i * run.k_stride != places[key].k || run.v + i * run.v_stride != places[key].v)
            return "run(" + std::to_string(k0) + ", " + std::to_string(n) + "), key " + std::to_string(key);
        }
      }
    return "";
  }
};

// Walking from any key in steps of any size meets every key behind it once, in order.
struct RunsTileTheLength {
  template <class Source>
  std::string operator()(const Source& source, const KvPlaces<Source>& places) const {
    const auto length = static_cast<index_t>(places.size());
    for (index_t start = 0; start < length; ++start)
      for (index_t step = 1; step <= length + 1; ++step) {
        std::size_t key = static_cast<std::size_t>(start);
        for (index_t k0 = start; k0 < length;) {
          const auto run = source.run(k0, step);
          if (run.count < 1) return "an empty run at " + std::to_string(k0);
          for (index_t i = 0; i < run.count && key < places.size(); ++i, ++key)
            if (run.k + i * run.k_stride != places[key].k) return "walking by " + std::to_string(step);
          k0 += run.count;
        }
        if (key != places.size()) return "walking by " + std::to_string(step) + " ends at " + std::to_string(key);
      }
    return "";
  }
};

// The longest contiguous run is promised: a run ends only where the next key breaks the stride.
struct RunsAreNoShorterThanTheyMust {
  template <class Source>
  std::string operator()(const Source& source, const KvPlaces<Source>& places) const {
    const auto length = static_cast<index_t>(places.size());
    for (index_t k0 = 0; k0 < length; ++k0) {
      const auto run = source.run(k0, length);
      const auto next = static_cast<std::size_t>(k0 + run.count);
      if (next >= places.size()) continue;
      const bool goes_on = run.k + run.count * run.k_stride == places[next].k &&
                           run.v + run.count * run.v_stride == places[next].v && !source_may_split(source, k0, next);
      if (goes_on) return "run(" + std::to_string(k0) + ", " + std::to_string(length) + ") stops early";
    }
    return "";
  }
  // Pages that happen to be neighbours, and a prefix that happens to lie in front, may still be two runs.
  template <class Source>
  static bool source_may_split(const Source& source, index_t k0, std::size_t next) {
    const auto from_next = source.run(static_cast<index_t>(next), 1);
    const auto from_here = source.run(k0, 1);
    if constexpr (requires { source.block_size; }) return static_cast<index_t>(next) % source.block_size == 0;
    if constexpr (requires { source.prefix; }) return static_cast<index_t>(next) == source.prefix.length();
    return from_next.k_stride != from_here.k_stride;
  }
};

}  // namespace law

template <class Source, class Law>
void expect_kv_law(const Law& law) {
  int examples = 0, broken = 0;
  KvExamples<Source>::each([&](const Source& source, const KvPlaces<Source>& places) {
    ++examples;
    if (broken == 3) return;
    const std::string where = law(source, places);
    if (where.empty()) return;
    ++broken;
    ADD_FAILURE() << "example " << examples << " of " << places.size() << " keys: " << where;
  });
  EXPECT_GT(examples, 0) << "KvExamples visited no source";
}

template <class Source>
class KvLaws : public testing::Test {};

TYPED_TEST_SUITE_P(KvLaws);
TYPED_TEST_P(KvLaws, IsAKvSource) { EXPECT_TRUE(glint::KvSource<TypeParam>); }
TYPED_TEST_P(KvLaws, LengthIsTheNumberOfKeys) { expect_kv_law<TypeParam>(law::LengthIsTheNumberOfKeys{}); }
TYPED_TEST_P(KvLaws, RunsHaveOneToAskedKeys) { expect_kv_law<TypeParam>(law::RunsHaveOneToAskedKeys{}); }
TYPED_TEST_P(KvLaws, EveryKeyIsWhereItShouldBe) { expect_kv_law<TypeParam>(law::EveryKeyIsWhereItShouldBe{}); }
TYPED_TEST_P(KvLaws, RunsTileTheLength) { expect_kv_law<TypeParam>(law::RunsTileTheLength{}); }
TYPED_TEST_P(KvLaws, RunsAreNoShorterThanTheyMust) { expect_kv_law<TypeParam>(law::RunsAreNoShorterThanTheyMust{}); }
REGISTER_TYPED_TEST_SUITE_P(KvLaws, IsAKvSource, LengthIsTheNumberOfKeys, RunsHaveOneToAskedKeys,
                            EveryKeyIsWhereItShouldBe, RunsTileTheLength, RunsAreNoShorterThanTheyMust);

}  // namespace glint_test
