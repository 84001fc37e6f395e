// A whole file in memory, read front to back.  Every read is checked against what the file holds: nothing that a
// header claims is believed before that.
#pragma once

#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace generate {

// What is wrong with a file or an option, in words for the person who passed it.
struct Error : std::runtime_error {
  using std::runtime_error::runtime_error;
};

class FileReader {
 public:
  explicit FileReader(const std::filesystem::path& path) : name_(path.string()) {
    std::error_code failed;
    if (!std::filesystem::is_regular_file(path, failed)) fail("there is no such file");
    const auto size = std::filesystem::file_size(path, failed);
    std::ifstream file(path, std::ios::binary);
    if (failed || !file) fail("the file cannot be read");
    bytes_.resize(size);
    file.read(bytes_.data(), static_cast<std::streamsize>(size));
    if (file.gcount() != static_cast<std::streamsize>(size)) fail("the file cannot be read");
  }

  std::size_t remaining() const { return bytes_.size() - position_; }

  template <class Number>
  Number number(const char* what) {
    Number value;
    std::memcpy(&value, bytes(sizeof value, what).data(), sizeof value);
    return value;
  }

  // The next `count` bytes; they live as long as the reader.
  std::string_view bytes(std::size_t count, const char* what) {
    if (count > remaining()) fail(std::string("the file ends within ") + what);
    position_ += count;
    return {bytes_.data() + position_ - count, count};
  }

  [[noreturn]] void fail(const std::string& reason) const { throw Error(name_ + ": " + reason); }

 private:
  std::string name_;
  std::vector<char> bytes_;
  std::size_t position_ = 0;
};

}  // namespace generate
