// The error contract (contract.hpp) of an inference case's answer.  inner_precise 1 adds to it where queries and cache
// are bfloat16 and the CPU has the dot instruction: P is rounded to bfloat16, out + 2 * 2^-9 * W, and in prefill exp is
// of degree 3, lse + 2^-13.
//
// An int8 query's answer: int8_tolerance.hpp.
//
// int8 output is the rounding of some number within the contract of the oracle's, exactly so where a row sees nothing.
#pragma once

#include "support/contract.hpp"
#include "support/int8_tolerance.hpp"

namespace glint_test {

class InferenceContract {
 public:
  InferenceContract(const InferenceCase& c, InferenceData& data, const AttentionResult& want)
      : c_(c), data_(data), want_(want) {
    tiny_ = lost_to_underflow();
  }

  // Empty if all is well.
  std::string check(const InferenceOutcome& got, double empty_lse) const {
    if (!got.status) return std::string("rejected: ") + got.status.rule;
    if (!got.damage.empty()) return got.damage;
    std::string wrong;
    for_rows(data_.out_extent, [&](index_t b, index_t n, index_t i) {
      if (wrong.empty()) wrong = check_row(got, b, n, i, empty_lse);
    });
    return wrong;
  }

 private:
  std::string check_row(const InferenceOutcome& got, index_t b, index_t n, index_t i, double empty_lse) const {
    const index_t row = lse_row(c_, data_.out_extent, b, n, i);
    const index_t at = glint::reference::row_position(data_.out_extent, c_.out_layout_name(), b, n, i);
    for (index_t d = 0; d < c_.value_dim; ++d) {
      const std::string wrong = c_.post != kPostNone ? check_int8(got, row, n, at + d, d) : check_out(got, row, at + d);
      if (!wrong.empty()) return "out b=" + place(b, n, i) + " d=" + std::to_string(d) + ": " + wrong;
    }
    if (got.lse.empty()) return {};
    const std::string wrong = check_lse(static_cast<double>(got.lse[static_cast<std::size_t>(row)]), row, n, empty_lse);
    return wrong.empty() ? wrong : "lse b=" + place(b, n, i) + ": " + wrong;
  }

  static std::string place(index_t b, index_t n, index_t i) {
    return std::to_string(b) + " n=" + std::to_string(n) + " i=" + std::to_string(i);
  }

  double added(index_t at) const { return rounds_p() ? 2 * 0x1p-9 * want_.weighted_abs_v.flat(at) : 0; }
  bool rounds_p() const {
    const bool pairs = c_.query == kBf16 && c_.cache == kBf16 && (c_.op == kIncre || c_.rope == 0);
    return pairs && c_.inner_precise % 2 == 1 && glint::simd::bf16_dot();
  }

  template <class T>
  double share(double got, index_t row, index_t at) const {
    const double want = want_.out.flat(at);
    if (saw_nothing(row)) return std::bit_cast<std::uint64_t>(got) == 0 ? 0 : std::numeric_limits<double>::infinity();
    const double c =
        needed_c<T>(got, want, want_.weighted_abs_v.flat(at), want_.score_abs.flat(row), tiny_ + added(at));
    Record& record = record_of<T>();
    if (c > record.c && c <= kContract) record.c = c, record.where = print(c_);
    return c;
  }

  std::string check_out(const InferenceOutcome& got, index_t row, index_t at) const {
    const double want = want_.out.flat(at);
    const std::byte* const memory = got.out.data() + at * glint::size_of(kDTypes[c_.number()]);
    const auto read = [&](auto element) {
      std::memcpy(&element, memory, sizeof element);
      return static_cast<double>(glint::to_float(element));
    };
    const double value = c_.number() == kF32   ? read(0.0F)
                         : c_.number() == kF16 ? read(glint::half{})
                                               : read(glint::bfloat16{});
    if (is_nan_bits(want)) return is_nan_bits(value) ? "" : "got " + std::to_string(value) + ", want NaN";
    if (c_.query == kInt8) return check_half(value, row, at);
    const double c = c_.query == kF32   ? share<float>(value, row, at)
                     : c_.query == kF16 ? share<glint::half>(value, row, at)
                                        : share<glint::bfloat16>(value, row, at);
    if (c <= kContract) return {};
    return text(value, want) + ", needs C = " + std::to_string(c);
  }

