// The gradient against Eigen's automatic differentiation of a forward written here, from the formula, for any scalar.
#include "gradient_cases.hpp"

#include <unsupported/Eigen/AutoDiff>  // expects Eigen/Core before it

namespace oracle_test {
namespace {

// --- the forward for any scalar ------------------------------------------------------------------------------------

using Dual = Eigen::AutoDiffScalar<Eigen::VectorXd>;

// The inputs of a case, flat, as scalars of another type.
struct DualInputs {
  std::vector<Dual> query, key, value, pse, sink;
  index_t count = 0;
};

std::vector<Dual> dual(const Array& array, index_t total, index_t& next) {
  std::vector<Dual> result;
  for (const double element : array.data) result.emplace_back(element, Eigen::VectorXd::Unit(total, next++));
  return result;
}

DualInputs dual_inputs(const AttentionCase& spec) {
  DualInputs inputs;
  const index_t total = spec.query.size() + spec.key.size() + spec.value.size() + spec.pse.size() + spec.sink.size();
  inputs.query = dual(spec.query, total, inputs.count);
  inputs.key = dual(spec.key, total, inputs.count);
  inputs.value = dual(spec.value, total, inputs.count);
  inputs.pse = dual(spec.pse, total, inputs.count);
  inputs.sink = dual(spec.sink, total, inputs.count);
  return inputs;
}

// Which keys row i sees, in the few modes used here, by index lists.
bool sees_key(const AttentionCase& spec, index_t b, index_t i, index_t j, index_t key_count) {
  if (spec.sparse_mode == 1) return spec.attn_mask.at(b, 0, i, j) == 0;
  if (spec.sparse_mode == 2) return j <= i;
  if (spec.sparse_mode == 3) return j <= i + key_count - rows;
  if (spec.sparse_mode == 4) return j <= i + key_count - rows && j >= i + key_count - rows - 1;
  return true;
}

Dual bias_of(const AttentionCase& spec, const DualInputs& in, index_t b, index_t n, index_t i, index_t j) {
  const auto at = [&](std::size_t axis, index_t along) { return spec.pse.shape[axis] == 1 ? 0 : along; };
  if (spec.pse_type <= 1) {
    return in.pse[static_cast<std::size_t>(
        ((at(0, b) * spec.pse.shape[1] + at(1, n)) * spec.pse.shape[2] + at(2, i)) * keys + j)];
  }
  const double distance = std::abs(static_cast<double>(j - (i + 1)));
  return in.pse[static_cast<std::size_t>(n)] * -(spec.pse_type == 2 ? distance : std::sqrt(distance));
}

// keepbit / keep_prob, bit by bit from the stream.
double kept_share(const AttentionCase& spec, index_t b, index_t n, index_t i, index_t j, index_t key_count) {
  if (spec.keep_prob == 1) return 1;
  const index_t row = (b * heads + n) * rows + i;
  if (spec.philox) return glint::reference::philox_keep(9, 0, 0.6, row * 16 + j) ? 1 / 0.6 : 0;
  const index_t element = row * key_count + j;
  return (spec.drop_mask.flat(element / 8) & (1 << (element % 8))) != 0 ? 1 / spec.keep_prob : 0;
}

struct RowPlace {
  index_t b, n, i;
};

// softcap * tanh(score / softcap); AutoDiff has no overload that takes an expression.
Dual capped(const AttentionCase& spec, const Dual& score) {
  return spec.softcap == 0 ? score : Dual(tanh(Dual(score / spec.softcap)) * spec.softcap);
}

// exp(x_j) of one row without the shift by the maximum: the scores here are small.
Dual exp_score(const AttentionCase& spec, const DualInputs& in, const RowPlace& at, index_t j, index_t key_count) {
  const index_t query_row = ((at.b * heads + at.n) * rows + at.i) * width;
  const index_t key_row = ((at.b * kv_heads + at.n / 2) * key_count + j) * width;
  Dual product = in.query[static_cast<std::size_t>(query_row)] * in.key[static_cast<std::size_t>(key_row)];
  for (index_t d = 1; d < width; ++d) {
    product += in.query[static_cast<std::size_t>(query_row + d)] * in.key[static_cast<std::size_t>(key_row + d)];
  }
  const Dual score = product * (spec.q_scale * spec.scale);
  if (!spec.pse.present()) return exp(capped(spec, score));
  const Dual bias = bias_of(spec, in, at.b, at.n, at.i, j) * (spec.pse_type == 1 ? spec.scale : 1);
  const bool inside = spec.pse_type == 1 || spec.softcap_order == SoftcapOrder::after_bias;
  return exp(inside ? capped(spec, Dual(score + bias)) : Dual(capped(spec, score) + bias));
}

// sum(d_out o out), the number whose gradient is wanted.
Dual loss(const AttentionCase& spec, const DualInputs& in, const Array& d_out) {
  const index_t key_count = spec.key.shape[2];
  Dual total(0, Eigen::VectorXd::Zero(in.count));
  for (index_t row = 0; row < batch * heads * rows; ++row) {
    const RowPlace at{row / (heads * rows), row / rows % heads, row % rows};
    Dual sum(0, Eigen::VectorXd::Zero(in.count)), weighted = sum;
    if (spec.sink.present()) sum += exp(in.sink[static_cast<std::size_t>(at.n)]);
    for (index_t j = 0; j < key_count; ++j) {
      if (!sees_key(spec, at.b, at.i, j, key_count)) continue;
      const Dual weight = exp_score(spec, in, at, j, key_count);
      sum += weight;
      const double kept = kept_share(spec, at.b, at.n, at.i, j, key_count);
      for (index_t d = 0; d < value_width; ++d) {
        const index_t element = ((at.b * kv_heads + at.n / 2) * key_count + j) * value_width + d;
        weighted += weight * in.value[static_cast<std::size_t>(element)] * (kept * d_out.flat(row * value_width + d));
      }
    }
    if (sum.value() > 0) total += Dual(weighted / sum);
  }
  return total;
}

void expect_relative(const Array& actual, const Eigen::VectorXd& expected, index_t begin, const std::string& what) {
  ASSERT_GE(expected.size(), begin + actual.size());
  const double largest = expected.size() == 0 ? 0 : expected.cwiseAbs().maxCoeff();
  for (index_t i = 0; i < actual.size(); ++i) {
    EXPECT_NEAR(actual.flat(i), expected(begin + i), 1e-12 * largest) << what << " at " << i;
  }
}

TEST(Gradient, AgreesWithAutomaticDifferentiation) {
  for (const Named& named : all_cases()) {
    const AttentionCase& spec = named.spec;
    const Array d_out = varied({batch, heads, rows, value_width}, 8);
    const Eigen::VectorXd expected = loss(spec, dual_inputs(spec), d_out).derivatives();
    const GradientResult result = gradient(GradientCase{spec, d_out});
    const index_t key_begin = spec.query.size(), value_begin = key_begin + spec.key.size();
    const index_t pse_begin = value_begin + spec.value.size(), sink_begin = pse_begin + spec.pse.size();
    expect_relative(result.d_query, expected, 0, named.name + " dq");
    expect_relative(result.d_key, expected, key_begin, named.name + " dk");
    expect_relative(result.d_value, expected, value_begin, named.name + " dv");
    expect_relative(result.d_pse, expected, pse_begin, named.name + " dpse");
    expect_relative(result.d_sink, expected, sink_begin, named.name + " dsink");
    EXPECT_EQ(result.d_pse.present(), spec.pse.present() && spec.pse_type <= 1) << named.name;
    EXPECT_EQ(result.d_sink.shape, spec.sink.shape) << named.name;
  }
}

// The test's own forward must be the oracle's, or the comparison above would mean little.
TEST(Gradient, TheForwardOfThisTestIsTheOracles) {
  for (const Named& named : all_cases()) {
    const Array d_out = varied({batch, heads, rows, value_width}, 8);
    const Array out = attention(named.spec).out;
    double expected = 0;
    for (index_t i = 0; i < out.size(); ++i) expected += out.flat(i) * d_out.flat(i);
    EXPECT_NEAR(loss(named.spec, dual_inputs(named.spec), d_out).value(), expected, 1e-13) << named.name;
  }
}

}  // namespace
}  // namespace oracle_test
