// Regular files, read and written whole or in parts; every failure as text.
#pragma once

#include <cstddef>
#include <string>

namespace kit {

// A regular file, open for reading.  Pipes and devices are refused before anything waits for them.
class InputFile {
 public:
  InputFile() = default;
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;
  ~InputFile();

  std::string open(const std::string& path);
  std::size_t size() const { return size_; }
  // The next `count` bytes.
  std::string read(std::byte* to, std::size_t count);

 private:
  int descriptor_ = -1;
  std::size_t size_ = 0;
};

// A file that takes its name only when it is complete: who reads it finds the old one or the new one.
class OutputFile {
 public:
  OutputFile() = default;
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;
  ~OutputFile();

  std::string open(const std::string& path);
  void write(const void* from, std::size_t count);
  std::string close();  // says if anything failed since `open`

 private:
  std::string path_, draft_;
  int descriptor_ = -1, error_ = 0;
};

}  // namespace kit
