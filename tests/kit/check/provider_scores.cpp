// What happens to scores, in the interface's words: a window where it can say which keys are seen, else a mask; bias
// and dropout written out for each score.
#include <algorithm>

#include "kit/check/provider_case.hpp"

namespace kit::detail {

namespace oracle = glint::reference;

namespace {

// Far beyond any tensor, and so as good as no bound.
index_t bound(index_t tokens) {
  constexpr index_t kFar = index_t{1} << 40;
  return tokens >= kFar ? GLINT_OPEN : tokens <= -kFar ? -GLINT_OPEN : tokens;
}
index_t shifted(index_t tokens, index_t by) {
  const index_t near = bound(tokens);
  return near == GLINT_OPEN || near == -GLINT_OPEN ? near : near + by;
}

}  // namespace

template <class Each>
void ProviderCase::for_scores(const Each& each) const {
  for (std::size_t b = 0; b < entries_.size(); ++b)
    for (index_t head = 0; head < problem_.heads; ++head)
      for (index_t i = 0; i < entries_[b].rows; ++i)
        for (index_t j = 0; j < entries_[b].keys(); ++j) each(b, head, i, j);
}

std::string ProviderCase::set_scores(const Question& question) {
  const AttentionCase& spec = question.spec;
  problem_.scale = static_cast<float>(spec.scale * spec.q_scale);
  problem_.softcap = static_cast<float>(spec.softcap);
  constexpr index_t kMost = index_t{1} << 29;
  const bool expands = spec.attn_mask.present() || spec.implied_mask || spec.pse.present() || spec.keep_prob < 1;
  const index_t scores = problem_.batch * problem_.heads * problem_.q_len * problem_.kv_len;
  if (expands && scores > kMost)
    return "the case has " + std::to_string(scores) + " scores; mask, bias and dropout are written out for at most " +
           std::to_string(kMost);
  if (window_says_all(spec)) {
    set_window(spec);
  } else {
    problem_.key_lo = -GLINT_OPEN, problem_.key_hi = GLINT_OPEN;
    expand_mask(spec);
  }
  if (spec.pse.present()) expand_bias(spec);
  if (spec.keep_prob < 1) expand_dropout(spec);
  if (!spec.sink.present()) return {};
  for (const double sink : spec.sink.data) sink_.push_back(static_cast<float>(sink));
  problem_.sink = sink_.data();
  return {};
}

// From the left a window is the same for all entries only if all have as many keys beyond their rows.
bool ProviderCase::window_says_all(const AttentionCase& spec) {
  for (const oracle::SparseRule& rule : rules_) {
    const bool reads_mask = rule.mode == 0 || rule.mode == 1 || rule.mode == 5;
    if ((reads_mask && spec.attn_mask.present()) || rule.mode > 4) return false;
    const bool same = rule.keys - rule.rows == rules_.front().keys - rules_.front().rows;
    if ((rule.mode == 0 || rule.mode == 2) && !same) return false;
  }
  return true;
}

void ProviderCase::set_window(const AttentionCase& spec) {
  const oracle::SparseRule& rule = rules_.front();
  const index_t corner = problem_.kv_len - problem_.q_len;
  const index_t anchor = rule.mode == 3 || rule.mode == 4 ? corner : corner - (rule.keys - rule.rows);
  const bool band = rule.mode == 0 || rule.mode == 4;
  problem_.key_lo = band ? shifted(-bound(spec.pre_tokens), anchor) : -GLINT_OPEN;
  problem_.key_hi = band ? shifted(spec.next_tokens, anchor) : anchor;
  if (rule.mode == 1) problem_.key_hi = GLINT_OPEN;
}

void ProviderCase::expand_mask(const AttentionCase& spec) {
  const bool by_head = spec.attn_mask.rank() == 4 && spec.attn_mask.shape[1] > 1;
  const index_t heads = by_head ? problem_.heads : 1, rows = problem_.q_len, keys = problem_.kv_len;
  mask_.assign(static_cast<std::size_t>(problem_.batch * heads * rows * keys), 1);
  for_scores([&](std::size_t b, index_t head, index_t i, index_t j) {
    if (head >= heads) return;
    const index_t at = ((static_cast<index_t>(b) * heads + head) * rows + i) * keys + j;
    mask_[static_cast<std::size_t>(at)] = oracle::detail::sees(spec, entries_[b], rules_[b], head, i, j) ? 0 : 1;
  });
  problem_.mask = mask_.data();
  problem_.mask_batch_stride = heads * rows * keys;
  problem_.mask_head_stride = by_head ? rows * keys : 0;
  problem_.mask_row_stride = keys;
}

void ProviderCase::expand_bias(const AttentionCase& spec) {
  const index_t rows = problem_.q_len, keys = problem_.kv_len;
  const bool scaled = spec.op == oracle::Operator::score && spec.pse_type == 1;
  // scale * (q_scale * r + bias) with another q_scale than 1 is scale * q_scale * r + scale * bias.
  const double factor = scaled && spec.q_scale != 1 ? spec.scale : 1;
  const bool capped = scaled || spec.softcap_order == oracle::SoftcapOrder::after_bias;
  problem_.bias_place = scaled && spec.q_scale == 1 ? GLINT_BIAS_SCALED : capped ? GLINT_BIAS_CAPPED : GLINT_BIAS_LAST;
  bias_.assign(static_cast<std::size_t>(problem_.batch * problem_.heads * rows * keys), 0);
  for_scores([&](std::size_t b, index_t head, index_t i, index_t j) {
    if (!oracle::detail::sees(spec, entries_[b], rules_[b], head, i, j)) return;
    const index_t at = ((static_cast<index_t>(b) * problem_.heads + head) * rows + i) * keys + j;
    bias_[static_cast<std::size_t>(at)] =
        static_cast<float>(factor * oracle::detail::pse_at(spec, entries_[b], head, i, j));
  });
  problem_.bias = bias_.data();
  problem_.bias_batch_stride = problem_.heads * rows * keys;
  problem_.bias_head_stride = rows * keys;
  problem_.bias_row_stride = keys;
}

void ProviderCase::expand_dropout(const AttentionCase& spec) {
  index_t bits = 0;
  for (const oracle::Entry& entry : entries_) {
    keep_first_.push_back(bits);
    bits += problem_.heads * entry.rows * entry.keys();
  }
  keep_.assign(static_cast<std::size_t>((bits + 7) / 8 + 1), 0);
  for_scores([&](std::size_t b, index_t head, index_t i, index_t j) {
    if (oracle::detail::drop_factor(spec, entries_[b], head, i, j) == 0) return;
    const index_t bit = keep_first_[b] + (head * entries_[b].rows + i) * entries_[b].keys() + j;
    keep_[static_cast<std::size_t>(bit / 8)] |= static_cast<std::uint8_t>(1U << (bit % 8));
  });
  problem_.keep_bits = keep_.data();
  problem_.keep_first = keep_first_.data();
  problem_.keep_prob = static_cast<float>(spec.keep_prob);
}

}  // namespace kit::detail
