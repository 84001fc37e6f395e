// How numbers, unwritten elements, special values and places are judged.
#include <gtest/gtest.h>

#include "kit/check/made.hpp"

namespace kit {
namespace {

constexpr float kRight = static_cast<float>(kWant), kNaN = std::numeric_limits<float>::quiet_NaN();
constexpr float kInf = std::numeric_limits<float>::infinity(), kMax = std::numeric_limits<float>::max();

const std::vector<index_t> kShape{2, 3, 5, 4};  // BNSD

struct Bnsd {
  Bundle bundle = made_bundle("BNSD", 3, 3);
  Results results;
  Bnsd() {
    put(bundle, "out", kShape);
    results["out"] = filled(Type::f32, kShape, kRight);
  }
  OutputReport out(const CheckOptions& options = {}) const { return checked(bundle, results, options).outputs.at(0); }
};

TEST(Compare, EqualNumbersPass) {
  const Bnsd made;
  const OutputReport out = made.out();
  EXPECT_TRUE(out.pass());
  EXPECT_EQ(out.elements, 120);
  EXPECT_EQ(out.rows, 30);
  EXPECT_EQ(out.largest, 0);
  EXPECT_EQ(out.cosine, 1);
}

TEST(Compare, TheToleranceIsTheLimit) {
  Bnsd made;
  set(made.results["out"], 7, static_cast<float>(kWant + kTolerance));
  EXPECT_TRUE(made.out().pass());
  EXPECT_EQ(made.out().largest, 1);
  set(made.results["out"], 7, std::nextafter(static_cast<float>(kWant + kTolerance), kInf));
  EXPECT_EQ(made.out().failing, 1);
  CheckOptions twice;
  twice.factor = 2;
  EXPECT_TRUE(made.out(twice).pass());
}

TEST(Compare, PlaceOfTheWorstAndOfTheFirst) {
  Bnsd made;
  set(made.results["out"], 119, kRight + 0.25F);
  set(made.results["out"], ((0 * 3 + 2) * 5 + 1) * 4 + 3, kRight + 0.125F);
  const OutputReport out = made.out();
  EXPECT_EQ(out.failing, 2);
  EXPECT_EQ(out.failing_rows, 2);
  const auto [flat, b, n, i, d] = out.worst;
  EXPECT_TRUE(flat == 119 && b == 1 && n == 2 && i == 4 && d == 3);
  EXPECT_EQ(out.got, 0.75);
  EXPECT_EQ(out.want, 0.5);
  EXPECT_EQ(out.tolerance, kTolerance);
  EXPECT_EQ(out.largest, 32);
  EXPECT_TRUE(out.first.b == 0 && out.first.n == 2 && out.first.i == 1 && out.first.d == 3);
  EXPECT_EQ(out.max_abs, 0.25);
  EXPECT_EQ(out.elements_where, "element 3 of 4");
}

TEST(Compare, HistogramOfRows) {
  Bnsd made;
  const double times[] = {1.5, 3, 15, 255, 257, 0x1p20, 0x1p40};
  for (std::size_t row = 0; row < std::size(times); ++row)
    set(made.results["out"], static_cast<index_t>(row) * 4, static_cast<float>(kWant + kTolerance * times[row]));
  set(made.results["out"], 7 * 4, kNaN);
  set(made.results["out"], 8 * 4, kInf);
  const std::array<index_t, 8> want{1, 1, 1, 1, 1, 1, 1, 2};
  EXPECT_EQ(made.out().histogram, want);
}

TEST(Compare, UnwrittenRowsAreNamed) {
  Bnsd made;
  for (index_t b = 0; b < 2; ++b)
    for (index_t n = 0; n < 3; ++n)
      for (index_t at = 3 * 4; at < 5 * 4; ++at) set(made.results["out"], (b * 3 + n) * 20 + at, kNaN);
  set(made.results["out"], 0, kNaN);
  const OutputReport out = made.out();
  EXPECT_EQ(out.unwritten, 6 * 8 + 1);
  EXPECT_EQ(out.unwritten_where, "rows 3-4, the last 2 of every head in every entry");
  EXPECT_TRUE(std::isinf(out.largest));
}

TEST(Compare, PoisonIsUnwrittenWhereItIsWrong) {
  Bnsd made;
  CheckOptions options;
  options.poison = 0.1;  // no float: it is looked for as the type has it
  for (index_t at = 8; at < 12; ++at) set(made.results["out"], at, 0.1F);
  EXPECT_EQ(made.out(options).unwritten, 4);
  EXPECT_EQ(made.out(options).unwritten_where, "row 2 of head 0 in entry 0");
  EXPECT_EQ(made.out().unwritten, 0);
  options.poison = kWant;
  EXPECT_EQ(made.out(options).unwritten, 0);
}

TEST(Compare, NaNBelongsWhereItIsWanted) {
  Bnsd made;
  set(made.bundle.tensors["out"], 5, std::numeric_limits<double>::quiet_NaN());
  const OutputReport number = made.out();
  EXPECT_EQ(number.failing, 1);
  EXPECT_EQ(number.unwritten, 0);
  set(made.results["out"], 5, kNaN);
  EXPECT_TRUE(made.out().pass());
}

TEST(Compare, InfinityIsNoNumberWithinATolerance) {
  Bnsd made;
  put(made.bundle, "out", kShape, kWant, kInf);
  set(made.results["out"], 5, 1e30F);
  EXPECT_TRUE(made.out().pass());
  set(made.results["out"], 5, kInf);
  EXPECT_FALSE(made.out().pass());
}

TEST(Compare, WithoutToleranceNumbersAreEqual) {
  Bnsd made;
  put(made.bundle, "out", kShape, 0, 0);
  made.results["out"] = filled(Type::f32, kShape, -0.0F);
  EXPECT_TRUE(made.out().pass());
  set(made.results["out"], 5, std::numeric_limits<float>::denorm_min());
  EXPECT_TRUE(std::isinf(made.out().largest));
  EXPECT_EQ(made.out().failing, 1);
}

// Of binary16 gradients only, of the right sign only, near enough only.
TEST(Compare, HalfGradientsOverflow) {
  for (const auto& [type, name, want, got, pass] : {std::tuple{DType::f16, "d_query", 65519.9, kInf, true},
                                                    {DType::f16, "d_query", 65519.0, kInf, false},
                                                    {DType::f16, "d_query", -70000.0, -kInf, true},
                                                    {DType::f16, "d_query", -70000.0, kInf, false},
                                                    {DType::f16, "d_query", 70000.0, 70000.5F, true},
                                                    {DType::f16, "d_query", 70000.0, 65504.0F, false},
                                                    {DType::bf16, "d_query", 70000.0, kInf, false},
                                                    {DType::f16, "out", 70000.0, kInf, false}}) {
    Question question;
    question.spec.layout = "BNSD";
    question.out_type = type;
    Bundle bundle = to_bundle(question, {}, {});
    put(bundle, name, {1, 1, 1, 1}, want, 0.5F);
    EXPECT_EQ(checked(bundle, {{name, filled(Type::f32, {1, 1, 1, 1}, got)}}).pass, pass) << name << want << got;
  }
}

TEST(Compare, Integers) {
  Question question;
  question.spec.layout = "BNSD";
  question.out_type = DType::i8;
  Bundle bundle = to_bundle(question, {}, {});
  put(bundle, "out", {1, 1, 1, 2}, 5, 1);
  EXPECT_TRUE(checked(bundle, {{"out", filled(Type::i8, {1, 1, 1, 2}, std::int8_t{6})}}).pass);
  EXPECT_FALSE(checked(bundle, {{"out", filled(Type::i8, {1, 1, 1, 2}, std::int8_t{7})}}).pass);
  put(bundle, "out", {1, 1, 1, 2}, std::numeric_limits<double>::quiet_NaN(), 0);  // becomes any integer
  EXPECT_TRUE(checked(bundle, {{"out", filled(Type::i8, {1, 1, 1, 2}, std::int8_t{7})}}).pass);
}

// Sentinels of rows that see nothing, among numbers.
TEST(Compare, Statistics) {
  Bundle bundle = made_bundle("BNSD", 2, 2);
  const std::vector<index_t> shape{1, 2, 3};
  put(bundle, "softmax_max", shape, -static_cast<double>(kMax), 0);
  put(bundle, "lse", shape, static_cast<double>(kInf), 0);
  Results results{{"softmax_max", filled(Type::f32, shape, -kMax)}, {"lse", filled(Type::f32, shape, kInf)}};
  const Report right = checked(bundle, results);
  EXPECT_TRUE(right.pass);
  EXPECT_EQ(right.outputs[0].nmse, 0);
  set(results["lse"], 5, -kInf);
  set(results["softmax_max"], 0, -kInf);
  const Report wrong = checked(bundle, results);
  EXPECT_EQ(wrong.outputs[0].failing, 1);
  EXPECT_EQ(wrong.outputs[1].failing, 1);
  EXPECT_TRUE(wrong.outputs[1].worst.n == 1 && wrong.outputs[1].worst.i == 2);
}

TEST(Compare, EveryCopyOfAStatisticCounts) {
  Bundle bundle = made_bundle("BNSD", 2, 2);
  put(bundle, "softmax_max", {1, 2, 3});
  Results results{{"softmax_max", filled(Type::f32, {1, 2, 3, 8}, kRight)}};
  EXPECT_TRUE(checked(bundle, results).pass);
  EXPECT_EQ(checked(bundle, results).outputs[0].note, "");
  set(results["softmax_max"], 4 * 8 + 5, kRight + 0.001F);
  EXPECT_TRUE(checked(bundle, results).pass);
  EXPECT_EQ(checked(bundle, results).outputs[0].note,
            "the 8 copies differ in 1 of 6 rows, first in row 4 of the tensor; the worst copy of each row was judged");
  set(results["softmax_max"], 4 * 8 + 5, kNaN);
  EXPECT_EQ(checked(bundle, results).outputs[0].failing, 1);
  EXPECT_EQ(checked(bundle, results).outputs[0].worst.flat, 4);
}

// max + ln(sum) is what counts while the maximum itself is right.
TEST(Compare, ASumBelongsToItsMaximum) {
  Bundle bundle = made_bundle("BNSD", 1, 1);
  put(bundle, "softmax_max", {1, 1, 1}, 3, 0.125F);
  put(bundle, "softmax_sum", {1, 1, 1}, 10, 0.0625F);
  const auto sum_passes = [&](float max, float sum) {
    const Report report = checked(bundle, {{"softmax_max", filled(Type::f32, {1, 1, 1}, max)},
                                           {"softmax_sum", filled(Type::f32, {1, 1, 1}, sum)}});
    return report.outputs[1].pass();
  };
  EXPECT_TRUE(sum_passes(3, 10));
  EXPECT_FALSE(sum_passes(3, 10 * std::exp(-0.0625F)));
  EXPECT_TRUE(sum_passes(3.0625F, 10 * std::exp(-0.0625F)));
  EXPECT_FALSE(sum_passes(3.0625F, 10));
  EXPECT_TRUE(sum_passes(7, 10));  // a wrong maximum has its own report
}

TEST(Compare, TheTileOfTheFirstRow) {
  Bundle bundle = made_bundle("BNSD", 1, 1);
  Results results;
  for (const char* name : {"out", "d_key"}) {
    put(bundle, name, {1, 1, 200, 1});
    results[name] = filled(Type::f32, {1, 1, 200, 1}, kRight);
    set(results[name], 70, kNaN);
  }
  CheckOptions options;
  options.tile = {64, 32};
  const Report report = checked(bundle, results, options);
  EXPECT_EQ(report.outputs[0].first_tile, "row 70 is row 6 of query tile 1 (64 rows)");
  EXPECT_EQ(report.outputs[1].first_tile, "key 70 is key 6 of key tile 2 (32 keys)");
  EXPECT_EQ(checked(bundle, results).outputs[0].first_tile, "");
}

}  // namespace
}  // namespace kit
