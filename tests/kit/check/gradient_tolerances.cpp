// The tolerances of a gradient: support/score_grad_contract.hpp, whose letters these are.
//
// A cap of the scores, which that contract does not know, adds C 2^-24 W0: its slope is 1 - tanh^2, which has an error
// of its own size where tanh is near 1, and W0 is W without the slope.
#include "kit/check/allowance.hpp"
#include "support/score_grad_reach.hpp"

namespace kit::detail {

namespace oracle = glint::reference;

namespace {

// A of what several rows take part in: the largest of theirs.
struct Scores {
  std::vector<double> kv_heads, heads;  // [b][N2], [N1]
  double largest = 0;
};

Scores scores_of(const AttentionCase& spec, const Array& of_row) {
  const oracle::Extent e = oracle::query_extent(spec);
  const index_t kv_heads = oracle::kv_heads_of(spec), group = e.heads / kv_heads;
  Scores scores{std::vector<double>(static_cast<std::size_t>(e.batch * kv_heads)),
                std::vector<double>(static_cast<std::size_t>(e.heads))};
  const auto raise = [](double& to, double value) { to = std::max(to, value); };
  for (index_t b = 0; b < e.batch; ++b)
    for (index_t n = 0; n < e.heads; ++n)
      for (index_t i = 0; i < e.rows; ++i) {
        const double value = of_row.flat(oracle::detail::statistics_position(spec, b, n, i));
        raise(scores.kv_heads[static_cast<std::size_t>(b * kv_heads + n / group)], value);
        raise(scores.heads[static_cast<std::size_t>(n)], value);
        raise(scores.largest, value);
      }
  return scores;
}

// The largest sum_d |dO|.  Rows are adjacent elements in every layout.
double largest_row_sum(const Array& d_out, index_t width) {
  double largest = 0, sum = 0;
  for (index_t at = 0; at < d_out.size(); ++at) {
    if (at % width == 0) sum = 0;
    sum += std::abs(d_out.flat(at));
    largest = std::fmax(largest, sum);
  }
  return largest;
}

// What probabilities below 2^-126, and an attention_out in its subnormal range, can add up to in an element.
struct Lost {
  double query, key, value, query_rope, key_rope, pse, sink;
};

Lost lost_of(const Question& question) {
  const AttentionCase& spec = question.spec;
  const oracle::Extent q = oracle::query_extent(spec);
  const index_t kv_heads = oracle::kv_heads_of(spec), width = oracle::detail::output_extent(spec).width;
  const index_t keys = oracle::extent_of(spec.key, oracle::input_layout(spec.layout), kv_heads).rows;
  const double factor = std::abs(spec.scale * spec.q_scale);
  const double pse_factor = spec.pse_type == 1 ? std::abs(spec.scale) : 1;
  const auto group_rows = static_cast<double>(q.heads / kv_heads * q.rows);
  const auto all_rows = static_cast<double>(q.batch * q.heads * q.rows);
  const double d_out = largest_of(question.d_out) / spec.keep_prob;
  const double d_score = 0x1p-126 * (2 * static_cast<double>(width) * largest_of(spec.value) * d_out + 1);
  const double each = d_score + unit_of(question.out_type).tiny * largest_row_sum(question.d_out, width);
  const double each_key = each + d_score * static_cast<double>(keys - 1);
  return {each_key * factor * largest_of(spec.key),
          each * factor * group_rows * largest_of(spec.query),
          0x1p-126 * group_rows * d_out,
          each_key * factor * largest_of(spec.key_rope),
          each * factor * group_rows * largest_of(spec.query_rope),
          each * pse_factor * all_rows,
          each * all_rows};
}

// r: what an output is made from - rowD, and an operand that high performance rounds.
Terms terms_of(const Question& question, double lost, bool row_dot, bool operand) {
  const Unit unit = unit_of(question.out_type);
  double r = row_dot ? unit.relative : 0;
  if (question.rounds_p) r += 0x1p-12 + (operand ? 0x1p-8 : 0) + (row_dot ? 0x1p-8 : 0);
  return {unit, lost, r};
}

// W0 of every output; zeros without a cap, and where the slope takes no part.
oracle::GradientArrays weight_without_slope(const Question& question) {
  const AttentionCase& spec = question.spec;
  oracle::GradientArrays weight = oracle::detail::blank_gradient(spec);
  if (spec.softcap == 0) return weight;
  const std::vector<oracle::Entry> entries = oracle::entries_of(spec);
  const index_t group = spec.head_num / oracle::kv_heads_of(spec);
  const double factor = std::abs(spec.q_scale * spec.scale), pse_factor = spec.pse_type == 1 ? std::abs(spec.scale) : 1;
  const bool bias_inside = spec.pse_type == 1 || spec.softcap_order == oracle::SoftcapOrder::after_bias;
  for (const oracle::Entry& entry : entries) {
    const oracle::SparseRule rule = oracle::rule_of(spec, entries, entry);
    for (index_t head = 0; head < spec.head_num; ++head) {
      const oracle::detail::HeadPlace at{spec, entry, head, head / group};
      const oracle::HeadKeys kv = oracle::head_keys(spec, entry, at.kv_head);
      const oracle::Matrix queries = oracle::head_queries(spec, entry, head);
      const auto softmax = oracle::head_softmax(spec, entry, rule, head, queries, kv.keys);
      const oracle::Matrix d_score =
          oracle::detail::head_gradient(spec, entry, head, softmax, kv.values, question.d_out).d_score_abs;
      oracle::detail::add_query_and_key(at, d_score, softmax.kept, queries.cwiseAbs(), kv.keys.cwiseAbs(), factor,
                                        weight);
      if (bias_inside) oracle::detail::add_pse(at, d_score, softmax.kept, pse_factor, weight.d_pse);
    }
  }
  return weight;
}

class GradientTolerances {
 public:
  GradientTolerances(const Question& question, const Answer& answer, Tolerances& all)
      : question_(question),
        spec_(question.spec),
        want_(answer.gradient),
        scores_(scores_of(spec_, want_.score_abs)),
        seen_(glint_test::reach_of_all(spec_)),
        flat_(weight_without_slope(question)),
        all_(all) {}

