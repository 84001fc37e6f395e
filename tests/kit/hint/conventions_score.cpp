// From the product of a query and a key to the score: scale, bias, cap and sink.
#include <cmath>
#include <numbers>
#include <utility>

#include "glint/reference/attention.hpp"
#include "kit/hint/kernel.hpp"
#include "kit/hint/planes.hpp"

namespace kit::hinting {

namespace reference = glint::reference;
namespace parts = glint::reference::detail;

namespace {

using Edit = std::function<void(Kernel&)>;

bool adds_then_scales(const AttentionCase& spec) { return spec.op == reference::Operator::score && spec.pse_type == 1; }

bool generated(const AttentionCase& spec) {
  return spec.pse.present() && spec.op == reference::Operator::score && spec.pse_type >= 2;
}

void add_scales(const AttentionCase& spec, Hypotheses& table) {
  const std::string asked = "the case asks for scale " + number(spec.scale);
  const auto scaled = [&](const char* id, const std::string& what, double scale) {
    table.push_back(
        {id, "The kernel " + what + "; " + asked + ".", [scale](Kernel& kernel) { kernel.spec.scale = scale; }});
  };
  scaled("scale.missing", "does not apply the scale: scores are used as q.k", 1);
  const index_t width = reference::query_extent(spec).width;
  const index_t rope =
      spec.query_rope.present()
          ? reference::extent_of(spec.query_rope, reference::input_layout(spec.layout), spec.head_num).width
          : 0;
  const double usual = 1 / std::sqrt(static_cast<double>(width));
  scaled("scale.default", "uses its own scale 1/sqrt(D) = " + number(usual), usual);
  if (rope > 0) {
    const double wide = 1 / std::sqrt(static_cast<double>(width + rope));
    scaled("scale.default", "uses its own scale 1/sqrt(D + rope) = " + number(wide), wide);
  }
  index_t before = width;
  for (const index_t step : {16, 64, 128}) {
    const index_t padded = (width + step - 1) / step * step;
    if (padded != before)
      scaled("scale.default", "uses the scale of a padded width, 1/sqrt(" + std::to_string(padded) + ")",
             1 / std::sqrt(static_cast<double>(padded)));
    before = padded;
  }
  scaled("scale.twice", "applies the scale twice", spec.scale * spec.scale);
  scaled("scale.twice", "applies 1/sqrt(D) besides the scale", spec.scale * usual);
  if (spec.q_scale == 1) return;
  const auto of_query = [&](const char* id, const std::string& what, double q_scale) {
    table.push_back({id, "The kernel " + what + " q_scale " + number(spec.q_scale) + ", a factor of the queries.",
                     [q_scale](Kernel& kernel) { kernel.spec.q_scale = q_scale; }});
  };
  of_query("q_scale.missing", "does not apply", 1);
  of_query("q_scale.twice", "applies twice the", spec.q_scale * spec.q_scale);
}

// Powers of two for powers of e.  A kernel may report its statistics in either unit, so each is tried.
void add_bases(Hypotheses& table) {
  const auto base = [&](const char* id, const std::string& sentence, double factor) {
    table.push_back({id, sentence, [factor](Kernel& kernel) { kernel.score_factor = factor; }});
    table.push_back({id, sentence, [factor](Kernel& kernel) {
                       kernel.score_factor = factor;
                       kernel.after = [factor](const RowScores&, RowResult& row) {
                         if (row.state != RowState::computed) return;
                         row.max /= factor;
                         row.lse = std::log(row.sum) + row.max;
                       };
                     }});
  };
  base("scale.exp2",
       "The kernel takes 2^x where e^x is meant: multiply the scale by log2(e) = 1.442695 before exp2, or use exp.",
       std::numbers::ln2);
  base("scale.log2e",
       "The kernel multiplies scores by log2(e) = 1.442695 once too often: either exp2 with that factor or exp without "
       "it.",
       std::numbers::log2e);
}

void multiply(Array& array, double factor) {
  for (double& value : array.data) value *= factor;
}

// The bias on the other side of the scale.
void exchange_order(AttentionCase& spec) {
  if (adds_then_scales(spec)) {
    spec.pse_type = 0;
  } else {
    multiply(spec.pse, spec.scale);
    spec.softcap_order = reference::SoftcapOrder::after_bias;
  }
}

void transpose_planes(Array& pse) {
  const index_t rows = pse.shape[2];
  for (index_t plane = 0; plane < pse.shape[0] * pse.shape[1]; ++plane)
    for (index_t i = 0; i < rows; ++i)
      for (index_t j = 0; j < i; ++j)
        std::swap(pse.flat((plane * rows + i) * rows + j), pse.flat((plane * rows + j) * rows + i));
}

void add_bias_broadcast(const AttentionCase& spec, Hypotheses& table) {
  const auto add = [&](const std::string& whose, const Edit& edit) {
    table.push_back({"pse.broadcast",
                     "The kernel uses the pse of " + whose +
                         " for all; the tensor has one for each. Check the strides "
                         "of its batch and head axes.",
                     edit});
  };
  const Array& pse = spec.pse;
  if (generated(spec)) {
    if (pse.rank() == 2 && pse.shape[0] > 1) add("batch entry 0", [](Kernel& kernel) { kernel.spec.pse.shape[0] = 1; });
    if (spec.head_num == 1) return;
    const auto first_head = [](Kernel& kernel) {
      kernel.pse = [](const ScoreAt& at) { return parts::pse_at(at.spec, at.entry, 0, at.i, at.j); };
    };
    add("head 0", first_head);
    if (pse.rank() == 2 && pse.shape[0] > 1)
      add("entry 0 and head 0", [first_head](Kernel& kernel) {
        kernel.spec.pse.shape[0] = 1;
        first_head(kernel);
      });
    return;
  }
  if (spec.pse_form == reference::PseForm::flat_score || spec.pse_form == reference::PseForm::flat_column) {
    if (spec.head_num > 1)
      add("head 0", [](Kernel& kernel) {
        kernel.pse = [](const ScoreAt& at) { return parts::pse_at(at.spec, at.entry, 0, at.i, at.j); };
      });
    return;
  }
  if (pse.rank() != 4) return;
  const bool batches = pse.shape[0] > 1, heads = pse.shape[1] > 1;
  if (batches) add("batch entry 0", [](Kernel& kernel) { keep_first(kernel.spec.pse, true, false); });
  if (heads) add("head 0", [](Kernel& kernel) { keep_first(kernel.spec.pse, false, true); });
  if (batches && heads) add("entry 0 and head 0", [](Kernel& kernel) { keep_first(kernel.spec.pse, true, true); });
}

// ALiBi: the distance to the diagonal that ends at the bottom right.
double bottom_right_alibi(const ScoreAt& at) {
  return parts::alibi(at.spec, at.entry, at.head, at.i + at.rule.keys - at.rule.rows, at.j);
}

void add_generated_bias(const AttentionCase& spec, Hypotheses& table) {
  if (!generated(spec)) return;
  table.push_back({"pse.corner",
                   "The kernel's ALiBi is zero on the diagonal that ends at the bottom right; pse_type 2 and 3 put the "
                   "zero at j + kv_start = i + q_start, counted from the top left.",
                   [](Kernel& kernel) { kernel.pse = bottom_right_alibi; }});
  if (!spec.q_start_idx.empty())
    table.push_back({"pse.corner", "The kernel's ALiBi ignores q_start_idx and kv_start_idx: its zero lies at j = i.",
                     [](Kernel& kernel) {
                       kernel.spec.q_start_idx.clear();
                       kernel.spec.kv_start_idx.clear();
                     }});
  table.push_back({"pse.root",
                   std::string("The kernel's ALiBi takes the ") +
                       (spec.pse_type == 2 ? "square root of the distance (pse_type 3); pse_type 2 is linear."
                                           : "distance itself (pse_type 2); pse_type 3 takes its square root."),
                   [](Kernel& kernel) { kernel.spec.pse_type = 5 - kernel.spec.pse_type; }});
}

void add_bias(const AttentionCase& spec, Hypotheses& table) {
  if (!spec.pse.present()) return;
  const bool inside = adds_then_scales(spec);
  table.push_back({"pse.order",
                   inside ? "The kernel adds pse after scaling; pse_type 1 asks for scale * (q.k + pse)."
                          : "The kernel adds pse before scaling; the case asks for scale * q.k + pse.",
                   [](Kernel& kernel) { exchange_order(kernel.spec); }});
  table.push_back(
      {"pse.missing", "The kernel does not add pse to its scores.", [](Kernel& kernel) { kernel.spec.pse = {}; }});
  table.push_back({"pse.sign",
                   generated(spec) ? "The kernel adds slope * distance; ALiBi here is -slope * distance."
                                   : "The kernel subtracts pse; it is added to the scores.",
                   [](Kernel& kernel) { multiply(kernel.spec.pse, -1); }});
  table.push_back({"pse.twice", "The kernel adds pse twice.", [](Kernel& kernel) { multiply(kernel.spec.pse, 2); }});
  const bool planes = !generated(spec) && spec.pse_form == reference::PseForm::dense && spec.pse.rank() == 4;
  if (planes && spec.pse.shape[2] == spec.pse.shape[3] && spec.pse.shape[2] > 1)
    table.push_back({"pse.transposed",
                     "The kernel reads pse transposed: the last axis counts keys, the one before it rows.",
                     [](Kernel& kernel) { transpose_planes(kernel.spec.pse); }});
  add_generated_bias(spec, table);
  add_bias_broadcast(spec, table);
}

void add_cap(const AttentionCase& spec, Hypotheses& table) {
  if (spec.softcap == 0) return;
  const std::string cap = "softcap " + number(spec.softcap);
  table.push_back({"softcap.missing", "The kernel does not apply " + cap + ": x = softcap * tanh(x / softcap).",
                   [](Kernel& kernel) { kernel.spec.softcap = 0; }});
  const auto order = [&](const std::string& what, const Edit& edit) {
    table.push_back({"softcap.order", "The kernel applies " + cap + " " + what, edit});
  };
  if (spec.pse.present()) {
    const bool before = spec.softcap_order == reference::SoftcapOrder::before_bias && !adds_then_scales(spec);
    order(before ? "to the sum of score and pse; the case asks for the cap first, then pse."
                 : "before it adds pse; the case asks for the cap of their sum.",
          [before](Kernel& kernel) {
            AttentionCase& edited = kernel.spec;
            if (adds_then_scales(edited)) {
              multiply(edited.pse, edited.scale);
              edited.pse_type = 0;
            }
            edited.softcap_order = before ? reference::SoftcapOrder::after_bias : reference::SoftcapOrder::before_bias;
          });
  }
  order("before the scale; the case asks for the cap of the scaled score.",
        [](Kernel& kernel) { kernel.spec.softcap *= kernel.spec.scale; });
  order("after the mask, which turns excluded scores into -softcap: they take part. Mask after the cap.",
        [](Kernel& kernel) { kernel.masked_score = -kernel.spec.softcap; });
}

void add_sink(const AttentionCase& spec, Hypotheses& table) {
  if (!spec.sink.present()) return;
  table.push_back({"sink.missing", "The kernel leaves the sink out: exp(sink - max) belongs into the sum of every row.",
                   [](Kernel& kernel) { kernel.spec.sink = {}; }});
  table.push_back({"sink.scaled",
                   "The kernel multiplies the sink by scale " + number(spec.scale) + "; the sink is a score already.",
                   [](Kernel& kernel) { multiply(kernel.spec.sink, kernel.spec.scale); }});
}

}  // namespace

void add_score_conventions(const Question& question, Hypotheses& table) {
  add_scales(question.spec, table);
  add_bases(table);
  add_bias(question.spec, table);
  add_cap(question.spec, table);
  add_sink(question.spec, table);
}

}  // namespace kit::hinting
