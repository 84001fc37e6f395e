// The keys of `explain` and how their values are read.
#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

#include "kit/explain/explain.hpp"
#include "kit/explain/setting.hpp"

namespace kit::about {

namespace {

using Text = std::string_view;
using Error = std::string;

constexpr index_t kLongest = index_t{1} << 26, kMostHeads = 16384, kWidest = 4096, kMostEntries = 65536;
constexpr index_t kAnyNumber = std::numeric_limits<index_t>::max();

// What was said, fit for a message: short and printable.
std::string quoted(Text text) {
  std::string shown(text.substr(0, 40));
  for (char& c : shown)
    if (c < ' ' || c > '~') c = '?';
  return "'" + shown + (text.size() > shown.size() ? "...'" : "'");
}

Error whole(Text text, index_t least, index_t most, index_t& value) {
  index_t read = 0;
  const auto [stop, problem] = std::from_chars(text.data(), text.data() + text.size(), read);
  if (problem == std::errc{} && stop == text.data() + text.size() && least <= read && read <= most) {
    value = read;
    return {};
  }
  const bool bounded = most != kAnyNumber;
  return "got " + quoted(text) + ", want a whole number" +
         (bounded ? " from " + std::to_string(least) + " to " + std::to_string(most) : "");
}

Error small(Text text, int& value) {
  index_t read = 0;
  Error error = whole(text, -1000, 1000, read);
  if (error.empty()) value = static_cast<int>(read);
  return error;
}

Error real(Text text, double& value) {
  double read = 0;
  const auto [stop, problem] = std::from_chars(text.data(), text.data() + text.size(), read);
  if (problem != std::errc{} || stop != text.data() + text.size() || !std::isfinite(read))
    return "got " + quoted(text) + ", want a finite number";
  value = read;
  return {};
}

Error numbers(Text text, index_t least, index_t most, std::vector<index_t>& list, bool* listed = nullptr) {
  const bool brackets =
      text.size() >= 2 && (text.front() == '[' || text.front() == '(') && (text.back() == ']' || text.back() == ')');
  if (brackets) text = text.substr(1, text.size() - 2);
  if (listed != nullptr) *listed = brackets || text.find(',') != Text::npos;
  if (brackets && text.empty()) return {};
  for (bool more = true; more;) {
    const std::size_t comma = text.find(',');
    index_t value = 0;
    if (Error error = whole(text.substr(0, comma), least, most, value); !error.empty()) return error;
    list.push_back(value);
    if (list.size() > static_cast<std::size_t>(kMostEntries)) return "a list has at most 65536 numbers";
    more = comma != Text::npos;
    if (more) text = text.substr(comma + 1);
  }
  return {};
}

// One of `words`, which are separated by '|'; the n-th gives n.
Error choice(Text text, Text words, int& value) {
  int at = 0;
  for (Text rest = words;; ++at) {
    const std::size_t cut = rest.find('|');
    if (rest.substr(0, cut) == text) {
      value = at;
      return {};
    }
    if (cut == Text::npos) return "got " + quoted(text) + ", want " + std::string(words);
    rest = rest.substr(cut + 1);
  }
}

Error yes_or_no(Text text, bool& value) {
  int word = 0;
  Error error = choice(text, "no|yes|0|1", word);
  if (error.empty()) value = word % 2 == 1;
  return error;
}

Error dtype(Text text, DType& value) {
  constexpr DType kTypes[] = {DType::f32, DType::f16, DType::bf16, DType::i8, DType::i4};
  int word = 0;
  Error error = choice(text, "f32|f16|bf16|i8|i4", word);
  if (error.empty()) value = kTypes[word];
  return error;
}

Error optional_number(Text text, std::optional<index_t>& value) {
  index_t read = 0;
  Error error = whole(text, -kAnyNumber, kAnyNumber, read);
  if (error.empty()) value = read;
  return error;
}

Error layout(Text text, Setting& s) {
  for (const char c : text)
    if ((c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && c != '_')
      return "got " + quoted(text) + ", want a name such as BSH, SBH, BNSD, BSND, TND or BNSD_BSND";
  if (text.size() > 12) return "got " + quoted(text) + ", want a name such as BSH or BNSD_BSND";
  for (const char c : text) s.layout += static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
  return {};
}

Error mask(Text text, Setting& s) {
  int word = 0;
  Error error = choice(text, "none|given|compressed|tree", word);
  if (error.empty()) s.masked = word != 0;
  return error;
}

Error bias(Text text, Setting& s) {
  int word = 0;
  Error error = choice(text, "none|tensor|dense|slopes|alibi|alibi_sqrt", word);
  if (!error.empty()) return error;
  s.bias = word == 0 ? Bias::none : word <= 2 ? Bias::tensor : Bias::slopes;
  if (word >= 3 && !s.pse_type) s.pse_type = word == 5 ? 3 : 2;
  return {};
}

Error pse_type(Text text, Setting& s) {
  int type = 0;
  Error error = small(text, type);
  if (error.empty()) s.pse_type = type;
  return error;
}

Error op(Text text, Setting& s) {
  int word = 0;
  Error error = choice(text, "fwd|bwd|prompt|incre", word);
  if (error.empty()) s.op = static_cast<Op>(word);
  return error;
}

Error cap_order(Text text, Setting& s) {
  int word = 0;
  Error error = choice(text, "before_bias|after_bias", word);
  if (error.empty()) s.cap_after_bias = word == 1;
  return error;
}

// actual_seq_lengths is of the queries, but of the keys where there is one query row.
Error actual_lengths(Text text, Setting& s) { return numbers(text, 0, kLongest, s.query_lengths.list); }

struct Key {
  const char* names;  // the first is the one that messages show
  const char* what;
  Error (*read)(Text, Setting&);
};

constexpr index_t kMost = kAnyNumber;

constexpr Key kKeys[] = {
    {"op", "fwd|bwd|prompt|incre; default fwd", op},
    {"layout input_layout", "BSH SBH BNSD BSND TND, prompt and incre also BNSD_BSND; default BSH, for lists of fwd TND",
     layout},
    {"b batch", "batch entries; default 1, or the length of the lists",
     [](Text t, Setting& s) { return whole(t, 0, kMostEntries, s.batch); }},
    {"sq", "query rows; a list: of each sequence or batch entry",
     [](Text t, Setting& s) { return numbers(t, 0, kLongest, s.query_lengths.each, &s.query_lengths.listed); }},
    {"skv", "keys, as sq; default sq",
     [](Text t, Setting& s) { return numbers(t, 0, kLongest, s.key_lengths.each, &s.key_lengths.listed); }},
    {"actual_seq_qlen", "as the operator is given it: ends of TND",
     [](Text t, Setting& s) { return numbers(t, 0, kLongest, s.query_lengths.list); }},
    {"actual_seq_kvlen actual_seq_lengths_kv", "the same of the keys",
     [](Text t, Setting& s) { return numbers(t, 0, kLongest, s.key_lengths.list); }},
    {"actual_seq_lengths", "of prompt the queries' lengths, of incre the keys'", actual_lengths},
    {"n head_num num_heads", "query heads; default 1",
     [](Text t, Setting& s) { return whole(t, 0, kMostHeads, s.heads); }},
    {"nkv num_key_value_heads", "key heads; default n",
     [](Text t, Setting& s) { return whole(t, 0, kMostHeads, s.kv_heads); }},
    {"d", "head size; default 128", [](Text t, Setting& s) { return whole(t, 0, kWidest, s.width); }},
    {"dv", "head size of the values; default d",
     [](Text t, Setting& s) { return whole(t, 0, kWidest, s.value_width); }},
    {"dtype", "f32|f16|bf16, prompt also i8; default f16", [](Text t, Setting& s) { return dtype(t, s.dtype); }},
    {"cache", "type of key and value, if another: i8|i4", [](Text t, Setting& s) { return dtype(t, s.cache); }},
    {"sparse_mode mode", "0 to 9; default 0", [](Text t, Setting& s) { return small(t, s.mode); }},
    {"pre pre_tokens pre_tockens", "default 2147483647", [](Text t, Setting& s) { return optional_number(t, s.pre); }},
    {"next next_tokens next_tockens", "default 2147483647, of prompt 0",
     [](Text t, Setting& s) { return optional_number(t, s.next); }},
    {"prefix", "modes 5 and 6: one number for each batch entry",
     [](Text t, Setting& s) { return numbers(t, -kMost, kMost, s.prefix); }},
    {"mask", "none|given: attn_mask; default given if a mode or tokens are said", mask},
    {"inner_precise", "0 to 3", [](Text t, Setting& s) { return small(t, s.inner_precise); }},
    {"scale scale_value", "default 1, not 1/sqrt(d)", [](Text t, Setting& s) { return real(t, s.scale); }},
    {"q_scale", "default 1", [](Text t, Setting& s) { return real(t, s.q_scale); }},
    {"pse", "none|tensor|slopes, alibi and alibi_sqrt: slopes of pse_type 2 and 3", bias},
    {"pse_type", "0 to 3; default 1", pse_type},
    {"q_start q_start_idx", "of pse_type 2 and 3",
     [](Text t, Setting& s) { return numbers(t, -kLongest, kLongest, s.q_start); }},
    {"kv_start kv_start_idx", "the same of the keys",
     [](Text t, Setting& s) { return numbers(t, -kLongest, kLongest, s.kv_start); }},
    {"softcap", "c in c*tanh(x/c); default none (no operator document has it)",
     [](Text t, Setting& s) { return real(t, s.softcap); }},
    {"softcap_order", "before_bias|after_bias", cap_order},
    {"sink", "yes|no", [](Text t, Setting& s) { return yes_or_no(t, s.sink); }},
    {"keep keep_prob", "above 0, at most 1; default 1", [](Text t, Setting& s) { return real(t, s.keep); }},
    {"quant", "yes|no: int8 output", [](Text t, Setting& s) { return yes_or_no(t, s.int8_output); }},
};

bool has_name(Text names, Text name) {
  while (!names.empty()) {
    const std::size_t cut = std::min(names.find(' '), names.size());
    if (names.substr(0, cut) == name) return true;
    names = names.substr(std::min(cut + 1, names.size()));
  }
  return false;
}

Error unknown(Text name) {
  std::string keys;
  for (const Key& key : kKeys) keys += " " + std::string(Text(key.names).substr(0, Text(key.names).find(' ')));
  return "unknown key " + quoted(name) + "; the keys are:" + keys;
}

Error read_word(Text word, Setting& setting, std::vector<const Key*>& seen) {
  const std::size_t equals = word.find('=');
  if (equals == Text::npos) return "got " + quoted(word) + ", want key=value, as in sparse_mode=4";
  const Text name = word.substr(0, equals);
  const auto key = std::find_if(std::begin(kKeys), std::end(kKeys),
                                [&](const Key& candidate) { return has_name(candidate.names, name); });
  if (name.empty() || key == std::end(kKeys)) return unknown(name);
  if (std::find(seen.begin(), seen.end(), key) != seen.end()) return std::string(name) + ": is given twice";
  seen.push_back(key);
  const Error error = key->read(word.substr(equals + 1), setting);
  return error.empty() ? error : std::string(name) + ": " + error;
}

}  // namespace

std::string parse(std::string_view words, Setting& setting) {
  constexpr Text kBlanks = " \t\n\r";
  std::vector<const Key*> seen;
  for (std::size_t at = words.find_first_not_of(kBlanks); at != Text::npos;) {
    const std::size_t end = std::min(words.find_first_of(kBlanks, at), words.size());
    if (Error error = read_word(words.substr(at, end - at), setting, seen); !error.empty()) return error;
    at = words.find_first_not_of(kBlanks, end);
  }
  return seen.empty() ? "nothing to explain: say key=value, as in sparse_mode=4 pre=3 next=-1 sq=6 skv=10" : "";
}

}  // namespace kit::about

std::string kit::explain_keys() {
  std::string text;
  for (const about::Key& key : about::kKeys) {
    std::string names = key.names;
    std::replace(names.begin(), names.end(), ' ', '|');
    text += names + std::string(names.size() < 26 ? 26 - names.size() : 1, ' ') + key.what + "\n";
  }
  return text;
}
