// The error contract of the gradient, for any data, dtype, mode and layout: with g an element of dq, dk, dv, dpse or
// dsink, and g64 that of the float64 oracle on the same inputs,
//
//   |g - g64| <= u_out * |g64| + tiny + (C * 2^-24 * (1 + A) + r) * W,   C = 16
//
// W is the sum behind g with every term taken absolutely, down to the products: P Dm |dO|, P (|dP| + rowD) |K| and so
// on with |dP| = Dm sum_d |dO||V| and rowD = sum_j P |dP|; it comes with the oracle's result.  A is that of
// contract.hpp, of the row for dq and the largest of all rows that may take part for the others.  An error of x, whose
// scale is A, and the error of the saved statistics, 2^-20 (1 + A) at most and a third of it in practice, are relative
// errors of P, so terms of W carry them.  In dsink, whose P is exp(sink - max) / sum, |sink| counts in A.
//
// C is 16 for any number of rows: sums over the rows of a group are closed every 16384 of them.  Like terms in dv,
// uniform P and dO of mean 1, need C = 10 with 32768 rows; in one chain they would need 21 with 131072.
//
// r is what is rounded to the element type on the way, with u its unit roundoff:
//   dq, dk, dpse, dsink   u: rowD is summed from attention_out, wrong by u * sum_d |dO||O| <= u * sum_j P |dP|
//   dv                    0
// Where bfloat16 asks for high performance there are besides, relative to the same terms:
//   all                   2^-12: exp to 2^-13, in P and in the saved sum
//   dv; dq, dk            2^-8: P; dS, rounded to bfloat16
//   all but dv            2^-8: attention_out as that forward's contract has it, 2 * 2^-9 * sum_j P Dm |V|
//
// tiny is the underflow of the output, of P (contract.hpp) and of attention_out, which in f16 makes rowD wrong by
// 2^-25 * sum_d |dO|.  An f16 gradient beyond 65504 is infinite.  What belongs to no sequence, or to a row that sees
// nothing or a key that nobody sees, is exactly 0 (of the scale's sign).
#pragma once

#include "glint/reference/gradient.hpp"
#include "support/contract.hpp"
#include "support/score_grad_doors.hpp"
#include "support/score_grad_reach.hpp"
#include "support/score_line.hpp"

namespace glint_test {

// r.  What an output is made from: rowD, and an operand that high performance rounds.
template <class T>
double gradient_roundings(Precision precision, bool row_dot, bool operand) {
  double r = row_dot ? Rounding<T>::relative : 0;
  if (std::is_same_v<T, glint::bfloat16> && precision == Precision::performance)
    r += 0x1p-12 + (operand ? 0x1p-8 : 0) + (row_dot ? 0x1p-8 : 0);
  return r;
}

template <class T>
class GradientCheck {
 public:
  GradientCheck(const Case& c, const CaseData<T>& data, const Buffer<T>& d_out)
      : c_(c), data_(data), spec_(data.spec), seen_(reach_of_all(data.spec)) {
    using glint::reference::shape_of;
    want_ =
        glint::reference::gradient({spec_, detail::as_array(d_out, shape_of(data.out_extent, detail::layout_name(c)))});
    find_scores();
    find_lost(d_out);
  }

