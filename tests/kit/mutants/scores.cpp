// A score from its product: scale, position bias, cap (operators 1.1 to 1.3, 1.5), and every order they can be put in.
#include <array>
#include <cmath>
#include <numeric>

#include "kit/mutants/kernel.hpp"

namespace kit::mutant {

using glint::reference::PseForm;
using glint::reference::SoftcapOrder;

Kernel::Kernel(const Question& asked, Bug mistake, TileSize size)
    : question(asked),
      spec(asked.spec),
      bug(mistake),
      tile(size),
      sequences(sequences_of(asked.spec, mistake)),
      heads(asked.spec.head_num),
      kv_heads(kv_head_count(asked.spec)) {
  constexpr index_t kUsual = 32;
  if (tile.rows < 1) tile.rows = kUsual;
  if (tile.columns < 1) tile.columns = kUsual;
}

index_t Kernel::kv_head(index_t head) const {
  if (has(Bug::gqa_interleaved)) return head % kv_heads;  // BUG
  if (has(Bug::gqa_first)) return 0;                      // BUG
  return head / (heads / kv_heads);
}

namespace {

constexpr index_t kKeptRows = 1024;  // of a compressed bias

// The last 1024 rows of a matrix that depends on row - column alone (operators 1.3).
index_t compressed_position(const Kernel& kernel, const Sequence& s, index_t plane, index_t i, index_t key) {
  const index_t columns = kernel.spec.pse.shape.back();
  index_t row = 0, column = 0;
  if (is_packed(input_side(kernel.spec.layout))) {
    const index_t diagonal = i - key - (columns - kKeptRows);
    row = diagonal >= 0 ? diagonal : 0;
    column = diagonal >= 0 ? 0 : -diagonal;
  } else {
    const index_t cut = s.rows - kKeptRows;
    row = i >= cut ? i - cut : i % kKeptRows;
    column = key + cut + row - i;
  }
  return (plane * kKeptRows + row) * columns + column;
}

struct Axes {
  index_t batches = 1, heads = 1, rows = 1, columns = 1;
};
Axes axes_of(const std::vector<index_t>& shape) {
  std::array<index_t, 4> last{1, 1, 1, 1};
  for (std::size_t k = 0; k < shape.size() && k < 4; ++k) last[3 - k] = shape[shape.size() - 1 - k];
  return {last[0], last[1], last[2], last[3]};
}

bool is_generated(const Kernel& kernel) { return kernel.training() && kernel.spec.pse_type >= 2; }

float generated_bias(const Kernel& kernel, const Sequence& s, index_t head, index_t i, index_t key) {
  const AttentionCase& spec = kernel.spec;
  const bool by_entry = spec.pse.rank() == 2 && spec.pse.shape[0] > 1 && !kernel.has(Bug::pse_broadcast);  // BUG
  const index_t row = kernel.has(Bug::pse_broadcast) ? 0 : head;                                           // BUG
  const float slope = static_cast<float>(spec.pse.flat(by_entry ? s.number * spec.pse.shape[1] + row : row));
  index_t across = i - key;
  if (!spec.q_start_idx.empty()) across += spec.q_start_idx[0];
  if (!spec.q_start_idx.empty() && !spec.kv_start_idx.empty()) across -= spec.kv_start_idx[0];
  if (kernel.has(Bug::pse_corner)) across += s.keys() - s.rows;  // BUG: zero at the bottom right
  const auto distance = static_cast<float>(across < 0 ? -across : across);
  const bool root = (spec.pse_type == 3) != kernel.has(Bug::pse_root);  // BUG: exchanged
  return -slope * (root ? std::sqrt(distance) : distance);
}

}  // namespace

index_t bias_position(const Kernel& kernel, const Sequence& s, index_t head, index_t i, index_t key) {
  const AttentionCase& spec = kernel.spec;
  index_t b = s.number;
  if (kernel.has(Bug::pse_broadcast)) b = head = 0;  // BUG
  if (spec.pse_form == PseForm::flat_score) return kernel.heads * s.scores + (head * s.rows + i) * s.keys() + key;
  if (spec.pse_form == PseForm::flat_column) return kernel.heads * s.keys_before + head * s.keys() + key;
  const Axes axes = axes_of(spec.pse.shape);
  const index_t plane = (axes.batches == 1 ? 0 : b) * axes.heads + (axes.heads == 1 ? 0 : head);
  if (spec.pse_form == PseForm::compressed) return compressed_position(kernel, s, plane, i, key);
  return (plane * axes.rows + (axes.rows == 1 ? 0 : i + s.row_lead)) * axes.columns + s.column(key);
}

float bias_at(const Kernel& kernel, const Sequence& s, index_t head, index_t i, index_t key) {
  if (!kernel.spec.pse.present() || kernel.has(Bug::pse_missing)) return 0;  // BUG
  const float bias = is_generated(kernel)
                         ? generated_bias(kernel, s, head, i, key)
                         : static_cast<float>(kernel.spec.pse.flat(bias_position(kernel, s, head, i, key)));
  if (kernel.has(Bug::pse_twice)) return 2 * bias;  // BUG
  return kernel.has(Bug::pse_sign) ? -bias : bias;  // BUG
}

bool bias_inside_scale(const Kernel& kernel) {
  const bool inside = kernel.training() && kernel.spec.pse_type == 1;
  return kernel.spec.pse.present() ? inside != kernel.has(Bug::pse_order) : inside;  // BUG
}

bool bias_inside_cap(const Kernel& kernel) {
  if (bias_inside_scale(kernel)) return true;
  const bool inside = kernel.spec.softcap_order == SoftcapOrder::after_bias;
  return inside != kernel.has(Bug::softcap_order);  // BUG
}

float dot(const Kernel& kernel, const float* left, const float* right, index_t count) {
  if (kernel.has(Bug::head_tail_dropped)) count -= count % 8;  // BUG: whole vectors only
  if (kernel.has(Bug::precision_accumulate_16bit)) {
    float sum = 0;
    for (index_t d = 0; d < count; ++d) sum = to_half(static_cast<double>(sum + left[d] * right[d]));  // BUG
    return sum;
  }
  const bool tf32 = kernel.has(Bug::precision_tf32);
  std::array<float, 8> lanes{};
  for (index_t d = 0; d < count; ++d) {
    const float product = tf32 ? to_tf32(left[d]) * to_tf32(right[d]) : left[d] * right[d];  // BUG
    lanes[static_cast<std::size_t>(d % 8)] += product;
  }
  return ((lanes[0] + lanes[1]) + (lanes[2] + lanes[3])) + ((lanes[4] + lanes[5]) + (lanes[6] + lanes[7]));
}

float scale_of(const Kernel& kernel, index_t width) {
  const float scale = static_cast<float>(kernel.spec.scale);
  if (kernel.has(Bug::scale_missing)) return 1;                                                         // BUG
  if (kernel.has(Bug::scale_twice)) return scale * scale;                                               // BUG
  if (kernel.has(Bug::scale_default)) return 1 / std::sqrt(static_cast<float>(width));                  // BUG
  if (kernel.has(Bug::scale_padded)) return 1 / std::sqrt(static_cast<float>((width + 15) / 16 * 16));  // BUG
  return scale;
}

float q_scale_of(const Kernel& kernel) {
  const float q_scale = static_cast<float>(kernel.spec.q_scale);
  if (kernel.has(Bug::q_scale_missing)) return 1;                // BUG
  if (kernel.has(Bug::q_scale_twice)) return q_scale * q_scale;  // BUG
  return q_scale;
}

namespace {

struct Parts {
  float inside = 0, outside = 0;  // of the cap
};

Parts parts_of(const Kernel& kernel, float product, float bias, index_t width) {
  const float scale = scale_of(kernel, width), q_scale = q_scale_of(kernel);
  if (bias_inside_scale(kernel)) return {(q_scale * product + bias) * scale, 0};
  const float scaled = q_scale * scale * product;
  return bias_inside_cap(kernel) ? Parts{scaled + bias, 0} : Parts{scaled, bias};
}

float cap_of(const Kernel& kernel) {
  return kernel.has(Bug::softcap_missing) ? 0 : static_cast<float>(kernel.spec.softcap);  // BUG
}

}  // namespace

float score_of(const Kernel& kernel, float product, float bias, index_t width) {
  const Parts parts = parts_of(kernel, product, bias, width);
  const float cap = cap_of(kernel);
  const float score = (cap == 0 ? parts.inside : cap * std::tanh(parts.inside / cap)) + parts.outside;
  return kernel.has(Bug::scores_f16) ? to_half(static_cast<double>(score)) : score;  // BUG
}

float cap_slope(const Kernel& kernel, float product, float bias, index_t width) {
  const float cap = cap_of(kernel);
  if (cap == 0) return 1;
  const float hyperbolic = std::cosh(parts_of(kernel, product, bias, width).inside / cap);
  return 1 / (hyperbolic * hyperbolic);  // 1 - tanh^2, which would cancel
}

}  // namespace kit::mutant
