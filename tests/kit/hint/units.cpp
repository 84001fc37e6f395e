// Picks rows of a result, and holds predictions against them.
#include "kit/hint/units.hpp"

#include <algorithm>
#include <cmath>

#include "glint/reference/attention.hpp"

namespace kit::hinting {

namespace reference = glint::reference;
namespace parts = glint::reference::detail;

namespace {

constexpr const char* kNames[kOutputs] = {"out", "lse", "softmax_max", "softmax_sum", "d_query", "d_key", "d_value"};
constexpr double kMostBits = 10;      // of evidence from one number
constexpr double kSentinelBits = 20;  // from a sentinel that is not the one asked for
constexpr double kHalfOverflows = 65520;

bool of_rows(Output output) { return output == kOut || output >= kDQuery; }

std::array<index_t, kOutputs> widths_of(const AttentionCase& spec) {
  const index_t values = parts::output_extent(spec).width;
  return {values, 1, 1, 1, reference::query_extent(spec).width, parts::head_width(spec, reference::key_sample(spec)),
          values};
}

bool is_finite(double value) { return std::abs(value) <= std::numeric_limits<double>::max(); }

bool same(double left, double right) { return left == right || (parts::is_nan(left) && parts::is_nan(right)); }

// Of an error: in tolerances, infinite for NaN.
double ratio(double got, double want, double allowed) {
  if (same(got, want)) return 0;
  const double error = std::abs(got - want);
  if (!is_finite(error)) return reference::infinity;
  return error / std::max(allowed, 1e-300);
}

bool fits_number(DType type, double got, double want, double allowed) {
  if (type == DType::i8)
    return got >= reference::round_to_int8(want - allowed) && got <= reference::round_to_int8(want + allowed);
  if (same(got, want) || std::abs(got - want) <= allowed) return true;
  const bool overflows = type == DType::f16 && std::abs(want) + allowed >= kHalfOverflows;
  return overflows && std::abs(got) == reference::infinity && std::signbit(got) == std::signbit(want);
}

// Zeros, NaN, or what else a buffer is filled with: one number.
bool looks_unwritten(const Vector& got) {
  const bool zero_or_nan = got(0) == 0 || parts::is_nan(got(0));
  if (!zero_or_nan && got.size() < 2) return false;
  return std::all_of(got.begin(), got.end(), [&](double value) { return same(value, got(0)); });
}

double bits(double error_in_tolerances) { return std::min(kMostBits, std::log2(1 + error_in_tolerances)); }

}  // namespace

bool Sample::fails() const {
  return std::any_of(status.begin(), status.end(), [](Status one) { return one == Status::fails; });
}

bool Units::any_fails() const {
  return std::any_of(samples_.begin(), samples_.end(), [](const Sample& sample) { return sample.fails(); });
}

Units::Units(const Question& question, const Answer& answer, const Tolerances& tolerances, const Results& results)
    : question_(question), widths_(widths_of(question.spec)) {
  visit_outputs(answer, [&](const std::string& name, const Array& want) {
    for (std::size_t output = 0; output < kOutputs; ++output) {
      const auto result = results.find(name);
      const auto allowed = tolerances.find(name);
      if (name != kNames[output] || result == results.end() || allowed == tolerances.end()) continue;
      if (!want.present() || allowed->second.size() != want.size() || result->second.size() < want.size()) continue;
      tensors_[output] = {result->second.numbers(), want, allowed->second};
    }
  });
  sample_queries();
  sample_keys();
  std::stable_sort(samples_.begin(), samples_.end(),
                   [](const Sample& left, const Sample& right) { return left.fails() && !right.fails(); });
}

double Units::got(Output output, index_t position) const {
  const Array& all = tensors_[output].got;
  const bool inside = position >= 0 && position < all.size();
  return inside ? all.data[static_cast<std::size_t>(position)] : std::nan("");
}

index_t Units::position(Output output, const Row& row, const Kernel* kernel) const {
  const AttentionCase& spec = question_.spec;
  const std::string input = reference::input_layout(spec.layout);
  const bool moved = kernel != nullptr && !kernel->out_layout.empty();
  const auto place = [&](const reference::Extent& extent, const std::string& layout) {
    return reference::row_position(extent, layout, row.batch, row.head, row.row);
  };
  switch (output) {
    case kOut: return place(parts::output_extent(spec), moved ? kernel->out_layout : reference::output_layout(spec.layout));
    case kDQuery: return place(reference::query_extent(spec), input);
    case kDKey: return place(reference::extent_of(spec.key, input, reference::kv_heads_of(spec)), input);
    case kDValue: return place(reference::extent_of(spec.value, input, reference::kv_heads_of(spec)), input);
    default: break;
  }
  if (kernel != nullptr && kernel->statistics_position) return kernel->statistics_position(row);
  return parts::statistics_position(spec, row.batch, row.head, row.row);
}

Status Units::status(Output output, const Row& row, double& worst) const {
  const Tensors& tensors = tensors_[output];
  if (!tensors.present()) return Status::absent;
  const index_t start = position(output, row, nullptr);
  bool fails = false;
  for (index_t d = 0; d < width(output); ++d) {
    const double value = got(output, start + d), want = tensors.want.flat(start + d);
    const double allowed = tensors.allowed.flat(start + d);
    if (same(value, want) || std::abs(value - want) <= allowed) continue;
    fails = true;
    worst = std::max(worst, ratio(value, want, allowed));
  }
  return fails ? Status::fails : Status::passes;
}

// The worst row, the first, and the rest spread evenly; as many again, half of them, of those that pass.
void Units::pick(std::vector<std::pair<double, Sample>>& all, std::size_t most) {
  std::vector<std::size_t> failing, passing;
  for (std::size_t at = 0; at < all.size(); ++at) (all[at].second.fails() ? failing : passing).push_back(at);
  if (!all.empty())
    share_failing_ = std::max(share_failing_, static_cast<double>(failing.size()) / static_cast<double>(all.size()));
  const auto take = [&](const std::vector<std::size_t>& from, std::size_t count) {
    const std::size_t step = std::max<std::size_t>(1, (from.size() + count - 1) / std::max<std::size_t>(count, 1));
    std::vector<std::size_t> taken;
    for (std::size_t at = 0; at < from.size(); at += step) taken.push_back(from[at]);
    return taken;
  };
  std::vector<std::size_t> chosen = take(failing, most);
  if (!failing.empty()) {
    const auto by_error = [&](std::size_t left, std::size_t right) { return all[left].first < all[right].first; };
    const std::size_t worst = *std::max_element(failing.begin(), failing.end(), by_error);
    if (std::find(chosen.begin(), chosen.end(), worst) == chosen.end()) chosen.insert(chosen.begin(), worst);
    // Rows far apart first: what is wrong about one alone is soon found not to be about the others.
    std::stable_partition(chosen.begin(), chosen.end(), [&](std::size_t at) { return at % 3 == 0 || at == worst; });
  }
  for (const std::size_t at : take(passing, most / 2 + 1)) chosen.push_back(at);
  for (const std::size_t at : chosen) samples_.push_back(std::move(all[at].second));
}

void Units::sample_queries() {
  const AttentionCase& spec = question_.spec;
  const reference::Extent extent = reference::query_extent(spec);
  const bool backward = tensors_[kDQuery].present();
  std::vector<std::pair<double, Sample>> all;
  for (index_t b = 0; b < extent.batch; ++b) {
    for (index_t n = 0; n < extent.heads; ++n) {
      for (index_t i = 0; i < extent.rows; ++i) {
        Sample sample{{b, i, n}, false, {}};
        double worst = 0;
        for (const Output output : {kOut, kLse, kMax, kSum, kDQuery})
          sample.status[output] = status(output, sample.row, worst);
        all.emplace_back(worst, sample);
      }
    }
  }
  // A forward that is right says nothing about a gradient that is wrong: they are two kernels.
  const auto forward_fails = [](const std::pair<double, Sample>& one) {
    return std::any_of(one.second.status.begin(), one.second.status.begin() + kDQuery,
                       [](Status each) { return each == Status::fails; });
  };
  if (backward && std::none_of(all.begin(), all.end(), forward_fails))
    for (auto& [worst, sample] : all)
      for (const Output output : {kOut, kLse, kMax, kSum}) sample.status[output] = Status::absent;
  const index_t keys = std::max<index_t>(1, spec.paging.block_table.present() || !spec.key_list.empty()
                                                ? 64
                                                : reference::extent_of(spec.key, reference::input_layout(spec.layout),
                                                                       reference::kv_heads_of(spec))
                                                      .rows);
  const index_t cost = keys * (extent.width + parts::output_extent(spec).width + 20);
  pick(all, static_cast<std::size_t>(std::clamp<index_t>(8'000'000 / cost, 12, 48)));
}

// One kv head's keys cost a whole head's forward: those of the worst one, if that is cheap.
void Units::sample_keys() {
  if (!tensors_[kDKey].present() && !tensors_[kDValue].present()) return;
  const AttentionCase& spec = question_.spec;
  const reference::Extent rows = reference::query_extent(spec);
  const reference::Extent extent =
      reference::extent_of(spec.key, reference::input_layout(spec.layout), reference::kv_heads_of(spec));
  const double cost = static_cast<double>(rows.heads / std::max<index_t>(1, extent.heads) * rows.rows * extent.rows) *
                      static_cast<double>(4 * extent.width + 40);
  if (cost > 3e8) return;
  std::vector<std::pair<double, Sample>> all, most_wrong;
  double most = -1;
  for (index_t b = 0; b < extent.batch; ++b) {
    for (index_t n = 0; n < extent.heads; ++n) {
      all.clear();
      double failing = 0;
      for (index_t j = 0; j < extent.rows; ++j) {
        Sample sample{{b, j, n}, true, {}};
        double worst = 0;
        for (const Output output : {kDKey, kDValue}) sample.status[output] = status(output, sample.row, worst);
        failing += sample.fails() ? 1 : 0;
        all.emplace_back(worst, sample);
      }
      if (failing > most) most = failing, most_wrong = all;
    }
  }
  pick(most_wrong, 32);
}

Fit Units::compare(Output output, const Sample& sample, const RowResult& row, const Kernel& kernel,
                   double slack) const {
  if (row.state == RowState::unknown) return {true, true};
  return of_rows(output) ? compare_row(output, sample, row, kernel, slack)
                         : compare_statistic(output, sample, row, kernel, slack);
}

Fit Units::compare_row(Output output, const Sample& sample, const RowResult& row, const Kernel& kernel,
                       double slack) const {
  const Tensors& tensors = tensors_[output];
  const index_t asked_at = position(output, sample.row, nullptr), at = position(output, sample.row, &kernel);
  const index_t count = width(output);
  Fit fit{true};
  Vector values(count);
  for (index_t d = 0; d < count; ++d) values(d) = got(output, at + d);
  if (row.state == RowState::unwritten) {
    fit.fits = count > 0 && looks_unwritten(values);
    fit.evidence = 4;
    return fit;
  }
  for (index_t d = 0; d < count; ++d) {
    const double want = tensors.want.flat(asked_at + d), asked = got(output, asked_at + d);
    const double tolerance = tensors.allowed.flat(asked_at + d);
    const bool asked_fits = fits_number(question_.out_type, asked, want, tolerance);
    if (row.state == RowState::not_finite || row.state == RowState::overflown) {
      const bool finite = is_finite(values(d)) && (row.state == RowState::not_finite || values(d) != 0);
      fit.fits = fit.fits && (asked_fits || !finite);
      fit.evidence += finite ? 0 : kMostBits;
      continue;
    }
    const double allowed = row.allowed(d) + slack * (row.weight.size() > d ? row.weight(d) : 0);
    if (!fits_number(question_.out_type, values(d), row.out(d), allowed)) fit.fits = false;
    fit.after += std::pow(std::min(1e9, ratio(values(d), row.out(d), allowed)), 2);
    fit.before += std::pow(std::min(1e9, ratio(values(d), want, allowed)), 2);
    if (!asked_fits) fit.evidence += bits(ratio(asked, want, std::max(allowed, 1e-9 * std::abs(want))));
  }
  return fit;
}

Fit Units::compare_statistic(Output output, const Sample& sample, const RowResult& row, const Kernel& kernel,
                             double slack) const {
  const Tensors& tensors = tensors_[output];
  const index_t asked_at = position(output, sample.row, nullptr), at = position(output, sample.row, &kernel);
  const double value = got(output, at), want = tensors.want.flat(asked_at);
  const bool asked_empty = tensors_[kLse].present() ? tensors_[kLse].want.flat(asked_at) == reference::infinity : false;
  if (row.state == RowState::unwritten) return {true, true};
  const bool sentinel = !is_finite(value) || value == 0 || std::abs(value) > 1e30;
  if (row.any_statistics) {
    // Large finite numbers in the place of -infinity leave themselves in max and lse, and the number of keys in sum.
    const bool trace = output == kSum ? value >= 1 && value == std::floor(value) : std::abs(value) > 1e3;
    return {!parts::is_nan(value) && (sentinel || trace), !asked_empty, kSentinelBits};
  }
  Fit fit{true};
  if (row.state == RowState::not_finite || row.state == RowState::overflown) {
    fit.fits = !is_finite(value) || same(value, want) || std::abs(value - want) <= tensors.allowed.flat(asked_at);
    return fit;
  }
  const double expected = output == kLse ? row.lse : output == kMax ? row.max : row.sum;
  if (row.state == RowState::empty) {
    // Which sentinel stands for a row that only the kernel finds empty is a question of its own.
    fit.fits = same(value, expected) || (!asked_empty && sentinel);
    fit.evidence = 2;
    return fit;
  }
  const double unit = 0x1p-20 * (1 + std::max(row.score_abs, std::abs(row.max))) + (question_.rounds_p ? 0x1p-13 : 0);
  const double allowed = (output == kSum ? 2 * unit * std::abs(expected) : unit) + slack / 8 * (1 + std::abs(expected));
  fit.fits = same(value, expected) || std::abs(value - expected) <= allowed;
  fit.before = std::pow(std::min(1e9, ratio(value, want, allowed)), 2);
  fit.after = std::pow(std::min(1e9, ratio(value, expected, allowed)), 2);
  fit.evidence = bits(ratio(got(output, asked_at), want, allowed));
  return fit;
}

void Units::judge(Trial& asked, double slack) {
  for (Sample& sample : samples_) {
    if (sample.of_key) continue;
    const RowResult row = asked.row(sample.row);
    for (const Output output : {kOut, kLse, kMax, kSum}) {
      if (sample.status[output] != Status::fails) continue;
      if (compare(output, sample, row, asked.kernel(), slack).fits) sample.status[output] = Status::passes;
    }
  }
}

RowResult Prediction::of(Output output, const Sample& sample) {
  if (output == kDQuery) return gradient_.d_query(sample.row);
  if (output == kDKey) return gradient_.d_key(sample.row);
  if (output == kDValue) return gradient_.d_value(sample.row);
  const Row& row = sample.row;
  const bool known = last_ && last_->first.batch == row.batch && last_->first.row == row.row &&
                     last_->first.head == row.head;
  if (!known) last_ = {row, trial_.row(row)};
  return last_->second;
}

}  // namespace kit::hinting
