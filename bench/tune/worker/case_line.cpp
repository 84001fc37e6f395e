// Reads case lines.  Strict: an unknown or repeated key, a number out of range, or keys that do not go together are
// errors that name the key, never a guess.
#include "tune/worker/case_line.hpp"

#include <algorithm>
#include <charconv>
#include <map>

namespace bench::tune {
namespace {

template <class Value>
struct Name {
  const char* text;
  Value value;
};
constexpr Name<Op> kOps[] = {{"fwd", Op::fwd}, {"bwd", Op::bwd}, {"prompt", Op::prompt}, {"incre", Op::incre}};
constexpr Name<DType> kTypes[] = {
    {"f32", DType::f32}, {"f16", DType::f16}, {"bf16", DType::bf16}, {"i8", DType::i8}, {"i4", DType::i4}};
constexpr Name<Layout> kLayouts[] = {
    {"BNSD", Layout::BNSD}, {"BSND", Layout::BSND}, {"BSH", Layout::BSH}, {"SBH", Layout::SBH}};
constexpr Name<bool> kQkv[] = {{"apart", false}, {"fused", true}};

template <class Names, class Value>
const char* text_of(const Names& names, Value value) {
  for (const auto& known : names)
    if (known.value == value) return known.text;
  return "";
}

constexpr const char* kKeys[] = {"op",  "dtype", "b",      "n",       "nkv",   "sq",    "skv",  "d",   "dv",     "mode",
                                 "pre", "next",  "layout", "precise", "cache", "block", "vink", "qkv", "threads"};

std::string quoted(std::string_view text) { return "'" + std::string(text) + "'"; }

class Reader {
 public:
  ParsedCase read(std::string_view line) {
    split(line);
    if (error_.empty()) fill();
    if (error_.empty()) check();
    return {c_, error_};
  }

 private:
  void fail(const std::string& message) {
    if (error_.empty()) error_ = message;
  }

  void split(std::string_view line) {
    while (true) {
      line.remove_prefix(std::min(line.find_first_not_of(" \t\r\n"), line.size()));
      if (line.empty()) return;
      const std::string_view word = line.substr(0, line.find_first_of(" \t\r\n"));
      line.remove_prefix(word.size());
      const std::size_t equals = word.find('=');
      if (equals == std::string_view::npos || equals == 0 || equals + 1 == word.size())
        return fail(quoted(word) + " is not key=value");
      const std::string key(word.substr(0, equals));
      if (std::find(std::begin(kKeys), std::end(kKeys), key) == std::end(kKeys))
        return fail("unknown key " + quoted(key));
      if (!words_.emplace(key, word.substr(equals + 1)).second)
        return fail("the key " + quoted(key) + " is given twice");
    }
  }

  bool given(const char* key) const { return words_.count(key) != 0; }

  template <class Value, class Names>
  void choose(const char* key, const Names& names, Value& value) {
    const auto word = words_.find(key);
    if (word == words_.end()) return;
    std::string list;
    for (const auto& known : names) {
      if (word->second == known.text) {
        value = known.value;
        return;
      }
      list += (list.empty() ? "" : ", ") + std::string(known.text);
    }
    fail(word->first + "=" + word->second + ": must be one of " + list);
  }

  template <class Number>
  void count(const char* key, index_t least, index_t most, Number& value) {
    const auto word = words_.find(key);
    if (word == words_.end()) return;
    const std::string& text = word->second;
    index_t number = 0;
    const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (problem != std::errc{} || end != text.data() + text.size() || number < least || number > most)
      return fail(word->first + "=" + text + ": must be a whole number from " + std::to_string(least) + " to " +
                  std::to_string(most));
    value = static_cast<Number>(number);
  }

  void fill() {
    constexpr index_t kLong = index_t{1} << 24;
    for (const char* needed : {"op", "dtype", "n", "sq", "d"})
      if (!given(needed)) return fail("the key " + quoted(needed) + " is missing");
    choose("op", kOps, c_.op);
    choose("dtype", kTypes, c_.dtype);
    count("b", 1, 65536, c_.b);
    count("n", 1, 65536, c_.n);
    c_.nkv = c_.n;
    count("nkv", 1, 65536, c_.nkv);
    count("sq", 1, kLong, c_.sq);
    c_.skv = c_.sq;
    count("skv", 1, kLong, c_.skv);
    count("d", 1, 4096, c_.d);
    c_.dv = c_.d;
    count("dv", 1, 4096, c_.dv);
    count("mode", 0, 9, c_.mode);
    count("pre", -kAllTokens, kAllTokens, c_.pre);
    count("next", -kAllTokens, kAllTokens, c_.next);
    choose("layout", kLayouts, c_.layout);
    count("precise", 0, 1, c_.precise);
    c_.cache = c_.dtype;
    choose("cache", kTypes, c_.cache);
    count("block", 16, 1024, c_.block);
    count("vink", 0, 1, c_.vink);
    choose("qkv", kQkv, c_.fused);
    count("threads", 1, 1024, c_.threads);
  }

