// The dictionary {'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), } and nothing else that Python knows.
#include "kit/bundle/npy_header.hpp"

#include <cstring>
#include <limits>
#include <set>
#include <string_view>

#include "kit/bundle/safetensors_header.hpp"
#include "kit/bundle/types.hpp"

namespace kit {

namespace {

constexpr std::string_view kMagic = "\x93NUMPY";
constexpr std::size_t kMostDictionaryBytes = 65'536;

constexpr std::pair<std::string_view, Type> kNpyTypes[] = {
    {"f8", Type::f64}, {"f4", Type::f32}, {"f2", Type::f16}, {"i8", Type::i64},
    {"u8", Type::u64}, {"i4", Type::i32}, {"i2", Type::i16}, {"u2", Type::u16},
    {"V2", Type::u16}, {"i1", Type::i8},  {"u1", Type::u8},  {"b1", Type::boolean},
};

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Reads Python literals from the left of a text.  Whatever is not as expected makes `error`, once.
class Dictionary {
 public:
  Dictionary(std::string_view text, NpyHeader& header) : rest_(text), header_(header) {}

  std::string parse() {
    expect('{');
    while (good() && !peek('}')) {
      entry();
      if (!peek('}')) expect(',');
    }
    expect('}');
    skip_blanks();
    if (good() && !rest_.empty()) fail("more text after its dictionary");
    for (const char* key : {"descr", "fortran_order", "shape"})
      if (good() && keys_.count(key) == 0) fail("no '" + std::string(key) + "' in its dictionary");
    return error_;
  }

 private:
  bool good() const { return error_.empty(); }
  void fail(const std::string& text) {
    if (good()) error_ = text;
    rest_ = {};
  }
  void skip_blanks() {
    while (!rest_.empty() && is_blank(rest_.front())) rest_.remove_prefix(1);
  }
  bool peek(char c) {
    skip_blanks();
    return !rest_.empty() && rest_.front() == c;
  }
  void expect(char c) {
    if (peek(c))
      rest_.remove_prefix(1);
    else
      fail(std::string("want '") + c + "' in its dictionary");
  }
  bool take(std::string_view word) {
    skip_blanks();
    if (rest_.substr(0, word.size()) != word) return false;
    rest_.remove_prefix(word.size());
    return true;
  }

  std::string text() {
    const char quote = peek('"') ? '"' : '\'';
    expect(quote);
    const std::size_t end = rest_.find(quote);
    if (end == std::string_view::npos) fail("a string without end in its dictionary");
    if (!good()) return {};
    const std::string value(rest_.substr(0, end));
    rest_.remove_prefix(end + 1);
    return value;
  }

  void entry() {
    const std::string key = text();
    expect(':');
    if (!good()) return;
    if (!keys_.insert(key).second) return fail("'" + key + "' twice in its dictionary");
    if (key == "descr") return type();
    if (key == "fortran_order") return order();
    if (key == "shape") return shape();
    fail("an unknown key in its dictionary");
  }

  void type() {
    if (peek('[')) return fail("records, want plain numbers");
    const std::string name = text();
    if (!good()) return;
    const std::string_view kind = std::string_view(name).substr(name.empty() ? 0 : 1);
    const bool ordered = !name.empty() && std::string_view("<>|=").find(name.front()) != std::string_view::npos;
    header_.big_endian = ordered && name.front() == '>';
    for (const auto& [known, type] : kNpyTypes) {
      if (!ordered || kind != known) continue;
      header_.type = type;
      return;
    }
    fail("the type " + printable(name) + ", want f2, f4, f8, i1, i2, i4, i8, u1, u2, u8, b1 or V2");
  }

  void order() {
    header_.fortran_order = take("True");
    if (!header_.fortran_order && !take("False")) fail("'fortran_order' neither True nor False");
  }

  void shape() {
    expect('(');
    while (good() && !peek(')')) {
      extent();
      if (!peek(')')) expect(',');
    }
    expect(')');
  }

  void extent() {
    skip_blanks();
    if (rest_.empty() || !is_digit(rest_.front())) return fail("something else than numbers from 0 in 'shape'");
    index_t value = 0;
    for (; !rest_.empty() && is_digit(rest_.front()); rest_.remove_prefix(1)) {
      const index_t digit = rest_.front() - '0';
      if (value > (std::numeric_limits<index_t>::max() - digit) / 10) return fail("a huge number in 'shape'");
      value = value * 10 + digit;
    }
    take("L");  // as Python 2 wrote them
    header_.shape.push_back(value);
    if (header_.shape.size() > kMostAxes) fail("more than " + std::to_string(kMostAxes) + " axes");
  }

  static std::string printable(const std::string& name) {
    std::string text;
    for (const char c : name.substr(0, 20)) text += c >= ' ' && c <= '~' ? c : '?';
    return "'" + text + "'";
  }

  std::string_view rest_;
  NpyHeader& header_;
  std::string error_;
  std::set<std::string> keys_;
};

std::string_view npy_name(Type type) {
  if (type == Type::bf16) return "u2";
  for (const auto& [name, known] : kNpyTypes)
    if (known == type) return name;
  return "V1";
}

}  // namespace

std::string parse_npy_header(const std::byte* data, std::size_t size, NpyHeader& header) {
  const char* text = reinterpret_cast<const char*>(data);
  if (size < kMagic.size() + 2 || std::string_view(text, kMagic.size()) != kMagic) return "is no .npy file";
  const auto version = std::to_integer<int>(data[kMagic.size()]);
  if (version < 1 || version > 3) return "has version " + std::to_string(version) + ", want 1 to 3";
  const std::size_t length_bytes = version == 1 ? 2 : 4, begin = kMagic.size() + 2 + length_bytes;
  if (size < begin) return "ends within its header";
  std::uint32_t length = 0;
  std::memcpy(&length, data + kMagic.size() + 2, length_bytes);
  if (length > kMostDictionaryBytes)
    return "has a header of " + std::to_string(length) + " bytes, the most is " + std::to_string(kMostDictionaryBytes);
  if (length > size - begin) return "ends within its header";
  header.bytes = begin + length;
  const std::string error = Dictionary({text + begin, length}, header).parse();
  return error.empty() ? error : "has " + error;
}

std::string npy_header(const Tensor& tensor) {
  const char* order = bytes_of(tensor.type) == 1 ? "|" : "<";
  std::string shape = text_of(tensor.shape);
  if (tensor.shape.size() == 1) shape.insert(shape.size() - 1, ",");
  std::string dictionary = "{'descr': '" + std::string(order) + std::string(npy_name(tensor.type)) +
                           "', 'fortran_order': False, 'shape': " + shape + ", }";
  const std::size_t before = kMagic.size() + 4, total = (before + dictionary.size() + 1 + 63) / 64 * 64;
  dictionary.resize(total - before - 1, ' ');
  dictionary += '\n';
  const auto length = static_cast<std::uint16_t>(dictionary.size());
  std::string header(kMagic);
  header += {'\x01', '\x00', static_cast<char>(length & 255), static_cast<char>(length >> 8)};
  return header + dictionary;
}

}  // namespace kit
