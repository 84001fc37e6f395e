// All outputs of a foreign result against a bundle, and the hints about what differs.
#include <algorithm>
#include <cmath>
#include <sstream>

#include "kit/check/compare.hpp"

#include "kit/bundle/types.hpp"
#include "kit/check/foreign.hpp"

namespace kit {
namespace detail {

namespace {

std::string outputs_in_words(const Bundle& bundle) {
  std::string text;
  for (const std::string& name : output_names())
    if (bundle.find(name) != nullptr) text += (text.empty() ? "" : ", ") + name;
  return text.empty() ? "the bundle has no outputs" : "the bundle has " + text;
}

// The rule that the tolerances were made by.
std::string contract_in_words(const Bundle& bundle, const Question& question, double factor) {
  const std::string unit = std::string(name_of(question.out_type == DType::i8 ? DType::f32 : question.out_type));
  std::string text = "|got - want| <= u |want| + 16 * 2^-24 * W * (1 + A), u of " + unit;
  if (bundle.find("dequant_scale1") != nullptr) text = "|got - want| <= what one step of int8 and f16 on the way makes";
  if (question.rounds_p) text += ", P in bf16";
  if (question.gradient && question.spec.softcap != 0) text += ", and the slope of the cap";
  if (question.out_type == DType::i8) text += ", then rounded to int8";
  if (factor == 1) return text;
  std::ostringstream times;
  times << "; times " << factor;
  return text + times.str();
}

bool holds_nan(const Tensor& tensor) {
  const bool can =
      tensor.type == Type::f64 || tensor.type == Type::f32 || tensor.type == Type::f16 || tensor.type == Type::bf16;
  const Array numbers = can ? tensor.numbers() : Array();
  return std::any_of(numbers.data.begin(), numbers.data.end(), [](double value) { return std::isnan(value); });
}

class Check {
 public:
  Check(const Bundle& bundle, const Results& results, const CheckOptions& options)
      : bundle_(bundle), results_(results), options_(options) {}

  Report report() {
    report_.tile = options_.tile;
    note("case", report_.line);
    report_.error = frame_of(bundle_, frame_);
    if (report_.error.empty() && results_.empty()) report_.error = "no result was given; " + outputs_in_words(bundle_);
    if (!report_.error.empty()) return std::move(report_);
    report_.contract = contract_in_words(bundle_, frame_.question, options_.factor);
    for (const std::string& name : output_names()) output(name);
    for (const auto& [name, tensor] : results_) unknown(name);
    report_.pass = true;
    for (const OutputReport& one : report_.outputs) report_.pass = report_.pass && one.pass();
    if (!report_.pass) note_leaks();
    if (!report_.pass && options_.hints) look_for_hints();
    return std::move(report_);
  }

 private:
  void note(const char* name, std::string& to) const {
    const auto found = bundle_.notes.find(name);
    if (found != bundle_.notes.end()) to = printable(found->second);
  }

  void refuse(const std::string& name, std::string error) {
    OutputReport refused;
    refused.name = name;
    refused.error = std::move(error);
    report_.outputs.push_back(std::move(refused));
  }

  // Golden and foreign tensor of one name, as far as they fit.
  std::string open(const std::string& name, Golden& golden, ForeignTensor& foreign) const {
    if (std::string wrong = golden_of(frame_, bundle_, name, golden); !wrong.empty()) return wrong;
    return open_foreign(frame_, name, *golden.want, results_.find(name)->second, options_.layout, foreign);
  }

  void output(const std::string& name) {
    if (results_.count(name) == 0) return;
    if (bundle_.find(name) == nullptr) return refuse(name, outputs_in_words(bundle_));
    Golden golden, of_maximum;
    ForeignTensor foreign, maximum;
    if (std::string wrong = open(name, golden, foreign); !wrong.empty()) return refuse(name, std::move(wrong));
    const bool both = name == "softmax_sum" && results_.count("softmax_max") != 0;
    const bool beside =
        both && open("softmax_max", of_maximum, maximum).empty() && of_maximum.want->shape == golden.want->shape;
    const Maximum belongs{beside ? &of_maximum : nullptr, &maximum};
    report_.outputs.push_back(compare(frame_, golden, foreign, belongs, options_));
  }

  void unknown(const std::string& name) {
    for (const std::string& known : output_names())
      if (known == name) return;
    refuse(name, "is no output; " + outputs_in_words(bundle_));
  }

  // The results as the case has them; what does not fit, as it came.
  Results ordered() const {
    Results all = results_;
    for (auto& [name, tensor] : all) {
      Golden golden;
      ForeignTensor foreign;
      if (bundle_.find(name) != nullptr && open(name, golden, foreign).empty())
        tensor = in_order_of(*golden.want, golden.grid, foreign);
    }
    return all;
  }

  // NaN among the inputs may have come through: what is NaN need not be unwritten then.
  void note_leaks() {
    const auto odd = [](const OutputReport& output) { return output.unwritten > output.poisoned; };
    if (std::none_of(report_.outputs.begin(), report_.outputs.end(), odd) || !inputs_hold_nan()) return;
    for (OutputReport& output : report_.outputs) output.may_leak = odd(output);
  }

  bool inputs_hold_nan() const {
    const std::vector<std::string> outputs = output_names();
    return std::any_of(bundle_.tensors.begin(), bundle_.tensors.end(), [&](const auto& named) {
      const std::string plain = named.first.substr(0, named.first.rfind(".tolerance"));
      return std::find(outputs.begin(), outputs.end(), plain) == outputs.end() && holds_nan(named.second);
    });
  }

  void look_for_hints() {
    Question question;
    if (const std::string wrong = from_bundle(bundle_, question); !wrong.empty()) {
      report_.no_hints = wrong;
      return;
    }
    Answer answer;
    Tolerances allowed;
    visit_outputs(answer, [&](const std::string& name, Array& array) {
      Golden golden;
      if (bundle_.find(name) == nullptr || !golden_of(frame_, bundle_, name, golden).empty()) return;
      array = golden.want->numbers();
      allowed[name] = golden.tolerance->numbers();
    });
    report_.hints = hints(question, answer, allowed, ordered(), options_.tile);
  }

  const Bundle& bundle_;
  const Results& results_;
  const CheckOptions& options_;
  Frame frame_;
  Report report_;
};

}  // namespace
}  // namespace detail

Report check(const Bundle& bundle, const Results& results, const CheckOptions& options) {
  return detail::Check(bundle, results, options).report();
}

}  // namespace kit
