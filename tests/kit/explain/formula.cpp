// Steps of operators forward and backward, as text.
#include "kit/explain/formula.hpp"

#include "kit/explain/rules.hpp"

namespace kit::about {

namespace {

using glint::reference::Operator;
using glint::reference::SoftcapOrder;

struct Steps {
  std::string text;
  int count = 0;

  void add(const std::string& step) {
    ++count;
    text += (count < 10 ? "   " : "  ") + std::to_string(count) + ". " + step + "\n";
  }
};

bool is_int8(const AttentionCase& spec) { return spec.int8.dequant_scale1.present(); }
bool adds_first(const AttentionCase& spec) { return spec.op == Operator::score && spec.pse_type == 1; }

std::string scaled(const AttentionCase& spec, const std::string& what) {
  return spec.scale == 1 ? what + " * 1 (scale_value is 1: no 1/sqrt(d) is implied)"
                         : what + " * " + number(spec.scale) + " (scale_value)";
}

void caches(const AttentionCase& spec, Steps& steps) {
  if (spec.antiquant.scale.present() || spec.key_antiquant.scale.present())
    steps.add("k and v = (integer + offset) * scale of the cache's antiquant tensors; the offset comes first");
}

void products(const AttentionCase& spec, Steps& steps) {
  const index_t group = spec.head_num / std::max<index_t>(1, glint::reference::kv_heads_of(spec));
  const std::string heads =
      group > 1 ? "; query head n reads key head n / " + std::to_string(group) + ", rounded down" : "";
  if (is_int8(spec))
    steps.add("r_ij = float16(dequant_scale1 * sum_d q_id k_jd), the sum in int32" + heads);
  else
    steps.add("r_ij = sum_d q_id k_jd in float32" + heads);
  if (spec.query_rope.present()) steps.add("r_ij = r_ij + sum_d query_rope_id key_rope_jd");
  if (spec.q_scale != 1) steps.add("r_ij = r_ij * " + number(spec.q_scale) + " (q_scale)");
}

void generated_bias(const AttentionCase& spec, Steps& steps) {
  if (spec.op != Operator::score || spec.pse_type < 2 || spec.pse_type > 3 || !spec.pse.present()) return;
  const auto start = [](const std::vector<index_t>& list) { return list.empty() ? index_t{0} : list.front(); };
  const index_t q = start(spec.q_start_idx), kv = spec.q_start_idx.empty() ? 0 : start(spec.kv_start_idx);
  const std::string row = q == 0 ? "i" : "(i+" + std::to_string(q) + ")",
                    key = kv == 0 ? "j" : "(j+" + std::to_string(kv) + ")";
  const std::string distance = "|" + key + " - " + row + "|";
  steps.add("pse_ij = -slope_n * " + (spec.pse_type == 2 ? distance : "sqrt" + distance) +
            ", zero on the top-left diagonal (pse_type " + std::to_string(spec.pse_type) + ")");
}

void scores(const AttentionCase& spec, Steps& steps) {
  const bool bias = spec.pse.present();
  const std::string cap = number(spec.softcap) + " * tanh(x_ij / " + number(spec.softcap) + ")";
  const bool cap_first = spec.softcap != 0 && spec.softcap_order == SoftcapOrder::before_bias;
  const std::string type =
      spec.op == Operator::score ? " (pse_type " + std::to_string(spec.pse_type) + ")" : " (pse_shift)";
  generated_bias(spec, steps);
  if (bias && adds_first(spec)) {
    steps.add("x_ij = " + scaled(spec, "(r_ij + pse_ij)") + "; pse_type 1: add, then multiply");
  } else {
    steps.add("x_ij = " + scaled(spec, "r_ij"));
    if (cap_first) steps.add("x_ij = " + cap + " (softcap)");
    if (bias) steps.add("x_ij = x_ij + pse_ij: multiply, then add" + type);
  }
  const bool capped_before = cap_first && !(bias && adds_first(spec));
  if (spec.softcap != 0 && !capped_before)
    steps.add("x_ij = " + cap + (bias ? " (softcap, of score and bias together)" : " (softcap)"));
}

void softmax(const AttentionCase& spec, Steps& steps) {
  steps.add("keys that row i does not see are left out: a select, so NaN in them never matters");
  if (spec.sink.present())
    steps.add(
        "m_i = max(sink_n, max_j x_ij), p_ij = exp(x_ij - m_i), l_i = exp(sink_n - m_i) + sum_j p_ij, in float32");
  else
    steps.add("m_i = max_j x_ij, p_ij = exp(x_ij - m_i), l_i = sum_j p_ij, in float32");
  if (spec.keep_prob != 1)
    steps.add("p_ij = p_ij * keep_ij / " + number(spec.keep_prob) +
              " (dropout), after l_i: l_i is the sum without dropout");
  if (is_int8(spec)) {
    steps.add("P_ij = int8(rint(float16(p_ij * quant_scale1)))");
    steps.add("out_i = float16(dequant_scale2 * sum_j P_ij v_j) / l_i, the sum in int32");
  } else {
    steps.add("out_i = (sum_j p_ij v_j) / l_i");
  }
  if (spec.int8.quant_scale2.present())
    steps.add("out_i = clamp(rint(out_i * quant_scale2 + quant_offset2), -128, 127); 0 when quant_offset2 is absent");
}

void gradients(const AttentionCase& spec, Steps& steps) {
  const std::string keep = spec.keep_prob != 1 ? " * keep_ij / " + number(spec.keep_prob) : "";
  const double factor = spec.scale * spec.q_scale;
  steps.add("P_ij = exp(x_ij - softmax_max_i) / softmax_sum_i, from the forward's statistics");
  steps.add("dv_j = sum_i P_ij" + keep + " dy_i, summed over the query heads of a key head");
  steps.add("dP_ij = (dy_i . v_j)" + keep + "; D_i = dy_i . attention_out_i; dS_ij = P_ij * (dP_ij - D_i)");
  const std::string inner = spec.softcap != 0 ? "dS'_ij" : "dS_ij";
  if (spec.softcap != 0) steps.add("dS'_ij = dS_ij * (1 - tanh^2), the slope of the softcap");
  steps.add("dq_i = " + number(factor) + " * sum_j " + inner + " k_j");
  steps.add("dk_j = " + number(factor) + " * sum_i " + inner + " q_i, summed like dv");
  const bool bias_inside = spec.pse_type == 1 || spec.softcap_order == SoftcapOrder::after_bias;
  if (spec.pse.present() && spec.pse_type <= 1)
    steps.add("dpse_ij = " + (bias_inside ? inner : "dS_ij") + (spec.pse_type == 1 ? " * scale_value" : "") +
              ", summed over broadcast axes");
  if (spec.sink.present()) steps.add("dsink_n = -sum_i exp(sink_n - m_i) / l_i * D_i");
}

void statistics(const Question& question, Steps& steps) {
  const AttentionCase& spec = question.spec;
  if (spec.op == Operator::score)
    steps.add("softmax_max_i = m_i and softmax_sum_i = l_i, each eight times; lse_i = m_i + ln l_i, natural logarithm");
  else
    steps.add("softmax_lse_i = m_i + ln l_i, natural logarithm");
}

}  // namespace

std::string formula_steps(const Question& question) {
  Steps steps;
  caches(question.spec, steps);
  products(question.spec, steps);
  scores(question.spec, steps);
  softmax(question.spec, steps);
  statistics(question, steps);
  if (question.gradient) gradients(question.spec, steps);
  return steps.text;
}

std::string blind_row_values(const Question& question) {
  const AttentionCase& spec = question.spec;
  const bool training = spec.op == Operator::score;
  const std::string out = spec.int8.quant_scale2.present() ? "out quant(0), that is quant_offset2 or 0" : "out 0";
  std::string line = "there: " + out;
  if (spec.sink.present())
    line += training ? ", softmax_max sink_n, softmax_sum 1, lse sink_n" : ", softmax_lse sink_n";
  else if (training && glint::reference::detail::key_tensor_is_empty(spec))
    line += ", softmax_max 0, softmax_sum 0 (key has no rows at all)";
  else if (training)
    line += ", softmax_max -FLT_MAX, softmax_sum +FLT_MAX";
  else
    line += ", softmax_lse +inf at the run-time door, -inf at the typed one";
  if (!spec.sink.present() && training) line += "; lse -inf at the typed door";
  if (question.gradient) line += "; dq 0, and nothing is added to dk and dv";
  return line;
}

}  // namespace kit::about
