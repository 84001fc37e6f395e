// .npz: a zip archive of .npy files, stored as numpy.savez does or deflated as numpy.savez_compressed does.
#include <zip.h>

#include <algorithm>
#include <memory>
#include <new>

#include <nlohmann/json.hpp>

#include "kit/bundle/file.hpp"
#include "kit/bundle/npy_header.hpp"
#include "kit/bundle/safetensors_header.hpp"
#include "kit/bundle/types.hpp"

namespace kit {

namespace {

// Deflate shrinks zeros by a thousand at most.  Beyond a size that does no harm, honest tensors shrink far less.
constexpr std::uint64_t kHarmlessBytes = std::uint64_t{1} << 26, kMostUnpacked = std::uint64_t{1} << 32,
                        kMostRatio = 100;
constexpr std::string_view kSuffix = ".npy";

struct Discard {
  void operator()(zip_t* archive) const { zip_discard(archive); }
  void operator()(zip_file_t* member) const { zip_fclose(member); }
};
using Archive = std::unique_ptr<zip_t, Discard>;
using Member = std::unique_ptr<zip_file_t, Discard>;

std::string text_of_error(int code) {
  zip_error_t error;
  zip_error_init_with_code(&error, code);
  const std::string text = zip_error_strerror(&error);
  zip_error_fini(&error);
  return text;
}

// Sizes that the archive claims; libzip holds it to them when it unpacks.
std::string check_sizes(zip_t* archive, zip_int64_t members, std::uint64_t file_size) {
  if (members > static_cast<zip_int64_t>(kMostTensors))
    return "has " + std::to_string(members) + " members, the most is " + std::to_string(kMostTensors);
  const std::uint64_t most = std::min(kMostUnpacked, std::max(kHarmlessBytes, file_size * kMostRatio));
  std::uint64_t total = 0;
  for (zip_int64_t i = 0; i < members; ++i) {
    zip_stat_t status;
    if (zip_stat_index(archive, static_cast<zip_uint64_t>(i), 0, &status) != 0 || (status.valid & ZIP_STAT_SIZE) == 0)
      return "member " + std::to_string(i) + " has no size";
    if (status.size > most - total)
      return "unpacks to more than " + std::to_string(most) + " bytes from " + std::to_string(file_size);
    total += status.size;
  }
  return {};
}

std::string unpack(zip_t* archive, zip_uint64_t at, std::vector<std::byte>& bytes) {
  zip_stat_t status;
  const Member member(zip_fopen_index(archive, at, 0));
  if (!member || zip_stat_index(archive, at, 0, &status) != 0)
    return std::string("cannot be opened: ") + zip_strerror(archive);
  bytes.resize(status.size);
  std::size_t got = 0;
  while (got < bytes.size()) {
    const zip_int64_t count = zip_fread(member.get(), bytes.data() + got, bytes.size() - got);
    if (count <= 0) return std::string("cannot be unpacked: ") + zip_file_strerror(member.get());
    got += static_cast<std::size_t>(count);
  }
  // One byte more is the end, which compares the checksum.
  std::byte beyond;
  if (zip_fread(member.get(), &beyond, 1) != 0)
    return std::string("cannot be unpacked: ") + zip_file_strerror(member.get());
  return {};
}

std::string read_member(zip_t* archive, zip_uint64_t at, Bundle& bundle) {
  const char* raw = zip_get_name(archive, at, 0);
  const std::string file = raw == nullptr ? "" : raw;
  if (!file.ends_with(kSuffix) || file.size() == kSuffix.size()) return {};
  const std::string name = file.substr(0, file.size() - kSuffix.size());
  if (std::any_of(name.begin(), name.end(), [](char c) { return static_cast<unsigned char>(c) < ' ' || c == 0x7f; }))
    return "a member's name has a control character";
  const auto [place, fresh] = bundle.tensors.emplace(name, Tensor{});
  if (!fresh) return in_quotes(file) + " is there twice";
  std::vector<std::byte> bytes;
  std::string error = unpack(archive, at, bytes);
  if (error.empty()) error = parse_npy(bytes.data(), bytes.size(), place->second);
  return error.empty() ? error : in_quotes(file) + " " + error;
}

std::string read_members(const std::string& path, std::uint64_t file_size, Bundle& bundle) {
  int code = 0;
  const Archive archive(zip_open(path.c_str(), ZIP_RDONLY | ZIP_CHECKCONS, &code));
  if (!archive) return "is no .npz file: " + text_of_error(code);
  const zip_int64_t members = zip_get_num_entries(archive.get(), 0);
  std::string error = check_sizes(archive.get(), members, file_size);
  for (zip_int64_t i = 0; i < members && error.empty(); ++i)
    error = read_member(archive.get(), static_cast<zip_uint64_t>(i), bundle);
  return error;
}

// `content` must live until the archive is closed.
std::string add(zip_t* archive, const std::string& name, const std::string& content) {
  zip_source_t* source = zip_source_buffer(archive, content.data(), content.size(), 0);
  const zip_int64_t at = source == nullptr ? -1 : zip_file_add(archive, name.c_str(), source, ZIP_FL_ENC_UTF_8);
  if (at < 0) {
    zip_source_free(source);
    return in_quotes(name) + " cannot be added: " + zip_strerror(archive);
  }
  if (zip_set_file_compression(archive, static_cast<zip_uint64_t>(at), ZIP_CM_STORE, 0) == 0) return {};
  return in_quotes(name) + " cannot be stored: " + zip_strerror(archive);
}

std::map<std::string, std::string> contents_of(const Bundle& bundle) {
  std::map<std::string, std::string> contents;
  for (const auto& [name, tensor] : bundle.tensors) {
    std::string& content = contents[name + std::string(kSuffix)] = npy_header(tensor);
    content.append(reinterpret_cast<const char*>(tensor.bytes.data()), tensor.bytes.size());
  }
  if (bundle.notes.empty()) return contents;
  const nlohmann::json notes = bundle.notes;
  contents["notes.json"] = notes.dump(1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
  return contents;
}

}  // namespace

std::string read_npz(const std::string& path, Bundle& bundle) {
  bundle = {};
  InputFile file;
  if (std::string error = file.open(path); !error.empty()) return error;
  try {
    const std::string error = read_members(path, file.size(), bundle);
    return error.empty() ? error : path + ": " + error;
  } catch (const std::bad_alloc&) {
    return path + ": does not fit into memory";
  }
}

std::string write_npz(const std::string& path, const Bundle& bundle) {
  int code = 0;
  Archive archive(zip_open(path.c_str(), ZIP_CREATE | ZIP_TRUNCATE, &code));
  if (!archive) return path + ": " + text_of_error(code);
  const std::map<std::string, std::string> contents = contents_of(bundle);
  for (const auto& [name, content] : contents)
    if (std::string error = add(archive.get(), name, content); !error.empty()) return path + ": " + error;
  if (zip_close(archive.get()) != 0) return path + ": " + zip_strerror(archive.get());
  static_cast<void>(archive.release());  // closed
  return {};
}

}  // namespace kit
