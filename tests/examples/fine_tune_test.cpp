// glint-test: isa-matrix
// examples/fine_tune: that the gradient of a whole model, with attention's by glint, is the slope of its loss, on a
// synthetic model and on a real one.
#include "../../examples/fine_tune/finite_differences.hpp"
#include "../../examples/fine_tune/options.hpp"
#include "synthetic.hpp"

namespace {

using namespace fine_tune;
namespace fs = std::filesystem;

struct Lesson {
  Model model;
  std::vector<int> text;

  double loss(int threads = 1) const {
    const Workers workers(threads);
    return Decoder<FusedAttention>(model, workers).loss(text);
  }
  Model gradient(int threads = 1) const {
    const Workers workers(threads);
    Decoder<FusedAttention> decoder(model, workers);
    decoder.loss(text);
    return decoder.gradient();
  }
  ModelOf<double> exact_gradient() const {
    const Workers workers(1);
    const auto exact = cast<double>(model);
    Decoder<ExactAttention> decoder(exact, workers);
    decoder.loss(text);
    return decoder.gradient();
  }
};

// Two query heads for each key head; a negative vocabulary has a classifier of its own.
Lesson synthetic(std::int32_t vocab) {
  const generate_test::Header header{8, 12, 2, 4, 2, vocab, 24};
  const generate_test::TemporaryFile file(generate_test::model_bytes(header, header));
  return {generate::read_model(file.path()), {1, 263, 260, 17, 264, 99, 3, 262, 100, 200, 55, 17, 17, 260}};
}

Lesson real(const fs::path& folder) {
  Lesson lesson{.model = generate::read_model(folder / "stories260K.bin"), .text = {}};
  lesson.text = generate::Tokenizer(folder / "tok512.bin", lesson.model.config.vocab).encode(Options{}.text);
  return lesson;
}

// The model is a parameter of all tests, so that each says for itself what was not tested.
class FineTune : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    const std::string name = GetParam();
    if (name != "Stories260K") {
      lesson_ = synthetic(name == "SharedClassifier" ? 265 : -265);
      return;
    }
    const fs::path folder = generate_test::models();
    if (folder.empty()) GTEST_SKIP() << "NOT TESTED: no stories260K.bin in $GLINT_MODELS or in ../shared/models";
    lesson_ = real(folder);
  }

  Lesson lesson_;
};

// Relative to a weight's gradient and the root mean square of its tensor's.  Forwards and back, 62 products of matrices
// follow each other in the real model, with sums of 172 terms at most, but for one: sqrt(172) * 2^-24 each is 5e-5
// together, and twice that is allowed.  The worst of all 260032 weights is off by 3.8e-5.
constexpr double kTolerance = 1e-4;

TEST_P(FineTune, TheGradientIsTheSlopeOfTheLoss) {
  const Agreement agreement = with_finite_differences(lesson_.gradient(), lesson_.model, lesson_.text, 2);
  EXPECT_EQ(agreement.tensors, 2 + 9 * lesson_.model.config.layers + !lesson_.model.config.shared_classifier);
  EXPECT_EQ(agreement.weights, 2 * agreement.tensors);
  EXPECT_LE(agreement.worst, kTolerance) << agreement.where;
}

// Every weight, against the same program in double with the oracle's attention.
TEST_P(FineTune, FloatsAreAsGoodAsFloatsCanBe) {
  const auto compare = [](const std::string& name, const auto& got, const auto& want) {
    if (want.size() == 0) return;
    const auto error = (got.template cast<double>() - want).array().abs();
    EXPECT_LE((error / (want.array().abs() + root_mean_square(want))).maxCoeff(), kTolerance) << name;
  };
  const Model gradient = lesson_.gradient();
  const ModelOf<double> exact = lesson_.exact_gradient();
  for_each_tensor(compare, gradient, exact);
}

TEST_P(FineTune, ThreadsChangeNoBit) {
  const Model want = lesson_.gradient(1);
  for (const int threads : {2, 3}) {
    EXPECT_EQ(lesson_.loss(threads), lesson_.loss(1));
    const Model got = lesson_.gradient(threads);
    for_each_tensor([](const std::string& name, const auto& a, const auto& b) { EXPECT_TRUE(a == b) << name; }, got,
                    want);
  }
}

double squared_norm(const Model& gradient) {
  double sum = 0;
  const auto add = [&](const std::string&, const auto& slope) { sum += slope.template cast<double>().squaredNorm(); };
  for_each_tensor(add, gradient);
  return sum;
}

// To first order a step takes rate * |gradient|^2 off the loss: a wrong gradient anywhere takes less.
TEST_P(FineTune, ASmallStepTakesOffWhatTheGradientPromises) {
  const double rate = 1e-3, before = lesson_.loss();
  const Model gradient = lesson_.gradient();
  descend(lesson_.model, gradient, static_cast<float>(rate));
  EXPECT_NEAR((before - lesson_.loss()) / (rate * squared_norm(gradient)), 1, 0.02);
}

TEST_P(FineTune, ALargerStepLearnsTheText) {
  const double before = lesson_.loss();
  const Options options;
  for (int step = 0; step < 3; ++step) descend(lesson_.model, lesson_.gradient(), options.rate);
  EXPECT_LT(lesson_.loss(), 0.95 * before);
}

TEST_P(FineTune, ForetellsAsTheGeneratorDoes) {
  const Workers workers(1);
  generate::Transformer next(lesson_.model, {}, lesson_.model.config.context, workers);
  double loss = 0;
  for (std::size_t i = 0; i + 1 < lesson_.text.size(); ++i) {
    const Eigen::VectorXd scores = next({lesson_.text[i]}).cast<double>();
    const double top = scores.maxCoeff();
    loss += top + std::log((scores.array() - top).exp().sum()) - scores[lesson_.text[i + 1]];
  }
  EXPECT_NEAR(lesson_.loss(), loss / static_cast<double>(lesson_.text.size() - 1), 1e-5);
}

INSTANTIATE_TEST_SUITE_P(Models, FineTune, ::testing::Values("SharedClassifier", "OwnClassifier", "Stories260K"),
                         [](const auto& info) { return std::string(info.param); });

TEST(FineTuneOptions, AreUnderstoodOrRefused) {
  using generate_test::refusal;
  using generate_test::says;
  const Options options = parse({"folder/m.bin", "--text", "a", "--steps", "3", "--rate", "0.5", "--threads", "2"});
  EXPECT_EQ(options.tokenizer, fs::path("folder/tok512.bin"));
  EXPECT_EQ(options.text, "a");
  EXPECT_EQ(options.steps, 3);
  EXPECT_EQ(options.rate, 0.5F);
  EXPECT_EQ(options.threads, 2);
  EXPECT_TRUE(parse({"--help"}).help);
  EXPECT_TRUE(says(refusal([] { parse({}); }), "no model"));
  EXPECT_TRUE(says(refusal([] { parse({"m", "--rate", "nan"}); }), "--rate takes a number between"));
  EXPECT_TRUE(says(refusal([] { parse({"m", "--steps"}); }), "--steps needs a value"));
  EXPECT_TRUE(says(refusal([] { parse({"m", "--speed", "1"}); }), "does not take --speed"));
  EXPECT_TRUE(says(refusal([] { parse({"m", "n"}); }), "does not take n"));
}

}  // namespace
