// All heads of all sequences, and the tensors that a foreign kernel would hand in.
#include "kit/mutants/broken.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "kit/bundle/types.hpp"
#include "kit/mutants/kernel.hpp"

namespace kit {

namespace mutant {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

struct Run {
  const Kernel& kernel;
  Grid out;  // as it is written
  Answer answer;
};

Grid output_grid(const Kernel& kernel) {
  const AttentionCase& spec = kernel.spec;
  const std::string layout = input_side(spec.layout);
  Grid grid = grid_of(spec.query.shape, layout, kernel.heads);
  const Array& values = first_values(spec);
  if (spec.paging.block_table.present()) {
    const std::vector<index_t>& s = values.shape;
    grid.width = s.size() == 3 ? s[2] / kernel.kv_heads : s.size() == 4 ? s[3] : s[2] * s[4];
  } else {
    grid.width = grid_of(values.shape, layout, kernel.kv_heads).width;
  }
  return grid;
}

// Of a row's statistics: [b][head][row], packed [row][head].
index_t statistic(const Kernel& kernel, const Sequence& s, const Grid& out, index_t head, index_t i) {
  if (!is_packed(input_side(kernel.spec.layout))) return (s.q_batch * kernel.heads + head) * out.rows + s.q_first + i;
  if (kernel.has(Bug::stats_layout)) return s.q_first * kernel.heads + head * s.rows + i;  // BUG: [N][S] of each
  return (s.q_first + i) * kernel.heads + head;
}

bool cache_has_no_rows(const Kernel& kernel) {
  const AttentionCase& spec = kernel.spec;
  if (spec.paging.block_table.present() || !spec.key_list.empty()) return false;
  return grid_of(spec.key.shape, input_side(spec.layout), kernel.kv_heads).rows == 0;
}

Array like(const Array& tensor) { return tensor.present() ? Array(tensor.shape) : Array(); }

// As rows have it that belong to no sequence.
Run blank(const Kernel& kernel) {
  const AttentionCase& spec = kernel.spec;
  Run run{kernel, output_grid(kernel), {}};
  auto& forward = run.answer.forward;
  forward.out = Array(shape_of(run.out, output_side(spec.layout)));
  const bool packed = is_packed(input_side(spec.layout));
  const Grid& g = run.out;
  forward.lse = Array(packed ? std::vector<index_t>{g.rows, g.heads} : std::vector<index_t>{g.batch, g.heads, g.rows});
  forward.softmax_max = forward.softmax_sum = forward.lse;
  const bool empty = kernel.training() && cache_has_no_rows(kernel);
  constexpr double kLargest = static_cast<double>(std::numeric_limits<float>::max());
  std::fill(forward.softmax_max.data.begin(), forward.softmax_max.data.end(), empty ? 0 : -kLargest);
  std::fill(forward.softmax_sum.data.begin(), forward.softmax_sum.data.end(), empty ? 0 : kLargest);
  double nothing = std::numeric_limits<double>::infinity();
  if (kernel.has(Bug::lse_sentinel)) nothing = -nothing;               // BUG
  if (kernel.has(Bug::lse_sentinel_finite)) nothing = -3.40282347e38;  // BUG
  std::fill(forward.lse.data.begin(), forward.lse.data.end(), nothing);
  const std::string layout = output_side(spec.layout);
  run.out = arranged(run.out, kernel.has(Bug::layout_out) ? other_layout(layout) : layout);  // BUG
  if (!kernel.question.gradient) return run;
  auto& gradient = run.answer.gradient;
  gradient.d_query = like(spec.query), gradient.d_key = like(spec.key), gradient.d_value = like(spec.value);
  gradient.d_query_rope = like(spec.query_rope), gradient.d_key_rope = like(spec.key_rope);
  gradient.d_sink = like(spec.sink);
  const bool generated = kernel.training() && spec.pse_type >= 2;
  if (!generated && spec.pse_form != glint::reference::PseForm::compressed) gradient.d_pse = like(spec.pse);
  return run;
}

double lse_of(const Kernel& kernel, const RowStats& stats, double blank_value) {
  if (!stats.saw && stats.sum == std::numeric_limits<float>::max()) return blank_value;
  const float log = std::log(stats.sum);
  if (kernel.has(Bug::lse_without_max)) return static_cast<double>(log);                       // BUG
  if (kernel.has(Bug::lse_base)) return static_cast<double>((log + stats.max) * 1.44269504F);  // BUG: log2
  return static_cast<double>(log + stats.max);
}

void write_row(Run& run, const Sequence& s, index_t head, index_t i, const SavedRow& row) {
  auto& forward = run.answer.forward;
  const index_t at = statistic(run.kernel, s, run.out, head, i), first = run.out.at(s.q_batch, head, s.q_first + i);
  index_t width = run.out.width;
  if (run.kernel.has(Bug::value_tail_unwritten)) width -= width % 8;  // BUG
  for (index_t d = 0; d < run.out.width; ++d)
    forward.out.flat(first + d) = d < width ? static_cast<double>(row.out[static_cast<std::size_t>(d)]) : kNaN;
  forward.lse.flat(at) = lse_of(run.kernel, row.stats, forward.lse.flat(at));
  if (!row.stats.saw && row.stats.sum == std::numeric_limits<float>::max()) return;
  forward.softmax_max.flat(at) = static_cast<double>(row.stats.max);
  forward.softmax_sum.flat(at) = static_cast<double>(row.stats.sum);
}

// Nobody wrote the row: what lay there before.
void leave_row(Run& run, const Sequence& s, index_t head, index_t i) {
  auto& forward = run.answer.forward;
  const index_t at = statistic(run.kernel, s, run.out, head, i), first = run.out.at(s.q_batch, head, s.q_first + i);
  for (index_t d = 0; d < run.out.width; ++d) forward.out.flat(first + d) = kNaN;
  forward.lse.flat(at) = forward.softmax_max.flat(at) = forward.softmax_sum.flat(at) = kNaN;
}

bool is_left(const Kernel& kernel, const Sequence& s, index_t i) {
  const index_t tile = kernel.tile.rows;
  if (kernel.has(Bug::rows_tail_unwritten)) return i >= s.rows / tile * tile;  // BUG
  return kernel.has(Bug::rows_empty_unwritten) && s.keys() == 0;               // BUG
}

void run_head(Run& run, const Sequence& s, index_t head) {
  const Kernel& kernel = run.kernel;
  const HeadPlace at{kernel, s, window_of(kernel, s), head};
  const Rows queries = load_queries(kernel, s, head);
  const Rows keys = load_keys(kernel, s, kernel.kv_head(head)), values = load_values(kernel, s, kernel.kv_head(head));
  const bool int8 = kernel.spec.int8.dequant_scale1.present();
  std::vector<SavedRow> saved(static_cast<std::size_t>(s.rows));
  for (index_t i = 0; i < s.rows; ++i) {
    SavedRow& row = saved[static_cast<std::size_t>(i)];
    row.stats = int8 ? attend_int8(at, i, queries.row(i), keys, values, row.out)
                     : attend(at, i, queries.row(i), keys, values, row.out);
    is_left(kernel, s, i) ? leave_row(run, s, head, i) : write_row(run, s, head, i, row);
  }
  if (kernel.question.gradient) add_gradients(at, queries, keys, values, saved, run.answer);
}

// operators 4.2, by channel [n][d] or for all; on rows of zeros too.
void quantise(Run& run) {
  const auto& factors = run.kernel.spec.int8;
  const auto factor = [](const Array& of, index_t channel) {
    return of.present() ? static_cast<float>(of.flat(of.size() == 1 ? 0 : channel)) : 0.0F;
  };
  const Grid& g = run.out;
  for (index_t b = 0; b < g.batch; ++b)
    for (index_t row = 0; row < g.rows; ++row)
      for (index_t channel = 0; channel < g.heads * g.width; ++channel) {
        double& number = run.answer.forward.out.flat(g.at(b, channel / g.width, row) + channel % g.width);
        const float scaled = static_cast<float>(number) * factor(factors.quant_scale2, channel);
        const bool shifted = !run.kernel.has(Bug::quant_offset_missing);  // BUG
        const float whole = scaled + (shifted ? factor(factors.quant_offset2, channel) : 0);
        number = static_cast<double>(to_int8(run.kernel.has(Bug::int8_truncated) ? std::trunc(whole) : whole));  // BUG
      }
}

}  // namespace
}  // namespace mutant

Results run_broken(const Question& question, Bug bug, TileSize tile) {
  const mutant::Kernel kernel(question, bug, tile);
  mutant::Run run = mutant::blank(kernel);
  for (const mutant::Sequence& sequence : kernel.sequences)
    for (index_t head = 0; head < kernel.heads; ++head) mutant::run_head(run, sequence, head);
  if (question.spec.int8.quant_scale2.present()) mutant::quantise(run);
  Results results;
  const Type stored = storage_of(question.out_type);
  visit_outputs(run.answer, [&](const std::string& name, const Array& numbers) {
    if (!numbers.present()) return;
    const bool tensor = name == "out" || (name.starts_with("d_") && name != "d_sink");
    results[name] = tensor_of(numbers, tensor ? stored : Type::f32);
  });
  return results;
}

}  // namespace kit
