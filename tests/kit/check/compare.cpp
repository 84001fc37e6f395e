// Walks through an output in the order (block, head, row), a row at a time.
#include "kit/check/compare.hpp"

#include <cmath>

#include "kit/bundle/types.hpp"
#include "kit/check/rows_in_words.hpp"

namespace kit::detail {

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kFloatMax = static_cast<double>(std::numeric_limits<float>::max());
constexpr double kHalfOverflow = 65520;  // what binary16 rounds to infinity

// By bits, as everywhere in the house.
std::uint64_t magnitude(double value) { return std::bit_cast<std::uint64_t>(value) & 0x7fffffffffffffffu; }
bool is_nan(double value) { return magnitude(value) > 0x7ff0000000000000u; }
bool is_infinite(double value) { return magnitude(value) == 0x7ff0000000000000u; }
bool is_number(double value) { return magnitude(value) < 0x7ff0000000000000u; }

// How an output is judged beyond |got - want| <= tolerance.
struct Rules {
  bool half_overflows = false;  // a gradient beyond 65504 is infinite in binary16
  bool integers = false;        // have no NaN
  double factor = 1;

  Rules(const Frame& frame, std::string_view output, double times)
      : half_overflows(frame.question.out_type == DType::f16 && output.starts_with("d_") && output != "d_sink"),
        integers(output == "out" && frame.integer_output()),
        factor(times) {}

  // Error over tolerance: 0 for what is right whatever the numbers, infinite for what no tolerance allows.
  double excess(double got, double want, double tolerance) const {
    if (is_nan(want)) return is_nan(got) || integers ? 0 : kInfinity;
    if (is_nan(got)) return kInfinity;
    const double allowed = tolerance * factor;
    if (is_infinite(got)) return infinity_fits(got, want, allowed) ? 0 : kInfinity;
    if (is_infinite(want)) return kInfinity;
    const double error = std::abs(got - want);
    if (error == 0) return 0;
    return allowed > 0 ? error / allowed : kInfinity;
  }

 private:
  bool infinity_fits(double got, double want, double allowed) const {
    const bool same_sign = std::signbit(got) == std::signbit(want);
    if (is_infinite(want)) return same_sign;
    return half_overflows && same_sign && std::abs(want) + allowed >= kHalfOverflow;
  }
};

std::size_t histogram_slot(double excess) {
  constexpr double kLimits[] = {2, 4, 16, 256, 0x1p16, 0x1p32};
  std::size_t slot = 0;
  while (slot < std::size(kLimits) && excess >= kLimits[slot]) ++slot;
  return slot == std::size(kLimits) && !is_number(excess) ? slot + 1 : slot;
}

// What describes a whole tensor.  The sentinels of rows that see nothing would drown everything else.
struct Sums {
  double error = 0, want = 0, got = 0, product = 0, largest = 0;

  void add(double got_value, double want_value) {
    if (!is_number(got_value) || !is_number(want_value) || std::abs(want_value) == kFloatMax) return;
    const double difference = got_value - want_value;
    error += difference * difference;
    want += want_value * want_value;
    got += got_value * got_value;
    product += got_value * want_value;
    largest = std::max(largest, std::abs(difference));
  }
  double nmse() const { return error == 0 ? 0 : error / want; }
  double cosine() const {
    if (want == 0 && got == 0) return 1;
    return want == 0 || got == 0 ? 0 : product / std::sqrt(want * got);
  }
};

// One row of both tensors, in double.
struct Row {
  std::vector<double> got, want, tolerance;
  explicit Row(std::size_t width) : got(width), want(width), tolerance(width) {}
};

class Comparison {
 public:
  Comparison(const Frame& frame, const Golden& golden, const ForeignTensor& foreign, const Maximum& maximum,
             const CheckOptions& options)
      : frame_(frame),
        golden_(golden),
        foreign_(foreign),
        maximum_(maximum),
        options_(options),
        rules_(frame, golden.name, options.factor),
        wrong_elements_(width(), 0),
        row_(width()) {
    if (options.poison) poison_ = tensor_of(Array({1}, {*options.poison}), foreign.as).numbers().flat(0);
  }

