// The error contract of glint, for any data, dtype, mode and layout: with o64 the float64 oracle on the same inputs,
//
//   |o - o64| <= u_out * |o64| + tiny + C * 2^-24 * W * (1 + A),   C = 16
//   |lse - lse64| <= 2^-20 * (1 + A)                               the same for softmax_max, and max + ln(sum)
//
// Where bfloat16 asks for high performance, P is rounded to bfloat16 and exp to 2^-13, which adds 2 * 2^-9 * W to the
// first and 2^-13 to what comes from sums.
//
// W = sum_j p'_j |v_j| and A = max_j scale * sum_d |q_d k_jd| (+ |pse|) come with the oracle's result.  A sink counts
// in A where it is the row's maximum: all others are then small by their distance from it.  A row that sees nothing is
// compared exactly.
//
// tiny is the underflow of the output.  P underflows too: below 2^-126 a float loses digits and then everything, which
// shows where V is exactly 0 at, or dropout has dropped, every key but far-away ones.  No fp32 probability can promise
// more, so tiny includes 2^-126 * S2 * max |v| / keep_prob: 1e-36 of the data, which hides no error of a kernel.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "glint/core/dtype.hpp"
#include "glint/reference/attention.hpp"
#include "glint/simd/isa.hpp"

namespace glint_test {

using glint::index_t;
using glint::reference::AttentionCase;
using glint::reference::AttentionResult;

inline constexpr double kContract = 16;

// u_out: half an ulp of the output type, relative; tiny: the same in its subnormal range.
template <class T>
struct Rounding;
template <>
struct Rounding<float> {
  static constexpr double relative = 0x1p-24, tiny = 0x1p-126;
  static constexpr const char* name = "f32";
};
template <>
struct Rounding<glint::half> {
  static constexpr double relative = 0x1p-11, tiny = 0x1p-25;
  static constexpr const char* name = "f16";
};
template <>
struct Rounding<glint::bfloat16> {
  static constexpr double relative = 0x1p-8, tiny = 0x1p-126;
  static constexpr const char* name = "bf16";
};

inline bool is_nan_bits(double value) {
  return (std::bit_cast<std::uint64_t>(value) & 0x7fffffffffffffffu) > 0x7ff0000000000000u;
}

// The C that one element needs; infinite if no C would do.
template <class T>
double needed_c(double got, double want, double weighted_abs_v, double score_abs, double allowed = 0) {
  if (is_nan_bits(got)) return std::numeric_limits<double>::infinity();
  const double excess = std::abs(got - want) - Rounding<T>::relative * std::abs(want) - Rounding<T>::tiny - allowed;
  if (excess <= 0) return 0;
  const double unit = 0x1p-24 * weighted_abs_v * (1 + score_abs);
  return unit > 0 ? excess / unit : std::numeric_limits<double>::infinity();
}

// The largest C (and share of the lse tolerance) seen in this process, for the line that ends a run.
struct Record {
  double c = 0;
  double lse = 0;  // in units of 2^-20 (1 + A)
  std::string where;
};
inline std::map<std::string, Record>& records() {
  static std::map<std::string, Record> all;
  return all;
}
template <class T>
Record& record_of() {
  return records()[std::string(Rounding<T>::name) + " on " + glint::name(glint::simd::selected)];
}

// The statistics that a door wrote.  slot[r] is where it put row r of the oracle's statistics.
struct Statistics {
  const float* max = nullptr;
  const float* sum = nullptr;
  const float* lse = nullptr;
  index_t repeat = 1;
  double empty_lse = -std::numeric_limits<double>::infinity();
  std::vector<index_t> slot;
};

// A of every row of the statistics.
inline std::vector<double> scores_of(const AttentionResult& want) {
  std::vector<double> scores = want.score_abs.data;
  for (std::size_t row = 0; row < scores.size(); ++row) {
    const auto at = static_cast<index_t>(row);
    if (want.lse.flat(at) == std::numeric_limits<double>::infinity()) continue;
    scores[row] = std::max(scores[row], std::abs(want.softmax_max.flat(at)));
  }
  return scores;
}

// What a call asked for.
enum class Precision { high, performance };

// Checks one result against the oracle's; empty text if all is well, else the worst element and what it needed.
class ContractCheck {
 public:
  // `precision` matters for bfloat16 only.
  ContractCheck(const AttentionCase& spec, const AttentionResult& want, std::string line, Precision precision)
      : spec_(spec),
        want_(want),
        scores_(scores_of(want)),
        line_(std::move(line)),
        lost_p_(lost_to_underflow(spec)),
        precision_(precision) {}

