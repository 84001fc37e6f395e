// glint-test: isa-matrix
// examples/train: every gradient of the whole model against differences of its loss.
#include "train_case.hpp"

namespace {

using namespace train_test;

class Gradient : public ::testing::Test {
 protected:
  // Larger weights than at the beginning, so that no gradient is small; all of them, so that no gain is 1.
  Gradient() {
    std::mt19937_64 random(5);
    for (const Out tensor : case_.weights.tensors())
      for (Index i = 0; i < tensor.size(); ++i)
        tensor.data[i] += 0.6F * (static_cast<float>(random() >> 40) * 0x1p-24F - 0.5F);
    batch_ = case_.text.draw(3, random);
  }

  double loss_beside(const Out& tensor, const std::vector<float>& direction, double step) {
    const std::vector<float> before(tensor.data, tensor.data + tensor.size());
    for (std::size_t i = 0; i < before.size(); ++i) tensor.data[i] += static_cast<float>(step) * direction[i];
    const double loss = case_.trainer.loss(batch_);
    std::copy(before.begin(), before.end(), tensor.data);
    return loss;
  }

  // Along the gradient of each tensor the loss rises by the gradient's length.  Differences of fourth order, so that
  // steps may be large enough for float losses.
  void expect_right() {
    case_.trainer.loss(batch_);
    const Weights& gradient = case_.trainer.gradient(batch_);
    for (std::size_t i = 0; i < gradient.tensors().size(); ++i) {
      const In g = gradient.tensors()[i];
      std::vector<float> direction(g.data, g.data + g.size());
      const double length = std::sqrt(squared_norm(g));
      ASSERT_GT(length, 1e-4) << "tensor " << i;
      for (float& d : direction) d /= static_cast<float>(length);
      const auto beside = [&](double step) { return loss_beside(case_.weights.tensors()[i], direction, step); };
      const double step = 0.02;
      const double slope = (8 * (beside(step) - beside(-step)) - (beside(2 * step) - beside(-2 * step))) / (12 * step);
      EXPECT_NEAR(slope, length, 2e-3 * length + 2e-5) << "tensor " << i;
    }
  }

  Case case_{{.sequences = 3}};
  Batch batch_;
};

TEST_F(Gradient, IsTheSlopeOfTheLoss) { expect_right(); }

TEST_F(Gradient, IsTheSlopeWithDropout) {
  case_.trainer.attention().dropout(0.7, 3);
  expect_right();
}

TEST_F(Gradient, DropoutDropsAndFollowsItsSeed) {
  const auto loss = [&](double keep_prob, std::uint64_t seed) {
    case_.trainer.attention().dropout(keep_prob, seed);
    return case_.trainer.loss(batch_);
  };
  EXPECT_EQ(loss(0.7, 3), loss(0.7, 3));
  EXPECT_NE(loss(0.7, 3), loss(0.7, 4));
  EXPECT_NE(loss(0.7, 3), loss(1, 3));
  EXPECT_EQ(loss(1, 3), loss(1, 4));
}

}  // namespace
