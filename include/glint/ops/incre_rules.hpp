// The rules of incre_flash_attention, for both doors.
#pragma once

#include "glint/ops/decode_problem.hpp"
#include "glint/ops/prompt_flash_attention.hpp"
#include "glint/ops/rules.hpp"

namespace glint {
inline namespace GLINT_ABI {

inline Status check_incre(const detail::DecodeProblem& p) {
  GLINT_PASS_ON(rules::shape(p.shape));
  GLINT_PASS_ON(rules::scale(static_cast<double>(p.scale)));
  GLINT_REQUIRE(p.layout == Layout::BSH || p.layout == Layout::BNSD || p.layout == Layout::BSND,
                Code::layout_not_for_operator, "incre_flash_attention knows the layouts BSH, BNSD and BSND", p.layout,
                Layout::BSH);
  GLINT_PASS_ON(rules::lengths(p.kv_lens, p.shape.batch, p.shape.kv_len, rules::LengthList::exact));
  if (p.mask) {
    GLINT_REQUIRE(p.mask.heads == 1, Code::mask_shape, "attn_mask must have 1 as its head axis", p.mask.heads, 1);
    GLINT_PASS_ON(rules::mask_shape(p.mask, p.shape, 1, p.shape.kv_len, false));
  }
  if (p.pse) {
    GLINT_REQUIRE(p.pse.dtype == p.q_type, Code::dtype_pse, "pse_shift must have the data type of query", p.pse.dtype,
                  p.q_type);
    GLINT_REQUIRE(p.pse.form == PseForm::dense, Code::pse_shape, "pse_shift is a dense tensor", 1, 0);
    GLINT_PASS_ON(rules::pse_shape(p.pse, p.shape, 1, p.shape.kv_len));
  }
  GLINT_REQUIRE(p.inner_precise == 0 || p.inner_precise == 1, Code::inner_precise_range, "inner_precise must be 0 or 1",
                p.inner_precise, 1);
  return Status::ok();
}

}  // namespace GLINT_ABI
}  // namespace glint
