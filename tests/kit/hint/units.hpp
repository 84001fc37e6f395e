// The rows of a foreign result that hypotheses are tried on: wrong ones first, and some that are right.
#pragma once

#include <array>

#include "kit/hint/gradient_rows.hpp"

namespace kit::hinting {

enum Output : std::size_t { kOut, kLse, kMax, kSum, kDQuery, kDKey, kDValue };
inline constexpr std::size_t kOutputs = 7;

enum class Status { absent, passes, fails };

struct Sample {
  Row row;
  bool of_key = false;  // of d_key and d_value
  std::array<Status, kOutputs> status{};

  bool fails() const;
};

// What a hypothesis says about one output of one row, held against the result.
struct Fit {
  bool fits = false;
  bool silent = false;           // it says nothing
  double evidence = 0;           // bits: how unlikely it is that a wrong hypothesis fits
  double before = 0, after = 0;  // squares of the error over its tolerance: of the answer, of the hypothesis
};

class Units {
 public:
  Units(const Question& question, const Answer& answer, const Tolerances& tolerances, const Results& results);

  const std::vector<Sample>& samples() const { return samples_; }  // failing first
  bool any_fails() const;
  double share_failing() const { return share_failing_; }  // of all rows
  // Rows of the sample that are right, or wrong with NaN where a number is asked for; 0 if there is no such NaN.
  double share_leaked() const;

  // `slack` is allowed besides, in units of W: for kernels that round P to 16 bits.
  Fit compare(Output output, const Sample& sample, const RowResult& row, const Kernel& kernel, double slack) const;
  // Decides anew which samples fail, with that slack.
  void judge(Trial& asked, double slack);

 private:
  struct Tensors {
    Array got, want, allowed;
    bool present() const { return got.present(); }
  };

  index_t position(Output output, const Row& row, const Kernel* kernel) const;
  index_t width(Output output) const { return widths_[output]; }
  Status status(Output output, const Row& row, double& worst) const;
  bool turns_nan(Output output, const Row& row) const;
  Fit compare_row(Output output, const Sample& sample, const RowResult& row, const Kernel& kernel, double slack) const;
  Fit compare_statistic(Output output, const Sample& sample, const RowResult& row, const Kernel& kernel,
                        double slack) const;
  double got(Output output, index_t position) const;
  void sample_queries();
  void sample_keys();
  void pick(std::vector<std::pair<double, Sample>>& all, std::size_t most);

  const Question& question_;
  std::array<Tensors, kOutputs> tensors_;
  std::array<index_t, kOutputs> widths_;
  std::vector<Sample> samples_;
  double share_failing_ = 0;
};

// Forward and gradient of one hypothesis, row by row.
class Prediction {
 public:
  Prediction(Scene& scene, Kernel kernel) : trial_(scene, std::move(kernel)), gradient_(scene.question(), trial_) {}
  RowResult of(Output output, const Sample& sample);
  Trial& trial() { return trial_; }

 private:
  Trial trial_;
  GradientTrial gradient_;
  std::optional<std::pair<Row, RowResult>> last_;
};

}  // namespace kit::hinting