  OutputReport report() {
    report_.name = golden_.name;
    report_.note = foreign_.note;
    for (std::size_t block = 0; block < golden_.grid.size(); ++block) {
      const Block &own = golden_.grid[block], &other = foreign_.grid[block];
      for (index_t n = 0; n < own.heads; ++n)
        for (index_t i = 0; i < own.rows; ++i) {
          read(own.row(n, i), other.row(n, i), own.width);
          judge({own.row(n, i), own.b, n, i, 0}, own.width);
        }
    }
    finish();
    return std::move(report_);
  }

 private:
  std::size_t width() const {
    index_t most = 0;
    for (const Block& block : golden_.grid) most = std::max(most, block.width);
    return static_cast<std::size_t>(most);
  }

  void read(index_t own, index_t other, index_t width) {
    read_elements(*golden_.want, Type::f64, own, width, row_.want.data());
    read_elements(*golden_.tolerance, Type::f32, own, width, row_.tolerance.data());
    foreign_.read(other, width, row_.got.data());
    if (maximum_.golden != nullptr) row_.got[0] = at_golden_maximum(own, 0);
    for (index_t copy = 1; copy < foreign_.copies; ++copy) take_if_worse(own, copy);
  }

  // Copies of a statistic, each of which must be right.
  void take_if_worse(index_t own, index_t copy) {
    double other = 0;
    foreign_.read(own, 1, &other, copy);
    if (maximum_.golden != nullptr) other = at_golden_maximum(own, copy);
    const auto excess = [&](double got) { return rules_.excess(got, row_.want[0], row_.tolerance[0]); };
    if (excess(other) > excess(row_.got[0])) row_.got[0] = other;
  }

  // A sum belongs to the maximum beside it: max + ln(sum) is what counts.  A maximum that is wrong has its own report.
  double at_golden_maximum(index_t own, index_t copy) const {
    double want = 0, tolerance = 0, maximum = 0, sum = 0;
    read_elements(*maximum_.golden->want, Type::f64, own, 1, &want);
    read_elements(*maximum_.golden->tolerance, Type::f32, own, 1, &tolerance);
    maximum_.foreign->read(own, 1, &maximum, std::min(copy, maximum_.foreign->copies - 1));
    foreign_.read(own, 1, &sum, copy);
    const bool right = is_number(maximum) && std::abs(maximum - want) <= tolerance * options_.factor;
    return right ? sum * std::exp(maximum - want) : sum;
  }

  void judge(Place place, index_t width) {
    double largest = 0;
    index_t failing = 0, unwritten = 0;
    const index_t flat = place.flat;
    for (index_t d = 0; d < width; ++d) {
      const auto at = static_cast<std::size_t>(d);
      const double got = row_.got[at], want = row_.want[at];
      const double excess = rules_.excess(got, want, row_.tolerance[at]);
      sums_.add(got, want);
      place.flat = flat + d, place.d = d;
      if (excess > worst_) report_.worst = place, worst_ = excess, keep_worst(at);
      if (excess <= 1) continue;
      ++wrong_elements_[at];
      if (failing++ == 0 && report_.failing_rows == 0) report_.first = place;
      unwritten += is_poison(got, want) ? 1 : 0;
      report_.poisoned += poison_ && got == *poison_ ? 1 : 0;
      largest = std::max(largest, excess);
    }
    report_.elements += width, report_.failing += failing, report_.unwritten += unwritten, ++report_.rows;
    failing_.push_back(failing > 0), unwritten_.push_back(unwritten == width && width > 0);
    if (failing == 0) return;
    ++report_.failing_rows;
    ++report_.histogram[histogram_slot(largest)];
  }

  void keep_worst(std::size_t at) {
    report_.got = row_.got[at], report_.want = row_.want[at];
    report_.tolerance = row_.tolerance[at] * options_.factor;
  }

