// The tolerances of a forward result: support/contract.hpp, and support/int8_tolerance.hpp where scores are integers.
#include "kit/check/allowance.hpp"

namespace kit {
namespace detail {

namespace oracle = glint::reference;

Unit unit_of(DType type) {
  const auto of = [](auto rounding) { return Unit{decltype(rounding)::relative, decltype(rounding)::tiny}; };
  if (type == DType::f16) return of(glint_test::Rounding<glint::half>{});
  if (type == DType::bf16) return of(glint_test::Rounding<glint::bfloat16>{});
  return of(glint_test::Rounding<float>{});
}

double rounded_up(double tolerance) {
  if (glint_test::is_nan_bits(tolerance)) return 0;
  const auto narrow = static_cast<float>(tolerance);
  if (static_cast<double>(narrow) >= tolerance) return static_cast<double>(narrow);
  return static_cast<double>(std::nextafter(narrow, std::numeric_limits<float>::infinity()));
}

namespace {

bool saw_nothing(const oracle::AttentionResult& want, index_t row) { return want.lse.flat(row) == oracle::infinity; }

// A of every row.  A row that is the mean of V because it sees nothing has no scores.
std::vector<double> scores_of(const oracle::AttentionResult& want) {
  std::vector<double> scores = glint_test::scores_of(want);
  for (std::size_t row = 0; row < scores.size(); ++row)
    if (want.softmax_max.data[row] == -oracle::float_max) scores[row] = want.score_abs.data[row];
  return scores;
}

// As many keys as a row may see, whatever the lengths say.
index_t most_keys(const AttentionCase& spec) {
  index_t most = 0;
  for (const oracle::Entry& entry : oracle::entries_of(spec)) most = std::max(most, entry.keys());
  if (spec.key.present() && !spec.paging.block_table.present())
    most =
        std::max(most, oracle::extent_of(spec.key, oracle::input_layout(spec.layout), oracle::kv_heads_of(spec)).rows);
  return most;
}

// Probabilities below 2^-126, times the largest value that they may belong to.
double lost_to_underflow(const AttentionCase& spec) {
  double largest = std::fmax(largest_of(spec.value), largest_of(spec.value_shared_prefix));
  for (const Array& value : spec.value_list) largest = std::fmax(largest, largest_of(value));
  const oracle::Antiquant& factors = spec.antiquant.scale.present() ? spec.antiquant : spec.value_antiquant;
  if (factors.scale.present()) largest = (largest + largest_of(factors.offset)) * largest_of(factors.scale);
  return 0x1p-126 * static_cast<double>(most_keys(spec)) * largest / spec.keep_prob;
}

// Of `out`, element by element.
class OutTolerances {
 public:
  OutTolerances(const Question& question, const oracle::AttentionResult& want)
      : spec_(question.spec),
        want_(want),
        scores_(scores_of(want)),
        terms_{unit_of(question.out_type), lost_to_underflow(spec_), question.rounds_p ? 2 * 0x1p-9 : 0} {}

  Array all() const {
    const oracle::Extent extent = oracle::detail::output_extent(spec_);
    const std::string layout = oracle::output_layout(spec_.layout);
    Array allowed(want_.out.shape);
    for (index_t b = 0; b < extent.batch; ++b)
      for (index_t n = 0; n < extent.heads; ++n)
        for (index_t i = 0; i < extent.rows; ++i) {
          const index_t first = oracle::row_position(extent, layout, b, n, i);
          const index_t row = oracle::detail::statistics_position(spec_, b, n, i);
          for (index_t d = 0; d < extent.width; ++d)
            allowed.flat(first + d) = rounded_up(of(first + d, row, n * extent.width + d));
        }
    return allowed;
  }

 private:
  // channel: of the factors of an int8 output.
  double of(index_t at, index_t row, index_t channel) const {
    const double want = want_.out_before_quant.present() ? want_.out_before_quant.flat(at) : want_.out.flat(at);
    const double exact = sees_no_key(at, row) ? 0 : of_number(want, at, row);
    return want_.out_before_quant.present() ? of_integer(want, exact, at, channel) : exact;
  }

  // Nor has a row whose sink is all that it sees any value in it.
  bool sees_no_key(index_t at, index_t row) const {
    const bool weightless = want_.weighted_abs_v.flat(at) == 0 && want_.score_abs.flat(row) == 0;
    return saw_nothing(want_, row) || (weightless && !spec_.int8.dequant_scale1.present());
  }

  double of_number(double want, index_t at, index_t row) const {
    const double weight = want_.weighted_abs_v.flat(at);
    if (!spec_.int8.dequant_scale1.present())
      return allowance(terms_, want, weight, scores_[static_cast<std::size_t>(row)]);
    const double quantum = 128 * std::abs(spec_.int8.dequant_scale2.flat(0)) / want_.softmax_sum.flat(row);
    return 2 * 0x1p-10 * std::abs(want) + quantum + 0x1p-10 * weight + 0x1p-22;
  }

  // To the farthest integer that a number within the contract may be rounded to.
  double of_integer(double number, double allowed, index_t at, index_t channel) const {
    const auto factor = [&](const Array& factors) {
      return factors.present() ? factors.flat(factors.size() == 1 ? 0 : channel) : 0;
    };
    const double scale = factor(spec_.int8.quant_scale2), offset = factor(spec_.int8.quant_offset2);
    const double exact = number * scale + offset, want = want_.out.flat(at);
    const double slack =
        allowed == 0 ? 0 : std::abs(scale) * allowed + 0x1p-22 * (std::abs(number * scale) + std::abs(offset));
    return std::max(want - oracle::round_to_int8(exact - slack), oracle::round_to_int8(exact + slack) - want);
  }

  const AttentionCase& spec_;
  const oracle::AttentionResult& want_;
  std::vector<double> scores_;
  Terms terms_;
};

// 2^-20 (1 + A) of the maximum and of lse, to which exp in high performance adds 2^-13.  The sum is judged at the
// oracle's maximum: what ln(sum) may be off, as a number beside it.
void add_statistics(const Question& question, const oracle::AttentionResult& want, Tolerances& all) {
  Array max(want.lse.shape), sum(want.lse.shape), lse(want.lse.shape);
  const std::vector<double> scores = scores_of(want);
  const bool short_exp = question.rounds_p && question.spec.op != oracle::Operator::incre;
  for (index_t row = 0; row < lse.size(); ++row) {
    if (saw_nothing(want, row)) continue;
    const double of_max = 0x1p-20 * (1 + scores[static_cast<std::size_t>(row)]);
    const double of_lse = of_max + (short_exp ? 0x1p-13 : 0);
    max.flat(row) = rounded_up(of_max);
    lse.flat(row) = rounded_up(of_lse);
    sum.flat(row) = rounded_up(-want.softmax_sum.flat(row) * std::expm1(-of_lse));
  }
  all["softmax_max"] = std::move(max);
  all["softmax_sum"] = std::move(sum);
  all["lse"] = std::move(lse);
}

}  // namespace
}  // namespace detail

Tolerances tolerances(const Question& question, const Answer& answer) {
  Tolerances all;
  all["out"] = detail::OutTolerances(question, answer.forward).all();
  detail::add_statistics(question, answer.forward, all);
  if (question.gradient) detail::add_gradient_tolerances(question, answer, all);
  return all;
}

}  // namespace kit
