// A foreign kernel: a shared library that defines what provider.h says.  What is wrong with one comes back as a
// Complaint: provider_file, provider_library, provider_symbol, provider_abi, provider_name; workspace; refused.  A
// provider that crashes or never returns takes the process with it: run it in one of its own.
#pragma once

#include <dlfcn.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "tune/worker/complaint.hpp"
#include "tune/provider/provider.h"

namespace bench::tune {

inline constexpr std::int64_t kMostWorkspace = std::int64_t{8} << 30;

namespace detail {

// One line of plain ASCII, whatever a provider says.
inline std::string printable(const char* text) {
  constexpr std::size_t kMost = 200;
  std::string line(text, ::strnlen(text, kMost));
  for (char& c : line)
    if (c < ' ' || c > '~') c = '?';
  return line;
}

}  // namespace detail

inline bool foreign_name_may_have(char c) {
  return ('a' <= c && c <= 'z') || ('A' <= c && c <= 'Z') || ('0' <= c && c <= '9') || c == '_' || c == '.' ||
         c == '+' || c == '-';
}
inline bool is_foreign_name(const char* name) {
  constexpr std::size_t kMost = 40;
  const std::size_t length = ::strnlen(name, kMost + 1);
  return length > 0 && length <= kMost && std::all_of(name, name + length, foreign_name_may_have);
}

class Provider {
 public:
  static std::optional<Provider> open(const std::string& path, Complaint& complaint) {
    Provider provider;
    if (!provider.load(path, complaint) || !provider.introduce(path, complaint)) return std::nullopt;
    return provider;
  }

  const std::string& name() const { return name_; }
  bool supports(const glint_problem& problem) const { return supports_(&problem) != 0; }

  // Of a problem that it supports.
  std::optional<std::int64_t> workspace_bytes(const glint_problem& problem, Complaint& complaint) const {
    const std::int64_t bytes = workspace_(&problem);
    if (bytes >= 0 && bytes <= kMostWorkspace) return bytes;
    complaint = {"workspace", name_ + " asks for " + std::to_string(bytes) + " bytes of workspace; it may have 0 to " +
                                  std::to_string(kMostWorkspace)};
    return std::nullopt;
  }

  bool run(const glint_problem& problem, Complaint& complaint) const {
    const int code = run_(&problem);
    if (code == 0) return true;
    complaint = {"refused", name_ + " returned " + std::to_string(code)};
    const char* const text = error_ != nullptr ? error_() : nullptr;
    if (text != nullptr) complaint.message += ": " + detail::printable(text);
    return false;
  }

 private:
  struct Close {
    void operator()(void* library) const { ::dlclose(library); }
  };

  Provider() = default;

  bool load(const std::string& path, Complaint& complaint) {
    std::error_code error;
    if (!std::filesystem::is_regular_file(path, error)) {
      complaint = {"provider_file", path + " is no file"};
      return false;
    }
    // Absolute, because the loader searches its own folders for a name without a slash.
    const std::filesystem::path absolute = std::filesystem::absolute(path, error);
    library_.reset(::dlopen(absolute.c_str(), RTLD_LOCAL | RTLD_NOW));
    if (library_ == nullptr) complaint = {"provider_library", detail::printable(::dlerror())};
    return library_ != nullptr;
  }

  bool introduce(const std::string& path, Complaint& complaint) {
    decltype(&glint_provider_abi) abi = nullptr;
    decltype(&glint_provider_name) name = nullptr;
    const char* missing = nullptr;
    find("glint_provider_run", run_, missing);
    find("glint_provider_workspace", workspace_, missing);
    find("glint_provider_supports", supports_, missing);
    find("glint_provider_name", name, missing);
    find("glint_provider_abi", abi, missing);
    const char* optional = nullptr;
    find("glint_provider_error", error_, optional);
    if (missing != nullptr) {
      complaint = {"provider_symbol", path + " does not define " + missing};
    } else if (abi() != GLINT_PROVIDER_ABI) {
      complaint = {"provider_abi", path + " was built for version " + std::to_string(abi()) +
                                       " of the interface, this is " + std::to_string(GLINT_PROVIDER_ABI)};
    } else if (const char* const text = name(); text == nullptr || !is_foreign_name(text)) {
      complaint = {"provider_name", path + " calls itself \"" + (text == nullptr ? "null" : detail::printable(text)) +
                                        "\"; a name is 1 to 40 letters, digits and _ . + -"};
    } else {
      name_ = text;
      return true;
    }
    return false;
  }

  template <class Function>
  void find(const char* symbol, Function& function, const char*& missing) {
    function = reinterpret_cast<Function>(::dlsym(library_.get(), symbol));
    if (function == nullptr) missing = symbol;
  }

  std::unique_ptr<void, Close> library_{};
  std::string name_{};
  decltype(&glint_provider_supports) supports_ = nullptr;
  decltype(&glint_provider_workspace) workspace_ = nullptr;
  decltype(&glint_provider_run) run_ = nullptr;
  decltype(&glint_provider_error) error_ = nullptr;
};

}  // namespace bench::tune