  bool is_poison(double got, double want) const {
    if (is_nan(got)) return !is_nan(want);
    return poison_ && got == *poison_;
  }

  void finish() {
    report_.largest = std::max(worst_, 0.0);
    report_.max_abs = sums_.largest, report_.nmse = sums_.nmse(), report_.cosine = sums_.cosine();
    if (report_.failing == 0) return;
    const RowNames names = names_of(frame_, golden_.name);
    report_.where = rows_in_words(golden_.grid, failing_, names);
    report_.unwritten_where = rows_in_words(golden_.grid, unwritten_, names);
    report_.elements_where = elements_in_words();
    report_.first_tile = tile_in_words(names.row);
  }

  // Which elements of the rows are wrong, where some never are.
  std::string elements_in_words() const {
    std::vector<index_t> wrong;
    for (std::size_t d = 0; d < wrong_elements_.size(); ++d)
      if (wrong_elements_[d] > 0) wrong.push_back(static_cast<index_t>(d));
    if (wrong.size() == wrong_elements_.size()) return {};
    return numbers_in_words(wrong, "element") + " of " + std::to_string(wrong_elements_.size());
  }

  std::string tile_in_words(const std::string& row) const {
    const bool keys = axes_of(golden_.name) == Axes::key_rows;
    const index_t tile = keys ? options_.tile.columns : options_.tile.rows, at = report_.first.i;
    if (tile <= 0 || axes_of(golden_.name) == Axes::heads) return {};
    const auto number = [](index_t value) { return std::to_string(value); };
    return row + " " + number(at) + " is " + row + " " + number(at % tile) + " of " + (keys ? "key" : "query") +
           " tile " + number(at / tile) + " (" + number(tile) + " " + row + "s)";
  }

  const Frame& frame_;
  const Golden& golden_;
  const ForeignTensor& foreign_;
  const Maximum& maximum_;
  const CheckOptions& options_;
  Rules rules_;
  OutputReport report_;
  Sums sums_;
  double worst_ = -1;
  std::optional<double> poison_;
  std::vector<bool> failing_, unwritten_;
  std::vector<index_t> wrong_elements_;
  Row row_;
};

std::string tensor_error(const Tensor* tensor, Type type, const std::string& name) {
  if (tensor == nullptr) return "the bundle has no tensor " + in_quotes(name);
  if (tensor->type != type)
    return "the bundle's tensor " + in_quotes(name) + " has type " + std::string(name_of(tensor->type)) + ", want " +
           std::string(name_of(type));
  const auto count = elements_of(tensor->shape);
  if (count && tensor->bytes.size() == static_cast<std::size_t>(*count) * bytes_of(type)) return {};
  return "the bundle's tensor " + in_quotes(name) + " has not as many bytes as its shape says";
}

}  // namespace

std::string golden_of(const Frame& frame, const Bundle& bundle, const std::string& name, Golden& golden) {
  const std::string beside = name + ".tolerance";
  golden = {name, bundle.find(name), bundle.find(beside), {}};
  if (std::string wrong = tensor_error(golden.want, Type::f64, name); !wrong.empty()) return wrong;
  if (std::string wrong = tensor_error(golden.tolerance, Type::f32, beside); !wrong.empty()) return wrong;
  if (golden.want->shape != golden.tolerance->shape)
    return "the bundle's tensor " + in_quotes(beside) + " has shape " + text_of(golden.tolerance->shape) + ", want " +
           text_of(golden.want->shape);
  std::string wrong = grid_of(frame, name, golden.want->shape, {}, golden.grid);
  return wrong.empty() ? wrong : "the bundle's tensor " + in_quotes(name) + ": " + wrong;
}

OutputReport compare(const Frame& frame, const Golden& golden, const ForeignTensor& foreign, const Maximum& maximum,
                     const CheckOptions& options) {
  return Comparison(frame, golden, foreign, maximum, options).report();
}

}  // namespace kit::detail
