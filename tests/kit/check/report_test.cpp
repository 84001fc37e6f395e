// What people and programs read, to the letter.
#include <gtest/gtest.h>

#include "kit/check/made.hpp"

namespace kit {
namespace {

constexpr float kRight = static_cast<float>(kWant), kNaN = std::numeric_limits<float>::quiet_NaN();

// The second query tile of head 1 in entry 1 is a quarter off, the last two rows of all heads are not written.
Report wrong_report() {
  Bundle bundle = made_bundle("BNSD", 3, 3);
  bundle.notes["case"] = "op=fwd layout=BNSD dtype=f32 b=2 sq=130 sk=130 n=3 nkv=3 d=4";
  const std::vector<index_t> shape{2, 3, 130, 4};
  put(bundle, "out", shape);
  put(bundle, "lse", {2, 3, 130});
  Results results{{"out", filled(Type::f32, shape, kRight)}, {"lse", filled(Type::f32, {2, 3, 130}, kRight)}};
  const auto fill = [&](index_t b, index_t n, index_t first, index_t last, float value) {
    for (index_t at = first * 4; at < last * 4; ++at) set(results["out"], (b * 3 + n) * 520 + at, value);
  };
  fill(1, 1, 64, 128, kRight + 0.25F);
  for (index_t head = 0; head < 6; ++head) fill(head / 3, head % 3, 128, 130, kNaN);
  CheckOptions options;
  options.tile = {64, 128};
  Report report = checked(bundle, results, options);
  report.hints.push_back({"rows.tail_unwritten",
                          "The kernel does not write the last tile of query rows, which has 2 of 64 rows. Round the "
                          "number of tiles up: (130 + 63) / 64.",
                          1});
  return report;
}

TEST(Report, TextOfAWrongResult) {
  EXPECT_EQ(text(wrong_report()),
            R"(FAIL: out is wrong in 304 of 3120 elements, in 76 of 780 rows
  case         op=fwd layout=BNSD dtype=f32 b=2 sq=130 sk=130 n=3 nkv=3 d=4
  contract     |got - want| <= u |want| + 16 * 2^-24 * W * (1 + A), u of f32

out: FAIL, 304 of 3120 elements in 76 of 780 rows
  wrong        rows 128-129 of every head in every entry; rows 64-127 of head 1 in entry 1
  worst        b=0 n=0 i=128 d=0: got NaN, want 0.5
  first        b=0 n=0 i=128 d=0; row 128 is row 0 of query tile 2 (64 rows)
  not written  48 of 3120 elements: rows 128-129, the last 2 of every head in every entry
  tolerances   < 256           64 rows  ########################################
               NaN, inf        12 rows  #########################
  overall      max abs 0.25, NMSE 0.0208, cosine 0.9913145 (finite numbers only)

lse: pass, 780 elements; largest error 0 of its tolerance; max abs 0, NMSE 0, cosine 1

What explains it:
  rows.tail_unwritten (100 % of the rows looked at)
               The kernel does not write the last tile of query rows, which has 2 of 64 rows. Round
               the number of tiles up: (130 + 63) / 64.
)");
}

TEST(Report, TextOfARightResult) {
  Bundle bundle = made_bundle("BNSD", 3, 3);
  put(bundle, "out", {1, 3, 2, 4});
  Tensor out = filled(Type::f32, {1, 3, 2, 4}, kRight);
  set(out, 5, static_cast<float>(kWant + 0.25 * kTolerance));
  EXPECT_EQ(text(checked(bundle, {{"out", out}})),
            R"(PASS: all 24 elements of 1 output are within the contract, the largest error 0.25 of its tolerance
  case         a case
  contract     |got - want| <= u |want| + 16 * 2^-24 * W * (1 + A), u of f32

out: pass, 24 elements; largest error 0.25 of its tolerance; max abs 0.00195, NMSE 6.36e-07, cosine 0.9999997
)");
}

// With NaN among the inputs NaN in the output has two meanings; a number that was agreed on has one.
TEST(Report, TextOfNaNThatMayHaveLeaked) {
  Bundle bundle = made_bundle("BNSD", 1, 1);
  put(bundle, "out", {1, 1, 2, 4});
  Tensor out = filled(Type::f32, {1, 1, 2, 4}, kRight);
  for (index_t at = 4; at < 8; ++at) set(out, at, kNaN);
  const std::string unwritten = "  not written  4 of 8 elements: row 1, the last\n";
  const std::string either = "  NaN there    4 of 8 elements (never written, or a leak): row 1, the last\n";
  const auto text_of = [&](const CheckOptions& options) { return text(checked(bundle, {{"out", out}}, options)); };
  EXPECT_NE(text_of({}).find(unwritten), std::string::npos) << text_of({});
  bundle.tensors["value"] = filled(Type::bf16, {1, 1, 2, 4}, glint::from_float<glint::bfloat16>(kRight));
  EXPECT_NE(text_of({}).find(unwritten), std::string::npos) << text_of({});
  bundle.tensors["value"] = filled(Type::bf16, {1, 1, 2, 4}, glint::from_float<glint::bfloat16>(kNaN));
  EXPECT_NE(text_of({}).find(either), std::string::npos) << text_of({});
  for (index_t at = 4; at < 8; ++at) set(out, at, 7.0F);
  CheckOptions options;
  options.poison = 7;
  EXPECT_NE(text_of(options).find(unwritten), std::string::npos) << text_of(options);
}

// The numbers can be compared, the question cannot be read.
TEST(Report, SaysWhyThereAreNoHints) {
  Bundle bundle = made_bundle("BNSD", 1, 1);
  put(bundle, "out", {1, 1, 2, 4});
  const Results wrong{{"out", filled(Type::f32, {1, 1, 2, 4}, -kRight)}};
  const Report report = check(bundle, wrong, {});
  EXPECT_FALSE(report.pass);
  EXPECT_NE(report.no_hints, "");
  EXPECT_NE(text(report).find("\nno hints: " + report.no_hints), std::string::npos) << text(report);
  EXPECT_EQ(checked(bundle, wrong).no_hints, "");
}

TEST(Report, TextOfSeveralWrongOutputs) {
  Bundle bundle = made_bundle("BNSD", 2, 1);
  put(bundle, "d_key", {1, 1, 4, 2});
  put(bundle, "d_sink", {2});
  Tensor d_key = filled(Type::f32, {1, 1, 4, 2}, kRight);
  set(d_key, 3, -kRight);
  CheckOptions options;
  options.factor = 0.5;
  EXPECT_EQ(text(checked(bundle, {{"d_key", d_key}, {"d_sink", filled(Type::f32, {3}, kRight)}}, options)),
            R"(FAIL: 2 of 2 outputs are wrong: d_key, d_sink
  case         a case
  contract     |got - want| <= u |want| + 16 * 2^-24 * W * (1 + A), u of f32; times 0.5

d_key: FAIL, 1 of 8 elements in 1 of 4 rows
  wrong        key 1; only element 1 of 2
  worst        b=0 n=0 i=1 d=1: got -0.5, want 0.5, off by 1 = 256 tolerances (of 0.00391)
  first        b=0 n=0 i=1 d=1
  tolerances   < 2^16           1 row   ########################################
  overall      max abs 1, NMSE 0.5, cosine 0.75

d_sink: NOT COMPARED
  because      got shape (3), want (2)
)");
}

TEST(Report, TextOfWhatCannotBeChecked) {
  const Bundle bundle = made_bundle("BNSD", 2, 1);
  EXPECT_EQ(text(checked(bundle, {})),
            "NOT CHECKED: no result was given; the bundle has no outputs\n  case         a case\n");
  EXPECT_EQ(checked(bundle, {{"out", {}}}).outputs.at(0).error, "the bundle has no outputs");
  EXPECT_EQ(checked(bundle, {{"qqq", {}}}).outputs.at(0).error, "is no output; the bundle has no outputs");
  EXPECT_EQ(text(checked(bundle, {{"qqq", {}}})).substr(0, 29), "FAIL: qqq cannot be compared\n");
  const Report report = checked(Bundle{}, {{"out", {}}});
  EXPECT_FALSE(report.pass);
  EXPECT_NE(report.error, "");
}

TEST(Report, LinesAreShort) {
  for (const std::string& all : {text(wrong_report())}) {
    std::size_t length = 0;
    for (const char letter : all) {
      length = letter == '\n' ? 0 : length + 1;
      EXPECT_LE(length, 100U);
      EXPECT_TRUE(letter == '\n' || (letter >= ' ' && letter <= '~'));
    }
  }
}

TEST(Report, JsonHasEveryKey) {
  const std::string all = json(wrong_report());
  EXPECT_NE(all.find(R"(  "outputs": [
    {
      "name": "out",
      "pass": false,
      "error": "",
      "elements": 3120,
      "failing": 304,
      "unwritten": 48,
      "rows": 780,
      "failing_rows": 76,
      "largest": "Infinity",
      "worst": {
        "flat": 512,
        "b": 0,
        "n": 0,
        "i": 128,
        "d": 0
      },
      "got": "NaN",
      "want": 0.5,
      "tolerance": 0.0078125,
      "first": {)"),
            std::string::npos)
      << all;
  for (const char* key : {"pass",     "error",      "case",      "contract",       "tile",
                          "hints",    "first_tile", "where",     "elements_where", "unwritten_where",
                          "may_leak", "no_hints",   "histogram", "max_abs",        "nmse",
                          "cosine",   "note",       "id",        "sentence",       "explained"})
    EXPECT_NE(all.find("\"" + std::string(key) + "\":"), std::string::npos) << key;
}

}  // namespace
}  // namespace kit