  // Empty if all is well, else the worst element and what it needs.
  std::string operator()(const Gradients<T>& got) {
    if (!got.status) return std::string("rejected: ") + got.status.rule;
    if (!got.damage.empty()) return got.damage;
    wrong_.clear();
    const auto& weight = want_.weight;
    rows({"dq", lost_.q, roundings(true, true)}, got.d_q, want_.d_query, weight.d_query, data_.q_extent,
         [&](index_t b, index_t n, index_t i) {
           const auto row = static_cast<std::size_t>(stat_row(b, n, i));
           return Place{want_.score_abs.data[row], seen_.rows[row]};
         });
    const auto of_key = [&](index_t b, index_t n, index_t j) {
      return Place{kv_scores_[kv_slot(b, n)], seen_.keys[key_slot(spec_, b, n, j)]};
    };
    rows({"dk", lost_.k, roundings(true, true)}, got.d_k, want_.d_key, weight.d_key, data_.kv_extent, of_key);
    rows({"dv", lost_.v, roundings(false, true)}, got.d_v, want_.d_value, weight.d_value, data_.v_extent, of_key);
    flat({"dpse", lost_.pse, roundings(true, false)}, got.d_pse, want_.d_pse, weight.d_pse, [&](std::size_t i) {
      return Place{largest_scores_, seen_.pse[i]};
    });
    flat({"dsink", lost_.sink, roundings(true, false)}, got.d_sink, want_.d_sink, weight.d_sink, [&](std::size_t n) {
      return Place{std::max(head_scores_[n], std::abs(spec_.sink.data[n])), true};
    });
    return wrong_;
  }

 private:
  struct Output {
    const char* name;
    double lost, r;
  };
  // Of an element: its A, and whether anything reaches it.
  struct Place {
    double scores;
    bool reached;
  };

  double roundings(bool row_dot, bool operand) const {
    return gradient_roundings<T>(c_.inner_precise == 1 ? Precision::performance : Precision::high, row_dot, operand);
  }

  index_t stat_row(index_t b, index_t n, index_t i) const {
    return glint::reference::detail::statistics_position(spec_, b, n, i);
  }
  std::size_t kv_slot(index_t b, index_t kv_head) const { return static_cast<std::size_t>(b * c_.kv_heads + kv_head); }

  void find_scores() {
    const Extent& e = data_.q_extent;
    kv_scores_.assign(static_cast<std::size_t>(e.batch * c_.kv_heads), 0);
    head_scores_.assign(static_cast<std::size_t>(c_.heads), 0);
    const auto raise = [](double& to, double value) { to = std::max(to, value); };
    for (index_t b = 0; b < e.batch; ++b) {
      for (index_t n = 0; n < e.heads; ++n) {
        for (index_t i = 0; i < e.rows; ++i) {
          const double scores = want_.score_abs.flat(stat_row(b, n, i));
          raise(kv_scores_[kv_slot(b, n / (c_.heads / c_.kv_heads))], scores);
          raise(head_scores_[static_cast<std::size_t>(n)], scores);
          raise(largest_scores_, scores);
        }
      }
    }
  }

  // The most that probabilities below 2^-126 and an attention_out in its subnormal range can add up to in an element.
  void find_lost(const Buffer<T>& d_out) {
    const auto largest = [](const Buffer<T>& tensor) {
      double most = 0;  // fmax: rows that nobody owns hold NaN
      for (index_t i = 0; i < tensor.size(); ++i)
        most = std::fmax(most, std::abs(static_cast<double>(glint::to_float(tensor.data()[i]))));
      return most;
    };
    const double factor = std::abs(spec_.scale * spec_.q_scale), pse_factor = spec_.pse_type == 1 ? spec_.scale : 1;
    const auto rows = static_cast<double>(c_.heads / c_.kv_heads * data_.q_extent.rows);
    const auto all_rows = static_cast<double>(data_.q_extent.batch * c_.heads * data_.q_extent.rows);
    const double d_out_most = largest(d_out) / spec_.keep_prob;
    const double d_p = static_cast<double>(c_.value_dim) * largest(data_.v) * d_out_most;
    const double d_s = 0x1p-126 * (2 * d_p + 1);
    const double row_dot = Rounding<T>::tiny * largest_row_sum(d_out);  // for each P
    lost_.v = 0x1p-126 * rows * d_out_most;
    lost_.q = (d_s * static_cast<double>(data_.kv_extent.rows) + row_dot) * factor * largest(data_.k);
    lost_.k = (d_s + row_dot) * factor * rows * largest(data_.q);
    lost_.pse = (d_s + row_dot) * std::abs(pse_factor) * all_rows;
    lost_.sink = (d_s + row_dot) * all_rows;
  }

