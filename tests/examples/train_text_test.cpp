// glint-test: isa-matrix
// examples/train: that decode continues prefill, and the text that the shipped weights write.
#include "train_case.hpp"

namespace {

using namespace train_test;

// A tiny model that has learned a little, so that its choices are clear ones.
const Model& learned() {
  static const Model model = [] {
    Case test({.sequences = 5, .schedule = {.steps = 150, .warm_up = 3}});
    for (int i = 0; i < 150; ++i) test.trainer.step();
    return Model{alphabet(), std::move(test.weights)};
  }();
  return model;
}

// As write does, but every character by PromptFlashAttention over all that is before it.
std::vector<int> written_by_prompts(const Weights& weights, Index count, std::vector<int> tokens) {
  const Workers workers(1);
  Writer writer(weights, workers);
  generate::Sampler sample(0, 1);
  for (Index i = 0; i < count; ++i) {
    const Index from = first_seen(static_cast<Index>(tokens.size()), weights.config.context);
    tokens.push_back(sample(writer.read(std::span<const int>(tokens).subspan(static_cast<std::size_t>(from)))));
  }
  return tokens;
}

std::vector<int> written(const Weights& weights, Index count, std::vector<int> tokens, int threads = 1) {
  const Workers workers(threads);
  write(weights, workers, count, generate::Sampler(0, 1), tokens, [](int) {});
  return tokens;
}

TEST(Writing, DecodeContinuesPrefill) {
  const Workers workers(1);
  const Model& model = learned();
  Writer at_once(model.weights, workers), stepwise(model.weights, workers);
  const std::vector<int> tokens = alphabet().tokens("the cat sat on the hat");
  const auto all = std::span<const int>(tokens);
  generate::Vector scores = stepwise.read(all.first(5));
  for (std::size_t i = 5; i < all.size(); ++i) scores = stepwise.read(all.subspan(i, 1), static_cast<Index>(i));
  const generate::Vector want = at_once.read(all);
  EXPECT_LE((scores - want).cwiseAbs().maxCoeff(), 1e-4F * want.cwiseAbs().maxCoeff());
}

// Longer than the context of 24, so that the window moves several times.
TEST(Writing, IsTheTextOfPromptsAlone) {
  const Weights& weights = learned().weights;
  for (const char* const prompt : {"t", "the cat", "a dog ate the hat; a dog ate the hat; a dog"}) {
    const std::vector<int> tokens = alphabet().tokens(prompt), text = written(weights, 100, tokens);
    EXPECT_EQ(text, written_by_prompts(weights, 100, tokens)) << prompt;
    EXPECT_EQ(text, written(weights, 100, tokens, 3)) << prompt;
  }
}

TEST(Writing, SeesTheContextAndNoMore) {
  for (const Index context : {1, 2, 3, 24, 25}) {
    for (Index tokens = 1; tokens < 120; ++tokens) {
      const Index from = first_seen(tokens, context);
      EXPECT_LT(from, tokens);
      EXPECT_LE(tokens - from, context);
      EXPECT_GE(tokens - from, std::min(tokens, context / 2));
      EXPECT_LE(first_seen(tokens - 1, context), from);
    }
  }
}

// What is read at once for writing is scored as it was in training.
TEST(Writing, ScoresAsTrainingDid) {
  const Model& model = learned();
  const Config& config = model.weights.config;
  const Workers workers(1);
  const std::vector<int> tokens = alphabet().tokens(tiny_text().substr(0, static_cast<std::size_t>(config.context)));
  Attention attention(config, 1, workers);
  const Activations activations(config, config.context);
  const In all = forward(model.weights, tokens, 0, activations, workers,
                         [&](std::size_t layer, In qkv, Out out) { attention.forward(layer, qkv, out); });
  const auto want = Eigen::Map<const generate::Vector>(all.row(config.context - 1), all.columns);
  Writer writer(model.weights, workers);
  EXPECT_LE((writer.read(tokens) - want).cwiseAbs().maxCoeff(), 1e-4F * want.cwiseAbs().maxCoeff());
}

class Shipped : public ::testing::Test {
 protected:
  std::vector<int> tokens(const std::string& text) const { return model_.alphabet.tokens(text); }

  Model model_ = read_weights(fs::path(__FILE__).parent_path() / "../../examples/train/weights.bin");
  Workers workers_{1};
  Writer writer_{model_.weights, workers_};
};

TEST_F(Shipped, KnowTheLanguage) {
  const std::vector<int> text =
      tokens("And it came to pass in those days, that the word of the LORD came unto me, saying,");
  double nats = 0;
  for (std::size_t i = 1; i < text.size(); ++i) {
    const generate::Vector scores = writer_.read(std::span(text).subspan(i - 1, 1), static_cast<Index>(i) - 1);
    nats += static_cast<double>(std::log((scores.array() - scores[text[i]]).exp().sum()));
  }
  EXPECT_LT(nats / static_cast<double>(text.size() - 1), 1.0);
}

// As far as every choice is a clear one, so that the last bits of a CPU do not decide.
TEST_F(Shipped, WriteTheSameTextEverywhere) {
  const std::string want = "And God said, The LORD said unto the ";
  std::vector<int> text = tokens("And God said, ");
  generate::Vector scores = writer_.read(text);
  while (text.size() < want.size()) {
    Index best = 0;
    const float top = scores.maxCoeff(&best);
    scores[best] = -1e9F;
    EXPECT_GT(top - scores.maxCoeff(), 0.01F) << text.size();
    text.push_back(static_cast<int>(best));
    scores = writer_.read(std::span(text).last(1), static_cast<Index>(text.size()) - 1);
  }
  EXPECT_EQ(text, tokens(want));
  EXPECT_EQ(written(model_.weights, static_cast<Index>(want.size()) - 14, tokens("And God said, ")), text);
}

}  // namespace
