// .safetensors: eight bytes with the length of a JSON header, the header, the tensors' bytes.
#include <algorithm>
#include <bit>
#include <cstring>
#include <new>

#include <nlohmann/json.hpp>

#include "kit/bundle/file.hpp"
#include "kit/bundle/safetensors_header.hpp"
#include "kit/bundle/types.hpp"

namespace kit {

static_assert(std::endian::native == std::endian::little, "files hold little-endian numbers, as memory must");

namespace {

using nlohmann::json;

constexpr std::size_t kLengthBytes = 8;
constexpr std::size_t kMostFileBytes = std::size_t{1} << 33;

// Length of the header, checked against the size of the file.
std::string header_length(const std::byte* first, std::size_t file_size, std::size_t& length) {
  std::uint64_t wanted = 0;
  std::memcpy(&wanted, first, kLengthBytes);
  if (wanted > kMostHeaderBytes)
    return "the header is said to have " + std::to_string(wanted) + " bytes, the most is " +
           std::to_string(kMostHeaderBytes);
  if (wanted > file_size - kLengthBytes)
    return "the header is said to have " + std::to_string(wanted) + " bytes, only " +
           std::to_string(file_size - kLengthBytes) + " follow";
  length = static_cast<std::size_t>(wanted);
  return {};
}

std::string too_short(std::size_t size) {
  return "has " + std::to_string(size) + " bytes, want at least " + std::to_string(kLengthBytes);
}

// fill(entry, bytes) puts an entry's bytes into a tensor; entries come in the order of the file.
template <class Fill>
std::string take_tensors(Header& header, Bundle& bundle, const Fill& fill) {
  bundle = {};
  bundle.notes = std::move(header.notes);
  for (HeaderEntry& entry : header.entries) {
    Tensor& tensor = bundle.tensors[entry.name];
    tensor.type = entry.type;
    tensor.shape = std::move(entry.shape);
    if (std::string error = fill(entry, tensor.bytes); !error.empty()) return error;
  }
  return {};
}

std::string read_parts(InputFile& file, Bundle& bundle) {
  if (file.size() > kMostFileBytes)
    return "has " + std::to_string(file.size()) + " bytes, the most is " + std::to_string(kMostFileBytes);
  if (file.size() < kLengthBytes) return too_short(file.size());
  std::byte first[kLengthBytes];
  if (std::string error = file.read(first, kLengthBytes); !error.empty()) return error;
  std::size_t length = 0;
  if (std::string error = header_length(first, file.size(), length); !error.empty()) return error;
  std::vector<std::byte> text(length);
  if (std::string error = file.read(text.data(), length); !error.empty()) return error;
  Header header;
  const std::size_t data_bytes = file.size() - kLengthBytes - length;
  if (std::string error = parse_header(reinterpret_cast<const char*>(text.data()), length, data_bytes, header);
      !error.empty())
    return error;
  return take_tensors(header, bundle, [&](const HeaderEntry& entry, std::vector<std::byte>& bytes) {
    bytes.resize(entry.end - entry.begin);
    return file.read(bytes.data(), bytes.size());
  });
}

// Wide elements first, then by name: every tensor lies at a multiple of the size of its elements.
std::vector<const std::pair<const std::string, Tensor>*> in_file_order(const Bundle& bundle) {
  std::vector<const std::pair<const std::string, Tensor>*> order;
  for (const auto& named : bundle.tensors) order.push_back(&named);
  std::stable_sort(order.begin(), order.end(), [](const auto* left, const auto* right) {
    return bytes_of(left->second.type) > bytes_of(right->second.type);
  });
  return order;
}

std::string header_text(const Bundle& bundle) {
  json header = json::object();
  if (!bundle.notes.empty()) header["__metadata__"] = bundle.notes;
  std::size_t begin = 0;
  for (const auto* named : in_file_order(bundle)) {
    const Tensor& tensor = named->second;
    const std::size_t end = begin + tensor.bytes.size();
    header[named->first] = {{"dtype", name_of(tensor.type)}, {"shape", tensor.shape}, {"data_offsets", {begin, end}}};
    begin = end;
  }
  std::string text = header.dump(-1, ' ', false, json::error_handler_t::replace);
  text.resize((text.size() + 7) / 8 * 8, ' ');  // the data begin at a multiple of 8
  return text;
}

}  // namespace

std::string parse_safetensors(const std::byte* data, std::size_t size, Bundle& bundle) {
  if (size < kLengthBytes) return too_short(size);
  std::size_t length = 0;
  if (std::string error = header_length(data, size, length); !error.empty()) return error;
  const std::byte* text = data + kLengthBytes;
  Header header;
  const std::size_t data_bytes = size - kLengthBytes - length;
  if (std::string error = parse_header(reinterpret_cast<const char*>(text), length, data_bytes, header); !error.empty())
    return error;
  return take_tensors(header, bundle, [&](const HeaderEntry& entry, std::vector<std::byte>& bytes) {
    bytes.assign(text + length + entry.begin, text + length + entry.end);
    return std::string();
  });
}

std::string read_safetensors(const std::string& path, Bundle& bundle) {
  InputFile file;
  if (std::string error = file.open(path); !error.empty()) return error;
  try {
    const std::string error = read_parts(file, bundle);
    return error.empty() ? error : path + ": " + error;
  } catch (const std::bad_alloc&) {
    return path + ": does not fit into memory";
  }
}

std::string write_safetensors(const std::string& path, const Bundle& bundle) {
  const std::string text = header_text(bundle);
  // What the own reader refuses shall not be written: the header is small, so it is asked.
  Header header;
  std::size_t data_bytes = 0;
  for (const auto& named : bundle.tensors) data_bytes += named.second.bytes.size();
  if (std::string error = parse_header(text.data(), text.size(), data_bytes, header); !error.empty())
    return path + ": cannot be written: " + error;
  OutputFile file;
  if (std::string error = file.open(path); !error.empty()) return error;
  const std::uint64_t length = text.size();
  file.write(&length, sizeof length);
  file.write(text.data(), text.size());
  for (const auto* named : in_file_order(bundle)) file.write(named->second.bytes.data(), named->second.bytes.size());
  return file.close();
}

}  // namespace kit