  std::string check_half(double value, index_t row, index_t at) const {
    const double want = want_.out.flat(at);
    const double slack = saw_nothing(row) ? 0 : int8_tolerance(data_, want_, row, at, want);
    count_difference(value != want, std::abs(value - want) > 0x1p-10 * std::abs(want) + 0x1p-24);
    return std::abs(value - want) <= slack ? "" : text(value, want) + " within " + std::to_string(slack);
  }

  std::string check_int8(const InferenceOutcome& got, index_t row, index_t n, index_t at, index_t d) const {
    const double exact = want_.out_before_quant.flat(at);
    if (is_nan_bits(exact)) return {};
    const auto factor = [&](const Operand& factors) {
      if (!factors.present()) return 0.0;
      return factors.numbers.flat(factors.size() == 1 ? 0 : n * c_.value_dim + d);
    };
    const double scale = factor(data_.post_scale), offset = factor(data_.post_offset);
    const double weight = want_.weighted_abs_v.flat(at), unit = 0x1p-24 * weight * (1 + want_.score_abs.flat(row));
    const double error = c_.query == kInt8
                             ? int8_tolerance(data_, want_, row, at, exact)
                             : kContract * unit + 0x1p-24 * std::abs(exact) + 0x1p-126 + tiny_ + added(at);
    const double slack =
        saw_nothing(row) ? 0 : std::abs(scale) * error + 0x1p-22 * (std::abs(exact * scale) + std::abs(offset));
    const auto rounded = [](double value) { return std::clamp(std::nearbyint(value), -128.0, 127.0); };
    const double least = rounded(exact * scale + offset - slack), most = rounded(exact * scale + offset + slack);
    const auto value = static_cast<double>(static_cast<std::int8_t>(got.out[static_cast<std::size_t>(at)]));
    if (c_.query == kInt8) count_difference(value != want_.out.flat(at), std::abs(value - want_.out.flat(at)) > 1);
    if (value >= least && value <= most) return {};
    return text(value, exact * scale + offset) + " within " + std::to_string(slack);
  }

  std::string check_lse(double got, index_t row, index_t n, double empty_lse) const {
    const double want = saw_nothing(row) ? empty_lse : want_.lse.flat(row);
    if (is_nan_bits(want)) return is_nan_bits(got) ? "" : text(got, want);
    if (saw_nothing(row)) return got == want ? "" : text(got, want);
    const double sink = data_.sink.present() ? std::abs(data_.sink.numbers.flat(n)) : 0;
    const double short_exp = c_.op == kPrompt && rounds_p() ? 0x1p-13 : 0;
    const double most = 0x1p-20 * (1 + std::max(want_.score_abs.flat(row), sink)) + short_exp;  // a sink is a score
    const double part = std::abs(got - want) / most;
    Record& record = record_of<float>();
    if (part <= 1) record.lse = std::max(record.lse, part);
    return part <= 1 ? "" : text(got, want) + ", A = " + std::to_string(want_.score_abs.flat(row));
  }

  static std::string text(double got, double want) {
    std::ostringstream line;
    line.precision(9);
    line << "got " << got << ", want " << want;
    return line.str();
  }

  bool saw_nothing(index_t row) const { return want_.lse.flat(row) == std::numeric_limits<double>::infinity(); }

  // As contract.hpp: probabilities below 2^-126.
  double lost_to_underflow() const {
    double largest = 0, factor = 1, offset = 0;  // fmax: what nobody reads holds NaN
    for (const Operand& v : data_.v)
      for (const double value : v.numbers.data) largest = std::fmax(largest, std::abs(value));
    for (const double value : data_.prefix_v.numbers.data) largest = std::fmax(largest, std::abs(value));
    const Operand& scales = c_.joint != 0 ? data_.k_scale : data_.v_scale;
    const Operand& offsets = c_.joint != 0 ? data_.k_offset : data_.v_offset;
    for (const double value : scales.numbers.data) factor = std::fmax(factor, std::abs(value));
    for (const double value : offsets.numbers.data) offset = std::fmax(offset, std::abs(value));
    return 0x1p-126 * static_cast<double>(data_.lists.columns) * (largest + offset) * factor;
  }

  const InferenceCase& c_;
  InferenceData& data_;
  const AttentionResult& want_;
  double tiny_ = 0;
};

}  // namespace glint_test