  double largest_row_sum(const Buffer<T>& d_out) const {
    double largest = 0, sum = 0;
    for (index_t i = 0; i < d_out.size(); ++i) {
      if (i % c_.value_dim == 0) sum = 0;
      sum += std::abs(static_cast<double>(glint::to_float(d_out.data()[i])));
      largest = std::fmax(largest, sum);
    }
    return largest;
  }

  template <class Stored, class PlaceOf>
  void rows(const Output& out, const std::vector<Stored>& got, const Array& want, const Array& weight, const Extent& e,
            const PlaceOf& place_of) {
    for (index_t b = 0; b < e.batch; ++b) {
      for (index_t n = 0; n < e.heads; ++n) {
        for (index_t i = 0; i < e.rows; ++i) {
          const Place place = place_of(b, n, i);
          const index_t row = glint::reference::row_position(e, detail::layout_name(c_), b, n, i);
          for (index_t d = 0; d < e.width; ++d) {
            const auto at = static_cast<std::size_t>(row + d);
            const auto where = [&] {
              return "b=" + std::to_string(b) + " n=" + std::to_string(n) + " i=" + std::to_string(i) +
                     " d=" + std::to_string(d);
            };
            element(out, got[at], want.data[at], weight.data[at], place, where);
          }
        }
      }
    }
    close(out);
  }

  // Nothing was asked for where `got` is empty.
  template <class Stored, class PlaceOf>
  void flat(const Output& out, const std::vector<Stored>& got, const Array& want, const Array& weight,
            const PlaceOf& place_of) {
    for (std::size_t at = 0; at < got.size(); ++at)
      element(out, got[at], want.data[at], weight.data[at], place_of(at), [&] { return "at " + std::to_string(at); });
    close(out);
  }

  template <class Stored, class Where>
  void element(const Output& out, Stored stored, double want, double weight, const Place& place, const Where& where) {
    const auto got = static_cast<double>(glint::to_float(stored));
    const double allowed = out.lost + out.r * weight;
    double c = 0;
    if (!place.reached) {
      c = got == 0 ? 0 : std::numeric_limits<double>::infinity();
    } else if (!overflows<Stored>(got, want, allowed + kContract * 0x1p-24 * weight * (1 + place.scores))) {
      c = needed_c<Stored>(got, want, weight, place.scores, allowed);
    }
    if (c <= worst_) return;
    worst_ = c;
    if (c <= kContract || !wrong_.empty()) return;
    std::ostringstream text;
    text.precision(9);
    text << out.name << ' ' << where() << ": got " << got << ", want " << want << ", W = " << weight
         << ", A = " << place.scores << ", needs C = " << c << " (most " << kContract << ")";
    wrong_ = text.str();
  }

  void close(const Output& out) {
    Record& record =
        records()[std::string(Rounding<T>::name) + " " + out.name + " on " + glint::name(glint::simd::selected)];
    if (worst_ > record.c) record.c = worst_, record.where = print(c_);
    worst_ = 0;
  }

  // May a number within `slack` of `want` be infinite in binary16?
  template <class Stored>
  static bool overflows(double got, double want, double slack) {
    if (!std::is_same_v<Stored, glint::half> || std::abs(got) <= 65504 || is_nan_bits(got)) return false;
    return std::signbit(got) == std::signbit(want) && std::abs(want) + slack >= 65520;
  }

  const Case& c_;
  const CaseData<T>& data_;
  const AttentionCase& spec_;
  Reach seen_;
  glint::reference::GradientResult want_;
  std::vector<double> kv_scores_, head_scores_;
  double largest_scores_ = 0, worst_ = 0;
  struct {
    double q = 0, k = 0, v = 0, pse = 0, sink = 0;
  } lost_;
  std::string wrong_;
};

}  // namespace glint_test
