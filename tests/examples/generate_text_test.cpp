// glint-test: isa-matrix
// examples/generate: that its two attention operators continue each other, that layouts and threads change nothing,
// and the text that a real model writes.
#include "synthetic.hpp"

namespace {

using namespace generate_test;

class Generation : public ::testing::Test {
 protected:
  Vector scores_after(const Storage& storage, int threads, bool at_once) const {
    const Workers workers(threads);
    Transformer transformer(model_, storage, static_cast<Index>(tokens_.size()), workers);
    if (at_once) return transformer(tokens_);
    Vector scores;
    for (const int token : tokens_) scores = transformer({token});
    return scores;
  }

  TemporaryFile file_{model_bytes()};
  Model model_ = read_model(file_.path());
  std::vector<int> tokens_{1, 263, 260, 17, 264, 99, 3, 262, 100, 200, 55};
};

TEST_F(Generation, DecodeContinuesPrefill) {
  const Vector at_once = scores_after({}, 1, true), stepwise = scores_after({}, 1, false);
  EXPECT_LE((at_once - stepwise).cwiseAbs().maxCoeff(), 1e-4F * at_once.cwiseAbs().maxCoeff());
}

TEST_F(Generation, LayoutAndThreadsChangeNoBit) {
  for (const glint::DType dtype : {glint::DType::f32, glint::DType::f16, glint::DType::bf16}) {
    for (const bool at_once : {false, true}) {
      const Vector want = scores_after({dtype, "BSH"}, 1, at_once);
      for (const char* const layout : {"BSH", "BNSD", "BSND"})
        for (const int threads : {1, 2, 3})
          EXPECT_EQ(scores_after({dtype, layout}, threads, at_once), want) << layout << ", " << threads << " threads";
    }
  }
}

TEST_F(Generation, SixteenBitsAreClose) {
  const Vector want = scores_after({}, 1, true);
  const auto distance = [&](glint::DType dtype) {
    return (scores_after({dtype, "BSH"}, 1, true) - want).norm() / want.norm();
  };
  EXPECT_LT(distance(glint::DType::f16), 0.01F);
  EXPECT_LT(distance(glint::DType::bf16), 0.1F);
  EXPECT_GT(distance(glint::DType::bf16), 0.0F);
}

TEST_F(Generation, ATemperatureDrawsBySeed) {
  const Vector scores = scores_after({}, 1, true);
  const auto draw = [&](std::uint64_t seed) {
    Sampler sample(2.0F, seed);
    std::vector<int> drawn;
    for (int i = 0; i < 20; ++i) drawn.push_back(sample(scores));
    return drawn;
  };
  EXPECT_EQ(draw(1), draw(1));
  EXPECT_NE(draw(1), draw(2));
}

std::string text_of(const Options& options) {
  std::string text;
  generate::generate(options, {[&](const std::string& piece) { text += piece; }, [](Index, Index) {}});
  return text;
}

TEST_F(Generation, ChecksThePromptAgainstTheContext) {
  const TemporaryFile tokenizer(tokenizer_bytes());
  Options options;
  options.model = file_.path();
  options.tokenizer = tokenizer.path();
  options.prompt = "abababa";
  EXPECT_EQ(text_of(options).substr(0, 7), "abababa");
  options.prompt = std::string(25, 'b');
  EXPECT_TRUE(says(refusal([&] { text_of(options); }), "longer than the model's context of 24"));
  options.prompt = std::string(1 << 24, 'b');  // must not take the time of 2^24 merges
  EXPECT_TRUE(says(refusal([&] { text_of(options); }), "longer than the model's context of 24"));
  options.prompt = "ab b b";
  options.steps = 2;
  EXPECT_TRUE(says(refusal([&] { text_of(options); }), "--steps"));
  options.steps = 25;
  EXPECT_TRUE(says(refusal([&] { text_of(options); }), "--steps is 25, the model's context 24"));
}

// The folder with stories260K.bin: $GLINT_MODELS, or shared/models beside a folder that holds this source or the
// current directory.
fs::path models() {
  std::vector<fs::path> folders;
  if (const char* const given = std::getenv("GLINT_MODELS")) folders.emplace_back(given);
  for (fs::path start : {fs::path(__FILE__), fs::current_path() / "."})
    while (start.has_relative_path()) folders.push_back((start = start.parent_path()) / "shared" / "models");
  for (const fs::path& folder : folders)
    if (fs::exists(folder / "stories260K.bin")) return folder;
  return {};
}

TEST(RealModel, WritesTheReferenceText) {
  const fs::path folder = models();
  if (folder.empty()) GTEST_SKIP() << "NOT TESTED: no stories260K.bin in $GLINT_MODELS or in ../shared/models";
  std::ifstream file(folder / "stories260K.greedy256.txt", std::ios::binary);
  const std::string golden{std::istreambuf_iterator<char>(file), {}};
  for (const char* const layout : {"BSH", "BNSD", "BSND"}) {
    for (const int threads : {1, 2}) {
      Options options;
      options.model = folder / "stories260K.bin";
      options.tokenizer = folder / "tok512.bin";
      options.threads = threads;
      options.storage.layout = layout;
      EXPECT_EQ(text_of(options) + "\n\n", golden) << layout << ", " << threads << " threads";
    }
  }
}

}  // namespace
