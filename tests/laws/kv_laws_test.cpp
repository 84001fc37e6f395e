// The judge is judged: each law must notice a source that lies to it.
#include "laws/kv_laws.hpp"

namespace glint_test {
namespace {

enum class Lie { nothing, longer, too_many, none, k, v, overlap, short_run };

// Ten keys in pages of four, honest unless told otherwise.
struct Liar {
  using element = float;
  const float* memory = nullptr;
  Lie lie = Lie::nothing;

  index_t length() const { return lie == Lie::longer ? 11 : 10; }
  glint::KvRun<float> run(index_t k0, index_t n) const {
    const index_t left = k0 < 4 ? 4 - k0 : 10 - k0, page = k0 < 4 ? 50 : 0;
    index_t count = n < left ? n : left;
    if (lie == Lie::too_many) count = left;
    if (lie == Lie::none && k0 == 5) count = 0;
    if (lie == Lie::overlap && k0 >= 4) return {memory + 3, memory + 103, 1, 1, count};
    if (lie == Lie::short_run) count = 1;
    const float* const k = memory + page + k0 + (lie == Lie::k && k0 == 7);
    return {k, memory + 100 + page + k0, 1, lie == Lie::v ? 2 : 1, count};
  }
};

std::string broken_laws(Lie lie) {
  static const float memory[200] = {};
  KvPlaces<Liar> places;
  for (index_t key = 0; key < 10; ++key) {
    const float* const place = memory + (key < 4 ? 50 : 0) + key;
    places.push_back({place, place + 100});
  }
  const Liar liar{memory, lie};
  std::string broken;
  if (!law::LengthIsTheNumberOfKeys{}(liar, places).empty()) broken += "length ";
  if (!law::RunsHaveOneToAskedKeys{}(liar, places).empty()) broken += "count ";
  if (!law::EveryKeyIsWhereItShouldBe{}(liar, places).empty()) broken += "place ";
  if (!law::RunsTileTheLength{}(liar, places).empty()) broken += "tile ";
  if (!law::RunsAreNoShorterThanTheyMust{}(liar, places).empty()) broken += "short ";
  return broken;
}

TEST(KvLawsNotice, NothingWhereTheSourceIsHonest) { EXPECT_EQ(broken_laws(Lie::nothing), ""); }
TEST(KvLawsNotice, AWrongLength) { EXPECT_EQ(broken_laws(Lie::longer), "length "); }
TEST(KvLawsNotice, MoreKeysThanAsked) { EXPECT_EQ(broken_laws(Lie::too_many), "count "); }
TEST(KvLawsNotice, AnEmptyRun) { EXPECT_EQ(broken_laws(Lie::none), "count tile short "); }
TEST(KvLawsNotice, AKeyElsewhere) { EXPECT_EQ(broken_laws(Lie::k), "place tile "); }
TEST(KvLawsNotice, AWrongStrideOfValues) { EXPECT_EQ(broken_laws(Lie::v), "place "); }
TEST(KvLawsNotice, APageThatStartsOver) { EXPECT_EQ(broken_laws(Lie::overlap), "place tile "); }
TEST(KvLawsNotice, RunsOfOneKey) { EXPECT_EQ(broken_laws(Lie::short_run), "short "); }

}  // namespace

template <>
struct KvExamples<Liar> {
  template <class Visit>
  static void each(const Visit& visit) {
    static const float memory[200] = {};
    KvPlaces<Liar> places;
    for (index_t key = 0; key < 10; ++key) places.push_back({memory + (key < 4 ? 50 : 0) + key, nullptr});
    for (auto& place : places) place.v = place.k + 100;
    visit(Liar{memory, Lie::nothing}, places);
  }
};
INSTANTIATE_TYPED_TEST_SUITE_P(HonestLiar, KvLaws, Liar);

}  // namespace glint_test
