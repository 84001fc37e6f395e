// What follows from the words: lists, tensor sizes, defaults of the documents, and the oracle's question.
#include "kit/explain/setting.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

#include "glint/reference/layout.hpp"

namespace kit::about {

namespace {

constexpr index_t kMostTokens = index_t{1} << 26;  // rows or keys of all batch entries together

// Which batch entries there are: b, and the lists, must agree.
std::string settle_batch(Setting& s) {
  struct Source {
    const char* name;
    index_t count;
  };
  const auto count = [](const Lengths& lengths) { return static_cast<index_t>(lengths.each.size()); };
  const auto listed = [](const std::vector<index_t>& list) { return static_cast<index_t>(list.size()); };
  std::vector<Source> sources;
  if (s.batch >= 0) sources.push_back({"b", s.batch});
  if (s.query_lengths.listed) sources.push_back({"sq", count(s.query_lengths)});
  if (s.key_lengths.listed) sources.push_back({"skv", count(s.key_lengths)});
  if (s.ragged() && !s.query_lengths.list.empty()) sources.push_back({"actual_seq_qlen", listed(s.query_lengths.list)});
  if (s.ragged() && !s.key_lengths.list.empty()) sources.push_back({"actual_seq_kvlen", listed(s.key_lengths.list)});
  s.batch = sources.empty() ? 1 : sources.front().count;
  for (const Source& source : sources)
    if (source.count != s.batch)
      return std::string(source.name) + ": got " + std::to_string(source.count) + " batch entries, but " +
             sources.front().name + " has " + std::to_string(s.batch);
  return {};
}

// One side's list as the call is given it, and the rows of its tensor.
void settle_lengths(const Setting& s, Lengths& said, std::vector<index_t>& list, index_t& rows) {
  const auto largest = [](const std::vector<index_t>& of) {
    return of.empty() ? index_t{0} : *std::max_element(of.begin(), of.end());
  };
  if (!said.list.empty()) {
    list = said.list;
    rows = said.each.empty() ? largest(list) : said.each.front();
    return;
  }
  rows = largest(said.each);
  if (!s.ragged()) {
    if (said.listed) list = said.each;
    return;
  }
  list = said.each;
  if (!said.listed) list.assign(static_cast<std::size_t>(s.batch), said.each.front());
  std::partial_sum(list.begin(), list.end(), list.begin());
  rows = largest(list);
}

// Rows of all batch entries together; at most 2^42.
index_t tokens(const Setting& s, const std::vector<index_t>& list, index_t rows) {
  const index_t copies = std::max<index_t>(s.batch, 1);
  if (!s.ragged()) return copies * std::max(rows, list.empty() ? 0 : *std::max_element(list.begin(), list.end()));
  index_t sum = rows, before = 0;
  for (const index_t end : list) sum += std::max<index_t>(0, end - std::exchange(before, end));
  return sum;
}

std::string settle_both(Setting& s) {
  Lengths &query = s.query_lengths, &key = s.key_lengths;
  if (s.op == Op::incre && !query.list.empty()) {  // actual_seq_lengths
    if (!key.list.empty()) return "actual_seq_lengths: of incre it is the keys', which actual_seq_lengths_kv has";
    std::swap(query.list, key.list);
  }
  if (query.listed && !query.list.empty()) return "sq: a list of lengths beside actual_seq_qlen says the same twice";
  if (key.listed && !key.list.empty()) return "skv: a list of lengths beside actual_seq_kvlen says the same twice";
  if (query.each.empty() && query.list.empty()) {
    if (s.op != Op::incre) return "sq: is missing, the number of query rows";
    query.each = {1};
  }
  if (key.each.empty() && key.list.empty()) {
    if (s.op == Op::incre) return "skv: is missing, the number of keys";
    key = query;
  }
  if (s.layout.empty()) {
    const bool lists = query.listed || key.listed || !query.list.empty() || !key.list.empty();
    s.layout = s.training() && (lists || s.mode == 7 || s.mode == 8) ? "TND" : "BSH";
  }
  if (std::string error = settle_batch(s); !error.empty()) return error;
  settle_lengths(s, query, s.q_list, s.rows);
  settle_lengths(s, key, s.kv_list, s.keys);
  return {};
}

}  // namespace

std::string complete(Setting& s) {
  if (std::string error = settle_both(s); !error.empty()) return error;
  if (s.ragged() && s.q_list.size() != s.kv_list.size()) return "sq, skv: the lists must be equally long";
  if (!s.ragged() && (s.q_list.size() > 1 || s.kv_list.size() > 1)) {
    for (const auto* list : {&s.q_list, &s.kv_list})
      if (list->size() > 1 && static_cast<index_t>(list->size()) < s.batch)
        return "b: more batch entries than a list of lengths has";
  }
  if (tokens(s, s.q_list, s.rows) > kMostTokens || tokens(s, s.kv_list, s.keys) > kMostTokens)
    return "sq, skv: too many tokens to be explained (want at most 67108864 of all batch entries)";
  if (s.kv_heads < 0) s.kv_heads = s.heads;
  if (s.value_width < 0) s.value_width = s.width;
  if (s.cache == DType::none) s.cache = s.dtype;
  const bool tokens_said = s.pre || s.next;
  if (!s.pre) s.pre = glint::reference::all_tokens;
  if (!s.next) s.next = s.op == Op::prompt ? 0 : glint::reference::all_tokens;
  if (!s.masked) s.masked = s.op == Op::incre ? s.mode == 9 : s.sparse_mode() != 0 || tokens_said;
  const bool generated = s.training() && s.pse_type && (*s.pse_type == 2 || *s.pse_type == 3);
  if (!s.bias) s.bias = generated ? Bias::slopes : s.pse_type ? Bias::tensor : Bias::none;
  if (!s.pse_type) s.pse_type = *s.bias == Bias::slopes ? 2 : 1;
  if (s.inner_precise < 0) s.inner_precise = s.training() ? 0 : 1;
  return {};
}

namespace {

// A layout that the oracle knows; the legality section names one that it does not.
std::string drawable_layout(const Setting& s) {
  const std::string in = glint::reference::input_layout(s.layout);
  for (const char* known : {"BSH", "SBH", "BNSD", "BSND", "TND"})
    if (in == known) return in;
  return "BSH";
}

void set_tensors(const Setting& s, AttentionCase& spec) {
  const index_t batch = s.ragged() ? 1 : s.batch;
  const index_t heads = std::max<index_t>(1, s.heads), kv_heads = std::max<index_t>(1, s.kv_heads);
  const index_t width = std::max<index_t>(1, s.width), value_width = std::max<index_t>(1, s.value_width);
  spec.layout = drawable_layout(s);
  spec.head_num = heads;
  spec.kv_head_num = kv_heads;
  spec.query.shape = glint::reference::shape_of({batch, s.rows, heads, width}, spec.layout);
  spec.key.shape = glint::reference::shape_of({batch, s.keys, kv_heads, width}, spec.layout);
  spec.value.shape = glint::reference::shape_of({batch, s.keys, kv_heads, value_width}, spec.layout);
  spec.actual_seq_qlen = s.q_list;
  spec.actual_seq_kvlen = s.kv_list;
  if (s.sink) spec.sink.shape = {heads};
  if (*s.bias == Bias::tensor) spec.pse.shape = {1, 1, s.rows, s.keys};
  if (*s.bias == Bias::slopes) spec.pse.shape = {heads};
  if (s.int8_output) spec.int8.quant_scale2.shape = {1};
  if (s.dtype == DType::i8) spec.int8.dequant_scale1.shape = {1};
  if (s.cache != s.dtype) spec.key_antiquant.scale.shape = spec.value_antiquant.scale.shape = {1};
}

}  // namespace

Question question_of(const Setting& s) {
  Question question;
  AttentionCase& spec = question.spec;
  question.gradient = s.op == Op::backward;
  question.out_type = s.int8_output ? DType::i8 : s.dtype == DType::i8 ? DType::f16 : s.dtype;
  question.types["query"] = s.dtype;
  question.types["key"] = question.types["value"] = s.cache;
  using glint::reference::Operator;
  // incre has one mode of prompt, 3, for several rows; the oracle knows it there.
  const bool as_prompt = s.op == Op::prompt || (s.op == Op::incre && s.mode == 3);
  spec.op = s.training() ? Operator::score : as_prompt ? Operator::prompt : Operator::incre;
  set_tensors(s, spec);
  spec.sparse_mode = s.sparse_mode();
  // Without its mask prompt refuses modes 2 to 4 at the run-time door; the picture is the typed functor's.
  const bool implied = (s.op == Op::incre && s.mode == 3) || (s.op == Op::prompt && spec.sparse_mode >= 2);
  spec.implied_mask = *s.masked || implied;
  spec.pre_tokens = *s.pre;
  spec.next_tokens = *s.next;
  spec.prefix = s.prefix;
  // A missing list is illegal in mode 6; its picture shows the rule without a prefix.
  if (spec.sparse_mode == 6) spec.prefix.resize(static_cast<std::size_t>(std::max<index_t>(s.batch, 0)));
  spec.pse_type = *s.pse_type;
  spec.q_start_idx = s.q_start;
  spec.kv_start_idx = s.kv_start;
  spec.scale = s.scale;
  spec.q_scale = s.q_scale;
  spec.softcap = s.softcap;
  if (s.cap_after_bias) spec.softcap_order = glint::reference::SoftcapOrder::after_bias;
  spec.keep_prob = s.keep;
  return question;
}

}  // namespace kit::about
