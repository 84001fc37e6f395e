// Reads the header as a stream of events that fit the format or end the reading: nothing is built that is not part of
// it, so neither depth nor size of a hostile header matters.
#include "kit/bundle/safetensors_header.hpp"

#include <algorithm>
#include <limits>
#include <set>

#include <nlohmann/json.hpp>

#include "kit/bundle/types.hpp"

namespace kit {

namespace {

using nlohmann::json;

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

class HeaderReader : public nlohmann::json_sax<json> {
 public:
  explicit HeaderReader(Header& header) : header_(header) {}
  const std::string& error() const { return error_; }

  bool start_object(std::size_t) override {
    if (where_ == Where::outside) return enter(Where::header);
    if (where_ != Where::header) return unexpected("an object");
    return enter(name_ == "__metadata__" ? Where::notes : Where::entry);
  }

  bool end_object() override {
    if (where_ == Where::entry) return finish_entry() && enter(Where::header);
    return enter(where_ == Where::header ? Where::outside : Where::header);
  }

  bool key(std::string& key) override {
    if (where_ == Where::header) return begin_entry(key);
    field_ = key;
    if (where_ == Where::notes)
      return header_.notes.count(key) == 0 || fail("__metadata__: " + in_quotes(key) + " is there twice");
    if (key != "dtype" && key != "shape" && key != "data_offsets")
      return fail(tensor() + "has an unknown field " + in_quotes(key));
    return fields_.insert(key).second || fail(tensor() + "has " + in_quotes(key) + " twice");
  }

  bool string(std::string& text) override {
    if (where_ == Where::notes) return header_.notes.emplace(field_, text).second;
    if (where_ != Where::entry || field_ != "dtype") return unexpected("a string");
    const auto type = type_named(text);
    if (!type) return fail(tensor() + "has the unknown dtype " + in_quotes(text));
    entry_.type = *type;
    return true;
  }

  bool start_array(std::size_t) override {
    if (where_ != Where::entry || field_ == "dtype") return unexpected("an array");
    return enter(field_ == "shape" ? Where::shape : Where::offsets);
  }
  bool end_array() override { return enter(Where::entry); }

  bool number_unsigned(std::uint64_t number) override {
    if (number > std::numeric_limits<index_t>::max()) return unexpected("the huge number " + std::to_string(number));
    if (where_ == Where::shape) {
      entry_.shape.push_back(static_cast<index_t>(number));
      return entry_.shape.size() <= kMostAxes ||
             fail(tensor() + "has more than " + std::to_string(kMostAxes) + " axes");
    }
    if (where_ != Where::offsets) return unexpected("a number");
    offsets_.push_back(static_cast<std::size_t>(number));
    return offsets_.size() <= 2 || fail(tensor() + "data_offsets has more than 2 numbers");
  }
  bool number_integer(std::int64_t number) override {
    return unexpected("the negative number " + std::to_string(number));
  }
  bool number_float(double, const std::string& text) override {
    return unexpected(in_quotes(text) + ", which is no whole number");
  }
  bool null() override { return unexpected("null"); }
  bool boolean(bool) override { return unexpected("a boolean"); }
  bool binary(json::binary_t&) override { return unexpected("bytes"); }

  bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception&) override {
    return fail("the header is no JSON: wrong at its byte " + std::to_string(position));
  }

 private:
  enum class Where { outside, header, notes, entry, shape, offsets };

  bool enter(Where where) {
    where_ = where;
    return true;
  }
  bool fail(std::string text) {
    error_ = std::move(text);
    return false;
  }
  bool unexpected(const std::string& got) { return fail(place() + "got " + got); }

  std::string tensor() const { return "tensor " + in_quotes(name_) + ": "; }
  std::string place() const {
    switch (where_) {
      case Where::outside: return "the header: want an object, ";
      case Where::header: return tensor() + "want an object, ";
      case Where::notes: return "__metadata__: " + in_quotes(field_) + ": want a string, ";
      case Where::entry: return tensor() + field_ + ": want " + (field_ == "dtype" ? "a string, " : "an array, ");
      case Where::shape: return tensor() + "shape: want numbers from 0, ";
      case Where::offsets: break;
    }
    return tensor() + "data_offsets: want numbers from 0, ";
  }