  template <class T>
  std::string output(const T* out) const {
    using namespace glint::reference;
    Extent extent = query_extent(spec_);
    extent.width = head_width_of_output(extent);
    const std::string layout = output_layout(spec_.layout);
    double worst = 0;
    std::string text;
    for (index_t b = 0; b < extent.batch; ++b) {
      for (index_t n = 0; n < extent.heads; ++n) {
        for (index_t i = 0; i < extent.rows; ++i) {
          const index_t row = row_position(extent, layout, b, n, i);
          const index_t stat = glint::reference::detail::statistics_position(spec_, b, n, i);
          const double scores = scores_[static_cast<std::size_t>(stat)];
          for (index_t d = 0; d < extent.width; ++d) {
            const double got = static_cast<double>(glint::to_float(out[row + d]));
            const double weight = want_.weighted_abs_v.flat(row + d);
            const double allowed = lost_p_ + (rounds_p<T>() ? 2 * 0x1p-9 * weight : 0);
            const bool empty = saw_nothing(stat) || (weight == 0 && want_.score_abs.flat(stat) == 0);  // or its sink
            const double c =
                empty ? exact_zero(got) : needed_c<T>(got, want_.out.flat(row + d), weight, scores, allowed);
            if (c <= worst) continue;
            worst = c;
            if (c > kContract) text = complain("out", b, n, i, d, got, want_.out.flat(row + d), c);
          }
        }
      }
    }
    Record& record = record_of<T>();
    if (worst > record.c) record.c = worst, record.where = line_;
    return text;
  }

  template <class T>
  std::string statistics(const Statistics& got) const {
    Record& record = record_of<T>();
    for (index_t row = 0; row < want_.lse.size(); ++row) {
      const index_t at = got.slot.empty() ? row : got.slot[static_cast<std::size_t>(row)];
      const double unit = 0x1p-20 * (1 + scores_[static_cast<std::size_t>(row)]);
      const double of_sum = 1 + (rounds_p<T>() ? 0x1p-13 / unit : 0);
      const double max = want_.softmax_max.flat(row), sum = want_.softmax_sum.flat(row), lse = want_.lse.flat(row);
      const bool empty = saw_nothing(row);
      const auto differs = [&](double value, double wanted, double factor) {
        if (empty) return !(value == wanted);
        const double share = std::abs(value - wanted) / (unit * factor);
        if (share <= 1) record.lse = std::max(record.lse, share);
        return !(share <= 1);
      };
      for (index_t r = 0; r < got.repeat; ++r) {
        const index_t slot = at * got.repeat + r;
        const double got_max = got.max != nullptr ? static_cast<double>(got.max[slot]) : max;
        if (got.max != nullptr && differs(got_max, max, 1)) return complain("softmax_max", row, r, got_max, max);
        if (got.sum == nullptr) continue;
        const double got_sum = static_cast<double>(got.sum[slot]);
        const bool wrong = empty ? differs(got_sum, sum, 1) : differs(got_max + std::log(got_sum), lse, of_sum);
        if (wrong) return complain("softmax_sum", row, r, got_sum, sum);
      }
      if (got.lse == nullptr) continue;
      const double got_lse = static_cast<double>(got.lse[at]), want_lse = empty ? got.empty_lse : lse;
      if (differs(got_lse, want_lse, of_sum)) return complain("lse", row, 0, got_lse, want_lse);
    }
    return {};
  }

 private:
  template <class T>
  bool rounds_p() const {
    return std::is_same_v<T, glint::bfloat16> && precision_ == Precision::performance;
  }
  bool saw_nothing(index_t row) const { return want_.lse.flat(row) == std::numeric_limits<double>::infinity(); }

  static double lost_to_underflow(const AttentionCase& spec) {
    using glint::reference::extent_of;
    const auto keys = static_cast<double>(
        extent_of(spec.key, glint::reference::input_layout(spec.layout), glint::reference::kv_heads_of(spec)).rows);
    double largest = 0;  // fmax: rows that nobody owns hold NaN
    for (const double v : spec.value.data) largest = std::fmax(largest, std::abs(v));
    return 0x1p-126 * keys * largest / spec.keep_prob;
  }

  // +0 and nothing else.
  static double exact_zero(double got) {
    return std::bit_cast<std::uint64_t>(got) == 0 ? 0 : std::numeric_limits<double>::infinity();
  }

  index_t head_width_of_output(const glint::reference::Extent& query) const {
    const index_t rows = query.batch * query.rows * query.heads;
    return rows > 0 ? want_.out.size() / rows : 0;
  }

  std::string complain(const char* what, index_t b, index_t n, index_t i, index_t d, double got, double want,
                       double c) const {
    std::ostringstream text;
    text.precision(9);
    text << what << " b=" << b << " n=" << n << " i=" << i << " d=" << d << ": got " << got << ", want " << want
         << ", needs C = " << c << " (most " << kContract << ")";
    return text.str();
  }
  std::string complain(const char* what, index_t row, index_t copy, double got, double want) const {
    std::ostringstream text;
    text.precision(9);
    text << what << " of row " << row << " (copy " << copy << "): got " << got << ", want " << want
         << ", A = " << scores_[static_cast<std::size_t>(row)];
    return text.str();
  }

  const AttentionCase& spec_;
  const AttentionResult& want_;
  std::vector<double> scores_;
  std::string line_;
  double lost_p_;
  Precision precision_;
};

}  // namespace glint_test