  void check() {
    check_types();
    check_mask();
    const bool cached = c_.op == Op::incre;
    for (const char* key : {"cache", "block", "vink"})
      if (given(key) && !cached) fail(std::string(key) + " belongs to op=incre");
    if (c_.n % c_.nkv != 0) fail("n=" + std::to_string(c_.n) + " is not a multiple of nkv=" + std::to_string(c_.nkv));
    if (c_.layout == Layout::SBH && (cached || c_.op == Op::prompt)) fail("layout=SBH belongs to op=fwd and op=bwd");
    if (cached && c_.sq > c_.skv) fail("the sq new rows of op=incre are among its skv keys: sq is too large");
    if (c_.vink && (c_.dv > c_.d || c_.cache == DType::i8 || c_.cache == DType::i4 || c_.block != 0))
      fail("vink=1 needs dv no larger than d, a cache of floats and no pages");
    if (c_.fused && (c_.op != Op::fwd || c_.layout != Layout::BSND || c_.skv != c_.sq || c_.dv != c_.d))
      fail("qkv=fused needs op=fwd, layout=BSND, skv equal to sq and dv equal to d");
    check_size();
  }

  void check_types() {
    if (c_.dtype == DType::i4) fail("dtype=i4: only a cache may be i4");
    if (c_.dtype == DType::i8 && c_.op != Op::prompt) fail("dtype=i8 belongs to op=prompt");
    const bool integers = c_.cache == DType::i8 || c_.cache == DType::i4;
    if (c_.op == Op::incre && c_.cache != c_.dtype && !integers && (c_.dtype != DType::f32 || c_.cache == DType::f32))
      fail(std::string("cache=") + type_name(c_.cache) + ": under dtype=" + type_name(c_.dtype) +
           " a cache holds that, i8 or i4");
    if (c_.cache == DType::i4 && (c_.d % 2 != 0 || c_.dv % 2 != 0)) fail("cache=i4 needs d and dv even");
  }

  void check_mask() {
    if (c_.mode != 0 && c_.mode != 2 && c_.mode != 3 && c_.mode != 4)
      fail("mode=" + std::to_string(c_.mode) + ": must be one of 0, 2, 3, 4");
    if (c_.op == Op::incre && (given("mode") || given("pre") || given("next")))
      fail("op=incre has no mode: several new rows see each other as a triangle");
    if (c_.mode == 4 ? !given("pre") || !given("next") : given("pre") || given("next"))
      fail("pre and next belong to mode=4, which needs both");
    if (c_.mode == 4 && c_.pre + c_.next < 0) fail("pre + next is negative: the band is empty");
  }

  // Of k and v; anything else is smaller, or of the same order.
  void check_size() {
    constexpr double kMost = 4e9;
    const double rows = static_cast<double>(c_.b) * static_cast<double>(std::max(c_.n * c_.sq, c_.nkv * c_.skv));
    const double bytes = rows * static_cast<double>(c_.d + c_.dv) * 4;
    if (bytes > kMost) fail("the operands are too large: more than 4 GB for the keys and values, or the queries");
  }

  Case c_{};
  std::string error_{};
  std::map<std::string, std::string> words_{};
};

}  // namespace

const char* name(Op op) { return text_of(kOps, op); }
const char* type_name(DType type) { return text_of(kTypes, type); }
const char* layout_name(Layout layout) { return text_of(kLayouts, layout); }

ParsedCase parse_case(std::string_view line) { return Reader().read(line); }

std::vector<Field> fields(const Case& c) {
  const auto number = [](const char* key, index_t value) { return Field{key, std::to_string(value), false}; };
  const auto text = [](const char* key, const char* value) { return Field{key, value, true}; };
  return {text("op", name(c.op)),
          text("dtype", type_name(c.dtype)),
          number("b", c.b),
          number("n", c.n),
          number("nkv", c.nkv),
          number("sq", c.sq),
          number("skv", c.skv),
          number("d", c.d),
          number("dv", c.dv),
          number("mode", c.mode),
          number("pre", c.pre),
          number("next", c.next),
          text("layout", layout_name(c.layout)),
          number("precise", c.precise ? 1 : 0),
          text("cache", type_name(c.cache)),
          number("block", c.block),
          number("vink", c.vink ? 1 : 0),
          text("qkv", text_of(kQkv, c.fused)),
          number("threads", c.threads)};
}

std::string canonical_line(const Case& c) {
  Case plain;  // what the line would mean without the keys that have defaults
  plain.op = c.op, plain.dtype = plain.cache = c.dtype;
  plain.n = plain.nkv = c.n, plain.sq = plain.skv = c.sq, plain.d = plain.dv = c.d;
  const std::vector<Field> all = fields(c), defaults = fields(plain);
  std::string line;
  for (std::size_t i = 0; i < all.size(); ++i) {
    const std::string& key = all[i].key;
    const bool needed = key == "op" || key == "dtype" || key == "n" || key == "sq" || key == "d";
    if (needed || all[i].value != defaults[i].value) line += (line.empty() ? "" : " ") + key + "=" + all[i].value;
  }
  return line;
}

}  // namespace bench::tune
