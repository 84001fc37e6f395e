// Places in every layout, and what is said about tensors that do not fit.
#include <gtest/gtest.h>

#include "kit/check/grid.hpp"
#include "kit/check/made.hpp"

namespace kit {
namespace {

constexpr float kRight = static_cast<float>(kWant), kWrong = kRight + 1;

// The error of `out` for a tensor of this shape; empty if it passes.
std::string error_of(const Bundle& bundle, const std::string& name, const Tensor& tensor,
                     const std::string& layout = "") {
  CheckOptions options;
  options.layout = layout;
  const Report report = checked(bundle, {{name, tensor}}, options);
  EXPECT_EQ(report.pass, report.outputs.at(0).error.empty());
  return report.outputs.at(0).error;
}
std::string error_of(const Bundle& bundle, const std::string& name, const std::vector<index_t>& shape,
                     const std::string& layout = "") {
  return error_of(bundle, name, filled(Type::f32, shape, kRight), layout);
}

// Batch 2, heads 3, rows 5, width 4: where (1, 2, 3, 1) lies, counted by hand.
struct Home {
  const char* layout;
  std::vector<index_t> shape;
  index_t at;
};
const Home kHomes[] = {{"BSH", {2, 5, 12}, 60 + 3 * 12 + 2 * 4 + 1},
                       {"SBH", {5, 2, 12}, 3 * 24 + 12 + 2 * 4 + 1},
                       {"BNSD", {2, 3, 5, 4}, 60 + 2 * 20 + 3 * 4 + 1},
                       {"BSND", {2, 5, 3, 4}, 60 + 3 * 12 + 2 * 4 + 1},
                       {"BNSD_NBSD", {3, 2, 5, 4}, 2 * 40 + 20 + 3 * 4 + 1}};

TEST(Layout, PlaceOfAnElement) {
  for (const Home& home : kHomes) {
    Bundle bundle = made_bundle(home.layout, 3, 3);
    put(bundle, "out", home.shape);
    Tensor tensor = filled(Type::f32, home.shape, kRight);
    set(tensor, home.at, kWrong);
    const OutputReport out = checked(bundle, {{"out", tensor}}).outputs.at(0);
    EXPECT_EQ(out.failing, 1) << home.layout;
    EXPECT_EQ(out.worst.flat, home.at) << home.layout;
    EXPECT_TRUE(out.worst.b == 1 && out.worst.n == 2 && out.worst.i == 3 && out.worst.d == 1) << home.layout;
  }
}

// From each layout to each: the element is found where the foreign layout has it and named where the bundle has it.
TEST(Layout, OfAForeignTensor) {
  for (const Home& own : kHomes) {
    for (const Home& foreign : kHomes) {
      Bundle bundle = made_bundle(own.layout, 3, 3);
      put(bundle, "out", own.shape);
      Tensor tensor = filled(Type::f32, foreign.shape, kRight);
      set(tensor, foreign.at, kWrong);
      CheckOptions options;
      options.layout = foreign.layout == std::string("BNSD_NBSD") ? "NBSD" : foreign.layout;
      const OutputReport out = checked(bundle, {{"out", tensor}}, options).outputs.at(0);
      EXPECT_EQ(out.error, "");
      EXPECT_EQ(out.failing, 1) << own.layout << " " << foreign.layout;
      EXPECT_EQ(out.worst.flat, own.at) << own.layout << " " << foreign.layout;
    }
  }
}

// Sequences of 2, 0 and 3 rows and one row behind them; 2 heads of 4.
TEST(Layout, Packed) {
  Bundle bundle = made_bundle("TND", 2, 1, {2, 2, 5}, {3, 4, 7});
  put(bundle, "out", {6, 2, 4});
  put(bundle, "lse", {6, 2});
  put(bundle, "d_value", {8, 1, 4});
  const auto place = [&](const char* name, index_t at) {
    Tensor tensor = filled(Type::f32, bundle.find(name)->shape, kRight);
    set(tensor, at, kWrong);
    const OutputReport report = checked(bundle, {{name, tensor}}).outputs.at(0);
    EXPECT_EQ(report.failing, 1);
    const Place& worst = report.worst;
    return std::vector<index_t>{worst.b, worst.n, worst.i, worst.d};
  };
  EXPECT_EQ(place("out", (1 * 2 + 1) * 4 + 3), (std::vector<index_t>{0, 1, 1, 3}));
  EXPECT_EQ(place("out", (4 * 2 + 0) * 4 + 2), (std::vector<index_t>{2, 0, 2, 2}));
  EXPECT_EQ(place("out", (5 * 2 + 1) * 4), (std::vector<index_t>{3, 1, 0, 0}));  // behind the last
  EXPECT_EQ(place("lse", 3 * 2 + 1), (std::vector<index_t>{2, 1, 1, 0}));
  EXPECT_EQ(place("d_value", 3 * 4 + 1), (std::vector<index_t>{1, 0, 0, 1}));
  EXPECT_EQ(place("d_value", 7 * 4 + 1), (std::vector<index_t>{3, 0, 0, 1}));
}

TEST(Layout, HeadFirstPacked) {
  Bundle bundle = made_bundle("TND", 2, 2, {2, 5}, {2, 5});
  put(bundle, "out", {5, 2, 4});
  Tensor tensor = filled(Type::f32, {2, 5, 4}, kRight);
  set(tensor, (1 * 5 + 3) * 4 + 2, kWrong);
  CheckOptions options;
  options.layout = "NTD";
  const OutputReport out = checked(bundle, {{"out", tensor}}, options).outputs.at(0);
  EXPECT_EQ(out.worst.flat, (3 * 2 + 1) * 4 + 2);
  EXPECT_TRUE(out.worst.b == 1 && out.worst.n == 1 && out.worst.i == 1 && out.worst.d == 2);
}

TEST(Layout, BiasAndSink) {
  Bundle bundle = made_bundle("BNSD", 3, 3);
  put(bundle, "d_pse", {3, 5, 7});
  put(bundle, "d_sink", {3});
  Results results{{"d_pse", filled(Type::f32, {1, 3, 5, 7}, kRight)}, {"d_sink", filled(Type::f32, {3}, kRight)}};
  set(results["d_pse"], (2 * 5 + 3) * 7 + 6, kWrong);
  set(results["d_sink"], 2, kWrong);
  const Report report = checked(bundle, results);
  const Place pse = report.outputs.at(0).worst, sink = report.outputs.at(1).worst;
  EXPECT_TRUE(pse.b == 0 && pse.n == 2 && pse.i == 3 && pse.d == 6);
  EXPECT_EQ(sink.n, 2);
  EXPECT_EQ(report.outputs[1].where, "row 0 of head 2");
}

// [b][N1][S1_b][S2_b] with sequences of 2x3, 0x1 and 3x2.
TEST(Layout, FlatBias) {
  Question question;
  question.spec.layout = "TND";
  question.spec.head_num = 2;
  question.spec.actual_seq_qlen = {2, 2, 5};
  question.spec.actual_seq_kvlen = {3, 4, 6};
  question.spec.pse_form = glint::reference::PseForm::flat_score;
  Bundle bundle = to_bundle(question, {}, {});
  put(bundle, "d_pse", {24});
  Tensor tensor = filled(Type::f32, {24}, kRight);
  set(tensor, 12 + 1 * 6 + 2 * 2 + 1, kWrong);
  const Place worst = checked(bundle, {{"d_pse", tensor}}).outputs.at(0).worst;
  EXPECT_TRUE(worst.b == 2 && worst.n == 1 && worst.i == 2 && worst.d == 1);
  put(bundle, "d_pse", {23});
  EXPECT_EQ(error_of(bundle, "d_pse", {23}), "the bundle's tensor 'd_pse': has fewer elements than its sequences need");
}

TEST(Layout, ShapesWithTheSameElementsInPlacePass) {
  Bundle bundle = made_bundle("BSH", 3, 3);
  put(bundle, "out", {2, 5, 12});
  EXPECT_EQ(error_of(bundle, "out", {2, 5, 3, 4}), "");
  EXPECT_EQ(error_of(bundle, "out", {2, 5, 1, 12, 1}), "");
  EXPECT_EQ(error_of(bundle, "out", {5, 2, 3, 4}, "SBH"), "");
}

TEST(Layout, ErrorsOfShape) {
  Bundle bundle = made_bundle("BSND", 3, 3);
  put(bundle, "out", {2, 5, 3, 4});
  put(bundle, "lse", {2, 3, 5});
  EXPECT_EQ(error_of(bundle, "out", {2, 3, 5, 4}),
            "got shape (2, 3, 5, 4), want (2, 5, 3, 4) (BSND); the shape is that of BNSD: try --layout BNSD");
  EXPECT_EQ(error_of(bundle, "out", {5, 2, 12}),
            "got shape (5, 2, 12), want (2, 5, 3, 4) (BSND); the shape is that of SBH: try --layout SBH");
  EXPECT_EQ(error_of(bundle, "out", {2, 5, 3, 4}, "BNSD"),
            "got shape (2, 5, 3, 4), want (2, 3, 5, 4) (BNSD); the shape is that of BSND: try --layout BSND");
  EXPECT_EQ(error_of(bundle, "out", {2, 60}), "got shape (2, 60), want (2, 5, 3, 4) (BSND), of as many elements");
  EXPECT_EQ(error_of(bundle, "out", {2, 5, 3, 5}), "got shape (2, 5, 3, 5), want (2, 5, 3, 4) (BSND)");
  EXPECT_EQ(error_of(bundle, "out", {2, 5, 3, 4}, "TND"),
            "layout 'TND' is none of this case, want one of BSH, BSND, BNSD, SBH, NBSD");
  EXPECT_EQ(error_of(bundle, "lse", {2, 5, 3}),
            "got shape (2, 5, 3), want (2, 3, 5); the shape is that of (B, S, N): transpose the last two axes");
  EXPECT_EQ(error_of(bundle, "lse", {2, 3, 5, 7}), "got shape (2, 3, 5, 7), want (2, 3, 5)");
  Bundle packed = made_bundle("TND", 3, 3, {5}, {5});
  put(packed, "lse", {5, 3});
  EXPECT_EQ(error_of(packed, "lse", {3, 5}),
            "got shape (3, 5), want (5, 3); the shape is that of the transposed tensor");
}

TEST(Layout, ErrorsOfType) {
  Bundle bundle = made_bundle("BNSD", 1, 1);
  put(bundle, "out", {1, 1, 2, 2});
  EXPECT_EQ(error_of(bundle, "out", filled(Type::i32, {1, 1, 2, 2}, 1)), "got type I32, want F16, BF16, F32 or F64");
  EXPECT_EQ(error_of(bundle, "out", filled(Type::u16, {1, 1, 2, 2}, std::uint16_t{0x3f00})),
            "got type U16, want F16, BF16, F32 or F64");
  Tensor torn = filled(Type::f32, {1, 1, 2, 2}, kRight);
  torn.bytes.pop_back();
  EXPECT_EQ(error_of(bundle, "out", torn), "the tensor has not as many bytes as its shape says");
}

TEST(Layout, EveryFloatingPointType) {
  Question question;
  question.spec.layout = "BNSD";
  question.out_type = DType::bf16;
  Bundle bundle = to_bundle(question, {}, {});
  put(bundle, "out", {1, 1, 2, 2});
  EXPECT_EQ(error_of(bundle, "out", filled(Type::f64, {1, 1, 2, 2}, kWant)), "");
  EXPECT_EQ(error_of(bundle, "out", filled(Type::f16, {1, 1, 2, 2}, glint::from_float<glint::half>(kRight))), "");
  EXPECT_EQ(error_of(bundle, "out", filled(Type::bf16, {1, 1, 2, 2}, glint::from_float<glint::bfloat16>(kRight))), "");
  const Tensor bits = filled(Type::u16, {1, 1, 2, 2}, std::uint16_t{0x3f00});
  EXPECT_EQ(error_of(bundle, "out", bits), "");
  EXPECT_EQ(checked(bundle, {{"out", bits}}).outputs.at(0).note, "U16 read as the bits of BF16");
}

// Bundles from anywhere.
TEST(Layout, ErrorsOfTheBundle) {
  Bundle bundle = made_bundle("TND", 2, 2, {2, 9}, {2, 9});
  put(bundle, "out", {6, 2, 4});
  EXPECT_EQ(error_of(bundle, "out", {6, 2, 4}),
            "the bundle's tensor 'out': sequence 1 ends at row 9 of a tensor with 6");
  bundle = made_bundle("BNSD", 2, 2);
  put(bundle, "out", {6, 2, 4});
  EXPECT_EQ(error_of(bundle, "out", {6, 2, 4}),
            "the bundle's tensor 'out': shape (6, 2, 4) is none of BNSD with 2 heads");
  put(bundle, "lse", {6, 2});
  EXPECT_EQ(error_of(bundle, "lse", {6, 2}), "the bundle's tensor 'lse': shape (6, 2), want (B, N, S)");
  put(bundle, "d_sink", {1, 2});
  EXPECT_EQ(error_of(bundle, "d_sink", {1, 2}), "the bundle's tensor 'd_sink': shape (1, 2), want (N)");
  put(bundle, "out", {1, 2, 3, 4});
  bundle.tensors["out.tolerance"] = filled(Type::f32, {1, 2, 4, 3}, 0.0F);
  EXPECT_EQ(error_of(bundle, "out", {1, 2, 3, 4}),
            "the bundle's tensor 'out.tolerance' has shape (1, 2, 4, 3), want (1, 2, 3, 4)");
  bundle.tensors["out.tolerance"] = filled(Type::f64, {1, 2, 3, 4}, 0.0);
  EXPECT_EQ(error_of(bundle, "out", {1, 2, 3, 4}), "the bundle's tensor 'out.tolerance' has type F64, want F32");
  bundle.tensors.erase("out.tolerance");
  EXPECT_EQ(error_of(bundle, "out", {1, 2, 3, 4}), "the bundle has no tensor 'out.tolerance'");
  put(bundle, "out", {1, 2, 3, 4});
  bundle.tensors["out"].bytes.pop_back();
  EXPECT_EQ(error_of(bundle, "out", {1, 2, 3, 4}), "the bundle's tensor 'out' has not as many bytes as its shape says");
}

TEST(Layout, EmptyTensors) {
  Bundle bundle = made_bundle("BNSD", 2, 2);
  put(bundle, "out", {index_t{1} << 40, 2, 0, 4});
  EXPECT_EQ(error_of(bundle, "out", {index_t{1} << 40, 2, 0, 4}), "");
}

}  // namespace
}  // namespace kit
