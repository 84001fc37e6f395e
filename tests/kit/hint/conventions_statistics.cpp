// Units, sentinels and order of the statistics.
#include <cmath>
#include <numbers>

#include "glint/reference/attention.hpp"
#include "kit/hint/kernel.hpp"

namespace kit::hinting {

namespace reference = glint::reference;
namespace parts = glint::reference::detail;

namespace {

using Change = std::function<void(const RowScores&, RowResult&)>;

// Of rows that see something.
Hypothesis change(const char* id, const std::string& sentence, const Change& apply) {
  return {id, sentence, [apply](Kernel& kernel) {
            kernel.keeps_scores = true;
            kernel.after = [apply](const RowScores& scores, RowResult& row) {
              if (row.state == RowState::computed) apply(scores, row);
            };
          }};
}

void add_lse(Hypotheses& table) {
  const std::string base =
      "The kernel's lse is a logarithm to base 2; it is asked to base e. Multiply by ln(2) = 0.693147.";
  table.push_back(change("lse.base", base, [](const RowScores&, RowResult& row) { row.lse *= std::numbers::log2e; }));
  table.push_back(change("lse.base", base, [](const RowScores&, RowResult& row) {
    row.lse *= std::numbers::log2e;
    row.max *= std::numbers::log2e;
  }));
  table.push_back(change("lse.base",
                         "The kernel's lse takes the logarithm of the sum to base 2 and the maximum as it is; asked is "
                         "ln(sum) + max.",
                         [](const RowScores&, RowResult& row) { row.lse = std::log2(row.sum) + row.max; }));
  table.push_back(change("lse.without_max", "The kernel's lse is ln(sum) alone; asked is ln(sum) + max.",
                         [](const RowScores&, RowResult& row) { row.lse -= row.max; }));
  table.push_back(change("lse.without_max", "The kernel's lse is the maximum alone; asked is ln(sum) + max.",
                         [](const RowScores&, RowResult& row) { row.lse = row.max; }));
}

void add_sentinel(Hypotheses& table) {
  table.push_back({"lse.sentinel",
                   "Rows that see nothing hold other statistics than asked: lse is +infinity for them, softmax_max "
                   "-FLT_MAX and softmax_sum +FLT_MAX. Other rows are right.",
                   [](Kernel& kernel) {
                     kernel.keeps_scores = true;
                     kernel.after = [](const RowScores&, RowResult& row) {
                       row.any_statistics = row.state == RowState::empty;
                     };
                   }});
}

void add_dropped_sum(const AttentionCase& spec, Hypotheses& table) {
  if (spec.keep_prob == 1) return;
  const auto dropped = [&](const std::string& what, double factor) {
    table.push_back(change("stats.dropped_sum",
                           "The kernel sums its probabilities after dropout" + what +
                               "; softmax_sum and lse are of the row before dropout.",
                           [factor](const RowScores& scores, RowResult& row) {
                             double sum = std::exp(scores.sink - row.max);
                             for (index_t j = 0; j < scores.x.size(); ++j)
                               if (!parts::is_minus_infinity(scores.x(j)))
                                 sum += std::exp(scores.x(j) - row.max) * scores.drop(j) * factor;
                             row.sum = sum;
                             row.lse = std::log(sum) + row.max;
                           }));
  };
  dropped("", 1);
  dropped(" without 1/keep_prob", spec.keep_prob);
}

void add_order(const Question& question, Hypotheses& table) {
  const AttentionCase& spec = question.spec;
  const reference::Extent extent = reference::query_extent(spec);
  const std::vector<reference::Entry> entries = reference::entries_of(spec);
  const bool packed = reference::is_packed(reference::input_layout(spec.layout));
  const auto order = [&](const std::string& what, const std::function<index_t(const Row&)>& position) {
    table.push_back({"stats.layout",
                     "The kernel writes its statistics as " + what + "; the case asks for " +
                         (packed ? "[T][N]." : "[B][N][S], one number for each row."),
                     [position](Kernel& kernel) {
                       kernel.keeps_scores = true;
                       kernel.statistics_position = position;
                     }});
  };
  const index_t batch = extent.batch, rows = extent.rows, heads = extent.heads;
  const auto asked = [=](const Row& at) {
    return packed ? at.row * heads + at.head : (at.batch * heads + at.head) * rows + at.row;
  };
  order("8 copies of each number", [=](const Row& at) { return asked(at) * 8; });
  if (!packed) {
    order("[B][S][N]", [=](const Row& at) { return (at.batch * rows + at.row) * heads + at.head; });
    order("[N][B][S]", [=](const Row& at) { return (at.head * batch + at.batch) * rows + at.row; });
    return;
  }
  order("[N][T]", [=](const Row& at) { return at.head * rows + at.row; });
  const auto by_sequence = [=](const Row& at) {
    for (const reference::Entry& entry : entries)
      if (at.row >= entry.first_row && at.row < entry.first_row + entry.rows)
        return entry.first_row * heads + at.head * entry.rows + at.row - entry.first_row;
    return asked(at);
  };
  order("[N][S_b] for each sequence", by_sequence);
  order("8 copies of [N][S_b] for each sequence", [=](const Row& at) { return by_sequence(at) * 8; });
}

}  // namespace

void add_statistics_conventions(const Question& question, Hypotheses& table) {
  add_lse(table);
  add_sentinel(table);
  add_dropped_sum(question.spec, table);
  add_order(question, table);
}

}  // namespace kit::hinting