  bool begin_entry(const std::string& name) {
    if (name.empty()) return fail("a tensor has no name");
    if (std::any_of(name.begin(), name.end(), is_control)) return fail("a tensor's name has a control character");
    name_ = name;
    if (!names_.insert(name).second) return fail(tensor() + "is there twice");
    if (names_.size() > kMostTensors + 1) return fail("more than " + std::to_string(kMostTensors) + " tensors");
    entry_ = {};
    entry_.name = name;
    offsets_.clear();
    fields_.clear();
    return true;
  }

  bool finish_entry() {
    for (const char* field : {"dtype", "shape", "data_offsets"})
      if (fields_.count(field) == 0) return fail(tensor() + "has no " + field);
    if (offsets_.size() != 2)
      return fail(tensor() + "data_offsets has " + std::to_string(offsets_.size()) + " numbers, want 2");
    entry_.begin = offsets_[0];
    entry_.end = offsets_[1];
    header_.entries.push_back(std::move(entry_));
    return true;
  }

  Header& header_;
  Where where_ = Where::outside;
  std::string name_, field_, error_;
  std::set<std::string, std::less<>> names_, fields_;
  HeaderEntry entry_;
  std::vector<std::size_t> offsets_;
};

std::string range_of(const HeaderEntry& entry) {
  return std::to_string(entry.begin) + " to " + std::to_string(entry.end);
}

// The bytes that an entry takes are those of its shape.
std::string check_size(const HeaderEntry& entry) {
  const std::string tensor = "tensor " + in_quotes(entry.name) + ": ";
  const auto elements = elements_of(entry.shape);
  if (!elements) return tensor + "shape " + text_of(entry.shape) + " has too many elements to count";
  if (entry.begin > entry.end) return tensor + "data_offsets " + range_of(entry) + " run backwards";
  const std::size_t want = static_cast<std::size_t>(*elements) * bytes_of(entry.type), got = entry.end - entry.begin;
  if (got == want) return {};
  return tensor + "data_offsets " + range_of(entry) + " are " + std::to_string(got) + " bytes, want " +
         std::to_string(want) + " for " + std::string(name_of(entry.type)) + " " + text_of(entry.shape);
}

// Entries in the order of their places cover [0, data_bytes).
std::string check_cover(const std::vector<HeaderEntry>& entries, std::size_t data_bytes) {
  std::size_t covered = 0;
  for (const HeaderEntry& entry : entries) {
    const std::string tensor = "tensor " + in_quotes(entry.name) + ": data_offsets " + range_of(entry);
    if (entry.end > data_bytes)
      return tensor + " end after the file's " + std::to_string(data_bytes) + " bytes of data";
    if (entry.begin < covered) return tensor + " overlap what ends at " + std::to_string(covered);
    if (entry.begin > covered)
      return tensor + " leave a gap: bytes " + std::to_string(covered) + " to " + std::to_string(entry.begin) +
             " belong to no tensor";
    covered = entry.end;
  }
  if (covered == data_bytes) return {};
  return "the tensors have " + std::to_string(covered) + " bytes, the file has " + std::to_string(data_bytes);
}

}  // namespace

std::string parse_header(const char* text, std::size_t size, std::size_t data_bytes, Header& header) {
  // The JSON reader would skip a byte order mark and blanks, which the format does not allow.
  if (size == 0 || text[0] != '{') return "the header does not begin with '{'";
  // A zero byte would end the text for the JSON reader, whatever follows.
  if (std::find(text, text + size, '\0') != text + size) return "the header has a zero byte";
  HeaderReader reader(header);
  if (!json::sax_parse(text, text + size, &reader)) return reader.error();
  std::sort(header.entries.begin(), header.entries.end(), [](const HeaderEntry& left, const HeaderEntry& right) {
    return std::pair(left.begin, left.end) < std::pair(right.begin, right.end);
  });
  for (const HeaderEntry& entry : header.entries)
    if (std::string error = check_size(entry); !error.empty()) return error;
  return check_cover(header.entries, data_bytes);
}

}  // namespace kit
