// The stream of keep bits, and where dropout stands in the softmax.
#include <cmath>

#include "glint/reference/attention.hpp"
#include "kit/hint/kernel.hpp"

namespace kit::hinting {

namespace reference = glint::reference;
namespace parts = glint::reference::detail;

namespace {

// Number of a score's element in the stream.
index_t element_of(const ScoreAt& at) {
  const index_t keys = at.entry.keys(), pitch = at.spec.philox ? parts::round_up_16(keys) : keys;
  const index_t before = at.spec.philox ? at.entry.philox_before : at.entry.scores_before;
  return at.spec.head_num * before + (at.head * at.entry.rows + at.i) * pitch + at.j;
}

bool keeps(const AttentionCase& spec, index_t element, bool first_bit_highest) {
  if (spec.philox) return reference::philox_keep(spec.seed, spec.offset, spec.keep_prob, element);
  const index_t bit = first_bit_highest ? 7 - element % 8 : element % 8;
  return ((spec.drop_mask.flat(element / 8) >> bit) & 1) != 0;
}

Hypothesis bits(const char* id, const std::string& sentence, const std::function<double(const ScoreAt&)>& drop) {
  return {id, sentence, [drop](Kernel& kernel) { kernel.drop = drop; }};
}

void add_pitch(const AttentionCase& spec, Hypotheses& table) {
  const std::vector<Entry> entries = reference::entries_of(spec);
  const auto pitch_of = [philox = spec.philox](index_t keys) { return philox ? keys : (keys + 7) / 8 * 8; };
  std::vector<index_t> before{0};  // bits of the entries before, for one head
  for (const Entry& entry : entries) before.push_back(before.back() + entry.rows * pitch_of(entry.keys()));
  const std::string sentence =
      spec.philox
          ? "The kernel draws S2 bytes for a row; the generator draws S2 rounded up to 16 and discards the rest."
          : "The kernel lets the bits of each row begin at a byte; drop_mask is one continuous stream.";
  for (const bool entries_too : {true, false})
    table.push_back(bits("dropout.row_aligned", sentence, [=](const ScoreAt& at) {
      const index_t rows_before = at.head * at.entry.rows + at.i;
      const index_t start = entries_too ? before[static_cast<std::size_t>(at.entry.batch)] : at.entry.scores_before;
      const index_t element = at.spec.head_num * start + rows_before * pitch_of(at.entry.keys()) + at.j;
      return keeps(at.spec, element, false) ? 1 / at.spec.keep_prob : 0;
    }));
}

// How a softmax is normalized that knows dropout already.
struct Renormalized {
  bool divides_in_sum, divides_in_output;  // by keep_prob
  bool in_statistics;                      // softmax_sum and lse are of what is left, too
};

void renormalize(const Renormalized& how, const RowScores& scores, RowResult& row) {
  if (row.state != RowState::computed) return;
  const double keep_prob = scores.spec->keep_prob;
  double left = 0;
  for (index_t j = 0; j < scores.x.size(); ++j)
    if (!parts::is_minus_infinity(scores.x(j)) && scores.drop(j) != 0) left += std::exp(scores.x(j) - row.max);
  left = left / (how.divides_in_sum ? keep_prob : 1) + std::exp(scores.sink - row.max);
  if (left == 0) row.state = RowState::overflown;
  const double factor = row.sum / left * (how.divides_in_output ? 1 : keep_prob);
  row.out *= factor;
  row.weight *= factor;
  if (!how.in_statistics) return;
  row.sum = left;
  row.lse = std::log(left) + row.max;
}

// Normalized by what dropout has left: sum exp(x - max) keepbit for sum exp(x - max).
void add_before_sum(Hypotheses& table) {
  const auto add = [&](const Renormalized& how, const std::string& what) {
    table.push_back({"dropout.before_sum",
                     "The kernel normalizes the softmax after dropout" + what +
                         "; dropout applies to probabilities that are normalized.",
                     [how](Kernel& kernel) {
                       kernel.keeps_scores = true;
                       kernel.after = [how](const RowScores& scores, RowResult& row) { renormalize(how, scores, row); };
                     }});
  };
  for (const bool in_statistics : {false, true}) {
    add({true, true, in_statistics}, "");
    add({false, false, in_statistics}, "");
    add({false, true, in_statistics}, " and applies 1/keep_prob besides");
  }
}

}  // namespace

void add_dropout_conventions(const Question& question, Hypotheses& table) {
  const AttentionCase& spec = question.spec;
  if (spec.keep_prob == 1) return;
  if (!spec.philox)
    table.push_back(bits(
        "dropout.bit_order", "The kernel takes the bits of a byte highest first; element e is bit e % 8, lowest first.",
        [](const ScoreAt& at) { return keeps(at.spec, element_of(at), true) ? 1 / at.spec.keep_prob : 0; }));
  table.push_back(bits("dropout.polarity", "The kernel drops where the bit is 1; a 1 keeps.", [](const ScoreAt& at) {
    return keeps(at.spec, element_of(at), false) ? 0 : 1 / at.spec.keep_prob;
  }));
  table.push_back(
      bits("dropout.scale",
           "The kernel does not multiply what it keeps by 1/keep_prob = " + number(1 / spec.keep_prob) + ".",
           [](const ScoreAt& at) { return keeps(at.spec, element_of(at), false) ? 1.0 : 0.0; }));
  table.push_back(bits(
      "dropout.wrong_scale",
      "The kernel multiplies what it keeps by 1/(1 - keep_prob) = " + number(1 / (1 - spec.keep_prob)) +
          ", as if keep_prob were the share to drop; asked is " + "1/keep_prob = " + number(1 / spec.keep_prob) + ".",
      [](const ScoreAt& at) { return keeps(at.spec, element_of(at), false) ? 1 / (1 - at.spec.keep_prob) : 0.0; }));
  table.push_back(bits("dropout.ignored",
                       "The kernel does not drop anything; keep_prob is " + number(spec.keep_prob) + ".",
                       [](const ScoreAt&) { return 1.0; }));
  table.push_back(bits("dropout.ignored", "The kernel applies 1/keep_prob to every probability and drops none.",
                       [](const ScoreAt& at) { return 1 / at.spec.keep_prob; }));
  add_pitch(spec, table);
  add_before_sum(table);
}

}  // namespace kit::hinting
