// The error contract of the gradient on long sums: dk, dv, dpse and dsink over 32768 and 262144 rows, dq over 65536
// keys, with V and dO far from zero and P nearly uniform, against plain loops in double.
#include "support/score_grad_differential.hpp"

namespace {

using namespace glint_test;

constexpr index_t kDim = 64;

template <class T>
struct Numbers {
  index_t rows, keys;
  std::vector<T> q, k, v, d_out, bias;
  float sink = 1;
  double scale = 0.125;

  Numbers(index_t row_count, index_t key_count, std::uint64_t seed) : rows(row_count), keys(key_count) {
    const auto fill = [seed](std::vector<T>& to, index_t count, double spread, double mean, std::uint64_t stream) {
      Random random(seed, stream);
      for (index_t i = 0; i < count; ++i) to.push_back(detail::random_value<T>(random, spread, mean));
    };
    fill(q, rows * kDim, 0.1, 0, 1);
    fill(k, keys * kDim, 0.1, 0, 2);
    fill(v, keys * kDim, 0.5, 1, 3);
    fill(d_out, rows * kDim, 0.5, 1, 4);
    fill(bias, keys, 0.1, 0, 5);
  }
};

// An array of sums, and of the same sums with every term taken absolutely.
struct Sums {
  std::vector<double> value, weight;

  explicit Sums(index_t count) : value(static_cast<std::size_t>(count)), weight(value) {}
  void add(index_t at, double term, double absolute) {
    value[static_cast<std::size_t>(at)] += term;
    weight[static_cast<std::size_t>(at)] += absolute;
  }
};

template <class T>
double number(const std::vector<T>& from, index_t row, index_t d) {
  return static_cast<double>(glint::to_float(from[static_cast<std::size_t>(row * kDim + d)]));
}

template <class T>
class InDouble {
 public:
  explicit InDouble(const Numbers<T>& numbers)
      : d_q(numbers.rows * kDim),
        d_k(numbers.keys * kDim),
        d_v(numbers.keys * kDim),
        d_bias(numbers.keys),
        d_sink(1),
        from_(numbers) {
    for (index_t i = 0; i < from_.rows; ++i) add_row(i);
  }
  Sums d_q, d_k, d_v, d_bias, d_sink;
  double scores = 0;  // A

 private:
  void add_row(index_t i) {
    const auto keys = static_cast<std::size_t>(from_.keys);
    std::vector<double> p(keys), d_p(keys), d_p_abs(keys);
    double sum = std::exp(static_cast<double>(from_.sink)), row_dot = 0, row_dot_abs = 0;  // scores are small
    for (index_t j = 0; j < from_.keys; ++j) sum += p[static_cast<std::size_t>(j)] = std::exp(score(i, j));
    for (index_t j = 0; j < from_.keys; ++j) {
      const auto at = static_cast<std::size_t>(j);
      p[at] /= sum;
      for (index_t d = 0; d < kDim; ++d) {
        const double g = number(from_.d_out, i, d), term = g * number(from_.v, j, d);
        d_p[at] += term, d_p_abs[at] += std::abs(term);
        d_v.add(j * kDim + d, p[at] * g, p[at] * std::abs(g));
      }
      row_dot += p[at] * d_p[at], row_dot_abs += p[at] * d_p_abs[at];
    }
    for (index_t j = 0; j < from_.keys; ++j) {
      const auto at = static_cast<std::size_t>(j);
      add_score(i, j, p[at] * (d_p[at] - row_dot), p[at] * (d_p_abs[at] + row_dot_abs));
    }
    const double of_sink = std::exp(static_cast<double>(from_.sink)) / sum;
    d_sink.add(0, -of_sink * row_dot, of_sink * row_dot_abs);
  }

  double score(index_t i, index_t j) {
    double product = 0, absolute = 0;
    for (index_t d = 0; d < kDim; ++d) {
      const double term = number(from_.q, i, d) * number(from_.k, j, d);
      product += term, absolute += std::abs(term);
    }
    const auto bias = static_cast<double>(glint::to_float(from_.bias[static_cast<std::size_t>(j)]));
    scores = std::max({scores, from_.scale * absolute + std::abs(bias), static_cast<double>(from_.sink)});
    return from_.scale * product + bias;
  }

  void add_score(index_t i, index_t j, double d_s, double absolute) {
    d_bias.add(j, d_s, absolute);
    for (index_t d = 0; d < kDim; ++d) {
      const double q = from_.scale * number(from_.q, i, d), k = from_.scale * number(from_.k, j, d);
      d_q.add(i * kDim + d, d_s * k, absolute * std::abs(k));
      d_k.add(j * kDim + d, d_s * q, absolute * std::abs(q));
    }
  }

