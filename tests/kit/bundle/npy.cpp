// .npy, versions 1 to 3: a magic string, the length of a Python dictionary, the dictionary, the numbers.
#include <algorithm>
#include <cstring>
#include <new>

#include "kit/bundle/file.hpp"
#include "kit/bundle/npy_header.hpp"
#include "kit/bundle/types.hpp"

namespace kit {

namespace {

constexpr std::size_t kMostFileBytes = std::size_t{1} << 33;

void swap_bytes(std::vector<std::byte>& bytes, std::size_t width) {
  for (std::size_t i = 0; i + width <= bytes.size(); i += width)
    std::reverse(bytes.begin() + static_cast<std::ptrdiff_t>(i),
                 bytes.begin() + static_cast<std::ptrdiff_t>(i + width));
}

// The first axis runs fastest in `bytes`; afterwards the last one does.
void transpose(std::vector<std::byte>& bytes, const std::vector<index_t>& shape, std::size_t width) {
  if (shape.size() < 2 || bytes.empty()) return;
  std::vector<std::byte> rows(bytes.size());
  std::vector<std::size_t> place(shape.size()), stride(shape.size(), width);
  for (std::size_t axis = 1; axis < shape.size(); ++axis)
    stride[axis] = stride[axis - 1] * static_cast<std::size_t>(shape[axis - 1]);
  std::size_t from = 0;
  for (std::size_t to = 0; to < rows.size(); to += width) {
    std::memcpy(&rows[to], &bytes[from], width);
    for (std::size_t axis = shape.size(); axis-- > 0;) {
      from += stride[axis];
      if (++place[axis] < static_cast<std::size_t>(shape[axis])) break;
      from -= stride[axis] * static_cast<std::size_t>(shape[axis]);
      place[axis] = 0;
    }
  }
  bytes = std::move(rows);
}

}  // namespace

std::string parse_npy(const std::byte* data, std::size_t size, Tensor& tensor) {
  NpyHeader header;
  if (std::string error = parse_npy_header(data, size, header); !error.empty()) return error;
  const auto elements = elements_of(header.shape);
  if (!elements) return "shape " + text_of(header.shape) + " has too many elements to count";
  const std::size_t width = bytes_of(header.type), got = size - header.bytes;
  const std::size_t want = static_cast<std::size_t>(*elements) * width;
  if (got != want)
    return "has " + std::to_string(got) + " bytes of numbers, want " + std::to_string(want) + " for " +
           std::string(name_of(header.type)) + " " + text_of(header.shape);
  tensor.type = header.type;
  tensor.shape = header.shape;
  tensor.bytes.assign(data + header.bytes, data + size);
  if (header.big_endian) swap_bytes(tensor.bytes, width);
  if (header.fortran_order) transpose(tensor.bytes, tensor.shape, width);
  return {};
}

std::string read_npy(const std::string& path, Tensor& tensor) {
  InputFile file;
  if (std::string error = file.open(path); !error.empty()) return error;
  if (file.size() > kMostFileBytes)
    return path + ": has " + std::to_string(file.size()) + " bytes, the most is " + std::to_string(kMostFileBytes);
  try {
    std::vector<std::byte> bytes(file.size());
    std::string error = file.read(bytes.data(), bytes.size());
    if (error.empty()) error = parse_npy(bytes.data(), bytes.size(), tensor);
    return error.empty() ? error : path + ": " + error;
  } catch (const std::bad_alloc&) {
    return path + ": does not fit into memory";
  }
}

std::string write_npy(const std::string& path, const Tensor& tensor) {
  OutputFile file;
  if (std::string error = file.open(path); !error.empty()) return error;
  const std::string header = npy_header(tensor);
  file.write(header.data(), header.size());
  file.write(tensor.bytes.data(), tensor.bytes.size());
  return file.close();
}

}  // namespace kit
