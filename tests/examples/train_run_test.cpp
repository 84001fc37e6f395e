// examples/train: that the loss falls, that threads change no bit of it, and how it is drawn.
#include "train_case.hpp"

namespace {

using namespace train_test;

std::vector<double> losses(int threads, Index steps, const Config& config, std::uint64_t seed = 1) {
  Case test({.steps = steps, .sequences = 5, .seed = seed, .schedule = {.steps = steps, .warm_up = 3}}, threads,
            config);
  std::vector<double> losses;
  for (Index i = 0; i < steps; ++i) losses.push_back(test.trainer.step());
  losses.push_back(test.trainer.held_out(2));
  return losses;
}

TEST(Training, ThreadsChangeNoBit) {
  // Several blocks of rows, the last one short.
  const Config config{.layers = 2, .heads = 3, .width = 96, .context = 40, .symbols = alphabet().size()};
  const std::vector<double> want = losses(1, 4, config);
  for (const int threads : {2, 3}) EXPECT_EQ(losses(threads, 4, config), want) << threads << " threads";
  EXPECT_NE(losses(1, 4, config, 2), want);
}

TEST(Training, LossFalls) {
  const std::vector<double> of = losses(2, 150, tiny());
  EXPECT_NEAR(of.front(), std::log(static_cast<double>(alphabet().size())), 0.2);
  EXPECT_LT(of[149], 0.8);
  EXPECT_LT(of[150], 0.8);  // held out
}

TEST(Training, TheRateRisesAndFalls) {
  const Schedule schedule{.steps = 100, .highest = 1, .warm_up = 10};
  EXPECT_FLOAT_EQ(schedule.rate(0), 0.1F);
  EXPECT_FLOAT_EQ(schedule.rate(9), 1);
  EXPECT_FLOAT_EQ(schedule.rate(10), 1);
  EXPECT_NEAR(schedule.rate(55), 0.525F, 1e-6F);
  EXPECT_LT(schedule.rate(99), 0.06F);
}

TEST(Training, HoldsOutWhatItDoesNotTrainOn) {
  // Every 16th stretch of 4096 characters, the second one first.
  std::string characters(3 * 4096, 'a');
  std::fill_n(characters.begin() + 4096, 4096, 'b');
  const Text text(characters, Alphabet("ab"), 10);
  std::mt19937_64 random;
  const Batch training = text.draw(20, random), held_out = text.held_out(20);
  EXPECT_EQ(training.tokens, std::vector<int>(200, 0));
  EXPECT_EQ(held_out.tokens, std::vector<int>(200, 1));
  EXPECT_TRUE(says(refusal([] { Text(std::string(8000, 'a'), Alphabet("a"), 4096); }), "too short"));
}

TEST(Training, TargetsAreTheNextCharacters) {
  std::mt19937_64 random;
  const Text text(tiny_text(), alphabet(), 7);
  const Batch batch = text.draw(50, random);
  for (std::size_t i = 0; i < batch.tokens.size(); ++i)
    EXPECT_TRUE(i % 7 == 6 || batch.targets[i] == batch.tokens[i + 1]) << i;
}

TEST(Training, DrawsTheLoss) {
  History history{.losses = {}, .held_out = {{0, 4.1}, {30000, 1.25}}};
  for (int i = 0; i < 30000; ++i) history.losses.push_back(1 + 3 * std::exp(-i / 3000.0));
  const std::string svg = picture(history);
  EXPECT_TRUE(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"));
  EXPECT_LT(svg.size(), 20000U);
  EXPECT_TRUE(says(svg, "1.25 at the end"));
}

}  // namespace