  const Numbers<T>& from_;
};

template <class Stored>
double largest_c(const std::vector<Stored>& got, const Sums& want, double scores, double r) {
  double worst = 0;
  for (std::size_t i = 0; i < got.size(); ++i)
    worst = std::max(worst, needed_c<Stored>(static_cast<double>(glint::to_float(got[i])), want.value[i],
                                             want.weight[i], scores, r * want.weight[i]));
  return worst;
}

template <class T>
void expect_contract(index_t rows, index_t keys, int inner_precise = 0) {
  const Numbers<T> numbers(rows, keys, 201);
  const auto blank = [](index_t count) { return std::vector<T>(static_cast<std::size_t>(count)); };
  std::vector<T> out = blank(rows * kDim), d_q = out, d_k = blank(keys * kDim), d_v = d_k, d_bias = blank(keys);
  std::vector<float> lse(static_cast<std::size_t>(rows)), d_sink(1);
  glint::ScoreProblem<T> p;
  p.q = numbers.q.data(), p.k = numbers.k.data(), p.v = numbers.v.data(), p.out = out.data();
  p.shape = {.batch = 1, .heads = 1, .q_len = rows, .kv_len = keys, .head_dim = kDim};
  p.scale = static_cast<float>(numbers.scale);
  p.pse = {numbers.bias.data(), glint::dtype_of<T>, 1, 1, 1, keys};
  p.pse_type = 0;
  p.sink = &numbers.sink;
  p.lse = lse.data();
  p.inner_precise = inner_precise;
  const TestExecutor executor{TestExecutor::Kind::threads, 2};
  const glint::FlashAttentionScore<glint::layout::BNSD, T> attend;
  ASSERT_TRUE(static_cast<bool>(attend(p, executor)));
  const glint::FlashAttentionScoreGrad<glint::layout::BNSD, T> gradient;
  ASSERT_TRUE(static_cast<bool>(gradient({.forward = p,
                                          .d_out = numbers.d_out.data(),
                                          .d_q = d_q.data(),
                                          .d_k = d_k.data(),
                                          .d_v = d_v.data(),
                                          .d_pse = d_bias.data(),
                                          .d_sink = d_sink.data()},
                                         executor)));
  const InDouble<T> want(numbers);
  const Precision precision = inner_precise == 1 ? Precision::performance : Precision::high;
  const double inner = gradient_roundings<T>(precision, true, true),
               edge = gradient_roundings<T>(precision, true, false);
  const double c[] = {largest_c(d_q, want.d_q, want.scores, inner), largest_c(d_k, want.d_k, want.scores, inner),
                      largest_c(d_v, want.d_v, want.scores, gradient_roundings<T>(precision, false, true)),
                      largest_c(d_bias, want.d_bias, want.scores, edge),
                      largest_c(d_sink, want.d_sink, want.scores, edge)};
  std::fprintf(stderr,
               "%s, %lld rows, %lld keys: largest C of %.0f: dq %.2f, dk %.2f, dv %.2f, dpse %.2f, dsink %.2f\n",
               Rounding<T>::name, static_cast<long long>(rows), static_cast<long long>(keys), kContract, c[0], c[1],
               c[2], c[3], c[4]);
  for (const double needed : c) EXPECT_LE(needed, kContract);
}

TEST(ScoreGradLong, ManyRowsF32) { expect_contract<float>(32768, 64); }
TEST(ScoreGradLong, ManyRowsF16) { expect_contract<glint::half>(32768, 64); }
TEST(ScoreGradLong, ManyRowsBf16) { expect_contract<glint::bfloat16>(32768, 64); }
TEST(ScoreGradLong, ManyRowsBf16Performance) { expect_contract<glint::bfloat16>(32768, 64, 1); }
TEST(ScoreGradLong, FarMoreRowsF32) { expect_contract<float>(262144, 8); }
TEST(ScoreGradLong, ManyKeysF32) { expect_contract<float>(3, 65536); }
TEST(ScoreGradLong, ManyKeysF16) { expect_contract<glint::half>(3, 65536); }
TEST(ScoreGradLong, ManyKeysBf16) { expect_contract<glint::bfloat16>(3, 65536); }
TEST(ScoreGradLong, ManyKeysBf16Performance) { expect_contract<glint::bfloat16>(3, 65536, 1); }

}  // namespace
