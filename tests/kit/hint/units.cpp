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

// What is stored of a number in that type.
double as_stored(DType type, double value) {
  if (type == DType::f16) return glint::to_float(glint::from_float<glint::half>(static_cast<float>(value)));
  if (type == DType::bf16) return glint::to_float(glint::from_float<glint::bfloat16>(static_cast<float>(value)));
  return type == DType::f32 ? static_cast<double>(static_cast<float>(value)) : value;
}

double bits(double error_in_tolerances) { return std::min(kMostBits, std::log2(1 + error_in_tolerances)); }

}  // namespace

bool Sample::fails() const {
  return std::any_of(status.begin(), status.end(), [](Status one) { return one == Status::fails; });
}

double Units::share_leaked() const {
  double leaked = 0, right = 0;
  for (const Sample& sample : samples_) {
    bool leaks = false;
    for (std::size_t at = 0; at < kOutputs; ++at)
      leaks = leaks || (sample.status[at] == Status::fails && turns_nan(static_cast<Output>(at), sample.row));
    leaked += leaks ? 1 : 0;
    right += sample.fails() ? 0 : 1;
  }
  return leaked == 0 ? 0 : (leaked + right) / static_cast<double>(samples_.size());
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
    case kOut:
      return place(parts::output_extent(spec), moved ? kernel->out_layout : reference::output_layout(spec.layout));
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

bool Units::turns_nan(Output output, const Row& row) const {
  const index_t start = position(output, row, nullptr);
  for (index_t d = 0; d < width(output); ++d)
    if (parts::is_nan(got(output, start + d)) && !parts::is_nan(tensors_[output].want.flat(start + d))) return true;
  return false;
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
    const auto error = [&](double of) {  // beside the output's own rounding, which no hypothesis takes away
      return std::min(1e9, ratio(values(d), as_stored(question_.out_type, of), allowed));
    };
    fit.after += std::pow(error(row.out(d)), 2);
    fit.before += std::pow(error(want), 2);
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
  if (output == kDKey || output == kDValue) {
    const bool key = (output == kDKey) != trial_.kernel().backward.exchanges_keys;
    return key ? gradient_.d_key(sample.row) : gradient_.d_value(sample.row);
  }
  const Row& row = sample.row;
  const bool known =
      last_ && last_->first.batch == row.batch && last_->first.row == row.row && last_->first.head == row.head;
  if (!known) last_ = {row, trial_.row(row)};
  return last_->second;
}

}  // namespace kit::hinting