  void add() {
    const Lost lost = lost_of(question_);
    const oracle::GradientArrays& weight = want_.weight;
    query("d_query", terms(lost.query, true, true), want_.d_query, {weight.d_query, flat_.d_query});
    query("d_query_rope", terms(lost.query_rope, true, true), want_.d_query_rope,
          {weight.d_query_rope, flat_.d_query_rope});
    key("d_key", terms(lost.key, true, true), want_.d_key, {weight.d_key, flat_.d_key});
    key("d_key_rope", terms(lost.key_rope, true, true), want_.d_key_rope, {weight.d_key_rope, flat_.d_key_rope});
    key("d_value", terms(lost.value, false, true), want_.d_value, {weight.d_value, flat_.d_value});
    flat("d_pse", terms(lost.pse, true, false), want_.d_pse, {weight.d_pse, flat_.d_pse}, [&](std::size_t at) {
      return Place{scores_.largest, seen_.pse[at]};
    });
    Terms of_sink = terms(lost.sink, true, false);
    of_sink.unit = unit_of(DType::f32);
    flat("d_sink", of_sink, want_.d_sink, {weight.d_sink, flat_.d_sink}, [&](std::size_t n) {
      return Place{std::max(scores_.heads[n], std::abs(spec_.sink.data[n])), true};
    });
  }

 private:
  // Of an element: its A, and whether anything reaches it.  What nothing reaches is exactly 0.
  struct Place {
    double scores;
    bool reached;
  };

  Terms terms(double lost, bool row_dot, bool operand) const { return terms_of(question_, lost, row_dot, operand); }

  struct Weights {
    const Array& all;   // W
    const Array& flat;  // W0
  };

  static double element(const Terms& terms, const Array& want, const Weights& weights, index_t at, const Place& place) {
    if (!place.reached) return 0;
    return rounded_up(allowance(terms, want.flat(at), weights.all.flat(at), place.scores) +
                      glint_test::kContract * 0x1p-24 * weights.flat.flat(at));
  }

  void query(const char* name, const Terms& terms, const Array& want, const Weights& weights) {
    rows(name, terms, want, weights, spec_.head_num, [&](index_t b, index_t n, index_t i) {
      const index_t row = oracle::detail::statistics_position(spec_, b, n, i);
      return Place{want_.score_abs.flat(row), seen_.rows[static_cast<std::size_t>(row)]};
    });
  }
  void key(const char* name, const Terms& terms, const Array& want, const Weights& weights) {
    const index_t kv_heads = oracle::kv_heads_of(spec_);
    rows(name, terms, want, weights, kv_heads, [&](index_t b, index_t n, index_t j) {
      const double scores = scores_.kv_heads[static_cast<std::size_t>(b * kv_heads + n)];
      return Place{scores, seen_.keys[glint_test::key_slot(spec_, b, n, j)]};
    });
  }

  template <class PlaceOf>
  void rows(const char* name, const Terms& terms, const Array& want, const Weights& weights, index_t heads,
            const PlaceOf& place_of) {
    if (!want.present()) return;
    const std::string layout = oracle::input_layout(spec_.layout);
    const oracle::Extent e = oracle::extent_of(want, layout, heads);
    Array& allowed = all_[name] = Array(want.shape);
    for (index_t b = 0; b < e.batch; ++b)
      for (index_t n = 0; n < e.heads; ++n)
        for (index_t i = 0; i < e.rows; ++i) {
          const Place place = place_of(b, n, i);
          const index_t first = oracle::row_position(e, layout, b, n, i);
          for (index_t at = first; at < first + e.width; ++at)
            allowed.flat(at) = element(terms, want, weights, at, place);
        }
  }

  template <class PlaceOf>
  void flat(const char* name, const Terms& terms, const Array& want, const Weights& weights, const PlaceOf& place_of) {
    if (!want.present()) return;
    Array& allowed = all_[name] = Array(want.shape);
    for (index_t at = 0; at < want.size(); ++at)
      allowed.flat(at) = element(terms, want, weights, at, place_of(static_cast<std::size_t>(at)));
  }

  const Question& question_;
  const AttentionCase& spec_;
  const oracle::GradientResult& want_;
  Scores scores_;
  glint_test::Reach seen_;
  oracle::GradientArrays flat_;  // W0
  Tolerances& all_;
};

}  // namespace

void add_gradient_tolerances(const Question& question, const Answer& answer, Tolerances& all) {
  GradientTolerances(question, answer, all).add();
}

}  // namespace kit::detail
