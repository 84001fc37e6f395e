// Rows that see nothing, numbers that nothing may read, and exponentials too large for a float.
#include <algorithm>
#include <cmath>

#include "glint/reference/attention.hpp"
#include "kit/hint/kernel.hpp"

namespace kit::hinting {

namespace reference = glint::reference;
namespace parts = glint::reference::detail;

namespace {

constexpr double kLogLargest = 88.72, kLogLeastNormal = -87.33, kLogLeast = -103.97;  // of floats

// e^x without a maximum subtracted leaves the range of floats.
void without_max(RowResult& row) {
  if (row.state != RowState::computed) return;
  if (row.lse > kLogLargest || row.lse < kLogLeast) {
    row.state = RowState::overflown;
  } else if (row.lse < kLogLeastNormal) {
    row.state = RowState::unknown;
  }
}

template <class Is>
bool any_input(const AttentionCase& spec, const Is& is) {
  bool found = false;
  visit_inputs(spec, [&](const std::string&, const auto& tensor) {
    if constexpr (std::is_same_v<std::decay_t<decltype(tensor)>, Array>)
      found = found || std::any_of(tensor.data.begin(), tensor.data.end(), is);
  });
  return found;
}

}  // namespace

bool holds_nan(const AttentionCase& spec) {
  return any_input(spec, [](double value) { return parts::is_nan(value); });
}

void add_row_mistakes(const Question& question, Hypotheses& table) {
  const auto after = [&](const char* id, const std::string& sentence,
                         const std::function<void(const RowScores&, RowResult&)>& change) {
    table.push_back({id, sentence, [change](Kernel& kernel) {
                       kernel.keeps_scores = true;
                       kernel.after = change;
                     }});
  };
  table.push_back(
      {"rows.masked_average",
       "A row that sees nothing is the mean of all values, as from a mask of large finite numbers; asked is "
       "0. Set such rows to 0.",
       [](Kernel& kernel) {
         kernel.keeps_scores = true;
         kernel.spec.invalid_row = reference::InvalidRow::uniform;
         kernel.after = [](const RowScores& scores, RowResult& row) {
           row.any_statistics = parts::saw_nothing(scores.x);
         };
       }});
  after("rows.masked_nan", "A row that sees nothing is NaN (0 / 0); asked is 0. Guard the division.",
        [](const RowScores&, RowResult& row) {
          if (row.state == RowState::empty) row.state = RowState::not_finite;
        });
  if (!question.spec.int8.dequant_scale1.present()) {
    const std::string sentence =
        "The kernel does not subtract the row's maximum before exp: rows with scores beyond 88 overflow.";
    after("softmax.no_max", sentence, [](const RowScores&, RowResult& row) { without_max(row); });
    after("softmax.no_max", sentence, [](const RowScores&, RowResult& row) {
      without_max(row);
      if (row.state != RowState::computed) return;
      row.max = 0;
      row.sum = std::exp(row.lse);
    });
  }
  if (any_input(question.spec, [](double value) { return !(std::abs(value) <= 1e300); }))
    after("poison.leak",
          "NaN or infinity from where nothing may read (excluded keys, padding) reaches the result: 0 * NaN is NaN. Do "
          "not multiply excluded values, skip them.",
          [](const RowScores&, RowResult& row) { row.state = RowState::not_finite; });
}

}  // namespace kit::hinting
