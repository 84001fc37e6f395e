// What only a backward kernel can get wrong.
#include "glint/reference/attention.hpp"
#include "kit/hint/kernel.hpp"

namespace kit::hinting {

namespace {

using Add = std::function<void(const char* id, const std::string& sentence, const std::function<void(Backward&)>&)>;

void add_doubled_scales(const AttentionCase& spec, const Add& add) {
  const std::string factor = "scale = " + number(spec.scale);
  const double again = spec.q_scale * spec.scale;
  const std::string twice = " twice; once is asked for.";
  add("gradient.scale_twice", "The kernel applies " + factor + " to dq and to dk" + twice,
      [again](Backward& backward) { backward.dq_factor = backward.dk_factor = again; });
  add("gradient.scale_twice", "The kernel applies " + factor + " to dq" + twice,
      [again](Backward& backward) { backward.dq_factor = again; });
  add("gradient.scale_twice", "The kernel applies " + factor + " to dk" + twice,
      [again](Backward& backward) { backward.dk_factor = again; });
}

void add_missing_scales(const AttentionCase& spec, const Add& add) {
  const std::string factor = "scale = " + number(spec.scale);
  const double missing = 1 / spec.scale, both = missing / spec.q_scale;
  add("gradient.scale_dq", "The kernel's dq lacks the " + factor + ": dQ = scale * dS K.",
      [missing](Backward& backward) { backward.dq_factor = missing; });
  add("gradient.scale_dk", "The kernel's dk lacks the " + factor + ": dK = scale * dS^T Q.",
      [missing](Backward& backward) { backward.dk_factor = missing; });
  if (spec.q_scale != 1) {
    add("gradient.scale_dq", "The kernel's dq lacks q_scale * scale.",
        [both](Backward& backward) { backward.dq_factor = both; });
    add("gradient.scale_dk", "The kernel's dk lacks q_scale * scale.",
        [both](Backward& backward) { backward.dk_factor = both; });
    const double of_query = 1 / spec.q_scale;
    add("gradient.scale_dq", "The kernel's dq lacks q_scale " + number(spec.q_scale) + ": dQ = q_scale * scale * dS K.",
        [of_query](Backward& backward) { backward.dq_factor = of_query; });
    add("gradient.scale_dk",
        "The kernel's dk lacks q_scale " + number(spec.q_scale) + ": dK = q_scale * scale * dS^T Q.",
        [of_query](Backward& backward) { backward.dk_factor = of_query; });
  }
}

}  // namespace

void add_gradient_conventions(const Question& question, Hypotheses& table) {
  if (!question.gradient) return;
  const AttentionCase& spec = question.spec;
  const Add add = [&](const char* id, const std::string& sentence, const std::function<void(Backward&)>& change) {
    table.push_back({id, sentence, [change](Kernel& kernel) {
                       kernel.keeps_scores = true;
                       change(kernel.backward);
                     }});
  };
  add_missing_scales(spec, add);
  add_doubled_scales(spec, add);
  if (spec.key.shape == spec.value.shape)
    add("gradient.swapped", "The kernel's d_key and d_value are exchanged.",
        [](Backward& backward) { backward.exchanges_keys = true; });
  add("gradient.row_dot", "The kernel leaves rowD = sum(dO * O) out: dS = P * (dP - rowD).",
      [](Backward& backward) { backward.row_dot = false; });
  if (spec.keep_prob != 1)
    add("gradient.dropout", "The kernel's dP lacks dropout: dP = (dO V^T) * keepbit / keep_prob.",
        [](Backward& backward) { backward.drops = false; });
  const index_t kv_heads = glint::reference::kv_heads_of(spec);
  const index_t group = kv_heads > 0 ? glint::reference::query_extent(spec).heads / kv_heads : 1;
  if (group > 1) {
    const std::string sum = " of a group of " + std::to_string(group) + " query heads; they are summed over the group.";
    add("gradient.group", "The kernel's dk and dv are those of the last head" + sum,
        [group](Backward& backward) { backward.only_member = group - 1; });
    add("gradient.group", "The kernel's dk and dv are those of the first head" + sum,
        [](Backward& backward) { backward.only_member = 0; });
  }
  table.push_back({"gradient.mask",
                   "In the kernel's gradient keys that a row does not see contribute: P is 0 for them. Apply the mask "
                   "again when P is recomputed.",
                   [](Kernel& kernel) { kernel.backward.sees_masked = true; }});
}

}  // namespace kit::hinting
