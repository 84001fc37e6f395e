// The arithmetic that `explain` prints: its steps, its cost, and what rows that see nothing hold.
#include <gtest/gtest.h>

#include "kit/explain/section.hpp"

namespace kit {
namespace {

TEST(ExplainFormula, Cost) {
  EXPECT_EQ(section("sq=4 mode=2 n=8 nkv=2 d=64", "Cost"), "\nCost: 4 * 10 pairs * d=64 * n=8 = 20480 FLOP forward\n");
  EXPECT_EQ(section("sq=4 mode=2 d=64 dv=32 op=bwd", "Cost"),
            "\nCost: 2 * 10 pairs * (d + dv = 96) * n=1 = 1920 FLOP forward, 2.5 times that backward: 4800\n");
}

TEST(ExplainFormula, FormulaHasOnlyTheStepsThatAreThere) {
  EXPECT_EQ(section("sq=2 d=4", "Formula"), R"(
Formula, in this order:
   1. r_ij = sum_d q_id k_jd in float32
   2. x_ij = r_ij * 1 (scale_value is 1: no 1/sqrt(d) is implied)
   3. keys that row i does not see are left out: a select, so NaN in them never matters
   4. m_i = max_j x_ij, p_ij = exp(x_ij - m_i), l_i = sum_j p_ij, in float32
   5. out_i = (sum_j p_ij v_j) / l_i
   6. softmax_max_i = m_i and softmax_sum_i = l_i, each eight times; lse_i = m_i + ln l_i, natural logarithm
)");
  EXPECT_EQ(section("sq=2 n=4 nkv=2 scale=0.5 q_scale=2 pse=tensor softcap=30 sink=yes keep=0.75 op=bwd", "Formula"),
            R"(
Formula, in this order:
   1. r_ij = sum_d q_id k_jd in float32; query head n reads key head n / 2, rounded down
   2. r_ij = r_ij * 2 (q_scale)
   3. x_ij = (r_ij + pse_ij) * 0.5 (scale_value); pse_type 1: add, then multiply
   4. x_ij = 30 * tanh(x_ij / 30) (softcap, of score and bias together)
   5. keys that row i does not see are left out: a select, so NaN in them never matters
   6. m_i = max(sink_n, max_j x_ij), p_ij = exp(x_ij - m_i), l_i = exp(sink_n - m_i) + sum_j p_ij, in float32
   7. p_ij = p_ij * keep_ij / 0.75 (dropout), after l_i: l_i is the sum without dropout
   8. out_i = (sum_j p_ij v_j) / l_i
   9. softmax_max_i = m_i and softmax_sum_i = l_i, each eight times; lse_i = m_i + ln l_i, natural logarithm
  10. P_ij = exp(x_ij - softmax_max_i) / softmax_sum_i, from the forward's statistics
  11. dv_j = sum_i P_ij * keep_ij / 0.75 dy_i, summed over the query heads of a key head
  12. dP_ij = (dy_i . v_j) * keep_ij / 0.75; D_i = dy_i . attention_out_i; dS_ij = P_ij * (dP_ij - D_i)
  13. dS'_ij = dS_ij * (1 - tanh^2), the slope of the softcap
  14. dq_i = 1 * sum_j dS'_ij k_j
  15. dk_j = 1 * sum_i dS'_ij q_i, summed like dv
  16. dpse_ij = dS'_ij * scale_value, summed over broadcast axes
  17. dsink_n = -sum_i exp(sink_n - m_i) / l_i * D_i
)");
  EXPECT_EQ(section("sq=3 pse=alibi_sqrt q_start=2 kv_start=1 softcap=5", "Formula"), R"(
Formula, in this order:
   1. r_ij = sum_d q_id k_jd in float32
   2. pse_ij = -slope_n * sqrt|(j+1) - (i+2)|, zero on the top-left diagonal (pse_type 3)
   3. x_ij = r_ij * 1 (scale_value is 1: no 1/sqrt(d) is implied)
   4. x_ij = 5 * tanh(x_ij / 5) (softcap)
   5. x_ij = x_ij + pse_ij: multiply, then add (pse_type 3)
   6. keys that row i does not see are left out: a select, so NaN in them never matters
   7. m_i = max_j x_ij, p_ij = exp(x_ij - m_i), l_i = sum_j p_ij, in float32
   8. out_i = (sum_j p_ij v_j) / l_i
   9. softmax_max_i = m_i and softmax_sum_i = l_i, each eight times; lse_i = m_i + ln l_i, natural logarithm
)");
  EXPECT_EQ(section("op=prompt sq=2 dtype=i8 quant=yes pse=tensor", "Formula"), R"(
Formula, in this order:
   1. r_ij = float16(dequant_scale1 * sum_d q_id k_jd), the sum in int32
   2. x_ij = r_ij * 1 (scale_value is 1: no 1/sqrt(d) is implied)
   3. x_ij = x_ij + pse_ij: multiply, then add (pse_shift)
   4. keys that row i does not see are left out: a select, so NaN in them never matters
   5. m_i = max_j x_ij, p_ij = exp(x_ij - m_i), l_i = sum_j p_ij, in float32
   6. P_ij = int8(rint(float16(p_ij * quant_scale1)))
   7. out_i = float16(dequant_scale2 * sum_j P_ij v_j) / l_i, the sum in int32
   8. out_i = clamp(rint(out_i * quant_scale2 + quant_offset2), -128, 127); 0 when quant_offset2 is absent
   9. softmax_lse_i = m_i + ln l_i, natural logarithm
)");
}

TEST(ExplainFormula, RowsThatSeeNothingByOperator) {
  const auto says = [](const std::string& words, const std::string& line) {
    EXPECT_NE(explain(words).text.find("  there: " + line + "\n"), std::string::npos) << words << explain(words).text;
  };
  says("mode=3 sq=3 skv=1 sink=yes", "out 0, softmax_max sink_n, softmax_sum 1, lse sink_n");
  says(
      "mode=3 sq=3 skv=1 op=bwd",
      "out 0, softmax_max -FLT_MAX, softmax_sum +FLT_MAX; lse -inf at the typed door; dq 0, and nothing is added to dk "
      "and dv");
  says("op=prompt mode=3 sq=3 skv=1", "out 0, softmax_lse +inf at the run-time door, -inf at the typed one");
  says("op=incre skv=0 quant=yes",
       "out quant(0), that is quant_offset2 or 0, softmax_lse +inf at the run-time door, -inf at the typed one");
  says("sq=2 skv=0", "out 0, softmax_max 0, softmax_sum 0 (key has no rows at all); lse -inf at the typed door");
}

}  // namespace
}  // namespace kit
